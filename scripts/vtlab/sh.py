"""Running programs: quiet when they succeed, the tail of their output when they fail."""

import os
import shlex
import signal
import subprocess

from .log import LabError

_TAIL_LINES = 40


def tail(text, lines=_TAIL_LINES):
    return "\n".join(text.rstrip().splitlines()[-lines:])


def show(argv):
    return " ".join(shlex.quote(str(word)) for word in argv)


def run(argv, *, env=None, cwd=None, timeout=None, stdin=None, check=True):
    """Runs argv with its output captured (stdout and stderr together). Returns (exit code, output).

    The program gets a process group of its own, which is killed when it times out or when the lab is interrupted.
    """
    full_env = dict(os.environ, LC_ALL="C.UTF-8", **(env or {}))
    process = subprocess.Popen([str(word) for word in argv], env=full_env, cwd=cwd, start_new_session=True,
                               stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    try:
        output, _ = process.communicate(stdin, timeout=timeout)
    except BaseException as why:
        _kill_group(process)
        if isinstance(why, subprocess.TimeoutExpired):
            raise LabError(f"no end after {timeout} s: {show(argv)}") from None
        raise
    if check and process.returncode:
        raise LabError(f"exit code {process.returncode} from: {show(argv)}\n{tail(output)}")
    return process.returncode, output


def run_through(argv, *, env=None, cwd=None, timeout=None):
    """Runs argv with the lab's own stdin, stdout and stderr. Returns the exit code."""
    process = subprocess.Popen([str(word) for word in argv], env=dict(os.environ, **(env or {})), cwd=cwd)
    try:
        return process.wait(timeout)
    except BaseException as why:
        process.kill()
        process.wait()
        if isinstance(why, subprocess.TimeoutExpired):
            raise LabError(f"no end after {timeout} s: {show(argv)}") from None
        raise


def _kill_group(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def output(argv, **kwargs):
    return run(argv, **kwargs)[1]

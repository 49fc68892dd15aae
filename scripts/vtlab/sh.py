"""Running programs: quiet when they succeed, the tail of their output when they fail."""

import contextlib
import os
import shlex
import signal
import subprocess
import threading

from .log import LabError

_TAIL_LINES = 40
_running = set()
_over = threading.Event()       # the lab was told to stop


def tail(text, lines=_TAIL_LINES):
    return "\n".join(text.rstrip().splitlines()[-lines:])


def show(argv):
    return " ".join(shlex.quote(str(word)) for word in argv)


def run(argv, *, env=None, cwd=None, timeout=None, stdin=None, check=True):
    """Runs argv with its output captured (stdout and stderr together). Returns (exit code, output).

    The program gets a process group of its own, which is killed when it times out or when the lab is interrupted.
    """
    full_env = dict(os.environ, LC_ALL="C.UTF-8", **(env or {}))
    with started(argv, env=full_env, cwd=cwd, text=True, errors="replace",
                 stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL) as process:
        try:
            output, _ = process.communicate(stdin, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise LabError(f"no end after {timeout} s: {show(argv)}") from None
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


@contextlib.contextmanager
def started(argv, **kwargs):
    """A process in a group of its own with its output in a pipe; it is killed when it still runs at the end."""
    process = subprocess.Popen([str(word) for word in argv], start_new_session=True, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, **kwargs)
    _running.add(process)
    try:
        if _over.is_set():
            raise LabError("the lab was told to stop")
        yield process
    finally:
        _kill_group(process)
        _running.discard(process)


def _kill_group(process):
    if process.poll() is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.stdout.close()
    process.wait()


def kill_all():
    """Ends every process that was started here, for a lab that is told to stop while threads wait for them; no others
    are started then."""
    _over.set()
    for process in list(_running):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def output(argv, **kwargs):
    return run(argv, **kwargs)[1]

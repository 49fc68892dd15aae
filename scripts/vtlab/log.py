"""Progress on stderr: one line per step with the elapsed time, and a sign of life while a step is slow."""

import contextlib
import sys
import threading
import time

from . import times

_START = time.monotonic()
_HEARTBEAT_S = 30


class LabError(Exception):
    """A failure the user can act on; printed without a traceback."""


def elapsed():
    return time.monotonic() - _START


def say(text):
    print(f"[{elapsed():5.0f}s] {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def step(text):
    """Announces a step, reports every half minute that it still runs, and its duration when it was slow."""
    say(text)
    begin = time.monotonic()
    over = threading.Event()
    before = times.last(text)
    known = f" (the last time it took {before:.0f} s)" if before else ""

    def heartbeat():
        while not over.wait(_HEARTBEAT_S):
            say(f"    still at it after {time.monotonic() - begin:.0f} s{known}: {text}")

    thread = threading.Thread(target=heartbeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    took = time.monotonic() - begin
    if took > _HEARTBEAT_S:
        times.took(text, took)
    if took > 5:
        say(f"    done in {took:.0f} s: {text}")

"""How long things took on this machine the last time, for those who wait for them.

Nothing depends on it: a file that cannot be read or written is none.
"""

import json
import os
import pathlib
import threading

from . import places

_MOST = 1000        # names that are remembered
_lock = threading.Lock()


def _file():
    return places.top() / "times.json"


def _read():
    try:
        found = json.loads(_file().read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def last(name):
    """Seconds that it took the last time, or None."""
    seconds = _read().get(name)
    return seconds if isinstance(seconds, (int, float)) else None


def took(name, seconds):
    """Remembers that it took so long."""
    with _lock:
        times = _read()
        times.pop(name, None)
        times[name] = round(seconds, 1)
        for oldest in list(times)[:-_MOST]:
            del times[oldest]
        fresh = _file().with_name(f"times.{os.getpid()}")
        try:
            fresh.write_text(json.dumps(times, indent=0))
            fresh.rename(_file())
        except OSError:
            pathlib.Path(fresh).unlink(missing_ok=True)


def minutes(seconds):
    """"about 5 minutes", for people."""
    count = max(1, round(seconds / 60))
    return f"about {count} minute{'' if count == 1 else 's'}"

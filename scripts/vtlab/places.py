"""Where the lab keeps what is not of the tree."""

import os
import pathlib


def top():
    """The cache's folder, which is there."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    path = pathlib.Path(base) / "vfio-tce"
    path.mkdir(parents=True, exist_ok=True)
    return path

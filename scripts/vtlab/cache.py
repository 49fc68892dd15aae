"""The cache outside the clone: entries keyed by content, built once, complete or absent.

An entry is a directory or a file. It is built under a temporary name and renamed into place, so that an entry that
exists is whole; a lock per entry lets several lab processes share the cache.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import time

from . import sh
from .log import step
from .places import top


def digest(*parts):
    """A short key for anything JSON can write; files are named by path and count by content."""
    sha = hashlib.sha256()
    for part in parts:
        if isinstance(part, pathlib.Path):
            sha.update(part.read_bytes())
        else:
            sha.update(json.dumps(part, sort_keys=True).encode())
        sha.update(b"\0")
    return sha.hexdigest()[:16]


def file_sha256(path):
    sha = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            sha.update(block)
    return sha.hexdigest()


@contextlib.contextmanager
def lock(path):
    """An exclusive lock named by path, released even when the holder is killed."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with step(f"waiting for another lab process that holds {path.name}"):
                fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def remove(path):
    """Removes a file or a tree, a tree with odd permissions included."""
    path = pathlib.Path(path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        if path.exists():
            sh.run(["rm", "-rf", "--one-file-system", path])
    else:
        path.unlink(missing_ok=True)


def entry(kind, name, build):
    """Returns the path of the entry kind/name; calls build(temporary path) when there is none yet.

    build creates the temporary path itself, as a file or as a directory.
    """
    path = top() / kind / name
    lock_file = top() / "locks" / f"{kind}.{name}"
    if path.exists():
        lock_file.parent.mkdir(exist_ok=True)
        lock_file.touch()       # its time says when the entry was last of use
        return path
    with lock(lock_file):
        if path.exists():
            return path
        room = path.parent / f".building-{name}"
        remove(room)        # of one that was killed
        room.mkdir(parents=True)
        try:
            build(room / name)
            (room / name).rename(path)
        finally:
            remove(room)
    return path


def prune(days):
    """Removes the entries that were not used for so many days. Yields what it removes."""
    for lock_file in sorted((top() / "locks").glob("*")):
        kind, _, name = lock_file.name.partition(".")
        path = top() / kind / name
        if name and path.exists() and lock_file.stat().st_mtime < time.time() - days * 86400:
            with lock(lock_file):
                remove(path)
            yield path

"""Types of words on the command line.

One that names nothing gives a sentence, before anything is done.
"""

import pathlib
import re

from . import module
from .log import LabError


def _existing(path):
    if not pathlib.Path(path).is_file():
        raise LabError(f"no file {path}")
    return path


def file_as(words):
    """PATH[:NAME], as (name, path)."""
    path, _, name = words.partition(":")
    return name or pathlib.Path(path).name, _existing(path)


def file_with_options(words):
    """'FILE [OPTION=VALUE]'"""
    _existing(words.partition(" ")[0])
    return words


def script(words):
    """Shell commands, or @FILE."""
    return pathlib.Path(_existing(words[1:])).read_text() if words.startswith("@") else words


def drive(words):
    """ID:SIZE or ID:FILE, as (id, bytes or path)."""
    name, _, what = words.partition(":")
    if found := re.fullmatch(r"(\d+)([KMG])", what, re.I):
        return name, int(found[1]) << {"K": 10, "M": 20, "G": 30}[found[2].upper()]
    if not what:
        raise LabError(f"{words} is neither ID:SIZE nor ID:FILE")
    return name, _existing(what)


def folder(path):
    if not pathlib.Path(path).is_dir():
        raise LabError(f"no folder {path}")
    return path


def folder_to_be(path):
    if pathlib.Path(path).exists():
        folder(path)
    return path


def bind(words):
    """OUTSIDE:INSIDE, as a pair."""
    outside, _, inside = words.partition(":")
    if not inside.startswith("/"):
        raise LabError(f"{words} is not OUTSIDE:INSIDE")
    if not pathlib.Path(outside).exists():
        raise LabError(f"no file or folder {outside}")
    return pathlib.Path(outside).resolve(), inside


def setting(words):
    """NAME=VALUE, as a pair."""
    name, equals, value = words.partition("=")
    if not (name and equals):
        raise LabError(f"{words} is not NAME=VALUE")
    return name, value


def pattern(words):
    """A regular expression."""
    try:
        re.compile(words)
    except re.error as why:
        raise LabError(f"{words} is no regular expression: {why}") from None
    return words


def of_tree(name):
    """A file's path from the top of the tree."""
    if not (module.TREE / name).is_file():
        raise LabError(f"the tree has no file {name}")
    return name


def count(words):
    if not re.fullmatch(r"\d+", words):
        raise LabError(f"{words} is not a number of things")
    return int(words)

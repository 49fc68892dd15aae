"""The books of the containers: /sys/kernel/debug/vfio_tce/containers."""

import re
from dataclasses import dataclass, field
from typing import List, Optional

from .problem import DATA, Problem

FORMAT = "1"
UNKNOWN = -1        # a limit that the books do not tell


@dataclass
class Group:
    id: int = 0
    platform: str = ""
    busy: bool = False      # another call holds it: nothing was read
    devices: List[str] = field(default_factory=list)


@dataclass
class Window:
    slot: int = 0
    start: int = 0
    size: int = 0
    page: int = 0
    levels: int = 0
    live: int = 0
    bytes: int = 0
    walked: bool = False
    kvm: bool = False

    @property
    def entries(self):
        return self.size // self.page if self.page else 0


@dataclass
class Memory:
    regions: int = 0
    bytes: int = 0
    mapped: int = 0


@dataclass
class Refusal:
    call: str = ""
    errno: int = 0
    count: int = 0
    age: int = 0
    reason: str = ""


@dataclass
class Container:
    id: int = 0
    version: int = 0
    pid: int = 0
    comm: str = ""
    uid: int = 0
    charged: int = 0
    limit: Optional[int] = UNKNOWN      # None: no limit
    locked: int = 0
    exempt: bool = False    # CAP_IPC_LOCK: the limit does not hold it
    kvm: bool = False
    busy: bool = False      # another call holds it: most was not read
    groups: List[Group] = field(default_factory=list)
    windows: List[Window] = field(default_factory=list)
    memory: Memory = field(default_factory=Memory)
    refusals: List[Refusal] = field(default_factory=list)


def _unescape(text):
    """Undoes \\ooo as in /proc/mounts; what is no such thing stays."""
    raw = re.sub(rb"\\([0-3][0-7]{2})", lambda m: bytes([int(m[1], 8)]),
                 text.encode("utf-8", "surrogateescape"))
    return raw.decode("utf-8", "replace")


def _number(value):
    return int(value, 16 if value[:2].lower() == "0x" else 10)


def _convert(kind, value):
    if kind is bool:
        return {"yes": True, "1": True, "no": False, "0": False}[value]
    if kind is int:
        return _number(value)
    if kind is str:
        return _unescape(value)
    if kind is Optional[int]:
        return None if value == "none" else _number(value)
    return [each for each in _unescape(value).split(",") if each]


def _fill(record, words, where):
    """Sets what the record knows; what it does not know is skipped."""
    kinds = type(record).__annotations__
    for word in words:
        key, equals, value = word.partition("=")
        kind = kinds.get(key)
        if not equals or kind is None or isinstance(getattr(record, key),
                                                    Memory):
            continue
        if kind in (List[Group], List[Window], List[Refusal]):
            continue
        try:
            setattr(record, key, _convert(kind, value))
        except (KeyError, ValueError):
            raise Problem(f"{where}: {key}={value[:40]!r} is not what a "
                          f"{key} looks like", DATA) from None
    return record


def parse(text):
    """The containers. What is of another format is a Problem."""
    lines = [line for line in text.splitlines() if line.strip()]
    first = lines[0].split() if lines else []
    if len(first) != 2 or first[0] != "format":
        raise Problem("the driver's books do not begin with their format: "
                      "driver and tool are not of one version", DATA)
    if first[1] != FORMAT:
        raise Problem(f"the driver's books are of format {first[1][:20]}, this "
                      f"tool reads format {FORMAT}: install the tool that came "
                      "with the driver", DATA)
    found = []
    for number, line in enumerate(lines[1:], 2):
        kind, *words = line.split()
        where = f"line {number} of the driver's books"
        if kind == "container":
            found.append(_fill(Container(), words, where))
            continue
        if kind not in ("group", "window", "memory", "refused"):
            continue
        if not found:
            raise Problem(f"{where}: a {kind} before the first container", DATA)
        if kind == "group":
            found[-1].groups.append(_fill(Group(), words, where))
        elif kind == "window":
            found[-1].windows.append(_fill(Window(), words, where))
        elif kind == "memory":
            _fill(found[-1].memory, words, where)
        else:
            found[-1].refusals.append(_fill(Refusal(), words, where))
    return found

"""What vfio-tce check has found."""

from dataclasses import dataclass

LEVELS = ("ok", "warn", "bad")      # in the order of their exit codes


@dataclass
class Finding:
    level: str
    text: str
    remedy: str = ""


def ok(text):
    return Finding("ok", text)


def warn(text, remedy=""):
    return Finding("warn", text, remedy)


def bad(text, remedy=""):
    return Finding("bad", text, remedy)

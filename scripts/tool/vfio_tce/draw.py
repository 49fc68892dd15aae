"""Text for people: colours, bars, sizes, columns."""

import os
import re
import shutil
import sys
import textwrap

_COLOURS = {"red": "31", "green": "32", "yellow": "33", "blue": "34",
            "cyan": "36", "bold": "1", "dim": "2"}
_NARROWEST, _WIDEST = 80, 100
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def clean(text):
    """Text of others without what moves a terminal's cursor."""
    text = str(text)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "\\x%02x" % ord(c) for c in text)


def size(count):
    """Bytes in the unit that fits: 512 B, 1.5 MiB, 2 GiB."""
    unit = 0
    value = float(count)
    while abs(value) >= 1024 and unit + 1 < len(_UNITS):
        value /= 1024
        unit += 1
    digits = f"{value:.1f}" if value < 100 else f"{value:.0f}"
    return f"{digits[:-2] if digits.endswith('.0') else digits} {_UNITS[unit]}"


def page(count):
    """A page size as everybody writes it: 4K, 64K, 2M."""
    text = size(count)
    return re.sub(r" (B|([KMGT])iB)$", lambda m: m[2] or "", text)


def age(seconds):
    for unit, word in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds // unit} {word} ago"
    return f"{seconds} s ago"


def plural(count, word):
    return f"{count} {word}{'' if count == 1 else 's'}"


def parse_size(text):
    """128G, 64K, 1.5T, 4096: bytes; a unit is a power of 1024."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGTPE]?)(?:i?B)?", text.strip(),
                         re.I)
    if not match:
        raise ValueError(f"{text!r} is not a size such as 128G or 64K")
    exponent = " KMGTPE".index(match[2].upper() or " ")
    return int(float(match[1]) * 1024 ** exponent)


class Pen:
    """Writes for one stream: knows its width, colours and characters."""

    def __init__(self, stream=None):
        self.stream = stream or sys.stdout
        tty = bool(self.stream) and self.stream.isatty()
        self.colours = (tty and not os.environ.get("NO_COLOR")
                        and os.environ.get("TERM") != "dumb")
        width = shutil.get_terminal_size((80, 24)).columns
        self.width = max(_NARROWEST, min(width, _WIDEST))
        encoding = getattr(self.stream, "encoding", None) or "ascii"
        try:
            "▕█▓░▏".encode(encoding)
            self.blocks = True
        except (UnicodeError, LookupError):
            self.blocks = False

    def paint(self, text, *colours):
        if not self.colours or not text:
            return text
        codes = ";".join(_COLOURS[each] for each in colours)
        return f"\033[{codes}m{text}\033[0m"

    def sign(self, number):
        """What a part of a bar is drawn with."""
        return ("█▓░" if self.blocks else "#=-")[number]

    def bar(self, parts, total, width):
        """A bar of parts (amount, character index, colour), rest empty.

        Whatever is there at all is to be seen: its part has one character.
        """
        cells = []
        for amount, _, _ in parts:
            count = round(amount * width / total) if total > 0 else width
            cells.append(max(1, min(count, width)) if amount > 0 else 0)
        while sum(cells) > width:
            cells[cells.index(max(cells))] -= 1
        text = "".join(self.paint(self.sign(sign) * count, colour)
                       for count, (_, sign, colour) in zip(cells, parts))
        used = sum(cells)
        left, right = "▕▏" if self.blocks else "[]"
        return f"{left}{text}{' ' * (width - used)}{right}"

    def wrapped(self, label, text, column=12, indent=2):
        """Lines of text behind a label that stands once."""
        room, rows = self.width - indent - column, [text]
        if len(text) > room or "\n" in text:
            rows = textwrap.wrap(text, room, break_on_hyphens=False) or [""]
        for number, row in enumerate(rows):
            head = label if number == 0 else ""
            yield f"{' ' * indent}{head:{column}}{row}".rstrip()


def percent(part, whole):
    if not whole:
        return "-"
    value = 100 * part / whole
    if value > 999:
        return ">999 %"
    if 0 < value < 0.1:
        return "<0.1 %"
    return f"{value:.0f} %" if value >= 10 or value == 0 else f"{value:.1f} %"

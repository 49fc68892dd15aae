#!/usr/bin/env python3
"""Makes vfio_tce/errnos.py from the kernel-doc of include/tce/engine.h.

    make-errnos.py          write it
    make-errnos.py --check  only say, by the exit code, if it is up to date
"""

import pathlib
import re
import sys
import textwrap

_HERE = pathlib.Path(__file__).resolve().parent
_HEADER = _HERE.parents[1] / "include/tce/engine.h"
_RESULT = _HERE / "vfio_tce/errnos.py"
_DOC = re.compile(r"/\*\*\n \* tce_container_(\w+)\(\) - (.*?)\n(.*?)\*/", re.S)
# What a call fails with: "-EPERM, -EINVAL: why", "-EPERM as tce_...()".
_FAILS = re.compile(r"(-E[A-Z0-9]+(?:, (?:or )?-E[A-Z0-9]+)*)"
                    r"(?:: (.*)| as tce_container_(\w+)\(\)|)$")
_KILLED = "the caller was killed while it waited"
_HEAD = '''"""Made from include/tce/engine.h by make-errnos.py: do not edit."""

# call -> (what it is, {errno: what it means})
CALLS = {
'''


def _meanings(text):
    """Errno name -> its meaning, or the call that tells it."""
    found, last = {}, []
    for part in re.split(r";\s*|\.(?:\s|$)", text):
        part = re.sub(r"^0, or ", "", part.strip())
        match = _FAILS.match(part)
        if match:
            last = re.findall(r"E[A-Z0-9]+", match[1])
            found.update((name, (match[2] or "", match[3])) for name in last)
        elif part and not part.startswith("0"):
            for name in last:
                found[name] = (f"{found[name][0]}; {part}", None)
    return found


def _calls(header):
    calls = {}
    for name, title, body in _DOC.findall(header):
        body = re.sub(r"\n \* ?", "\n", "\n" + body)
        match = re.search(r"\nReturn: (.*?)(?:\n\n|\Z)", body, re.S)
        if not match:
            continue
        text = re.sub(r"\s+", " ", match[1]).strip()
        meanings = _meanings(text)
        if meanings and name not in ("create", "attach"):
            meanings.setdefault("EINTR", (_KILLED, None))
        if meanings and name != "create":
            calls[name] = (title, meanings)
    return calls


def _text(calls):
    lines = [_HEAD]
    for name, (title, meanings) in calls.items():
        lines.append(f'    "{name}": ("{title}", {{\n')
        for errno, (text, other) in sorted(meanings.items()):
            if other:
                text = calls[other][1][errno][0]
            rows = textwrap.wrap(text.replace("@", ""), 64,
                                 drop_whitespace=False) or [""]
            rows = "\n            ".join(f'"{row}"' for row in rows)
            lines.append(f'        "{errno}":\n            {rows},\n')
        lines.append("    }),\n")
    lines.append("}\n")
    return "".join(lines)


def main():
    made = _text(_calls(_HEADER.read_text()))
    if "--check" in sys.argv[1:]:
        return int(not _RESULT.exists() or _RESULT.read_text() != made)
    _RESULT.write_text(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())

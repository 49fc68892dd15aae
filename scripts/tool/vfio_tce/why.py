"""vfio-tce why: failures in the words of those who met them."""

import errno
import os
import re
import stat
import sys

from . import draw, driver, journal
from .errnos import CALLS
from .messages import DRIVER, INFORMATION, PROGRAMS
from .problem import OK, WARN, Problem
from .remedies import known, remedy

_ALIASES = {"create": "create_window", "remove": "remove_window"}
_LARGEST = 64 << 20
_TITLES = {"attach": "VFIO_GROUP_SET_CONTAINER or VFIO_SET_IOMMU",
           "eeh": "VFIO_EEH_PE_OP", "other": "a call that is not the driver's"}
_BY_TEXT = {os.strerror(number): name for number, name
            in errno.errorcode.items()}
# "error 12 (Cannot ...)", "= -12 (Cannot ...)"; the text is better than a
# number: QEMU prints ret = -1 beside it.
_NUMBER = re.compile(r"(?:error|=) -?(\d+)\b")


def call_name(name):
    return _ALIASES.get(name, name)


def call_title(name):
    name = call_name(name)
    return _TITLES.get(name) or CALLS.get(name, (name,))[0]


def errno_of(line):
    """The name of the errno that a line shows, or None."""
    for text, name in _BY_TEXT.items():
        if text in line:
            return name
    match = _NUMBER.search(line)
    return errno.errorcode.get(int(match[1])) if match else None


def meaning(call, name):
    """What an errno of a call means, from engine.h; None: no answer of it."""
    text = CALLS.get(call_name(call), ("", {}))[1].get(name)
    if text == "":
        return os.strerror(getattr(errno, name)).lower()
    return text


def _remedies(message, name):
    """What to do, of the calls that answer such an errno."""
    if message.do and name != "ENOMEM":
        return [message.do]
    calls = [call for call in message.calls
             if name and (meaning(call, name) is not None or known(call, name))]
    told = [message.do] if message.do else []
    for text in (remedy(call, name) for call in calls):
        if text not in told:
            told.append(text)
    return told or ["The kernel's log may say more: `vfio-tce why` without a "
                    "message, as root."]


def _lines_of(message, line):
    """(label, text) pairs that explain a line."""
    yield "happened", message.happened
    name = errno_of(line) if message.calls else None
    if message.lies and name == "EPERM":
        # QEMU says so whatever happened: it is nearly always the limit.
        name = "ENOMEM"
        yield "mind", ("QEMU shows a wrong error here. The driver's own word "
                       "is in the kernel's log: `vfio-tce why` without a "
                       "message.")
    else:
        texts = [f"{name} of {call_title(call)}: {meaning(call, name)}"
                 for call in message.calls if name and meaning(call, name)]
        if name and message.calls and not texts:
            texts = [f"{name} is no answer of this driver; VFIO itself, or the "
                     "in-tree driver, gave it."]
        for text in texts:
            yield "why", text
    for text in _remedies(message, name):
        yield "do", text


def find(line):
    """The message that a line is, the most telling one; None: unknown."""
    ours = re.search(r"vfio_tce: ", line)
    if ours and INFORMATION.search(line):
        return None
    for message in (DRIVER if ours else PROGRAMS + DRIVER):
        if message.search(line):
            return message
    return None


def _show(pen, who, line, pairs, count=1):
    times = f" ({count} times)" if count > 1 else ""
    head = pen.paint(f"{who}:", "bold")
    print(f"{head} {draw.clean(line.strip())[:1000]}{times}")
    for label, text in pairs:
        for row in pen.wrapped(label, draw.clean(text), 10):
            print(row)
    print()


def explain_text(pen, text):
    """Explains what is known of a log's lines; how many those are."""
    seen = {}
    for line in text.splitlines():
        message = find(line)
        if message:
            key = (message.pattern, errno_of(line) if message.calls else None)
            first, count = seen.get(key, ((message, line), 0))
            seen[key] = (first, count + 1)
    for (message, line), count in seen.values():
        _show(pen, message.who, re.sub(r"^.*?vfio_tce: ", "", line),
              _lines_of(message, line), count)
    return len(seen)


def refusal_words(refusal):
    """"MAP_DMA, 5 times, 93 s ago: ENOMEM, over RLIMIT_MEMLOCK"."""
    name = errno.errorcode.get(abs(refusal.errno), f"errno {refusal.errno}")
    call = call_name(refusal.call)
    title = refusal.call.upper()
    match = re.match(r"VFIO_(?:IOMMU_)?(?:SPAPR_)?(\w+)", call_title(call))
    if match:
        title = match[1]
    reason = refusal.reason or meaning(call, name) or "no reason given"
    times = f", {refusal.count} times" if refusal.count > 1 else ""
    return f"{title}{times}, {draw.age(refusal.age)}: {name}, {reason}"


def explain_books(pen, host):
    """Explains what the driver refused; how many calls that are."""
    shown = 0
    for container in driver.containers(host):
        for refusal in sorted(container.refusals, key=lambda each: each.age):
            name = errno.errorcode.get(abs(refusal.errno), "")
            call = call_name(refusal.call)
            text = meaning(call, name)
            pairs = [("happened", f"{call_title(call)} was refused: "
                                  f"{refusal.reason or 'no reason is kept'}")]
            if not text and name:
                text = os.strerror(abs(refusal.errno)).lower()
            if text:
                pairs.append(("why", f"{name}: {text}"))
            pairs.append(("do", remedy(call, name)))
            _show(pen, f"{container.comm}[{container.pid}]",
                  refusal_words(refusal), pairs)
            shown += 1
    return shown


def explain_host(pen, host):
    shown, problems = 0, []
    for look in (lambda: explain_books(pen, host),
                 lambda: explain_text(pen, "\n".join(journal.lines(host)))):
        try:
            shown += look()
        except Problem as why:
            problems.append(why)
    if len(problems) == 2:
        raise problems[0]
    for why in problems:
        print(f"vfio-tce: {why}", file=sys.stderr)
    if problems and not shown:
        print("What could be read tells of no failure.")
    elif not shown:
        print("Nothing was refused: neither the driver's books nor the "
              "kernel's log tell of a failure.")
    return OK


def catalogue(pen):
    """Everything that is known, as Markdown."""
    for title, messages in (("What QEMU and DPDK say", PROGRAMS),
                            ("What the driver says, in the log", DRIVER)):
        print(f"## {title}\n\n| who | says | what happened | what to do |")
        print("|---|---|---|---|")
        for each in messages:
            words = "`, or `".join(each.texts)
            do = each.do or _by_errno(each)
            print(f"| {each.who} | `{words}` | {each.happened} | {do} |")
        print()
    print("## What each errno of each call means\n\n"
          "| call | errno | what it means | what to do |")
    print("|---|---|---|---|")
    for call, (_, names) in CALLS.items():
        for name in names:
            said = os.strerror(getattr(errno, name))
            means = meaning(call, name)
            means = f" ({means})" if means != said.lower() else ""
            print(f"| {call_title(call)} | {name} | {said}{means} | "
                  f"{remedy(call, name)} |")


def _by_errno(message):
    """Where to look on: the calls that may be behind a message."""
    titles = dict.fromkeys(call_title(each) for each in message.calls)
    if not titles:
        return "The kernel's log may say more."
    return f"By the errno, below: {', '.join(titles)}."


def _all_of(place):
    """The text of a file, or of stdin (0)."""
    try:
        with open(place, "rb", closefd=place != 0) as stream:
            return stream.read(_LARGEST).decode("utf-8", "replace")
    except OSError as why:
        raise Problem(f"{place or 'stdin'}: {why.strerror}") from why


def _input():
    """What stdin holds, if it is a pipe or a file; else nothing."""
    try:
        mode = os.fstat(0).st_mode
    except OSError:
        return ""
    if not (stat.S_ISFIFO(mode) or stat.S_ISREG(mode)):
        return ""
    return _all_of(0)


def run(host, options):
    pen = draw.Pen()
    if options.list:
        catalogue(pen)
        return OK
    text = " ".join(options.log)
    if text == "-":
        text = _all_of(0)
    elif len(options.log) == 1 and os.path.isfile(text):
        text = _all_of(text)
    elif not text and not options.books:
        text = _input()
    if not text.strip():
        return explain_host(pen, host)
    if explain_text(pen, text):
        return OK
    print("This holds no message of QEMU, DPDK or the driver that this tool "
          "knows (vfio-tce why --list shows those that it does).")
    return WARN

"""vfio-tce status: who uses what."""

import sys
import time

from . import draw, driver, export, pci
from .books import UNKNOWN
from .problem import OK, Problem
from .why import refusal_words

# What a table keeps for an entry: the TCE, the user's address, a bit or two.
_ENTRY = 18
_LABEL = 11
_PLATFORMS = {"pseries": "pSeries", "powernv": "PowerNV"}


def _limit_colour(part):
    return "red" if part > 0.95 else "yellow" if part > 0.8 else "green"


def _head(pen, host, containers):
    groups = sum(len(each.groups) for each in containers)
    windows = sum(len(each.windows) for each in containers)
    memory = sum(each.memory.bytes for each in containers)
    what = ", ".join((draw.plural(len(containers), "container"),
                      draw.plural(groups, "group"),
                      draw.plural(windows, "window"),
                      f"{draw.size(memory)} registered"))
    version = driver.version(host) or "of unknown version"
    print(pen.paint(f"vfio_tce {version}", "bold") + f": {what}")


def _container(pen, host, each):
    words = [f"container {each.id}", f"v{each.version}"]
    words += sorted({_PLATFORMS.get(group.platform, group.platform)
                     for group in each.groups if group.platform})
    words += ["KVM"] if each.kvm else []
    print()
    print(pen.paint(f"{draw.clean(each.comm)}[{each.pid}]", "bold", "cyan")
          + draw.clean(f" of {host.user(each.uid)}: {', '.join(words)}"))


def _row(pen, label, text):
    for line in pen.wrapped(label, draw.clean(text), _LABEL):
        print(line)


def _group(pen, group, devices, names):
    if group.busy:
        _row(pen, "groups", "busy: they change right now")
        return
    label = f"group {group.id}"
    if not group.devices:
        _row(pen, label, "without a device")
    for address in group.devices:
        device = devices[address]
        name = names.get((device.vendor, device.device))
        name = name or (f"{device.kind} {device.ids}"
                        if device.there else "gone")
        bound = device.driver or "no driver"
        room = pen.width - 2 - _LABEL - 14 - len(bound) - 1
        name = draw.clean(name)
        name = name if len(name) <= room else name[:room - 1] + "~"
        print(f"  {label:{_LABEL}}{draw.clean(address):14}{name:{room}} "
              f"{draw.clean(bound)}".rstrip())
        label = ""


def _bar(pen, label, text, parts, total, part, colour):
    """A labelled line with a bar, as wide as the terminal allows."""
    width = pen.width - 2 - _LABEL - 2 - 37
    print(f"  {label:{_LABEL}}{text:<30}{pen.bar(parts, total, width)}"
          + pen.paint(f"{part:>7}", colour))


def _window(pen, window):
    total = window.entries
    ready = min(total, window.bytes // _ENTRY)
    parts = [(window.live, 0, "green"), (max(0, ready - window.live), 2,
                                         "blue")]
    _bar(pen, f"window {window.slot}",
         f"{draw.size(window.size):>8} at {window.start:#x}", parts, total,
         draw.percent(window.live, total), "bold")
    text = (f"{pen.sign(0)} {window.live} of {total} entries of "
            f"{draw.page(window.page)}, ")
    text += (f"{pen.sign(2)} {draw.plural(window.levels, 'level')} in "
             f"{draw.size(window.bytes)}" if window.bytes else "no table yet")
    text += "; KVM writes" if window.kvm else ""
    text += ", hardware walks" if window.walked else ""
    _row(pen, "", text)


def _memory(pen, each):
    memory = each.memory
    if not memory.regions:
        _row(pen, "memory", "nothing is registered")
        return
    names = f"{memory.mapped} entries name"
    if memory.mapped == 1:
        names = "1 entry names"
    _row(pen, "memory", f"{draw.size(memory.bytes)} in "
         f"{draw.plural(memory.regions, 'region')}, {names} it")


def _locked(pen, host, each):
    if each.limit == UNKNOWN and not each.locked:
        _row(pen, "locked", "nothing: no process owns it yet")
        return
    page = host.page_size
    locked, tables = each.locked * page, each.charged * page
    registered = min(each.memory.bytes, max(0, locked - tables))
    rest = max(0, locked - tables - registered)
    made_of = [f"{pen.sign(sign)} {draw.size(amount)} {what}"
               for sign, (amount, what) in enumerate(
                   ((registered, "memory"), (tables, "tables"),
                    (rest, "other")))
               if amount]
    made_of = ", ".join(made_of) or "nothing"
    if each.limit is None or each.limit == UNKNOWN or each.exempt:
        limit = "limit unknown"
        if each.limit is None:
            limit = "without limit"
        elif each.exempt:
            limit = "no limit holds it (CAP_IPC_LOCK)"
        _row(pen, "locked", f"{draw.size(locked)}, {limit}: {made_of}")
        return
    limit = each.limit * page
    part = locked / limit if limit else 1
    colour = _limit_colour(part)
    parts = [(registered, 0, colour), (tables, 1, "blue"), (rest, 2, "yellow")]
    _bar(pen, "locked", f"{draw.size(locked):>8} of {draw.size(limit)}", parts,
         max(limit, locked), draw.percent(locked, limit), colour)
    over = "; over RLIMIT_MEMLOCK" if locked > limit else ""
    _row(pen, "", made_of + over)


def _refused(pen, each):
    label = "refused"
    for refusal in sorted(each.refusals, key=lambda one: one.age):
        for line in pen.wrapped(label, draw.clean(refusal_words(refusal)),
                                _LABEL):
            print(pen.paint(line, "red"))
        label = ""


def show(pen, host, containers):
    _head(pen, host, containers)
    if not containers:
        print("Nobody uses it: no process has a container with this driver.")
        return
    addresses = {address for each in containers for group in each.groups
                 for address in group.devices}
    devices = {address: pci.device(host, address) for address in addresses}
    names = pci.names(host, {(each.vendor, each.device)
                             for each in devices.values()})
    for each in containers:
        _container(pen, host, each)
        for group in each.groups:
            _group(pen, group, devices, names)
        for window in sorted(each.windows, key=lambda one: one.slot):
            _window(pen, window)
        if each.busy:
            _row(pen, "memory", "busy: another call changes it right now")
        else:
            _memory(pen, each)
            _locked(pen, host, each)
        _refused(pen, each)


def _once(host, options):
    if options.json or options.prometheus:
        stats = {}
        try:
            containers = driver.containers(host)
            stats = driver.stats(host)
        except Problem:
            if not options.prometheus:
                raise
            # Who watches wants to be told that there is nothing.
            print(export.prometheus(host, None, {}), end="")
            raise
        if options.json:
            indent = None if options.watch else 2
            print(export.json_text(host, containers, stats, indent))
        else:
            print(export.prometheus(host, containers, stats), end="")
    else:
        show(draw.Pen(), host, driver.containers(host))


def run(host, options):
    if not options.watch:
        _once(host, options)
        return OK
    clear = sys.stdout and sys.stdout.isatty() and not (options.json
                                                        or options.prometheus)
    while True:
        if clear:
            print("\033[H\033[2J", end="")
        _once(host, options)
        sys.stdout.flush()
        time.sleep(options.watch)
        if not clear and not options.json:
            print()

"""vfio-tce check: is this host ready?"""

import os

from . import check_devices, check_host, check_memory, draw, limits
from .finding import LEVELS
from .problem import USAGE, Problem

_COLOURS = {"ok": "green", "warn": "yellow", "bad": "red"}


def user_of(host, options):
    """For whom: who is named, libvirt's user, or who asks."""
    if options.user:
        if not host.has_user(options.user):
            raise Problem(f"there is no user {draw.clean(options.user)}", USAGE)
        return options.user
    for name in limits.LIBVIRT_USERS:
        if host.has_user(name):
            return name
    return os.environ.get("SUDO_USER") or host.user(os.getuid())


def findings(host, user):
    """Everything that was found: (title, findings) in order."""
    return (("Kernel", check_host.kernel(host)),
            ("Driver", check_host.driver_in_use(host)),
            ("Devices", check_devices.groups(host, user)),
            ("Memory", check_memory.memory(host, user)))


def show(pen, found, known, quiet=False):
    for title, each in found:
        shown = [one for one in each if not (quiet and one.level == "ok")]
        if shown:
            print(pen.paint(title, "bold"))
        for one in shown:
            mark = pen.paint(f"{one.level:6}", _COLOURS[one.level])
            first, *rest = pen.wrapped("", draw.clean(one.text), 6)
            print(f"  {mark}{first.strip()}", *rest, sep="\n")
            if one.remedy:
                for line in pen.wrapped("", f"-> {draw.clean(one.remedy)}", 6):
                    print(line)
    if known and not quiet:
        print(pen.paint("Known of this kernel, with any driver", "bold"))
        for text in known:
            first, *rest = pen.wrapped("", draw.clean(text), 6)
            print(f"  {'note':6}{first.strip()}", *rest, sep="\n")


def worst(found):
    """The exit code: that of the worst finding."""
    return max((LEVELS.index(one.level) for _, each in found for one in each),
               default=0)


def run(host, options):
    found = findings(host, user_of(host, options))
    show(draw.Pen(), found, check_host.known(host), options.quiet)
    return worst(found)

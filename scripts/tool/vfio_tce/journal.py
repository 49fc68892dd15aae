"""What the driver said in the kernel's log."""

import re

from .problem import Problem

_OURS = re.compile(r"vfio_tce: .*")


def lines(host, pattern=_OURS):
    """The driver's lines, or those of a pattern, oldest first.

    Problem: nobody lets us read.
    """
    if not host.real:
        text = host.text("dmesg")
    else:
        text = host.output("dmesg")
        if text is None:
            text = host.output("journalctl", "--quiet", "--no-pager", "--dmesg",
                               "--boot", "--output=cat")
        if text is None:
            raise Problem("the kernel's log is not for this user: run this "
                          "with sudo")
    return [match[0] for match in map(pattern.search, text.splitlines())
            if match]

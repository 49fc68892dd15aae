"""The demo, with our driver and with the in-tree one."""

from .. import demo
from . import Counts, check

_KERNEL = "6.12-4k"


@check("demo", "a guest on a 4K-page host reads and writes its disk through our dynamic window, twice",
       order=90)
def ours():
    failures = demo.run_and_judge(_KERNEL, demo.OURS)
    return Counts(passed=int(not failures), failed=failures)


@check("demo-in-tree", "on the same machine the in-tree driver refuses QEMU's window", order=90)
def in_tree():
    failures = demo.run_and_judge(_KERNEL, demo.IN_TREE)
    return Counts(passed=int(not failures), failed=failures)

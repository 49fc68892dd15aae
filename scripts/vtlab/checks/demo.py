"""The demo, with our driver and with the in-tree one."""

from .. import demo
from . import Counts, check

_KERNEL, _KERNEL_64K = "6.12-4k", "6.12-64k"


def _counts(failures):
    return Counts(passed=int(not failures), failed=failures)


@check("demo", "a guest on a 4K-page host reads and writes its disk through our dynamic window, twice",
       order=90)
def ours():
    return _counts(demo.run_and_judge(_KERNEL, demo.OURS))


@check("demo-64k", "the same on a 64K-page host: one hypercall for each 16 MiB of the guest's window", order=90)
def ours_64k():
    return _counts(demo.run_and_judge(_KERNEL_64K, demo.OURS))


@check("demo-powernv", "on a bare-metal host, too: KVM writes the tables that the hardware walks", order=90)
def powernv():
    return _counts(demo.run_and_judge(_KERNEL, demo.OURS, "powernv"))


@check("demo-powernv-64k", "the same with 64K pages: one call to the firmware for each 16 MiB", order=90)
def powernv_64k():
    return _counts(demo.run_and_judge(_KERNEL_64K, demo.OURS, "powernv"))


@check("demo-in-tree", "on the same machine the in-tree driver refuses QEMU's window", order=90)
def in_tree():
    return _counts(demo.run_and_judge(_KERNEL, demo.IN_TREE))

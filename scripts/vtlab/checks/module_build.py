"""The module builds for the stock kernels with the suite's own compiler, and is what the kernel will accept."""

from .. import guest, kernel, module
from ..log import LabError
from . import Counts, check


def _has_section(path, name):
    return name.encode() + b"\0" in path.read_bytes()


def _complaints(target, path):
    [vermagic] = guest.module_info(path, "vermagic")
    if vermagic.split()[0] != target.release:
        yield f"{path.name} is for {vermagic.split()[0]}"
    if not _has_section(path, ".BTF"):
        yield f"{path.name} has no BTF"
    if not guest.module_info(path, "license")[0].startswith("GPL"):
        yield f"{path.name} is not GPL"


@check("build", "the module builds for every stock kernel with W=1 and without a warning", order=10)
def build():
    counts = Counts()
    for name in kernel.table():
        target = kernel.get(name)
        try:
            built = module.build(name)
            wrong = [why for path in built for why in _complaints(target, path)]
        except LabError as why:
            wrong = [str(why)]
        for why in wrong:
            print(f"{name}: {why}")
        counts += Counts(passed=int(not wrong), failed=int(bool(wrong)), note=name)
    return counts

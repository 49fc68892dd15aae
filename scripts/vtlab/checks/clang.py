"""The module builds with clang as it does with gcc."""

from .. import clang_tree, module
from ..log import LabError
from . import Counts, check


@check("clang", "the module builds with LLVM=1 W=1 against trees prepared with clang, without a warning", order=30)
def build():
    counts = Counts()
    for name in clang_tree.BESIDE:
        try:
            module.build(name)
            counts += Counts(passed=1, note=name)
        except LabError as why:
            print(f"{name}: {why}")
            counts += Counts(failed=1, note=name)
    return counts

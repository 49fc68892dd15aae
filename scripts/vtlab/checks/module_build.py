"""The module builds for the stock kernels, with the suite's own compiler and with clang, and the kernels will accept it."""

import re

from .. import clang_tree, kernel, kernels, module, power_host
from ..log import LabError
from . import Counts, check

_FOR_DEBUGGERS = "6.12-4k"      # make DEBUG=1 is tried here


def _has_section(path, name):
    return name.encode() + b"\0" in path.read_bytes()


def _complaints(target, path):
    [vermagic] = power_host.module_info(path, "vermagic")
    if vermagic.split()[0] != target.release:
        yield f"{path.name} is for {vermagic.split()[0]}"
    if not _has_section(path, ".BTF"):
        yield f"{path.name} has no BTF"
    if not power_host.module_info(path, "license")[0].startswith("GPL"):
        yield f"{path.name} is not GPL"


def _btf(target, path):
    """The size of a module's type information."""
    _, text = target.root().run(["powerpc64le-linux-gnu-readelf", "-SW", f"/out/{path.name}"],
                                binds=[(path.parent, "/out", False)])
    return int(re.search(r" \.BTF +PROGBITS +\w+ \w+ (\w+) ", text)[1], 16)


def _debug_complaints(target, plain):
    """What is wrong with the module that debuggers read, next to the plain one."""
    [path] = module.build(target.name, debug=True)
    yield from _complaints(target, path)
    if b"GNU C++" not in path.read_bytes():      # who made it, in its DWARF
        yield f"{path.name} tells debuggers nothing of the engine"
    if _btf(target, path) != _btf(target, plain):
        yield f"{path.name}, built for debuggers, has other types in its BTF"


@check("build", "the module builds for every stock kernel with W=1 and without a warning", order=10)
def build():
    counts = Counts()
    for name in kernel.table():
        target = kernels.get(name)
        try:
            built = module.build(name)
            wrong = [why for path in built for why in _complaints(target, path)]
            if name == _FOR_DEBUGGERS:
                wrong += _debug_complaints(target, *built)
        except LabError as why:
            wrong = [str(why)]
        for why in wrong:
            print(f"{name}: {why}")
        counts += Counts(passed=int(not wrong), failed=int(bool(wrong)), note=name)
    return counts


@check("clang", "the module builds with LLVM=1 W=1 against trees prepared with clang, without a warning", order=30)
def build_with_clang():
    counts = Counts()
    for name in clang_tree.BESIDE:
        try:
            module.build(name)
            counts += Counts(passed=1, note=name)
        except LabError as why:
            print(f"{name}: {why}")
            counts += Counts(failed=1, note=name)
    return counts

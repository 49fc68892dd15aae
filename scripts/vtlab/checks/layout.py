"""A module that was written for another vfio is refused, and so is one that cannot know.

The kernel stays as it is; what the module believes of it is changed in a copy of the sources.
"""

import pathlib
import tempfile

from .. import kernels, module, power_host
from ..log import LabError, step
from . import Counts, check

_KERNELS = {"6.12-4k": 2, "7.2-4k": None}       # how many of the modules below; None: all of them
_NO_TYPES = "kunit-lean"        # a kernel without type information
_PRIVATE, _LAYOUT, _DRIVER = "src/compat/vfio_private.h", "src/compat/vfio_layout.c", "src/shim/vfio_driver.c"
_RELEASE, _IOCTL = "\tvoid (*release)(void *data);\n", "\tlong (*ioctl)(void *data, unsigned int cmd, unsigned long arg);\n"
_EMULATED = "\tVFIO_EMULATED_IOMMU,\t/* a device of software: no DMA of its own */\n"
_LAST = "\tstruct iommu_domain *(*group_iommu_domain)(void *data,\n\t\t\t\t\t\t   struct iommu_group *group);\n"
_LAST_ROW = "\tFUNCTION(group_iommu_domain, struct iommu_domain *, void *, struct iommu_group *),\n"

# What is changed (file, old, new), and what the log has to say then.
_DOCTORED = {
    "members trade places": (
        ((_PRIVATE, _RELEASE + _IOCTL, _IOCTL + _RELEASE),),
        "vfio_iommu_driver_ops.release is void (void *) at 24, not void (void *) at 32"),
    "one more parameter": (
        ((_PRIVATE, "enum vfio_group_type type);", "enum vfio_group_type type, int more);"),
         (_LAYOUT, "struct iommu_group *, enum vfio_group_type)", "struct iommu_group *, enum vfio_group_type, int)"),
         (_DRIVER, "enum vfio_group_type type)\n", "enum vfio_group_type type, int more)\n")),
        "vfio_iommu_driver_ops.attach_group is int (void *, struct iommu_group *, enum vfio_group_type) at 40, "
        "not int (void *, struct iommu_group *, enum vfio_group_type, int) at 40"),
    "one more member": (
        ((_PRIVATE, _LAST, _LAST + "\tvoid *more;\n"), (_LAYOUT, _LAST_ROW, _LAST_ROW + "\tDATA(more, void *),\n")),
        "vfio_iommu_driver_ops.more is missing, not void * at 104"),
    "one member less": (
        ((_PRIVATE, _LAST, ""), (_LAYOUT, _LAST_ROW, "")),
        "the size of vfio_iommu_driver_ops is 104, not 96"),
    "another value": (
        ((_PRIVATE, _EMULATED, ""), (_PRIVATE, "enum vfio_group_type {\n", "enum vfio_group_type {\n" + _EMULATED)),
        "VFIO_IOMMU is 0, not 1"),
}
_UNKNOWN = "cannot tell whether this driver fits this kernel's vfio"

# Each .ko of doctored/ has to be refused with the words in the file of the same name.
_SCRIPT = r"""
status=0
result() { [ $1 = 0 ] && echo "ok $2" || { echo "not ok $2"; status=1; }; }
for words in doctored-*.text; do
    dmesg -c >/dev/null
    insmod ${words%.text}.ko 2>/dev/null
    [ $? != 0 ] && dmesg | grep -qF "$(cat $words)"
    result $? "${words%.text}"
    dmesg | grep "vfio_tce: "
    grep -q "^vfio_tce " /proc/modules && rmmod vfio_tce
done
insmod modules/vfio_tce.ko $OPTIONS && rmmod vfio_tce
result $? "the real one $OPTIONS"
exit $status
"""


def _copy(changes, target):
    """A copy of the sources with the changes made in it."""
    module.mirror_sources(module.TREE, module.SOURCES, target)
    for name, old, new in changes:
        text = (target / name).read_text()
        if text.count(old) != 1:
            raise LabError(f"{name}: {text.count(old)} places to change, not 1: {old!r}")
        (target / name).write_text(text.replace(old, new))


def _doctored(name, count):
    """The first doctored modules for a kernel, as files for the POWER host."""
    data = {}
    for number, (changes, words) in enumerate(list(_DOCTORED.values())[:count]):
        with tempfile.TemporaryDirectory() as room:
            copy = pathlib.Path(room) / "doctored"
            copy.mkdir()
            _copy(changes, copy)
            [built] = module.build(name, directory=copy)
            data[f"doctored-{number}.ko"] = built.read_bytes()
            data[f"doctored-{number}.text"] = words
    return data


def _boot(name, data):
    """Counts what is refused as it should."""
    target = kernels.get(name)
    modules = power_host.Modules(target)
    [real] = module.build(name)
    modules.file(str(real), load=False)
    modules.stock("vfio")
    lines = []
    with step(f"modules that do not fit, on {name}"):
        outcome = power_host.boot(target, modules=modules, data=data, on_line=lines.append,
                                  script=f'OPTIONS="{target.module_options}"\n' + _SCRIPT)
    passed = sum(line.startswith("ok ") for line in lines)
    wanted = sum(each.endswith(".ko") for each in data) + 1
    if passed != wanted or outcome.why():
        print(f"{name}: {outcome.why()}\n  " + "\n  ".join(lines))
    return Counts(passed=passed, failed=max(wanted - passed, int(bool(outcome.why()))), note=name)


@check("layout", "a module whose idea of vfio differs from the kernel's type information is refused and says why")
def layout():
    counts = Counts()
    for name, count in _KERNELS.items():
        counts += _boot(name, _doctored(name, count))
    [real] = module.build(_NO_TYPES)
    return counts + _boot(_NO_TYPES, {"doctored-0.ko": real.read_bytes(), "doctored-0.text": _UNKNOWN})

"""Hosts for the tests of vfio-tce: their files, below a folder."""

import pathlib

BOOKS_FILE = "sys/kernel/debug/vfio_tce/containers"
BOOKS = """\
format 1
container id=7 version=2 pid=1432 comm=qemu-system-ppc uid=64055 charged=2052 limit=300000 locked=270000 kvm=1
group id=3 platform=pseries devices=0000:00:01.0,0000:00:02.0
window slot=0 start=0x0 size=0x80000000 page=0x1000 levels=2 live=512 bytes=81920 walked=no kvm=yes
window slot=1 start=0x800000000000000 size=0x40000000 page=0x10000 levels=1 live=16000 bytes=294912 walked=no kvm=yes
memory regions=3 bytes=1073741824 mapped=16512
refused call=map errno=12 count=5 age=93 reason=over\\040RLIMIT_MEMLOCK
container id=9 version=2 pid=77 comm=dpdk\\033[31m uid=0 charged=20 limit=none locked=524300 kvm=0
group id=4 platform=pseries devices=0001:00:01.0
window slot=0 start=0x0 size=0x10000000000 page=0x200000 levels=3 live=1024 bytes=65536 walked=no kvm=no
memory regions=1024 bytes=2147483648 mapped=1024
"""

_PCI_IDS = """\
# comment
144d  Samsung Electronics Co Ltd
\ta824  NVMe SSD Controller PM173X
\t\t144d a801  subsystem
8086  Intel Corporation
\t10d3  82574L Gigabit Network Connection
C 01  Mass storage controller
"""


def device(address, group, ids="144d:a824", class_code=0x010802,
           driver="vfio-pci"):
    """The files of one PCI device."""
    place = f"sys/bus/pci/devices/{address}"
    vendor, number = ids.split(":")
    files = {f"{place}/vendor": f"0x{vendor}", f"{place}/device": f"0x{number}",
             f"{place}/class": f"{class_code:#x}",
             f"{place}/iommu_group":
             pathlib.PurePath(f"../iommu_groups/{group}"),
             f"sys/kernel/iommu_groups/{group}/devices/{address}":
             pathlib.PurePath(f"../../{address}")}
    if driver:
        files[f"{place}/driver"] = pathlib.PurePath(f"../drivers/{driver}")
    return files


def good():
    """A host on which everything is as it should be."""
    debugfs = "sys/kernel/debug/vfio_tce"
    return {
        "page_size": "4096",
        "proc/sys/kernel/osrelease": "6.12.48+deb13-powerpc64le",
        "proc/sys/kernel/arch": "ppc64le",
        "proc/modules": "vfio_tce 90112 2 - Live 0x0\nvfio 60000 3 - Live "
                        "0x0\n",
        "proc/mounts": "debugfs /sys/kernel/debug debugfs rw 0 0\n",
        "proc/cmdline": "root=/dev/vda1 disable_ddw password=hunter2\n",
        "proc/cpuinfo": "processor\t: 0\ncpu\t\t: POWER9\nplatform\t: pSeries\n"
                        "machine\t\t: CHRP IBM pSeries\nserial\t: 12345\n",
        "proc/meminfo": "MemTotal: 8388608 kB\nHugePages_Total: 16\n"
                        "HugePages_Free: 16\nHugepagesize: 2048 kB\n",
        "sys/module/vfio_tce/version": "0.1\n",
        "sys/module/vfio_tce/srcversion": "ABCDEF0123456789\n",
        "sys/module/vfio_tce/refcnt": "2\n",
        "sys/module/vfio/refcnt": "1\n",
        "sys/module/vfio_pci/refcnt": "1\n",
        "sys/kernel/btf/vmlinux": "",
        BOOKS_FILE: BOOKS,
        f"{debugfs}/stats": "tces_mapped 1234\nleaves 8\nquarantined 0\ntables "
                            "3\n",
        f"{debugfs}/windows": "",
        "etc/passwd": "root:x:0:0::/:/bin/sh\n"
                      "libvirt-qemu:x:64055:108::/:/bin/false\n"
                      "eve:x:1000:1000::/:/bin/sh\n",
        "etc/group": "kvm:x:108:eve\neve:x:1000:\n",
        "etc/security/limits.conf": "*  -  memlock  unlimited\n",
        "etc/modprobe.d/vfio-tce.conf":
            "install vfio_iommu_spapr_tce [ -n \"$VFIO_TCE\" ] || VFIO_TCE=1 "
            "/sbin/modprobe --quiet vfio_tce\n",
        "lib/modules/6.12.48+deb13-powerpc64le/modules.dep":
            "updates/vfio_tce.ko: kernel/drivers/vfio/vfio.ko\n"
            "kernel/drivers/vfio/vfio_iommu_spapr_tce.ko:\n",
        "usr/share/misc/pci.ids": _PCI_IDS,
        "dev/vfio/vfio": "",
        "dev/vfio/3": "",
        "dev/vfio/4": "",
        "dmesg": "[    1.0] vfio_tce: qemu-system-ppc[1432] group 3: tables: "
                 "needs 8 KiB of locked memory, 64 KiB are in use, "
                 "RLIMIT_MEMLOCK is 64 KiB\n",
        **device("0000:00:01.0", 3),
        **device("0000:00:02.0", 3, "8086:10d3", 0x020000),
        **device("0001:00:01.0", 4, "15b3:1019", 0x020000),
        **device("0002:00:01.0", 5, "1014:028b", 0x010700, driver="ipr"),
    }


def without(files, *prefixes):
    return {name: text for name, text in files.items()
            if not name.startswith(prefixes)}


def write(room, files):
    """Writes text files and, for paths, links."""
    for name, content in files.items():
        path = pathlib.Path(room) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, pathlib.PurePath):
            path.symlink_to(content)
        else:
            path.write_text(content)
    return room

"""vfio-tce check: the kernel, and which driver it uses."""

import re

from . import VERSION, driver
from .finding import bad, ok, warn

_TESTED = ((6, 12), (7, 2))
_MODPROBE = ("etc/modprobe.d", "run/modprobe.d", "usr/local/lib/modprobe.d",
             "usr/lib/modprobe.d", "lib/modprobe.d")
_INSTALL = "`make install`, or the package vfio-tce-dkms, makes vfio bring it"


def _version(host):
    match = re.match(r"(\d+)\.(\d+)", host.release)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def kernel(host):
    found, version = [], _version(host)
    if host.arch != "ppc64le":
        found.append(bad(f"this machine is {host.arch}: there are no TCE "
                         "tables",
                         "vfio_tce runs on POWER hosts (ppc64le) only"))
    else:
        cpu = host.fields("proc/cpuinfo")
        platform = cpu.get("platform", "of unknown platform")
        found.append(ok(f"ppc64le, {cpu.get('cpu', 'POWER').split(',')[0]}, "
                        f"{platform}, pages of {host.page_size >> 10}K"))
        if platform not in ("pSeries", "PowerNV"):
            found.append(bad(f"{platform}: neither pSeries nor PowerNV"))
    if version in _TESTED:
        found.append(ok(f"kernel {host.release}: of a version that is tested"))
    else:
        names = " and ".join(f"{a}.{b}" for a, b in _TESTED)
        found.append(warn(f"kernel {host.release}: not tested ({names} are)",
                          "the driver compares itself with the kernel and does "
                          "not load where it does not fit"))
    if host.exists("sys/kernel/btf/vmlinux"):
        found.append(ok("the kernel has type information (BTF)"))
    else:
        found.append(bad("the kernel has no type information (BTF), so the "
                         "driver cannot see if it fits and does not load",
                         "use a kernel with CONFIG_DEBUG_INFO_BTF; at your own "
                         "risk the option unchecked_vfio=1 loads it"))
    return found


def settings(host):
    for folder in _MODPROBE:
        for name in host.list(folder):
            if name.endswith(".conf"):
                for line in host.text(f"{folder}/{name}").splitlines():
                    yield f"/{folder}/{name}", line.split("#")[0].split()


def _installed(host, name):
    text = host.text(f"lib/modules/{host.release}/modules.dep")
    return re.search(rf"(^|/){name}\.ko[^/\n]*:", text, re.M) is not None


def _would_be(host):
    """Nothing is loaded: what vfio would bring."""
    chosen, listed = None, None
    for place, words in settings(host):
        replaces = words[:2] == ["install", driver.IN_TREE]
        if replaces and driver.OURS in " ".join(words):
            chosen = place
        if words[:2] == ["blacklist", driver.OURS]:
            listed = place
    if not _installed(host, driver.OURS):
        return bad("vfio_tce is neither loaded nor installed for this kernel",
                   _INSTALL)
    if listed:
        return bad(f"{listed} forbids vfio_tce",
                   "remove the line, modprobe vfio_tce")
    if chosen:
        return ok(f"vfio_tce is installed and comes with vfio ({chosen})")
    return warn("vfio_tce is installed, but vfio would bring the in-tree "
                "driver", _INSTALL)


def _newer(host):
    """The driver on disk is not the one that runs."""
    loaded = host.text("sys/module/vfio_tce/srcversion")
    disk = (host.output("modinfo", "-F", "srcversion", driver.OURS)
            or "").strip()
    if not loaded or not disk or loaded == disk:
        return []
    return [warn("another build of vfio_tce is installed than the one that is "
                 "loaded", "when no guest uses it: modprobe -r vfio_tce && "
                 "modprobe vfio_tce")]


def _in_use(host):
    ours = driver.loaded(host, driver.OURS)
    other = driver.loaded(host, driver.IN_TREE)
    if ours and other:
        return [warn("vfio_tce and the in-tree driver are both loaded: "
                     "VFIO asks the one that came last",
                     f"when no guest runs: modprobe -r {driver.IN_TREE}")]
    if other:
        return [warn("the in-tree driver vfio_iommu_spapr_tce is loaded",
                     f"when no guest runs: modprobe -r {driver.IN_TREE} && "
                     "modprobe vfio_tce"), _would_be(host)]
    if not ours:
        return [_would_be(host)]
    version = driver.version(host) or "of unknown version"
    found = [ok(f"vfio_tce {version} is loaded"), *_newer(host)]
    if driver.version(host) and driver.version(host) != VERSION:
        found.append(warn(f"this tool is {VERSION}, the driver {version}",
                          "install the tool that came with the driver"))
    return found


def driver_in_use(host):
    found = _in_use(host)
    if driver.loaded(host, "vfio_pci"):
        found.append(ok("vfio-pci is loaded"))
    else:
        found.append(warn("vfio-pci is not loaded", "modprobe vfio-pci"))
    if not driver.loaded(host, driver.OURS):
        enforced = host.text("sys/module/module/parameters/sig_enforce") == "Y"
        locked = "[none]" not in host.text("sys/kernel/security/lockdown",
                                           "[none]")
        if enforced or locked:
            found.append(warn("this kernel loads signed modules only",
                              "have DKMS sign it with a key that the kernel "
                              "trusts: README, \"signed modules\""))
    elif not driver.debugfs_mounted(host):
        found.append(warn("debugfs is not mounted: vfio-tce status has nothing "
                          "to show", "mount -t debugfs none /sys/kernel/debug"))
    return found


def known(host):
    """What others' code has for this kernel; it does not count."""
    if host.arch != "ppc64le":
        return []
    version, notes = _version(host), []
    if version < (7, 0):
        notes.append("KVM lets a guest write past the end of KVM's own table "
                     "of a window if the VMM made it too small (QEMU does not; "
                     "Linux 7 mends it)")
    if version >= (7, 0):
        notes.append("a guest's NVMe gets no interrupts any more once the "
                     "guest has rebooted (seen with 7.2)")
    if version >= (7, 0) or "PREEMPT" in host.text("proc/sys/kernel/version"):
        notes.append("a VMM that closes a KVM table while its guest uses it "
                     "can crash a kernel that preempts")
    notes.append("there is no iommufd for POWER: programs must use VFIO's "
                 "groups and containers (/dev/vfio/N)")
    return notes

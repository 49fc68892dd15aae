"""Which driver for TCE tables this host has, and what can be read of it."""

import errno

from . import books
from .problem import DATA, NOPERM, UNAVAILABLE, Problem

OURS = "vfio_tce"
IN_TREE = "vfio_iommu_spapr_tce"
DEBUGFS = "sys/kernel/debug"
FOLDER = f"{DEBUGFS}/{OURS}"
_CAP_IPC_LOCK = 14      # linux/capability.h
_MOUNT = "mount -t debugfs none /sys/kernel/debug"


def loaded(host, name):
    """True if the module is loaded; /proc/modules says so for any user."""
    if host.exists(f"sys/module/{name}"):
        return True
    words = (line.split() for line in host.text("proc/modules").splitlines())
    return any(each and each[0] == name for each in words)


def version(host):
    return host.text(f"sys/module/{OURS}/version")


def debugfs_mounted(host):
    words = (line.split() for line in host.text("proc/mounts").splitlines())
    return any(len(each) > 2 and each[2] == "debugfs" for each in words)


def _none(host):
    if loaded(host, IN_TREE):
        return Problem("the in-tree driver, vfio_iommu_spapr_tce, is "
                       "loaded, not vfio_tce: it keeps no books (vfio-tce "
                       "check)")
    return Problem("the driver vfio_tce is not loaded (vfio-tce check says "
                   "what is missing)")


def _denied(host, what):
    if not host.is_root:
        return Problem(f"{what} is for root only: run this with sudo", NOPERM)
    return Problem(f"the kernel does not let even root read {what}: it is "
                   "locked down (/sys/kernel/security/lockdown)", NOPERM)


def read(host, name):
    """A file of the driver's debugfs folder; Problem says why not."""
    if not loaded(host, OURS):
        raise _none(host)
    place = f"{FOLDER}/{name}"
    try:
        return host.read(place)
    except OSError as why:
        if why.errno in (errno.EACCES, errno.EPERM):
            raise _denied(host, f"/{place}") from why
        if why.errno not in (errno.ENOENT, errno.ENOTDIR):
            raise Problem(f"/{place} cannot be read: {why.strerror}") from why
    if not debugfs_mounted(host):
        raise Problem(f"debugfs is not mounted: {_MOUNT}")
    if host.exists(FOLDER):
        raise Problem(f"the driver that is loaded (version "
                      f"{version(host) or '?'}) "
                      f"has no file /{place}: it is not of this tool's version",
                      DATA)
    raise Problem(f"vfio_tce is loaded, but there is no /{FOLDER}", UNAVAILABLE)


def _exempt(host, pid):
    """True if the kernel does not hold the process to RLIMIT_MEMLOCK."""
    for line in host.text(f"proc/{pid}/status").splitlines():
        name, _, value = line.partition(":")
        if name == "CapEff":
            try:
                return bool(int(value, 16) >> _CAP_IPC_LOCK & 1)
            except ValueError:
                return False
    return False


def containers(host):
    found = books.parse(read(host, "containers"))
    for each in found:
        each.exempt = _exempt(host, each.pid)
    return found


def stats(host):
    """The counters by name; those that are no numbers are left out."""
    found = {}
    for line in read(host, "stats").splitlines():
        name, _, value = line.partition(" ")
        if value.strip().lstrip("-").isdigit():
            found[name] = int(value)
    return found

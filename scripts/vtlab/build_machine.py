"""What the build machine needs: root rights and a few Debian packages, installed when they are missing."""

import os
import shutil
import sys

from . import sh
from .log import LabError, say, step

# program that proves the package is there -> package
_PROGRAMS = {
    "qemu-system-ppc64": "qemu-system-ppc",
    "mmdebstrap": "mmdebstrap",
    "mke2fs": "e2fsprogs",
    "depmod": "kmod",
    "dpkg-deb": "dpkg",
    "unshare": "util-linux",
    "xz": "xz-utils",
    "gpgv": "gpgv",
    "spin": "spin",
    "gcc": "gcc",
}
_FILES = {
    "/usr/include/stdio.h": "libc6-dev",
    "/usr/share/qemu/vof.bin": "qemu-system-data",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
}


def _have(program):
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def become_root():
    """The build roots are chroots, so the lab runs as root; sudo is used when the caller is somebody else."""
    if os.geteuid() == 0:
        os.environ["PATH"] = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"
        return
    if not _have("sudo"):
        raise LabError("the lab makes chroots and mounts: run it as root, or install sudo")
    keep = [f"{name}={os.environ[name]}" for name in ("XDG_CACHE_HOME", "HOME", "PATH") if name in os.environ]
    os.execvp("sudo", ["sudo", "env", *keep, sys.executable, *sys.argv])


def give_back(path):
    """What was made in the user's tree under sudo belongs to the user."""
    if "SUDO_UID" in os.environ:
        sh.run(["chown", "-hR", f"{os.environ['SUDO_UID']}:{os.environ['SUDO_GID']}", path])


def update_indexes():
    with step("apt-get update"):
        sh.run(["apt-get", "-q", "-o", "Acquire::Retries=5", "-o", "DPkg::Lock::Timeout=900", "update"], timeout=900)


def ensure_packages():
    """Installs what is missing on a bare Debian 12."""
    missing = {package for program, package in _PROGRAMS.items() if not _have(program)}
    missing |= {package for path, package in _FILES.items() if not os.path.exists(path)}
    if not missing:
        return
    say(f"missing on this machine: {' '.join(sorted(missing))}")
    update_indexes()
    with step("apt-get install " + " ".join(sorted(missing))):
        sh.run(["apt-get", "-q", "-y", "-o", "Acquire::Retries=5", "-o", "DPkg::Lock::Timeout=900", "install",
                "--no-install-recommends", *sorted(missing)],
               env={"DEBIAN_FRONTEND": "noninteractive"}, timeout=1800)

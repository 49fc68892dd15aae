"""The file system of an emulated POWER host: Debian with QEMU in it, as an ext4 image."""

import dataclasses
import functools

from . import cache, mmdebstrap, sh
from .log import LabError, step

_RECIPE = 1
_SUITE = "trixie"
_PACKAGES = """
    bash libc-bin coreutils sed grep gawk util-linux mount kmod liblzma5 procps iproute2 pciutils busybox-static
    qemu-system-ppc qemu-system-data python3
""".split()

# Directories of the module tree that an emulated POWER host has no use for.
PRUNED = """
    sound drivers/gpu drivers/media drivers/infiniband drivers/net/wireless drivers/staging drivers/iio drivers/usb
    drivers/hwmon drivers/hid drivers/input drivers/isdn drivers/mtd drivers/video drivers/bluetooth drivers/leds
    drivers/power drivers/scsi drivers/target drivers/md drivers/ata drivers/net/usb drivers/net/can net/bluetooth
    net/wireless net/mac80211 net/netfilter net/sctp net/ceph net/tipc fs/btrfs fs/xfs fs/ocfs2 fs/gfs2 fs/nfs fs/nfsd
    fs/smb fs/ceph fs/f2fs fs/bcachefs fs/afs fs/jfs fs/ntfs3
""".split()


@dataclasses.dataclass(frozen=True)
class Extra:
    """What a host has besides: packages, and packages of other suites, each suite in a folder of its own."""
    packages: tuple = ()
    beside: tuple = ()          # (suite, packages): unpacked in /SUITE, to be run with chroot


_NOTHING = Extra()


@functools.cache
def host_tree(extra=_NOTHING):
    """The unpacked packages of the host, without a kernel."""
    packages = [*_PACKAGES, *extra.packages]
    key = cache.digest(_RECIPE, _SUITE, packages, *([extra.beside] if extra.beside else []))

    def build(path):
        with step(", ".join([f"unpacking a ppc64el {_SUITE} with QEMU", *extra.packages])):
            mmdebstrap.extract(_SUITE, "ppc64el", packages, path)
            (path / "usr/bin/awk").symlink_to("gawk")
            for suite, more in extra.beside:
                mmdebstrap.extract(suite, "ppc64el", more, path / suite)
            for room in (path, *(path / suite for suite, _ in extra.beside)):
                for name in ("proc", "sys", "dev", "tmp", "run", "root", "lab", "mnt"):
                    (room / name).mkdir(exist_ok=True)

    return cache.entry("roots", f"{_SUITE}-ppc64el-{key}", build)


def add_modules(target, tree):
    """Puts the kernel's modules into a tree, without those that an emulated POWER host has no use for."""
    modules = tree / "lib/modules" / target.release
    modules.parent.mkdir(parents=True, exist_ok=True)
    sh.run(["cp", "-a", target.module_tree, modules])
    for name in PRUNED:
        cache.remove(modules / "kernel" / name)
    sh.run(["depmod", "-b", tree, target.release])


def host_image(target, extra=_NOTHING):
    """An ext4 image, never written to: host_tree(), the kernel's modules and its vmlinux as /boot/vmlinux."""
    if not target.image:
        raise LabError(f"{target.name} is no kernel of Debian's: no host's image is made with it")
    tree = host_tree(extra)
    key = cache.digest(tree.name, target.image.name, PRUNED)

    def build(path):
        with step(f"making the host's image for {target.release}"):
            room = path.parent / "tree"
            sh.run(["cp", "-a", "--reflink=auto", tree, room])
            add_modules(target, room)
            (room / "boot").mkdir(exist_ok=True)
            sh.run(["cp", target.vmlinux, room / "boot/vmlinux"])
            used = int(sh.output(["du", "-sm", room]).split()[0])
            sh.run(["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-d", room, path,
                    f"{used + used // 6 + 64}M"])
            cache.remove(room)

    return cache.entry("images", f"host-{target.release}-{key}.ext4", build)

"""The source of Debian's kernel, unpacked once: what the lab configures and builds kernels from.

Builds never write into it (O=), so the KUnit kernels, the clang tree and the checkers share one copy. Most of a kernel's
source is drivers that no build here compiles; of those only the Kconfig and Makefiles are kept.
"""

import pathlib
import shlex

from . import apt, cache, kernel, kernels, sh
from .log import step

INSIDE = "/usr/src/linux-source"    # where binds() shows it in a build root

# Folders of which no .c and .h is ever compiled.
_UNUSED = """
    drivers/accel drivers/ata drivers/bluetooth drivers/clk drivers/crypto drivers/gpu drivers/hid drivers/hwmon drivers/iio
    drivers/infiniband drivers/input drivers/isdn drivers/leds drivers/md drivers/media drivers/mfd drivers/mmc drivers/mtd
    drivers/net drivers/phy drivers/pinctrl drivers/platform drivers/regulator drivers/scsi drivers/soc drivers/staging
    drivers/thunderbolt drivers/usb drivers/video fs/bcachefs fs/btrfs fs/ceph fs/ext4 fs/f2fs fs/nfs fs/nfsd fs/ntfs3 fs/ocfs2
    fs/smb fs/xfs samples sound tools/perf tools/testing
""".split()
_RECIPE = 1     # count up when the unpacking changes


def reference():
    """The stock kernel whose source this is: the first of kernels.conf."""
    return kernels.get(next(iter(kernel.table())))


def package_version():
    return reference().version


def _package(stock):
    return f"linux-source-{'.'.join(stock.version.split('.')[:2])}"


def _unpack(stock, path, selection):
    """Unpacks what tar's words in selection leave of a kernel's source."""
    package = _package(stock)
    deb = apt.suite(stock.suite_name).fetch(package, "all", stock.version)
    with step(f"unpacking {package} {stock.version}"):
        path.mkdir()
        sh.run(["bash", "-o", "pipefail", "-c",
                f"dpkg-deb --fsys-tarfile {shlex.quote(str(deb))} | tar -xO ./usr/src/{package}.tar.xz"
                f" | xz -dc -T0 | tar -x -C {shlex.quote(str(path))} --wildcards --strip-components=1 "
                + " ".join(map(shlex.quote, selection))])


def tree():
    """The directory with the source."""
    stock = reference()
    package = _package(stock)

    def build(path):
        unused = [f"*/{folder}/*.[chS]" for folder in _UNUSED]
        unused += ["*/Documentation/*/*.rst", "*/Documentation/*.yaml", "*/arch/*.dts*"]
        _unpack(stock, path, [f"--exclude={pattern}" for pattern in unused])

    return cache.entry("kernels", f"{package}-{cache.digest(_RECIPE, stock.version, _UNUSED)}", build)


def folder(stock, name):
    """One folder of the source of any stock kernel."""
    if stock.version == package_version():
        return tree() / name

    def build(path):
        _unpack(stock, path, [f"*/{name}/*"])

    return cache.entry("kernels", f"{_package(stock)}-part-{cache.digest(stock.version, name)}", build) / name


def binds():
    return [(tree(), INSIDE, False)]


def program(name):
    """A script of the kernel's, for example scripts/checkpatch.pl, as a path inside a build root."""
    return str(pathlib.PurePosixPath(INSIDE) / name)

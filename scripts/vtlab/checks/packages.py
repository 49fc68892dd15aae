"""The tarball builds, and the packages of Debian do what they should, from the first version to the purge.

They are installed, upgraded and purged in an emulated ppc64el Debian. Hosts boot with the disks and with the initramfs
images that this leaves: a KVM guest runs on our driver, and on the in-tree driver after the purge.
"""

import concurrent.futures
import pathlib
import tempfile

from .. import cache, demo, dkms_machine, kernels, module, packages, power_host, qemu, sh
from ..initramfs import Initramfs
from ..log import LabError, say, step
from . import Counts, check

_KERNEL = "6.12-64k"        # with pages of 4 KiB the in-tree driver refuses QEMU
_BEFORE = "0.0.9"           # a lower version than any
_PACKAGES = "python3 initramfs-tools-core dracut-core".split()
_KNOWN = "dkms g++ kmod python3".split()        # what the packages depend on, and nothing else
_DRIVERS = {"installed": (demo.OURS, demo.IN_TREE), "purged": (demo.IN_TREE, demo.OURS)}
# How the two kinds of initramfs come to our script, once they have loaded what they are told to.
_HOOKS = {
    "initramfs-tools": ("scripts/lab", "mountroot() { . /lab/report; }\n", "boot=lab root=/dev/null"),
    "dracut": ("var/lib/dracut/hooks/cmdline/99-lab.sh", ". /lab/report\n", "root=/dev/null"),
}
_IMAGES = (("installed", "initramfs-tools"), ("installed", "dracut"), ("purged", "initramfs-tools"))
_TIMEOUT_S = 300


@check("dist", "the tarball of a release is the same each time, and the module builds from it", order=50)
def dist():
    with tempfile.TemporaryDirectory() as room:
        tar = packages.tarball()
        if tar.read_bytes() != packages.tarball(pathlib.Path(room)).read_bytes():
            raise LabError("the same tree made two tarballs that differ")
        sh.run(["tar", "-xzf", tar, "-C", room])
        name = tar.name.removesuffix(".tar.gz")
        cache.remove(module.OUT / _KERNEL / name)       # an object of before would do for a source that is missing
        [built] = module.build(_KERNEL, directory=pathlib.Path(room) / name)
    [version] = power_host.module_info(built, "version")
    return Counts(passed=int(version == packages.version()), failed=int(version != packages.version()), note=tar.name)


def _session(tally, target, out):
    """Runs packages-root.sh, which leaves files in out."""
    tar = packages.tarball()
    for each in (tar, packages.older(tar, _BEFORE)):
        packages.debs(each)
        tally.say(True, f"{each.name}: built, and lintian is content")
    machine = dkms_machine.tree("packages", [target], packages=_PACKAGES, known=_KNOWN)
    with step(f"packages on an emulated machine, for {target.release}"):
        code, lines = dkms_machine.run(
            machine, "packages-root.sh", out, running=target, binds=[(packages.OUT, "/packages", False)],
            env={"VERSION": packages.version(), "BEFORE": _BEFORE})
    tally.session(code, lines, out)


def _boot_initramfs(target, image, state, kind):
    """Boots a kernel with an initramfs that mkinitramfs or dracut made, and asks for the drivers in it."""
    wanted, unwanted = _DRIVERS[state]
    hook, text, append = _HOOKS[kind]
    directory = power_host.run_directory(f"initramfs-{kind}-{state}")
    ours, whole = directory / "ours", directory / "initrd"
    more = Initramfs()
    more.data(hook, text, 0o755)
    more.data("lab/report", (power_host.SCRIPTS / "initramfs-report.sh").read_text())
    more.data("lab/settings", f"wanted={wanted}\nunwanted={unwanted}\n")
    more.file("lab/busybox", power_host.busybox(), 0o755)
    more.write(ours)
    theirs = image.read_bytes()
    whole.write_bytes(theirs + bytes(-len(theirs) % 512) + ours.read_bytes())
    ours.unlink()
    return power_host.boot_image(target, whole, machine=qemu.Machine(), append=append, timeout=_TIMEOUT_S,
                                 directory=directory)


@check("packages", "packages installed, upgraded and purged; a guest runs on our driver, then on the in-tree driver",
       order=60, by_name_only=True)
def check_packages():
    target, tally = kernels.get(_KERNEL), dkms_machine.Tally()
    out = dkms_machine.fresh(module.OUT / "packages-check")
    _session(tally, target, out)
    if tally.counts.failed:
        return tally.counts
    with step(f"booting {len(_IMAGES)} of the initramfs images"), concurrent.futures.ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda image: _boot_initramfs(target, out / f"{'-'.join(image)}.img", *image), _IMAGES))
    for (state, kind), outcome in zip(_IMAGES, outcomes):
        say(f"    initramfs of {kind}, packages {state}: {outcome.seconds:.0f} s")
        tally.boot(f"initramfs of {kind}, packages {state}", outcome)
    for state, (driver, _) in _DRIVERS.items():
        failures = demo.run_and_judge(_KERNEL, driver, left=out / f"{state}-{target.release}.tar")
        tally.say(not failures, f"packages {state}: a guest runs on {driver}")
    return tally.counts

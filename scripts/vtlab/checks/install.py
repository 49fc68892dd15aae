"""`make` and `make install` as on a POWER host, and what modprobe makes of the result."""

from .. import cache, image, kernels, module, power_host, qemu
from ..log import LabError, step
from . import Counts, check

_KERNEL = "6.12-4k"
_SCRIPT = power_host.SCRIPTS / "install.sh"


def _installed(target):
    """Runs the Makefile's own targets against the kernel's headers; the installed files by name."""
    tree = module.OUT / _KERNEL / "install"
    tree.mkdir(parents=True, exist_ok=True)
    place = tree / "installed"
    cache.remove(place)
    module.mirror_sources(module.TREE, ("Makefile", "Kbuild", "dkms.conf", "include", "src", "scripts"), tree)
    with step("make, make install"):
        target.root().compile(["make", "-s", "module", "install", f"KVER={target.release}", f"KDIR={target.headers_dir}",
                               "INSTALL_MOD_PATH=/out/installed", "DESTDIR=/out/installed", *module.make_words()],
                              cwd="/out", binds=[*target.binds(), (tree, "/out", True)])
    files = {path.name: path for path in place.rglob("*") if path.name.startswith(("vfio_tce.ko", "vfio-tce.conf"))}
    if len(files) != 2:
        raise LabError(f"make install installed {sorted(files)}")
    return files


@check("install", "make and make install work, and vfio loads this driver in place of the kernel's own")
def install():
    target = kernels.get(_KERNEL)
    modules = power_host.Modules(target)
    modules.stock("overlay")
    counts = Counts()

    def count(line):
        nonlocal counts
        print(f"  {line}")
        counts += Counts(passed=int(line.startswith("ok")), failed=int(line.startswith("not ok")))

    files = _installed(target)
    with step("booting a host that has it installed"):
        outcome = power_host.boot(target, modules=modules, files=files, script=_SCRIPT.read_text(), on_line=count,
                                  machine=qemu.Machine(image=image.host_image(target)), timeout=180)
    if outcome.why() and not counts.failed:
        power_host.report(outcome)
        counts += Counts(failed=1, note=outcome.why())
    return counts

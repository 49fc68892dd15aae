"""DKMS builds, installs and removes the module, and hosts with the disks that it leaves load the right driver.

DKMS runs in an emulated ppc64el Debian, and leaves a machine with one kernel, with two, and after it is removed.
"""

import concurrent.futures
import re

from .. import cache, client, dkms_machine, image, kernels, module, packages, power_host, qemu
from ..log import LabError, say, step
from . import Counts, check

_FIRST, _SECOND = "6.12-4k", "6.12-64k"       # of that suite; the second one's headers are installed later
_IN_HOST = power_host.SCRIPTS / "dkms-host.sh"
_EDU = "edu,dma_mask=0xffffffffffffffff"
_TIMEOUT_S = 300


# Where else the version stands: file -> how (the first place, or all of them).
_VERSIONS = {
    "README.md": (r"\bvfio-tce[/-](\d[\w.]*\w)", False),
    "scripts/packaging/debian/changelog": (r"^vfio-tce \((.*)-\d+\) ", True),
    "scripts/packaging/vfio-tce.spec": (r"^Version: +([\d.]+)", False),
    "scripts/tool/vfio_tce/__init__.py": (r'^VERSION = "(.*)"$', False),
}


def _told(path, pattern, first):
    found = re.findall(pattern, path.read_text(), re.M)
    if not found:
        raise LabError(f"{path.name} does not say which version it is")
    return set(found[:1] if first else found)


@check("versions", "dkms.conf, README, changelog, packages and tool name one version", order=10)
def versions():
    counts, wanted = Counts(), packages.version()
    for name, how in _VERSIONS.items():
        wrong = _told(module.TREE / name, *how) - {wanted}
        if wrong:
            print(f"versions: {name} says {', '.join(sorted(wrong))}, dkms.conf {wanted}")
        counts += Counts(passed=int(not wrong), failed=int(bool(wrong)))
    return counts + Counts(note=wanted)


class _Session:
    """One run of dkms-root.sh. Its files are in .directory: output.log, *.log of DKMS, tar files of the states."""

    def __init__(self):
        self.first, self.second = kernels.get(_FIRST), kernels.get(_SECOND)
        self.directory = module.OUT / "dkms"
        self.out = self.directory / "out"
        with cache.lock(module.OUT / ".locks" / "dkms"):
            self._run()

    def _run(self):
        source = dkms_machine.fresh(self.directory / "source")
        dkms_machine.fresh(self.out)
        dkms_machine.copy_of_the_tree(source)
        [headers] = [deb for deb in self.second.native_dev_debs() if "-headers-" in deb.name and "common" not in deb.name]
        machine = dkms_machine.tree("dkms", (self.first, self.second))
        with step(f"DKMS on an emulated machine, for {self.first.release} and {self.second.release}"):
            self.code, self.lines = dkms_machine.run(
                machine, "dkms-root.sh", self.out, running=self.first,
                binds=[(source, "/root/vfio-tce", False), (headers.parent, "/debs", False)],
                env={"SECOND": self.second.release, "HEADERS": f"/debs/{headers.name}"})


def _boot(session, program, target, states, enforced):
    modules = power_host.Modules(target)
    modules.stock("overlay")
    files = {f"{state}.tar": session.out / f"{state}-{target.release}.tar" for state in states}
    settings = f"states='{' '.join(states)}'\nenforced={'yes' if enforced else 'no'}\n"
    machine = qemu.Machine(image=image.host_image(target), phbs=3, cpus=2,
                           devices=(f"{_EDU},bus=phb1.0", f"{_EDU},bus=phb2.0"))     # the disk is in the first's group
    return power_host.boot(target, modules=modules, files={**files, "client": program,
                      "enter.sh": power_host.SCRIPTS / "enter.sh"}, data={"settings": settings},
                      script=_IN_HOST.read_text(), machine=machine, timeout=_TIMEOUT_S,
                      append="module.sig_enforce=1" if enforced else "")


@check("dkms", "DKMS builds it for every kernel, vfio loads it, and dkms remove leaves nothing", order=60,
       by_name_only=True)
def check_dkms():
    tally = dkms_machine.Tally()
    session = _Session()
    tally.session(session.code, session.lines, session.out)
    if tally.counts.failed:
        return tally.counts
    boots = ((session.first, ("installed", "removed"), False), (session.second, ("installed",), False),
             (session.first, ("installed",), True))
    program = client.binary()
    with step(f"booting {len(boots)} hosts with what DKMS left"), concurrent.futures.ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda boot: _boot(session, program, *boot), boots))
    for (target, _, enforced), outcome in zip(boots, outcomes):
        say(f"    {target.release}{', module.sig_enforce=1' if enforced else ''}: {outcome.seconds:.0f} s")
        tally.boot(target.name, outcome)
    return tally.counts

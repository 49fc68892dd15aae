"""DKMS builds, installs and removes the module, and hosts with the disks that it leaves load the right driver.

DKMS runs in an emulated ppc64el Debian, and leaves a machine with one kernel, with two, and after it is removed.
"""

import concurrent.futures
import re
import shutil

from .. import cache, client, emulated, image, kernels, mmdebstrap, module, packages, power_host, qemu, sh
from ..log import LabError, say, step
from . import Counts, check

_RECIPE = 1
_SUITE = "trixie"
_FIRST, _SECOND = "6.12-4k", "6.12-64k"       # of that suite; the second one's headers are installed later
_PACKAGES = """
    bash coreutils sed grep gawk tar gzip xz-utils zstd findutils diffutils util-linux libc-bin dpkg debianutils perl
    kmod linux-base dkms make gcc gcc-14 g++ g++-14 openssl ccache
    pahole libelf1t64 libssl3t64 zlib1g
""".split()
_IN_ROOT = power_host.SCRIPTS / "dkms-root.sh"
_IN_HOST = power_host.SCRIPTS / "dkms-host.sh"
_EDU = "edu,dma_mask=0xffffffffffffffff"
_TIMEOUT_S = 300
# What nobody should have to read in the logs of DKMS and make.
_COMPLAINT = re.compile(r"warning|\berror\b|deprecat|not found|cannot|can't|fail|Skipping BTF|won't be|not executable"
                        r"|no such file|syntax", re.I)


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


def _tree():
    """A machine with DKMS, both kernels' modules, and the headers of the first."""
    first, second = kernels.get(_FIRST), kernels.get(_SECOND)
    debs = [deb.name for deb in first.native_dev_debs()]
    key = cache.digest(_RECIPE, _SUITE, _PACKAGES, debs, first.image.name, second.image.name, image.PRUNED)

    def build(path):
        with step(f"making a ppc64el {_SUITE} with DKMS"):
            mmdebstrap.extract(_SUITE, "ppc64el", _PACKAGES, path)
            (path / "usr/bin/awk").symlink_to("gawk")
            (path / "var/lib/dpkg/status").touch()
            for target in (first, second):
                image.add_modules(target, path)
                for name in ("config", "System.map"):
                    shutil.copy(target.image / f"boot/{name}-{target.release}", path / "boot")
            for deb in first.native_dev_debs():
                sh.run(["dpkg-deb", "-x", deb, path])

    return cache.entry("roots", f"{_SUITE}-dkms-{key}", build)


class _Session:
    """One run of dkms-root.sh. Its files are in .directory: output.log, *.log of DKMS, tar files of the states."""

    def __init__(self):
        self.first, self.second = kernels.get(_FIRST), kernels.get(_SECOND)
        self.directory = module.OUT / "dkms"
        with cache.lock(module.OUT / ".locks" / "dkms"):
            self._run()

    def _run(self):
        source, out = self.directory / "source", self.directory / "out"
        for path in (source, out):
            cache.remove(path)
            path.mkdir(parents=True)
        module.mirror_sources(module.TREE, (".",), source)
        (source / ".sources").unlink()      # the lab's own list
        ccache = cache.top() / "ccache-ppc64el"
        ccache.mkdir(exist_ok=True)
        [headers] = [deb for deb in self.second.native_dev_debs() if "-headers-" in deb.name and "common" not in deb.name]
        tree = _tree()
        with step(f"DKMS on an emulated machine, for {self.first.release} and {self.second.release}"):
            self.code, text = emulated.run(
                tree, ["bash", f"/scripts/{_IN_ROOT.name}"],
                binds=[(source, "/root/vfio-tce", False), (out, "/out", True), (ccache, "/ccache", True),
                       (_IN_ROOT.parent, "/scripts", False), (headers.parent, "/debs", False)],
                env={"QEMU_UNAME": self.first.release, "SECOND": self.second.release, "HEADERS": f"/debs/{headers.name}",
                     "DEBIAN_KERNEL_USE_CCACHE": "1", "CCACHE_DIR": "/ccache", "CCACHE_MAXSIZE": "200M"})
        (out / "output.log").write_text(text)
        self.lines = text.splitlines()
        self.out = out


class _Tally:
    def __init__(self):
        self.counts = Counts()

    def line(self, line):
        if line.startswith(("ok - ", "not ok - ")):
            print(f"  {line}")
            self.counts += Counts(passed=int(line.startswith("ok")), failed=int(line.startswith("not ok")))

    def say(self, good, text):
        self.line(f"{'ok' if good else 'not ok'} - {text}")


def _judge(session, tally):
    for line in session.lines:
        tally.line(line)
    if session.code and not tally.counts.failed:
        tally.say(False, f"the emulated machine's script ended with {session.code}: {session.lines[-1:]}")
    for path in sorted(session.out.glob("*.log")):
        lines = [line for line in path.read_text().splitlines() if not line.startswith(("ok - ", "not ok - "))]
        complaints = [line for line in lines if _COMPLAINT.search(line)]
        for line in complaints[:10]:
            print(f"    {path.name}: {line}")
        tally.say(not complaints and len(lines) > 10, f"{path.name}: {len(lines)} lines, no complaint")
    if tally.counts.failed:
        print(f"    logs: {session.out}")


def _boot(session, program, target, states, enforced):
    modules = power_host.Modules(target)
    modules.stock("overlay")
    files = {f"{state}.tar": session.out / f"{state}-{target.release}.tar" for state in states}
    settings = f"states='{' '.join(states)}'\nenforced={'yes' if enforced else 'no'}\n"
    machine = qemu.Machine(image=image.host_image(target), phbs=3, cpus=2,
                           devices=(f"{_EDU},bus=phb1.0", f"{_EDU},bus=phb2.0"))     # the disk is in the first's group
    return power_host.boot(target, modules=modules, files={**files, "client": program}, data={"settings": settings},
                      script=_IN_HOST.read_text(), machine=machine, timeout=_TIMEOUT_S,
                      append="module.sig_enforce=1" if enforced else "")


@check("dkms", "DKMS builds it for every kernel, vfio loads it, and dkms remove leaves nothing", order=60,
       by_name_only=True)
def check_dkms():
    tally = _Tally()
    session = _Session()
    _judge(session, tally)
    if tally.counts.failed:
        return tally.counts
    boots = ((session.first, ("installed", "removed"), False), (session.second, ("installed",), False),
             (session.first, ("installed",), True))
    program = client.binary()
    with step(f"booting {len(boots)} hosts with what DKMS left"), concurrent.futures.ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda boot: _boot(session, program, *boot), boots))
    for (target, _, enforced), outcome in zip(boots, outcomes):
        say(f"    {target.release}{', module.sig_enforce=1' if enforced else ''}: {outcome.seconds:.0f} s")
        before = tally.counts.failed
        for line in outcome.output:
            tally.line(line)
        if tally.counts.failed > before:
            print("\n".join(f"    {line}" for line in outcome.output), f"\n    logs: {outcome.directory}")
        if outcome.why() and tally.counts.failed == before:
            power_host.report(outcome)
            tally.say(False, f"{target.name}: {outcome.why()}")
    return tally.counts

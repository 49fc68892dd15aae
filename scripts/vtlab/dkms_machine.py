"""A ppc64el Debian with DKMS as an emulated machine, and what its scripts say there."""

import re
import shutil

from . import apt, cache, emulated, image, mmdebstrap, module, power_host, sh
from .checks import Counts
from .log import step

SUITE = "trixie"
_RECIPE = 2
_PACKAGES = """
    bash coreutils sed grep gawk tar gzip xz-utils zstd findutils diffutils util-linux libc-bin dpkg debianutils perl
    kmod linux-base dkms make gcc gcc-14 g++ g++-14 openssl ccache
    pahole libelf1t64 libssl3t64 zlib1g
""".split()
# What nobody should have to read in the logs of DKMS and make.
_COMPLAINT = re.compile(r"warning|\berror\b|deprecat|not found|cannot|can't|fail|Skipping BTF|won't be|not executable"
                        r"|no such file|syntax", re.I)


def _status(packages):
    """What dpkg would have written of packages: enough for those that depend on them."""
    suite, text = apt.suite(SUITE), ""
    for package in packages:
        record = suite.show(package, "ppc64el") or suite.show(package, "all")
        text += f"Package: {package}\nStatus: install ok installed\n"
        text += "".join(f"{field}: {record[field]}\n" for field in ("Priority", "Section", "Architecture", "Version",
                                                                    "Multi-Arch") if field in record)
        text += f"Maintainer: nobody <nobody@localhost>\nDescription: {package}\n\n"
    return text


def tree(name, kernels, *, packages=(), known=()):
    """A machine with DKMS, the kernels' modules, the headers of the first, further packages. known: those that dpkg
    knows of."""
    debs = [deb.name for deb in kernels[0].native_dev_debs()]
    everything = [*_PACKAGES, *packages]
    key = cache.digest(_RECIPE, SUITE, everything, sorted(known), debs, [each.image.name for each in kernels],
                       image.PRUNED)

    def build(path):
        with step(f"making a ppc64el {SUITE} with DKMS ({name})"):
            mmdebstrap.extract(SUITE, "ppc64el", everything, path)
            (path / "usr/bin/awk").symlink_to("gawk")
            (path / "var/lib/dpkg/info").mkdir(exist_ok=True)
            (path / "var/lib/dpkg/status").write_text(_status(known))
            for package in known:
                (path / f"var/lib/dpkg/info/{package}.list").touch()
            for target in kernels:
                image.add_modules(target, path)
                for file in ("config", "System.map"):
                    shutil.copy(target.image / f"boot/{file}-{target.release}", path / "boot")
            for deb in kernels[0].native_dev_debs():
                sh.run(["dpkg-deb", "-x", deb, path])

    return cache.entry("roots", f"{SUITE}-{name}-{key}", build)


def fresh(path):
    """The directory, empty."""
    cache.remove(path)
    path.mkdir(parents=True)
    return path


def run(machine, script, out, *, running, binds=(), env=None):
    """Runs a script of scripts/inside; /out is the directory out. running: the kernel that uname names.

    Returns (exit code, lines); out/output.log has them, too."""
    ccache = cache.top() / "ccache-ppc64el"
    ccache.mkdir(exist_ok=True)
    code, text = emulated.run(
        machine, ["bash", f"/scripts/{script}"],
        binds=[(out, "/out", True), (ccache, "/ccache", True), (power_host.SCRIPTS, "/scripts", False), *binds],
        env={"QEMU_UNAME": running.release, "DEBIAN_KERNEL_USE_CCACHE": "1", "CCACHE_DIR": "/ccache",
             "CCACHE_MAXSIZE": "200M", **(env or {})})
    (out / "output.log").write_text(text)
    return code, text.splitlines()


def copy_of_the_tree(path):
    """The sources as somebody has them who unpacked or cloned them."""
    module.mirror_sources(module.TREE, (".",), path)
    (path / ".sources").unlink()      # the lab's own list


class Tally:
    """Counts lines "ok - ..." and "not ok - ..."."""

    def __init__(self):
        self.counts = Counts()

    def line(self, line):
        if line.startswith(("ok - ", "not ok - ")):
            print(f"  {line}")
            self.counts += Counts(passed=int(line.startswith("ok")), failed=int(line.startswith("not ok")))

    def say(self, good, text):
        self.line(f"{'ok' if good else 'not ok'} - {text}")

    def session(self, code, lines, out):
        """What a run of a script said, and whether there are complaints in the logs that it left in out."""
        for line in lines:
            self.line(line)
        if code and not self.counts.failed:
            self.say(False, f"the emulated machine's script ended with {code}: {lines[-1:]}")
        for path in sorted(out.glob("*.log")):
            told = [line for line in path.read_text().splitlines() if not line.startswith(("ok - ", "not ok - "))]
            complaints = [line for line in told if _COMPLAINT.search(line)]
            for line in complaints[:10]:
                print(f"    {path.name}: {line}")
            self.say(not complaints and len(told) > 10, f"{path.name}: {len(told)} lines, no complaint")
        if self.counts.failed:
            print(f"    logs: {out}")

    def boot(self, name, outcome):
        """What the script of an emulated host said."""
        before = self.counts.failed
        for line in outcome.output:
            self.line(line)
        if self.counts.failed > before:
            print("\n".join(f"    {line}" for line in outcome.output), f"\n    logs: {outcome.directory}")
        if outcome.why() and self.counts.failed == before:
            power_host.report(outcome)
            self.say(False, f"{name}: {outcome.why()}")

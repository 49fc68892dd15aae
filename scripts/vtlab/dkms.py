"""DKMS in an emulated ppc64el Debian: what it leaves on a machine with one kernel, with two, and after it is removed."""

import shutil

from . import cache, emulated, guest, image, kernel, mmdebstrap, module, sh
from .log import step

_RECIPE = 1
_SUITE = "trixie"
FIRST, SECOND = "6.12-4k", "6.12-64k"       # of that suite; the second one's headers are installed later
_PACKAGES = """
    bash coreutils sed grep gawk tar gzip xz-utils zstd findutils diffutils util-linux libc-bin dpkg debianutils perl
    kmod linux-base dkms make gcc gcc-14 g++ g++-14 openssl ccache
    pahole libelf1t64 libssl3t64 zlib1g
""".split()
_SCRIPT = guest.GUEST_SCRIPTS / "dkms-root.sh"


def _tree():
    """A machine with DKMS, both kernels' modules, and the headers of the first."""
    first, second = kernel.get(FIRST), kernel.get(SECOND)
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


class Session:
    """One run of dkms-root.sh. Its files are in .directory: output.log, *.log of DKMS, tar files of the states."""

    def __init__(self):
        self.first, self.second = kernel.get(FIRST), kernel.get(SECOND)
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
                tree, ["bash", f"/scripts/{_SCRIPT.name}"],
                binds=[(source, "/root/vfio-tce", False), (out, "/out", True), (ccache, "/ccache", True),
                       (_SCRIPT.parent, "/scripts", False), (headers.parent, "/debs", False)],
                env={"QEMU_UNAME": self.first.release, "SECOND": self.second.release, "HEADERS": f"/debs/{headers.name}",
                     "DEBIAN_KERNEL_USE_CCACHE": "1", "CCACHE_DIR": "/ccache", "CCACHE_MAXSIZE": "200M"})
        (out / "output.log").write_text(text)
        self.lines = text.splitlines()
        self.out = out

"""The tarball of a release, and the packages that are built from it in a root of their own."""

import functools
import pathlib
import re
import tempfile

from . import build_machine, cache, mmdebstrap, module, root, sh
from .log import LabError, say, step

OUT = module.OUT / "packages"
SCRIPTS = module.TREE / "scripts/packaging"
_RECIPE = 1
_SUITE = "trixie"
_PACKAGES = """
    bash coreutils sed grep gawk tar gzip xz-utils findutils diffutils util-linux file perl python3 make libc-bin
    kmod man-db debhelper dh-dkms dpkg-dev lintian rpm rpmlint
""".split()
_CHANGELOG = "scripts/packaging/debian/changelog"


def version():
    """The version, where it stands."""
    return re.search(r'^PACKAGE_VERSION="(.*)"$', (module.TREE / "dkms.conf").read_text(), re.M)[1]


@functools.cache
def _root():
    def build(path):
        with step("making the root in which packages are built"):
            mmdebstrap.extract(_SUITE, "amd64", _PACKAGES, path)
            (path / "usr/bin/awk").symlink_to("gawk")
            (path / "etc/dpkg/origins/default").symlink_to("debian")
            for name in ("proc", "dev", "tmp", "run", "src", "out", "dist"):
                (path / name).mkdir(exist_ok=True)

    name = f"{_SUITE}-packaging-{cache.digest(_RECIPE, _SUITE, _PACKAGES)}"
    return root.Root(cache.entry("roots", name, build), None)


def tarball(out=OUT):
    """make dist."""
    code, text = sh.run([SCRIPTS / "dist.sh", out], check=False)
    if code:
        raise LabError(text.strip())
    return pathlib.Path(text.split()[-1])


def older(tar, lower):
    """Another tarball beside it with a lower version of the same tree, whose setting for modprobe differs."""
    current = version()
    with tempfile.TemporaryDirectory() as room:
        sh.run(["tar", "-xzf", tar, "-C", room])
        tree = pathlib.Path(room) / f"vfio-tce-{lower}"
        (pathlib.Path(room) / f"vfio-tce-{current}").rename(tree)
        for name, old, new in (("dkms.conf", f'"{current}"', f'"{lower}"'), (_CHANGELOG, f"({current}-", f"({lower}-"),
                               ("scripts/tool/vfio_tce/__init__.py", f'"{current}"', f'"{lower}"'),
                               ("scripts/modprobe.conf", "# vfio brings", "# As it was before.\n# vfio brings")):
            text = (tree / name).read_text()
            if old not in text:
                raise LabError(f"{name} does not hold {old}")
            (tree / name).write_text(text.replace(old, new, 1))
        made = tar.parent / f"vfio-tce-{lower}.tar.gz"
        sh.run(["tar", "-C", room, "-czf", made, tree.name])
    return made


def _build(script, tar, out):
    """What the script makes of a tarball: (files in out, what it said). The same tarball is built once."""
    builder = _root()

    def build(path):
        path.mkdir()
        with step(f"building packages of {tar.name}: {script}"):
            binds = [(SCRIPTS, "/src", False), (tar.parent, "/dist", False), (path, "/out", True)]
            code, text = builder.run(["sh", f"/src/{script}", f"/dist/{tar.name}", "/out"], check=False, binds=binds)
            if code:
                raise LabError(f"{script} ended with {code}\n{sh.tail(text, 60)}")
        (path / "said").write_text(text)

    out.mkdir(parents=True, exist_ok=True)
    kept, made = cache.entry("packages", cache.digest(builder.path.name, SCRIPTS / script, tar), build), []
    for path in sorted(kept.glob("vfio-tce*")):
        sh.run(["cp", path, out])
        made.append(out / path.name)
        say(f"    {path.name}, {path.stat().st_size // 1024} KiB")
    build_machine.give_back(module.OUT)
    return made, (kept / "said").read_text()


def debs(tar, out=OUT):
    """(the .deb files of a tarball, what lintian said); LabError when it had anything to say but hints."""
    return _build("deb.sh", tar, out)


def rpms(tar, out=OUT):
    """(the .rpm files of a tarball, what rpmlint said)."""
    return _build("rpm.sh", tar, out)

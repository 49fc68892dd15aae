"""Building kernel modules for a kernel of the lab, in a copy of the sources outside the tracked tree."""

import os
import pathlib
import re
import shutil

from . import build_machine, cache, kernels, sh
from .log import LabError, say, step

TREE = pathlib.Path(__file__).resolve().parent.parent.parent
OUT = TREE / "build"

# What a module of this project is built from; everything else in the tree is none of its business.
SOURCES = ("Kbuild", "Makefile", "dkms.conf", "include", "src", "kunit", "scripts/check-compiler.sh", "scripts/check-engine-o.sh",
           "scripts/pahole-c.sh")
_PRODUCT = re.compile(r"\.(o|ko|mod|mod\.c|cmd|a|symvers|order|d)$")
_COMPLAINT = re.compile(r"warning:|WARNING:|\berror:|\bERROR:|Skipping BTF", re.I)


def version():
    """Of the project, which stands in dkms.conf."""
    found = re.search(r'^PACKAGE_VERSION="(.*)"$', (TREE / "dkms.conf").read_text(), re.M)
    if not found:
        raise LabError("dkms.conf does not say which version it is")
    return found[1]


def _files(source):
    if source.is_file():
        yield source
        return
    for folder, subs, names in os.walk(source):
        subs[:] = sorted(sub for sub in subs if sub not in (".git", "build"))
        for name in sorted(names):
            if not _PRODUCT.search(name) and not name.startswith("."):
                yield pathlib.Path(folder) / name


def mirror_sources(base, sources, target):
    """Makes target hold the sources of base; unchanged files keep their times, so that make has little to do."""
    manifest = target / ".sources"
    before = set(manifest.read_text().splitlines()) if manifest.exists() else set()
    now = set()
    for source in sources:
        for path in _files(base / source):
            name = str(path.relative_to(base))
            now.add(name)
            copy = target / name
            if copy.exists() and copy.read_bytes() == path.read_bytes():
                continue
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
            shutil.copymode(path, copy)
    for gone in before - now:
        (target / gone).unlink(missing_ok=True)
    manifest.write_text("\n".join(sorted(now)) + "\n")


def make_words(make_args=()):
    """What make takes to build for POWER, here; make_args can say LLVM=1. The compiler is called through ccache."""
    compiler = "clang" if "LLVM=1" in make_args else "powerpc64le-linux-gnu-gcc"
    return ["ARCH=powerpc", "CROSS_COMPILE=powerpc64le-linux-gnu-", "DEB_BUILD_ARCH=amd64", f"CC=ccache {compiler}",
            f"-j{os.cpu_count()}", *make_args]


def build(kernel_name, *, directory=None, variant="", make_args=(), extra=None, debug=False):
    """Builds the modules of directory (the tree's top when None) with W=1 and returns the .ko files.

    directory: a folder of the tree (kunit, ...; it is built inside a copy of all sources) or any folder elsewhere.
    Any warning is an error. variant names a build directory of its own for other make_args. extra: folder of the tree
    -> a folder from elsewhere that is copied there. debug: make DEBUG=1, in a build directory of its own.
    """
    target_kernel = kernels.get(kernel_name)
    make_args = (*target_kernel.make_args, *make_args)
    if debug and directory is not None:
        raise LabError("only the module itself is built for debuggers")
    if debug:
        variant = "-".join(filter(None, (variant, "debug")))
        make_args += ("DEBUG=1",)
    sub = "."
    if directory is None or TREE in (path := pathlib.Path(directory).resolve(), *path.parents):
        base, sources, name = TREE, [s for s in SOURCES if (TREE / s).exists()], "module"
        if directory is not None:
            sub = str(path.relative_to(TREE))
            name = sub.replace("/", "-")
        if not (TREE / sub / "Kbuild").exists() and not (TREE / sub / "Makefile").exists():
            raise LabError(f"nothing to build in {TREE / sub}: no Kbuild")
    elif not (path / "Kbuild").exists() and not (path / "Makefile").exists():
        raise LabError(f"nothing to build in {path}: no Kbuild")
    else:
        base, sources, name = path, ["."], path.name
    target = OUT / kernel_name / (name + (f"-{variant}" if variant else ""))
    target.mkdir(parents=True, exist_ok=True)
    target_kernel.root(), target_kernel.binds()     # made or fetched now when they are not there yet
    with cache.lock(OUT / ".locks" / f"{kernel_name}-{target.name}"):
        with step(f"building {name} for {target_kernel.release}" + (f" ({variant})" if variant else "")):
            modules = _build_locked(target_kernel, base, sources, target, sub, make_args, extra or {})
        build_machine.give_back(OUT)
    return modules


def _build_locked(target_kernel, base, sources, target, sub, make_args, extra):
    mirror_sources(base, sources, target)
    for folder, elsewhere in extra.items():
        (target / folder).mkdir(parents=True, exist_ok=True)
        mirror_sources(elsewhere, ["."], target / folder)
    # A kernel that moved on makes every object stale.
    stamp = target / ".kernel"
    identity = f"{target_kernel.release} {target_kernel.version} {' '.join(make_args)}\n"
    if not stamp.exists() or stamp.read_text() != identity:
        for path in target.rglob("*"):
            if path.is_file() and _PRODUCT.search(path.name):
                path.unlink()
        stamp.write_text(identity)
    for stale in (target / sub).rglob("*.ko"):
        stale.unlink()
    inside = "/out"
    if "DEBUG=1" in make_args:      # known to the tree's own Makefile
        argv = ["make", "-C", inside, f"KVER={target_kernel.release}", f"KDIR={target_kernel.headers_dir}"]
        goal = "module"
    else:
        argv = ["make", "-C", target_kernel.headers_dir, f"M={os.path.normpath(inside + '/' + sub)}"]
        goal = "modules"
    argv += ["W=1", *make_words(make_args), goal]
    code, text = target_kernel.root().compile(argv, binds=[*target_kernel.binds(), (target, inside, True)], check=False)
    (target / "build.log").write_text(text)
    complaints = [line for line in text.splitlines() if _COMPLAINT.search(line)]
    if code or complaints:
        shown = "\n".join(complaints[:40]) if complaints else ""
        raise LabError(f"{shown}\n{sh.tail(text, 30) if code else ''}\nthe build for {target_kernel.name} "
                       f"{'failed' if code else 'has warnings'}; all of its output: {target / 'build.log'}")
    modules = sorted((target / sub).rglob("*.ko"))
    if not modules:
        raise LabError(f"the build made no .ko; its output: {target / 'build.log'}")
    for module in modules:
        say(f"    {module.relative_to(TREE)}, {module.stat().st_size // 1024} KiB")
    return modules

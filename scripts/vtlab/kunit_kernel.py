"""The KUnit kernels: built from Debian's kernel source with the fragments in kunit/kernel/, cached by what went into them.

Stock kernels have KUnit and all debugging off. A kernel here offers what kernel.Stock offers, so modules are built for it
and POWER hosts are booted with it in the same way: kernels.get("kunit-lean").
"""

import functools
import os
import pathlib
import re

from . import cache, kernel, kernel_source, kernels, root
from .log import LabError, step

_KUNIT = pathlib.Path(__file__).resolve().parent.parent.parent / "kunit" / "kernel"
# variant -> fragments, the later ones on top of the earlier ones
VARIANTS = {"lean": ("lean.config",), "debug": ("lean.config", "debug.config"),
            "debug-64k": ("lean.config", "debug.config", "pages-64k.config")}
IN_TESTS = ("lean", "debug")        # the others are built when something wants them
_OBJECTS = "/usr/src/linux-kunit"   # where binds() shows the object tree
_RECIPE = 1                         # count up when the way a kernel is built or packaged changes
_MAKE = ["ARCH=powerpc", "CROSS_COMPILE=powerpc64le-linux-gnu-", "KBUILD_BUILD_TIMESTAMP=2024-11-17",
         "KBUILD_BUILD_USER=lab", "KBUILD_BUILD_HOST=lab", "KBUILD_BUILD_VERSION=1"]
# What building a module against the object tree takes.
_KEEP = re.compile(r"^(\.config|Makefile|Module\.symvers|modules\.(builtin(\.modinfo)?|order)|vmlinux|System\.map"
                   r"|include/.*|arch/powerpc/include/.*|arch/powerpc/.*\.lds|arch/powerpc/lib/crtsavres\.o"
                   r"|scripts/.*|tools/objtool/objtool|.*\.ko)$")
_DROP = re.compile(r"\.(o|a|cmd|mod|mod\.c|i|s)$")


def fragments(variant):
    return [_KUNIT / name for name in VARIANTS[variant]]


def _wanted(variant):
    """Option -> value ("n": off) of the fragments; a later line wins."""
    wanted = {}
    for fragment in fragments(variant):
        for line in fragment.read_text().splitlines():
            if found := re.fullmatch(r"# CONFIG_(\w+) is not set", line):
                wanted[found[1]] = "n"
            elif found := re.fullmatch(r"CONFIG_(\w+)=(.*)", line):
                wanted[found[1]] = found[2]
            elif line and not line.startswith("#"):
                raise LabError(f"{fragment}: what is {line!r}?")
    return wanted


def config_text(wanted):
    return "".join(f"# CONFIG_{name} is not set\n" if value == "n" else f"CONFIG_{name}={value}\n"
                   for name, value in wanted.items())


def dropped(config, wanted):
    """Options that kconfig did not take as they were wanted, as messages."""
    have = dict(re.findall(r"^CONFIG_(\w+)=(.*)$", config, re.M))
    return [f"CONFIG_{name} is {have.get(name, 'n')}, the fragment wants {value}"
            for name, value in wanted.items() if have.get(name, "n") != value]


def names():
    return [f"kunit-{variant}" for variant in VARIANTS]


@kernels.kind(names)
class KunitKernel(kernels.Kernel):
    """One of the KUnit kernels; offers what kernel.Stock offers."""

    # Without debug information there is no type information either, which the module would compare with what it knows.
    module_options = "unchecked_vfio=1"
    greetings = (r"KASAN init done$",)

    def __init__(self, name):
        self.name = name
        self.variant = variant = name.removeprefix("kunit-")
        stock = kernel_source.reference()
        self.suite_name = stock.suite_name
        self.page_size = 65536 if "PPC_64K_PAGES" in _wanted(variant) else 4096
        compiler = self.root().run(["powerpc64le-linux-gnu-gcc", "--version"])[1].splitlines()[0]
        self.version = cache.digest(_RECIPE, _wanted(variant), stock.version, compiler, _MAKE)

    def root(self):
        return root.build_root(self.suite_name)

    @functools.cached_property
    def tree(self):
        """The pruned object tree: vmlinux, modules, and what building a module against it takes."""
        return cache.entry("kernels", f"{self.name}-{self.version}", self._build)

    def _make(self, objects, *words, timeout=3600):
        argv = ["make", "-C", kernel_source.INSIDE, f"O={_OBJECTS}", f"-j{os.cpu_count()}", *_MAKE, *words]
        binds = [*kernel_source.binds(), (objects, _OBJECTS, True)]
        return self.root().compile(argv, binds=binds, timeout=timeout)[1]

    def _build(self, path):
        wanted = _wanted(self.variant)
        path.mkdir()
        (path / "fragment").write_text(config_text(wanted))
        with step(f"configuring the {self.variant} KUnit kernel"):
            self._make(path, f"KCONFIG_ALLCONFIG={_OBJECTS}/fragment", "allnoconfig")
            wrong = dropped((path / ".config").read_text(), wanted)
            if wrong:
                raise LabError("kconfig disagrees with kunit/kernel/*.config:\n  " + "\n  ".join(wrong))
        with step(f"building the {self.variant} KUnit kernel (once; it is kept in the cache)"):
            self._make(path, "CC=ccache powerpc64le-linux-gnu-gcc", "vmlinux", "modules")
        self._prune(path)

    @staticmethod
    def _prune(path):
        for folder, subs, names in os.walk(path, topdown=False):
            here = pathlib.Path(folder)
            for name in names:
                file = here / name
                relative = str(file.relative_to(path))
                if not _KEEP.match(relative) or (_DROP.search(name) and not relative.endswith("crtsavres.o")):
                    file.unlink()
            for sub in subs:
                if not (here / sub).is_symlink() and not any((here / sub).iterdir()):
                    (here / sub).rmdir()

    @functools.cached_property
    def release(self):
        return (self.tree / "include/config/kernel.release").read_text().strip()

    @property
    def places(self):
        return [self.tree]

    @property
    def vmlinux(self):
        return self.tree / "vmlinux"

    @property
    def headers_dir(self):
        return _OBJECTS

    def binds(self):
        return [*kernel_source.binds(), (self.tree, _OBJECTS, False)]

    @functools.cached_property
    def _modules(self):
        return {kernel.module_name(path): path for path in sorted(self.tree.rglob("*.ko"))}

    def has_module(self, name):
        return kernel.module_name(name) in self._modules

    def module_order(self, name):
        """The modules to insert for a module, dependencies first; built-in ones need none."""
        name = kernel.module_name(name)
        if name not in self._modules:
            builtin = (self.tree / "modules.builtin").read_text()
            if name in (kernel.module_name(path) for path in builtin.split()):
                return []
            raise LabError(f"{self.name} has no module {name}")
        order = []
        depends = re.findall(rb"(?:^|\0)depends=([^\0]*)", self._modules[name].read_bytes())
        for needed in filter(None, b",".join(depends).decode().split(",")):
            order += [each for each in self.module_order(needed) if each not in order]
        return order + [name]

    def module_data(self, name):
        return self._modules[kernel.module_name(name)].read_bytes()

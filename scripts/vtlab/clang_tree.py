"""Kernel trees prepared with clang, for building modules with LLVM=1.

Each stands beside a kernel that gcc built: the same source, the same configuration, configured and prepared
(modules_prepare) by clang. Nobody compiled a kernel in it, so it has no Module.symvers of its own; that of the kernel beside
it is put there: the same symbols with the same checksums, computed from the same declarations. So modpost checks every
symbol a module uses, as in any other build, and nothing stays unresolved.

 - clang: beside the stock kernel; proves that the module builds as it is used
 - clang-kunit: beside kunit-lean, whose configuration clang need not change, so what it builds runs in that kernel

They offer what kernel.Stock offers for building: kernels.get("clang").
"""

import functools
import os
import re

from . import cache, kernel_source, kernels, root
from .log import LabError, step

BESIDE = {"clang": None, "clang-kunit": "kunit-lean"}      # None: the stock kernel whose source it is
_OBJECTS = "/usr/src/linux-clang"   # where binds() shows the prepared tree
_RECIPE = 1                         # count up when the way a tree is made changes
_MAKE = ["ARCH=powerpc", "CROSS_COMPILE=powerpc64le-linux-gnu-", "LLVM=1"]
# What a prepared stock tree must have otherwise.
_CHANGES = {
    # Debian signs its builds; a tree that is only prepared has neither key nor certificates
    "MODULE_SIG_KEY": '""', "SYSTEM_TRUSTED_KEYS": '""', "SYSTEM_REVOCATION_KEYS": '""',
    # clang has no patchable function entries on this architecture: it would call _mcount, which the stock kernel lacks
    "FUNCTION_TRACER": "n", "STACK_TRACER": "n",
    # a module's types are described relative to those of a vmlinux from the same tree
    "DEBUG_INFO_BTF": "n",
}


@kernels.kind(BESIDE.keys)
class ClangTree(kernels.Kernel):
    boots = False
    make_args = ("LLVM=1",)

    def __init__(self, name):
        beside = BESIDE[name]
        self.name = name
        self.beside = kernels.get(beside) if beside else kernel_source.reference()
        self.suite_name = self.beside.suite_name
        self.page_size = self.beside.page_size
        compiler = self.root().run(["clang", "--version"])[1].splitlines()[0]
        self.version = cache.digest(_RECIPE, name, self.beside.release, self.beside.version, compiler, _MAKE, _CHANGES)

    def root(self):
        return root.build_root(self.suite_name)

    def _config(self):
        if BESIDE[self.name]:
            return (self.beside.tree / ".config").read_text()
        text = (self.beside.image / "boot" / f"config-{self.beside.release}").read_text()
        for name, value in _CHANGES.items():
            text = re.sub(rf"^CONFIG_{name}=.*$|^# CONFIG_{name} is not set$", "", text, flags=re.M)
            text += f"# CONFIG_{name} is not set\n" if value == "n" else f"CONFIG_{name}={value}\n"
        return text

    def _symbols(self):
        if BESIDE[self.name]:
            return self.beside.tree / "Module.symvers"
        return self.beside.dev / self.beside.headers_dir.lstrip("/") / "Module.symvers"

    def _build(self, path):
        config, symbols = self._config(), self._symbols().read_bytes()
        path.mkdir()
        (path / ".config").write_text(config)
        binds = [*kernel_source.binds(), (path, _OBJECTS, True)]
        argv = ["make", "-C", kernel_source.INSIDE, f"O={_OBJECTS}", f"-j{os.cpu_count()}", *_MAKE,
                f"KERNELRELEASE={self.beside.release}"]
        with step(f"preparing a tree of {self.beside.release} with clang"):
            # lld, unlike bfd, does not make up the functions that save registers: modules are linked with crtsavres.o
            for goal in ("olddefconfig", "modules_prepare", "arch/powerpc/lib/crtsavres.o"):
                self.root().run([*argv, goal], binds=binds)
        config = (path / ".config").read_text()
        if "CONFIG_CC_IS_CLANG=y" not in config or "CONFIG_LD_IS_LLD=y" not in config:
            raise LabError("the tree was not configured by clang and lld")
        for name, value in _CHANGES.items():
            if value == "n" and f"CONFIG_{name}=" in config:
                raise LabError(f"CONFIG_{name} could not be switched off")
        (path / "Module.symvers").write_bytes(symbols)

    @functools.cached_property
    def tree(self):
        return cache.entry("kernels", f"{self.name}-{self.version}", self._build)

    @functools.cached_property
    def release(self):
        return (self.tree / "include/config/kernel.release").read_text().strip()

    @property
    def places(self):
        return [self.tree]

    @property
    def headers_dir(self):
        return _OBJECTS

    def binds(self):
        return [*kernel_source.binds(), (self.tree, _OBJECTS, False)]

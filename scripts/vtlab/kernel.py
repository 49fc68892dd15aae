"""Stock kernels of the suites: image, modules and what building a module against them takes."""

import configparser
import functools
import lzma
import pathlib
import re

from . import apt, cache, kernels, root, sh
from .log import LabError, say, step

CONF = pathlib.Path(__file__).resolve().parent.parent / "kernels.conf"


def table():
    conf = configparser.ConfigParser()
    conf.read(CONF)
    return {name: dict(conf[name]) for name in conf.sections()}


@kernels.kind(table)
class Stock(kernels.Kernel):
    """One row of kernels.conf, resolved to packages that exist."""

    def __init__(self, name):
        row = table()[name]
        self.name = name
        self.suite_name = row["suite"]
        self.suite = apt.suite(row["suite"])
        self.page_size = int(row["pages"])
        self._image = row["image"].split()
        self._set(row["release"], row["version"])
        if not all(self._available(*package) for package in self._packages()):
            self._resolve(row["meta"])

    def _set(self, release, version):
        self.release = release
        self.version = version
        self.abi = release.split("-powerpc64le")[0]

    def _fill(self, name):
        return name.format(release=self.release, abi=self.abi)

    def _image_packages(self):
        return [(self._fill(name), "ppc64el") for name in self._image]

    def _dev_packages(self):
        return [(f"linux-headers-{self.release}", "ppc64el"), (f"linux-headers-{self.abi}-common", "all"),
                (f"linux-kbuild-{self.abi}", "amd64")]

    def native_dev_debs(self):
        """The packages with which a ppc64el machine builds modules, the headers first."""
        return [self.suite.fetch(package, "ppc64el" if arch == "amd64" else arch, self.version)
                for package, arch in self._dev_packages()]

    def _packages(self):
        return self._image_packages() + self._dev_packages()

    def _available(self, package, arch):
        return self.suite.cached(package, arch, self.version) or self.suite.show(package, arch, self.version)

    def _resolve(self, meta):
        self.suite.update(force=True)
        pinned = self.release
        record = self.suite.show(meta, "ppc64el")
        found = re.search(r"linux-image-(\S+) \(= ([^)]+)\)", (record or {}).get("Depends", ""))
        if not found:
            raise LabError(f"{self.suite_name} has neither {pinned} nor a usable {meta}")
        self._set(*found.groups())
        say(f"NOTE: {pinned} has left the mirror; {self.name} is now {self.release} ({self.version}), not what was "
            "tested")

    def _extracted(self, kind, packages, finish):
        key = cache.digest([self.suite.file_name(package, arch, self.version) for package, arch in packages],
                           finish.__name__)

        def build(path):
            debs = [self.suite.fetch(package, arch, self.version) for package, arch in packages]
            with step(f"unpacking {kind} of {self.release}"):
                path.mkdir()
                for deb in debs:
                    sh.run(["dpkg-deb", "-x", deb, path])
                finish(path)

        return cache.entry("kernels", f"{self.release}-{kind}-{key}", build)

    @functools.cached_property
    def dev(self):
        """A directory with usr/src/linux-headers-* and usr/lib/linux-kbuild-*."""
        def finish_dev(_):
            pass
        return self._extracted("headers", self._dev_packages(), finish_dev)

    @functools.cached_property
    def image(self):
        """A directory with vmlinux and the module tree with its indexes."""
        def finish_image(path):
            if (path / "lib").is_dir():
                (path / "usr").mkdir(exist_ok=True)
                (path / "lib").rename(path / "usr/lib")
            (path / "lib").symlink_to("usr/lib")
            sh.run(["depmod", "-b", path, self.release])
        return self._extracted("image", self._image_packages(), finish_image)

    @property
    def places(self):
        """The directories in the cache that it is made of."""
        return [self.image, self.dev]

    @property
    def vmlinux(self):
        """The kernel; the module tree holds it where the image package is split into several."""
        whole = self.image / "boot" / f"vmlinux-{self.release}"
        return whole if whole.exists() else self.module_tree / "vmlinuz"

    @property
    def module_tree(self):
        return self.image / "lib/modules" / self.release

    @property
    def headers_dir(self):
        """Where the headers are once binds() are in place."""
        return f"/usr/src/linux-headers-{self.release}"

    def binds(self):
        """What a command in the build root needs to see of this kernel."""
        kbuild = f"usr/lib/linux-kbuild-{self.abi}"
        return [(self.dev / "usr/src", "/usr/src", False), (self.dev / kbuild, "/" + kbuild, False)]

    @functools.cached_property
    def _gcc(self):
        """The version of the compiler that built this kernel."""
        settings = (self.dev / self.headers_dir.lstrip("/") / "include/config/auto.conf").read_text()
        return int(re.search(r"^CONFIG_GCC_VERSION=(\d+)", settings, re.M)[1]) // 10000

    def root(self):
        return root.build_root(self.suite_name, self._gcc)

    @functools.cached_property
    def _module_paths(self):
        paths = {}
        for line in (self.module_tree / "modules.dep").read_text().splitlines():
            path, deps = line.split(":", 1)
            paths[module_name(path)] = (path, deps.split())
        return paths

    def has_module(self, name):
        return module_name(name) in self._module_paths

    def module_order(self, name):
        """The modules to insert for a module, dependencies first; built-in ones need none."""
        name = module_name(name)
        if name not in self._module_paths:
            builtin = (self.module_tree / "modules.builtin").read_text()
            if name in (module_name(path) for path in builtin.split()):
                return []
            raise LabError(f"{self.release} has no module {name}")
        # modules.dep lists dependencies so that the last is inserted first
        return [module_name(path) for path in reversed(self._module_paths[name][1])] + [name]

    def module_data(self, name):
        path = self.module_tree / self._module_paths[module_name(name)][0]
        data = path.read_bytes()
        return lzma.decompress(data) if path.suffix == ".xz" else data


def module_name(path):
    return pathlib.PurePath(path).name.split(".ko")[0].replace("-", "_")

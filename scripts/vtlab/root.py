"""Build roots: a directory with a suite's compilers and tools, and commands run inside it.

A root is made with mmdebstrap and never changes afterwards; concurrent commands share it. Each command runs in mount
and process namespaces of its own: nothing stays mounted and nothing keeps running when it ends.
"""

import functools
import shlex

from . import cache, mmdebstrap, sh
from .log import LabError, step

_RECIPE = 1     # count up when the way a root is made changes

# The root of one suite has everything that builds and checks need; {gcc} and {llvm} are the suite's compiler versions.
_PACKAGES = """
    bash coreutils sed grep tar gzip bzip2 util-linux
    gcc-{gcc} g++-{gcc} gcc-{gcc}-powerpc64le-linux-gnu g++-{gcc}-powerpc64le-linux-gnu libc6-dev
    clang-{llvm} lld-{llvm} llvm-{llvm} clang-tidy-{llvm} clang-format-{llvm} libclang-rt-{llvm}-dev
    clang lld llvm clang-tidy clang-format
    make cmake ccache sparse pahole bc flex bison libelf-dev libssl-dev zlib1g-dev kmod cpio rsync xz-utils zstd
    python3-minimal python3 perl mawk gawk diffutils findutils file patch
    libgtest-dev libgmock-dev libbenchmark-dev valgrind
"""
# The root of another suite is there to build modules with the compiler of that suite's kernels.
_PACKAGES_FOR_MODULES = """
    bash coreutils sed grep util-linux gcc-{gcc}-powerpc64le-linux-gnu g++-{gcc}-powerpc64le-linux-gnu
    make ccache pahole mawk diffutils findutils perl-base
"""
_VERSIONS = {
    "trixie": (_PACKAGES, {"gcc": 14, "llvm": 19}),
    "sid": (_PACKAGES_FOR_MODULES, {}),
}


class Root:
    def __init__(self, path, gcc):
        self.path = path
        self.gcc = gcc

    def run(self, argv, *, binds=(), cwd="/", env=None, timeout=3600, check=True, passthrough=False):
        """Runs argv inside. binds: (outside, inside, writable); the inside directory must exist in the root or is made.

        Returns (exit code, output); with passthrough the output goes where the lab's own goes and "" is returned.
        """
        inside = self.path
        place = shlex.quote(str(inside))
        script = ["set -e", f"mount --bind {place} {place}", f"cd {place}"]
        for _, target, _ in binds:
            mount_point = inside / target.lstrip("/")
            mount_point.mkdir(parents=True, exist_ok=True)
        script += ["mount -o remount,bind,ro .", "mount -t proc proc proc", "mount --rbind /dev dev",
                   "mount -t tmpfs -o mode=1777 tmp tmp", "mount -t tmpfs -o mode=0755 run run"]
        for outside, target, writable in binds:
            target = shlex.quote(target.lstrip("/"))
            script.append(f"mount --bind {shlex.quote(str(outside))} {target}")
            if not writable:
                script.append(f"mount -o remount,bind,ro {target}")
        words = " ".join(shlex.quote(str(word)) for word in argv)
        # C: no other locale is there, and who asks for one is told so by bash and perl.
        pairs = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/tmp", "LC_ALL": "C", "TERM": "dumb", **(env or {})}
        settings = " ".join(shlex.quote(f"{key}={value}") for key, value in pairs.items())
        into = shlex.quote(f"cd {shlex.quote(cwd)} && exec {words}")
        script.append(f"exec chroot . /usr/bin/env -i {settings} /bin/sh -c {into}")
        command = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child",
                   "sh", "-c", "\n".join(script)]
        if passthrough:
            return sh.run_through(command, timeout=timeout), ""
        code, text = sh.run(command, timeout=timeout, check=False)
        if check and code:
            raise LabError(f"exit code {code} in the build root from: {sh.show(argv)}\n{sh.tail(text)}")
        return code, text

    def compile(self, argv, *, binds=(), **how):
        """As run(), for commands that call compilers as "ccache COMPILER": what was compiled once is kept."""
        kept = cache.top() / "ccache"
        kept.mkdir(exist_ok=True)
        # Sources are copied right before they are compiled, and not touched while they are.
        env = {"CCACHE_DIR": "/ccache", "CCACHE_MAXSIZE": "2G", "CCACHE_SLOPPINESS": "include_file_mtime,include_file_ctime"}
        return self.run(argv, binds=[*binds, (kept, "/ccache", True)], env=env, **how)


def _make(suite, packages, gcc, path):
    mmdebstrap.extract(suite, "amd64", packages, path)
    # No maintainer script ran, so what update-alternatives would have made is made here.
    links = {"usr/bin/awk": "gawk" if "gawk" in packages else "mawk", "usr/bin/cc": f"gcc-{gcc}",
             "usr/bin/c++": f"g++-{gcc}", "usr/bin/gcc": f"gcc-{gcc}", "usr/bin/g++": f"g++-{gcc}",
             "usr/bin/powerpc64le-linux-gnu-gcc": f"powerpc64le-linux-gnu-gcc-{gcc}",
             "usr/bin/powerpc64le-linux-gnu-g++": f"powerpc64le-linux-gnu-g++-{gcc}"}
    for name, target in links.items():
        link = path / name
        if (link.parent / target).exists() and not link.is_symlink() and not link.exists():
            link.symlink_to(target)
    for name in ("proc", "dev", "tmp", "run", "src", "out"):
        (path / name).mkdir(exist_ok=True)


@functools.cache
def build_root(suite="trixie", gcc=None):
    """The root with the compilers of a suite, and its checkers if it has any. gcc: its version, not the suite's usual one."""
    if suite not in _VERSIONS:
        raise LabError(f"no build root is described for {suite}")
    packages, usual = _VERSIONS[suite]
    versions = usual | ({"gcc": gcc} if gcc else {})
    if "gcc" not in versions:
        raise LabError(f"{suite} is there for its kernels, name one: its compiler is theirs")
    packages = packages.format(**versions).split()
    key = cache.digest(_RECIPE, suite, packages)

    def build(path):
        with step(f"making the build root of {suite} ({len(packages)} packages and what they need)"):
            _make(suite, packages, versions["gcc"], path)

    return Root(cache.entry("roots", f"{suite}-{key}", build), versions["gcc"])

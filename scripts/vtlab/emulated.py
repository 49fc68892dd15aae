"""A ppc64el Debian as a directory, its programs run by QEMU's user-mode emulation.

The directory stays as it is: each session sees it through an overlay in memory. The emulator is told to this machine's
kernel by binfmt_misc, in a user namespace where the kernel can (6.7 and later); on older kernels all of the machine has
it while a session runs.
"""

import contextlib
import pathlib
import shlex
import tempfile

from . import apt, cache, sh
from .log import LabError

_SUITE = "trixie"       # of the emulator: older ones do not know everything that newer programs ask for
_BINFMT = "/proc/sys/fs/binfmt_misc"
_NAME = "vfio-tce-ppc64le"
# An ELF file, 64 bits, little-endian, executable or shared, for PowerPC; and which bits of that count.
_MAGIC = r"\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x15\x00"
_MASK = r"\xff\xff\xff\xff\xff\xff\xff\xfc\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\x00"
_SPACE = "4G"           # limit of what a session may write


def emulator():
    """QEMU's user-mode emulator, statically linked."""
    suite = apt.suite(_SUITE)

    def build(path):
        deb = suite.fetch("qemu-user", "amd64")
        with tempfile.TemporaryDirectory() as room:
            sh.run(["dpkg-deb", "-x", deb, room])
            path.write_bytes((pathlib.Path(room) / "usr/bin/qemu-ppc64le").read_bytes())
        path.chmod(0o755)

    return cache.entry("tools", f"qemu-ppc64le-{_SUITE}", build)


def _rule():
    # Options: keep argv[0], hand over the open file, the program's own credentials, open the emulator now.
    return f":{_NAME}:M::{_MAGIC}:{_MASK}:{emulator()}:POCF"


def _has_private_binfmt():
    code, _ = sh.run(["unshare", "--user", "--map-root-user", "--mount", "mount", "-t", "binfmt_misc", "none", _BINFMT],
                     check=False)
    return code == 0


@contextlib.contextmanager
def _machine_wide():
    """The emulator for the whole machine, for as long as a session runs; before any that is set up already."""
    with cache.lock(cache.top() / "locks" / "binfmt"):
        with tempfile.TemporaryDirectory() as mount_point:
            sh.run(["mount", "-t", "binfmt_misc", "none", mount_point])
            rules = pathlib.Path(mount_point)
            ours = rules / _NAME
            try:
                if ours.exists():       # of one that was killed; its emulator may be gone
                    ours.write_text("-1")
                (rules / "register").write_text(_rule())
                yield
            finally:
                if ours.exists():
                    ours.write_text("-1")
                sh.run(["umount", mount_point])


def run(tree, argv, *, binds=(), env=None, timeout=3600):
    """Runs argv in a session. binds: (outside, inside, writable). Returns (exit code, output)."""
    with contextlib.ExitStack() as stack:
        private = _has_private_binfmt()
        if not private:
            stack.enter_context(_machine_wide())
        room = stack.enter_context(tempfile.TemporaryDirectory(prefix="emulated-"))
        return sh.run(["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "sh", "-ec",
                       _script(tree, argv, binds, env, room, private)], timeout=timeout, check=False)


def _script(tree, argv, binds, env, room, private):
    quote = shlex.quote
    if any(letter in str(tree) for letter in ",:\\"):
        raise LabError(f"overlayfs cannot take {tree} for a lower directory")
    script = [f"cd {quote(room)}", f"mount -t tmpfs -o mode=0755,size={_SPACE} room .", f"cd {quote(room)}",
              "mkdir upper work root",
              f"mount -t overlay overlay -o {quote(f'lowerdir={tree},upperdir=upper,workdir=work')} root", "cd root",
              "mkdir -p proc dev tmp " + " ".join(quote(inside.lstrip("/")) for _, inside, _ in binds),
              "mount -t proc proc proc", "mount --rbind /dev dev", "mount -t tmpfs -o mode=1777 tmp tmp"]
    for outside, inside, writable in binds:
        inside = quote(inside.lstrip("/"))
        script.append(f"mount --bind {quote(str(outside))} {inside}")
        if not writable:
            script.append(f"mount -o remount,bind,ro {inside}")
    pairs = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8", "TERM": "dumb", **(env or {})}
    settings = " ".join(quote(f"{key}={value}") for key, value in pairs.items())
    enter = f"exec chroot . /usr/bin/env -i {settings} {sh.show(argv)}"
    if not private:
        return "\n".join([*script, enter])
    enter = "\n".join(["set -e", f"mount -t binfmt_misc none .{_BINFMT}",
                       f"printf %s {quote(_rule())} >.{_BINFMT}/register", enter])
    return "\n".join([*script, f"exec unshare --user --map-root-user --mount sh -c {quote(enter)}"])

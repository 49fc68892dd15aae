"""An emulated POWER host: stock kernel, small initramfs, modules, files, a script; its output, exit code and kernel log."""

import dataclasses
import functools
import pathlib
import re
import sys
import tempfile

from . import apt, cache, kernel, qemu, sh
from .initramfs import Initramfs
from .log import LabError

SCRIPTS = pathlib.Path(__file__).resolve().parent.parent / "inside"
_KEPT_RUNS = 60
# How a message of the kernel or of the firmware (OPAL) begins.
_MESSAGE = re.compile(r"\[ *\d+\.(\d{6}|\d{9},\d)\] ")
TIMED_OUT, CRASHED, SPLATTED = 124, 125, 99


@dataclasses.dataclass
class Outcome:
    code: int               # the script's exit code, or TIMED_OUT, CRASHED, SPLATTED
    output: list            # lines the script printed
    console: str            # the kernel's messages
    splats: list
    seconds: float
    directory: pathlib.Path  # console.log and output.log

    def why(self):
        """One line on what went wrong, or None."""
        if self.code == TIMED_OUT:
            return f"killed after {self.seconds:.0f} s"
        if self.code == CRASHED:
            return "the machine stopped before the script ended"
        if self.splats:
            return f"the kernel complained: {self.splats[0]}"
        return f"the script ended with {self.code}" if self.code else None


def busybox():
    """busybox of ppc64le, statically linked."""
    def build(path):
        deb = apt.suite("trixie").fetch("busybox-static", "ppc64el")
        with tempfile.TemporaryDirectory() as room:
            sh.run(["dpkg-deb", "-x", deb, room])
            found = next(p for p in (pathlib.Path(room) / "usr/bin/busybox", pathlib.Path(room) / "bin/busybox")
                         if p.exists())
            path.write_bytes(found.read_bytes())
        path.chmod(0o755)
    return cache.entry("tools", "busybox-trixie", build)


def module_info(path, field):
    """The values of a field of a module's .modinfo."""
    return [value.decode() for value in
            re.findall(rb"(?:^|\0)" + field.encode() + rb"=([^\0]*)", pathlib.Path(path).read_bytes())]


class Modules:
    """The modules to insert, in order, each after what it depends on."""

    def __init__(self, target):
        self._kernel = target
        self.data = {}          # name -> contents
        self.order = []         # (name, arguments)
        self._files = set()     # names of those that are not the kernel's

    def _stock(self, name, arguments="", load=True):
        for each in self._kernel.module_order(name):
            if each not in self.data:
                self.data[each] = self._kernel.module_data(each)
            if load and each not in dict(self.order):
                self.order.append((each, arguments if each == kernel.module_name(name) else ""))

    def under(self, names):
        """The same modules with others of the kernel's package inserted before them."""
        whole = Modules(self._kernel)
        for name in names:
            whole._stock(name)
        whole.order += [entry for entry in self.order if entry[0] not in whole.data]
        whole.data.update(self.data)
        return whole

    def stock(self, words, load=True):
        """A module of the kernel's package: "name" or "name option=value"."""
        name, _, arguments = words.partition(" ")
        self._stock(name, arguments, load)

    def file(self, words, load=True):
        """A .ko file: "path" or "path option=value"; what it depends on is taken from the kernel's package."""
        path, _, arguments = words.partition(" ")
        if not pathlib.Path(path).is_file():
            raise LabError(f"no module {path}")
        for depends in filter(None, ",".join(module_info(path, "depends")).split(",")):
            if kernel.module_name(depends) not in self._files:
                self._stock(depends, load=load)
        name = kernel.module_name(path)
        self.data[name] = pathlib.Path(path).read_bytes()
        self._files.add(name)
        if load:
            self.order.append((name, arguments))


class Mender:
    """Puts lines together that a message cut in two, where both come over one serial line."""

    def __init__(self):
        self._begun = ""

    def line(self, line):
        """What is left of the line, with what came before it; None when the rest is still to come."""
        found = _MESSAGE.search(line)
        if not found:
            line, self._begun = self._begun + line, ""
            return line
        if not self._begun and not found.start():
            return line
        self._begun += line[:found.start()]
        return None


@functools.cache
def _init():
    return (SCRIPTS / "init").read_bytes()


def write_image(modules, script, path, *, files=None, data=None):
    """An initramfs with the modules, the script, and files (name under /lab -> path) and data (name -> contents)."""
    image = Initramfs()
    for name in ("proc", "sys", "dev", "tmp", "bin", "lab/modules", "root", "etc", "run", "mnt"):
        image.directory(name)
    image.char_device("dev/console", 5, 1)
    image.char_device("dev/null", 1, 3, 0o666)
    image.file("bin/busybox", busybox(), 0o755)
    image.symlink("bin/sh", "busybox")
    image.data("init", _init(), 0o755)
    for name, contents in modules.data.items():
        image.data(f"lab/modules/{name}.ko", contents)
    image.data("lab/load", "".join(f"{name} {arguments}\n" for name, arguments in modules.order))
    for name, source in (files or {}).items():
        image.file(f"lab/{name}", source)
    for name, contents in (data or {}).items():
        image.data(f"lab/{name}", contents)
    image.data("lab/script", script)
    image.write(path)


def boot(target, *, modules=None, files=None, data=None, script="true\n", machine=None, append="",
         timeout=300, allowed=(), on_line=None, directory=None):
    """Boots kernel `target`, inserts the modules, runs the script in /lab, powers off. Returns an Outcome.

    files: name under /lab -> path on the build machine; data: name under /lab -> contents.
    allowed: lines of its log that are no splats, besides the kernel's greetings.
    on_line gets every line the script prints, as it comes.
    directory: where console.log and output.log go (a new one under the cache's runs/ when None).
    """
    machine = machine or qemu.Machine()
    if directory is None:
        directory = run_directory(target.name)
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    initrd = directory / "initrd"
    modules, data = modules or Modules(target), dict(data or {})
    if machine.image:
        checksum = [name for name in ("crc32c_generic",) if target.has_module(name)]    # newer kernels have it built in
        modules = modules.under(("virtio_blk", *checksum, "ext4"))
        data["in-image"] = ""
    write_image(modules, script, initrd, files=files, data=data)
    return boot_image(target, initrd, machine=machine, append=append, timeout=timeout, allowed=allowed, on_line=on_line,
                      directory=directory)


def boot_image(target, initrd, *, machine, append, timeout, directory, allowed=(), on_line=None):
    """Boots kernel `target` with an initramfs that says what scripts/inside/init says. Returns an Outcome.

    The image is removed."""
    console_log = directory / "console.log"
    console_log.write_text("")
    argv = machine.argv(target.vmlinux, initrd, append, console_log)
    (directory / "command").write_text(sh.show(argv) + "\n")
    everything, output, state = [], [], {"code": None, "inside": False}

    mender = Mender()

    def line_came(line):
        everything.append(line)
        line = line if machine.two_lines else mender.line(line)
        if line is None:
            return
        if found := re.search(r"@@lab exit (\d+)", line):
            state["code"], state["inside"] = int(found[1]), False
        elif "@@lab begin" in line:
            state["inside"] = True
        elif state["inside"]:
            output.append(line)
            if on_line:
                on_line(line)

    try:
        qemu_code, seconds = qemu.run(argv, timeout, line_came, machine.load)
    finally:
        initrd.unlink(missing_ok=True)
        (directory / "output.log").write_text("\n".join(everything) + "\n")
    if not machine.two_lines:
        console_log.write_text("\n".join(everything) + "\n")
    console = console_log.read_text(errors="replace").replace("\r", "")
    splats = qemu.splats(console, (*target.greetings, *allowed))
    code = state["code"]
    if qemu_code is None:
        code = TIMED_OUT
    elif code is None:
        code = CRASHED
    elif code == 0 and splats:
        code = SPLATTED
    if not state["inside"] and code == CRASHED and not everything == []:
        output += everything[-5:]       # what QEMU itself said
    return Outcome(code, output, console, splats, seconds, directory)


def shell(target, *, modules, files, machine, append="", waits_for_debugger=False):
    """Boots a kernel with modules and files and a shell on the lab's own terminal. Returns QEMU's exit code."""
    directory = run_directory(target.name)
    initrd = directory / "initrd"
    # a session of its own, whose first terminal is the line
    script = "line=$(readlink /proc/self/fd/0)\nsetsid sh -c \"exec sh -i <$line >$line 2>&1\"\n"
    write_image(modules, script, initrd, files=files, data={"interactive": ""})
    argv = machine.argv(target.vmlinux, initrd, append, directory / "console.log")
    if waits_for_debugger:
        argv += ["-s", "-S"]
    try:
        return qemu.run_on_terminal(argv)
    finally:
        initrd.unlink(missing_ok=True)


def run_directory(name):
    """A new directory for the logs of a run; those of the oldest runs go."""
    runs = cache.top() / "runs"
    runs.mkdir(exist_ok=True)
    with cache.lock(cache.top() / "locks" / "runs"):
        for old in sorted(runs.iterdir(), key=lambda path: path.stat().st_mtime)[:-_KEPT_RUNS]:
            cache.remove(old)
        return pathlib.Path(tempfile.mkdtemp(prefix=f"{name}-", dir=runs))


def report(outcome, log=sys.stderr):
    """What there is to say about a run that went wrong."""
    why = outcome.why()
    if why:
        print(f"FAILED: {why}\nlast lines of the kernel's log ({outcome.directory}/console.log):\n"
              + sh.tail(outcome.console, 25), file=log)
        for line in outcome.splats[:10]:
            print(f"splat: {line}", file=log)



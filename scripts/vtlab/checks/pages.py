"""README and the administrator's page: what they show is tried, what they name is there.

Looked at in every test: blocks, commands, links, generated parts (page.py). The blocks themselves are run, in order, on
an emulated POWER host that has the packages that the page tells to install.
"""

import dataclasses
import re
import shlex
import tempfile

from .. import client, demo, image, kernels, module, page, power_host, qemu, sh
from ..log import LabError, say, step
from . import Counts, check

_KERNEL = "6.12-4k"
_TIMEOUT_S = 1800
_BLOCK_S = 420          # the longest: bpftrace's compiler, emulated
_PACKAGES = image.Extra(
    tuple("""linux-perf trace-cmd driverctl udev libvirt-clients libvirt-daemon libvirt-daemon-driver-qemu
             libxml2-utils podman crun qemu-utils psmisc""".split()),
    (("sid", ("bash", "bpftrace")),))      # Debian 13 has no bpftrace for POWER
# What uses the driver beside a block, again and again.
_BESIDE = {"calls": "/lab/client 'errno_*'", "cycle": "/lab/client cycle"}
# What no block has to show, however it ends.
_COMPLAINT = re.compile(r"FAILED TO PARSE|Traceback|command not found|a mistake of this tool")
_EDU = "edu,dma_mask=0xffffffffffffffff"
_BAD_PAGE = """
# A page

See [nothing](nosuch.md), [this](#a-page) and [that](#nosuch).
`make nosuch`, `vfio-tce nosuch`, `scripts/nosuch.sh`.

    indented

```sh
true
```
```sh power-host colour=red
true
```
```sh power-host
if
make demo nosuch; vfio-tce why
FOO=1 vfio-tce memlock --guest nosuch
scripts/lab nosuch
```
```sh by-check nosuch
```
<!-- made by: vfio-tce memlock --guest 1G --page-size 4K -->
something else
<!-- until here -->
```sh not-run because
""" + "x" * 101 + "\n```\n"
_BAD_WORDS = ("nosuch.md", "#nosuch", "has no nosuch", "'nosuch' is not a size", "invalid choice: 'nosuch'",
              "no scripts/nosuch.sh", "without a fence", "without a kind", "knows no colour", "bash: ",
              "no check nosuch", "not what vfio-tce memlock", "101 columns")


def _sees_what_is_wrong():
    """The looks themselves: a page with one of each fault, and what must be said of it."""
    told = [why for _, why in page.look("README.md", _BAD_PAGE) if why]
    for words in _BAD_WORDS:
        if not any(words in why for why in told):
            print(f"a page with a fault passes: {words}")
            yield False
        else:
            yield True


@check("page-text", "README and ADMIN.md: blocks, commands, links, generated parts", order=20)
def page_text():
    counts = Counts()
    for good in _sees_what_is_wrong():
        counts += Counts(passed=int(good), failed=int(not good))
    for name in page.PAGES:
        path = module.TREE / name
        if not path.exists():
            raise LabError(f"there is no {name}")
        for line, why in page.look(name, path.read_text()):
            if why:
                print(f"{name}:{line}: {why}")
            counts += Counts(passed=int(not why), failed=int(bool(why)))
    return counts


@dataclasses.dataclass
class _Ran:
    """What a block did."""
    status: int
    output: list


def _plan(blocks):
    """The script that runs the blocks, the files that it needs, and the guest's part."""
    lines, data, guest = [], {}, []
    for number, block in enumerate(blocks):
        name = f"{number:02}"
        if block.kind == "kvm-guest":
            guest.append((name, block))
            continue
        data[f"block-{name}"] = block.text
        if "file" in block.words:
            lines.append(f"file {name} {shlex.quote(block.words['file'])}")
        elif "background" in block.words:
            lines.append(f"start {name} {shlex.quote(block.words['background'])}")
        else:
            if "after" in block.words:
                lines.append("finish")
            lines.append(f"run {name} {shlex.quote(_BESIDE[block.words['beside']] if 'beside' in block.words else '')}")
    return "\n".join(["block_s=%d" % _BLOCK_S, *lines, "finish", ""]), data, guest


def _guest_initrd(target, guest, path):
    """A guest that runs its blocks once it has its disk, says so, and ends when it is told to."""
    modules = power_host.Modules(target)
    modules.stock("nvme", load=False)
    script = ["mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null"]
    script += [f"insmod modules/{name}.ko" for name in modules.data]
    script += ["for _ in $(seq 300); do [ -b /dev/nvme0n1 ] && break; sleep 0.1; done"]
    data = {}
    for name, block in guest:
        data[f"block-{name}"] = block.text
        script += [f"echo '@@block {name}'", f"sh -e ./block-{name} 2>&1", f"echo \"@@block {name} ends $?\""]
    script += ["echo 'the guest is up'", "read -r _ </dev/console", "poweroff -f"]
    power_host.write_image(modules, "\n".join(script) + "\n", path, data=data)


def _tool_tar(path):
    """What make install-tool installs."""
    with tempfile.TemporaryDirectory() as room:
        sh.run(["make", "-s", "-C", module.TREE, "install-tool", f"DESTDIR={room}"])
        sh.run(["tar", "-C", room, "-cf", path, "usr"])


def _progress(blocks):
    """Says which block is begun."""
    def line_came(line):
        if found := re.fullmatch(r"@@block (\d+)", line.strip()):
            number = int(found[1])
            say(f"    {number + 1} of {len(blocks)}: {blocks[number].place()}")
    return line_came


def _boot(blocks):
    target = kernels.get(_KERNEL)
    [built] = module.build(_KERNEL)
    modules = power_host.Modules(target)
    modules.stock("overlay")
    plan, data, guest = _plan(blocks)
    directory = power_host.run_directory("pages")
    disk, initrd, tool = directory / "disk.raw", directory / "guest.initrd", directory / "tool.tar"
    with open(disk, "wb") as stream:
        stream.truncate(64 << 20)
    _guest_initrd(target, guest, initrd)
    _tool_tar(tool)
    data |= {"plan": plan}
    machine = qemu.Machine(
        options=("cap-nested-hv=on",), memory="6G", cpus=2, phbs=4, image=image.host_image(target, _PACKAGES),
        devices=("nvme,serial=page,drive=disk,bus=phb1.0", f"{_EDU},bus=phb2.0", f"{_EDU},bus=phb3.0"),
        arguments=("-drive", f"if=none,id=disk,format=raw,file={disk}"))
    try:
        with step(f"a POWER host that does what {len(blocks)} blocks of the pages say"):
            return power_host.boot(
                target, modules=modules, machine=machine, timeout=_TIMEOUT_S, directory=directory, data=data,
                on_line=_progress(blocks),
                script=(power_host.SCRIPTS / "pages-host.sh").read_text(),
                files={"guest.initrd": initrd, "tool.tar": tool, "client": client.binary(), "vfio_tce.ko": built,
                       "vfio-tce.conf": module.TREE / "scripts/modprobe.conf"})
    finally:
        for path in (disk, initrd, tool):
            path.unlink(missing_ok=True)


def _ran(output):
    """Number of a block -> what it did."""
    found, now = {}, None
    for line in output:
        if end := re.fullmatch(r"@@block (\d+) ends (\d+)", line.strip()):
            found.setdefault(int(end[1]), _Ran(-1, [])).status = int(end[2])
            now = None
        elif begin := re.fullmatch(r"@@block (\d+)", line.strip()):
            now = found.setdefault(int(begin[1]), _Ran(-1, []))
        elif now:
            now.output.append(line)
    return found


def _judge(block, ran):
    """What is wrong with what a block did; empty: nothing."""
    if ran is None or ran.status < 0:
        return "it was not run to its end"
    if ran.status:
        return f"it ended with {ran.status}"
    output = "\n".join(ran.output)
    if complaint := _COMPLAINT.search(output):
        return f"it says {complaint[0]}"
    wanted = block.words.get("expect")
    if wanted and not re.search(wanted, output, re.M):
        return f"its output does not hold {wanted}"
    return ""


@check("pages", "the blocks of README and ADMIN.md, run on a POWER host with Debian's tools", order=70,
       by_name_only=True)
def check_pages():
    blocks = [block for name in page.PAGES for block in page.blocks(name, (module.TREE / name).read_text())
              if block.kind in ("power-host", "kvm-guest") and not block.problem]
    outcome = _boot(blocks)
    ran, counts, total = _ran(outcome.output), Counts(), 0
    transcript = []
    for number, block in enumerate(blocks):
        if "file" in block.words:
            continue
        why = _judge(block, ran.get(number))
        total += 1
        counts += Counts(passed=int(not why), failed=int(bool(why)))
        told = ran.get(number, _Ran(-1, [])).output
        transcript += ["", f"== {block.place()}: {why or 'as it should be'}", block.text.rstrip(), "--", *told]
        if why:
            print("\n    ".join([f"{block.place()}: {why}", *block.text.rstrip().splitlines(), "--", *told[-15:]]))
    (outcome.directory / "transcript").write_text("\n".join(transcript) + "\n")
    if outcome.why():
        power_host.report(outcome)
        counts += Counts(failed=1)
    return counts + Counts(note=f"{total} blocks, {outcome.directory / 'transcript'}")

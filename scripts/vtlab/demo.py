"""The demo: an emulated POWER9 host passes an NVMe disk to a guest with KVM; the books are in the verdict."""

import dataclasses
import hashlib
import sys

from . import checks, image, kernels, module, power_host, qemu, verdict
from .log import say, step

OURS, IN_TREE = "vfio_tce", "vfio_iommu_spapr_tce"
_DISK_MIB, _MIB = 64, 8
_HYPERCALLS = ("put", "get", "indirect", "stuff")
_MEMORY_MIB = 1024


@dataclasses.dataclass(frozen=True)
class Platform:
    """A kind of host."""
    name: str
    title: str
    machine: dict                   # what qemu.Machine has to know
    bus: str                        # QEMU's name of the bus of the disk
    disk: str                       # the host's name of the disk
    guest_options: tuple = ()       # of the machine inside
    append: str = ""
    refusing: tuple = ()            # kernels' page sizes with which the in-tree driver refuses QEMU's windows
    papr: bool = True               # there is a hypervisor below, whose trace counts the host's hypercalls


PLATFORMS = {each.name: each for each in (
    Platform("pseries", "emulated POWER9 pSeries", {"options": ("cap-nested-hv=on",)}, "phb1.0", "0001:00:00.0",
             refusing=(4096,)),
    # The processor that is emulated has none of the mitigations that the guest's machine offers by default.
    Platform("powernv", "emulated POWER9 PowerNV (bare metal)", {"machine": "powernv9", "express": True}, "rp1",
             "0001:01:00.0", ("cap-cfpc=broken", "cap-sbbc=broken", "cap-ibs=broken", "cap-ccf-assist=off",
                              "cap-ail-mode-3=off"), "quiet", papr=False),
)}


def _guest_initrd(target, path):
    modules = power_host.Modules(target)
    modules.stock("nvme", load=False)
    settings = f"mib={_MIB}\nnvme='{' '.join(modules.data)}'\n"
    script = (power_host.SCRIPTS / "demo-guest.sh").read_text()
    power_host.write_image(modules, script, path, data={"settings": settings})


def _tool():
    """The command vfio-tce, as files for the POWER host."""
    top = module.TREE / "scripts"
    return {str(path.relative_to(top)): path
            for path in (top / "tool/vfio-tce", *sorted((top / "tool/vfio_tce").glob("*.py")))}


def _terminal():
    """What the tool has to know of the terminal that this is read on."""
    charset = "utf-8" if (sys.stderr.encoding or "").lower() == "utf-8" else "ascii"
    colours = "TERM=xterm" if sys.stderr.isatty() else "NO_COLOR=1"
    return f"PYTHONIOENCODING={charset} {colours}"


def run(kernel_name, driver, platform="pseries", accel="kvm", timeout=900, detour=False, left=None):
    """Runs the demo. Returns its Books. detour: our driver comes and goes before, as `make load` and `make unload` do it.

    left: a tar file of modules and settings on the host's disk, with which modprobe brings the driver."""
    platform = PLATFORMS[platform]
    target = kernels.get(kernel_name)
    system = image.host_image(target)
    modules = power_host.Modules(target)
    if left:
        modules.stock("overlay")
    elif driver == OURS:
        for built in module.build(kernel_name):
            modules.file(str(built))
    elif not detour:
        modules.stock(driver)
    files = _tool() if driver == OURS else {}
    if detour:
        files |= {"vfio_tce.ko": module.build(kernel_name)[0], "load.sh": module.TREE / "scripts" / "load.sh"}
    if left:
        files |= {"left.tar": left, "enter.sh": power_host.SCRIPTS / "enter.sh"}
    for name in ("vfio-pci", "kvm-hv") if not left else ():
        modules.stock(name)
    directory = power_host.run_directory(f"demo-{platform.name}-{kernel_name}")
    disk, initrd = directory / "disk.raw", directory / "guest.initrd"
    with open(disk, "wb") as stream:
        stream.truncate(_DISK_MIB << 20)
    _guest_initrd(target, initrd)
    guest_options = ",".join((f"cap-hpt-max-page-size={target.page_size}", *platform.guest_options))
    # The in-tree driver gets its best chance: it holds a window that the host's own driver could not create against
    # the device for good.
    settings = (f"driver={driver}\nterminal='{_terminal()}'\ndisk={platform.disk}\nmemory={_MEMORY_MIB}M\nguest_options={guest_options}\n"
                f"accel={accel}\n"
                f"mib={_MIB}\nguest_timeout={timeout - 60}\n"
                f"hcalls='{' '.join(map(str, verdict.HCALLS))}'\nopal_calls='{' '.join(map(str, verdict.OPAL_CALLS))}'\n"
                f"host_first={'yes' if driver == OURS else 'no'}\ndetour={'yes' if detour else 'no'}\n"
                f"left={'yes' if left else 'no'}\n")
    trace = directory / "hypervisor.trace"
    machine = qemu.Machine(
        **platform.machine, memory="6G", phbs=2, image=system,
        devices=(f"nvme,serial=vfio-tce,drive=disk,bus={platform.bus}",),
        arguments=("-drive", f"if=none,id=disk,format=raw,file={disk}", "-D", str(trace),
                   *(word for event in _HYPERCALLS if platform.papr for word in ("-trace", f"spapr_iommu_pci_{event}"))))

    said = set()

    def show(line):
        text = "guest: " + line[8:] if line.startswith("@@guest ") else line
        if not text.startswith("@@") and text not in said:
            said.add(text)
            say(f"  {text}")

    try:
        with step(f"booting the host: {target.release} on an {platform.title} host, then a guest inside it"):
            outcome = power_host.boot(target, modules=modules, files={"guest.initrd": initrd, **files}, data={"settings": settings},
                                      script=(power_host.SCRIPTS / "demo-host.sh").read_text(), machine=machine,
                                      append=platform.append, timeout=timeout, on_line=show, directory=directory)
        content = disk.read_bytes()
        hypercalls = verdict.count_hypercalls(trace)
    finally:
        for path in (disk, initrd, trace):
            path.unlink(missing_ok=True)
    outside = {}
    for boot in (1, 2):
        begin = (1 + (boot - 1) * _MIB) << 20
        outside[str(boot)] = hashlib.sha256(content[begin:begin + (_MIB << 20)]).hexdigest()
    return verdict.Books(outcome, target, driver, platform, outside, hypercalls, _MIB, _MEMORY_MIB)


def run_and_judge(kernel_name, driver, platform="pseries", detour=False, left=None):
    """Runs the demo and prints the verdict. Returns the number of things that are not as they should be."""
    books = run(kernel_name, driver, platform, detour=detour, left=left)
    expected_to_fail = driver == IN_TREE and books.target.page_size in books.platform.refusing
    lines, failures = verdict.refused(books) if expected_to_fail else verdict.worked(books)
    if detour:
        failures += verdict.detour(books)
    if left and books.fact("brought") != driver:
        failures.append(f"modprobe brought {books.fact('brought') or 'nothing'}, not {driver}")
    print("\n".join(lines))
    for failure in failures:
        print(f"  NOT AS IT SHOULD BE: {failure}")
    if failures:
        power_host.report(books.outcome)
    print(f"  logs: {books.outcome.directory}")
    return len(failures)


def _register(name, what, *how, by_name_only=False, **more):
    @checks.check(name, what, order=90, by_name_only=by_name_only)
    def check():
        failures = run_and_judge(*how, **more)
        return checks.Counts(passed=int(not failures), failed=failures)


_register("demo", "a guest on a 4K-page host reads and writes its disk through our dynamic window, twice", "6.12-4k", OURS)
_register("demo-64k", "the same on a 64K-page host: one hypercall for each 16 MiB of the guest's window", "6.12-64k", OURS)
_register("demo-powernv", "on a bare-metal host, too: KVM writes the tables that the hardware walks", "6.12-4k", OURS, "powernv")
_register("demo-powernv-64k", "the same with 64K pages: one call to the firmware for each 16 MiB", "6.12-64k", OURS, "powernv")
_register("demo-in-tree", "on the same machine the in-tree driver refuses QEMU's window", "6.12-4k", IN_TREE)
_register("unload", "make load, make unload: a guest runs on the in-tree driver again", "6.12-64k", IN_TREE, by_name_only=True,
          detour=True)

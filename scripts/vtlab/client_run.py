"""The client's boots: /dev/vfio driven against real (emulated) devices on stock kernels."""

import concurrent.futures
import dataclasses
import itertools
import pathlib
import tempfile

from . import checks, client, demo, kernel, kernels, ktap, matrix, module, power_host, qemu
from .log import say, step

_PARALLEL = 3           # machines at a time, when there is room (qemu.py)
_TIMEOUT_S = 900        # of one boot; a healthy one takes a tenth of it
_EDU = "edu,dma_mask=0xffffffffffffffff"
# A group that cannot be in one container with the others.
_UNLIKE = "spapr-pci-host-bridge,index=2,id=unlike,dma_win_size=0x20000000"
# Races are tried at length on both page sizes of one kernel.
_FEW_ROUNDS = "--rounds 10"
# The kernel's objects are poisoned when they are freed, and so are pages where memory is small enough not to make the
# boot slow: a use after that shows.
_POISON = "slub_debug=FZPU"
_POISON_PAGES = "page_poison=1"
# While the kernel boots, half a minute on a busy machine is nothing; SCRIPT is stricter then.
_PATIENT = "watchdog_thresh=60"
# The kernel's own when it has no memory for the file of a property.
_NO_PROPERTY = r"WARNING: .* at drivers/of/kobj\.c:"
_HOST_DRIVERS = module.TREE / "kunit/client/host-drivers.sh"

# The driver goes and comes back at the end, with nothing left that would keep it. A debug kernel is asked what it found:
# an object must be 5 s old to be called a leak, and the first look finds pointers that only a register held. The
# PowerNV code itself loses the table that it makes for the host when there is no memory to link it.
SCRIPT = f"""
leaks=/sys/kernel/debug/kmemleak
# emulated on a busy machine, half a minute of a debug kernel is nothing
[ -e $leaks ] && echo 60 >/proc/sys/kernel/watchdog_thresh || echo 5 >/proc/sys/kernel/watchdog_thresh
{{command}}
status=$?
rmmod vfio_pci vfio_pci_core {demo.OURS} || {{{{ echo "the driver cannot be unloaded"; exit 1; }}}}
for module in {demo.OURS} vfio_pci_core vfio_pci; do
    insmod modules/$module.ko $(sed -n "s/^$module //p" load) || exit 1
done
./client cycle || exit 1
if [ -e $leaks ]; then
    rmmod vfio_pci vfio_pci_core {demo.OURS} || exit 1
    sleep 6
    echo scan >$leaks
    sleep 6
    echo scan >$leaks
    awk 'BEGIN {{{{ RS = "unreferenced object" }}}} NR > 1 && !/pnv_pci_ioda2_setup_default_config/' $leaks >/tmp/leaks
    [ -s /tmp/leaks ] && {{{{ cat /tmp/leaks; exit 1; }}}}
    grep -q "debug_locks: *1" /proc/lockdep_stats || {{{{ echo "lockdep gave up"; exit 1; }}}}
fi
exit $status
"""


@dataclasses.dataclass
class Boot:
    """One machine and what runs on it."""
    name: str
    kernel: str
    selection: str = ""                 # the client's arguments; None: host-drivers.sh instead
    part: str = ""                      # of host-drivers.sh
    arguments: tuple = ()               # of QEMU
    append: str = ""
    memory: str = "1536M"
    kind: str = "pseries"
    allowed: tuple = ()                 # the kernel's own complaints about being treated like this
    timeout: int = _TIMEOUT_S
    whole: str = ""                     # those of client-whole; "": it has nothing to add

    def machine(self, room):
        first, second = ("pci.0", "phb1.0") if self.kind == "pseries" else ("br0", "br1")
        devices = [f"{_EDU},bus={first},addr=1", f"{_EDU},bus={second},addr=1",
                   f"{self.card()},romfile=,netdev=net,bus={first},addr=2"]
        arguments = ["-netdev", "user,id=net,restrict=on", *self.arguments]
        if self.kind != "pseries":
            # alone on its bus, the second edu would be reset with all of it, seconds long, by each user
            devices.append(f"pci-testdev,bus={second},addr=3")
        elif self.selection is not None:
            devices += [_UNLIKE, f"{_EDU},bus=unlike.0,addr=1"]
        if self.selection is None:
            devices += [f"nvme,serial=x,drive=disk,bus={second},addr=2", f"pci-ohci,id=usb,bus={first},addr=3",
                        "usb-tablet,bus=usb.0"]
            disk = pathlib.Path(room) / "disk"
            with open(disk, "wb") as stream:
                stream.truncate(64 << 20)
            arguments += ["-drive", f"if=none,id=disk,format=raw,file={disk}"]
        return qemu.Machine(machine=self.kind, memory=self.memory, cpus=2, phbs=2, devices=tuple(devices),
                            arguments=tuple(arguments), load=qemu.WAITS)

    def card(self):
        """The kernel's e1000 cannot do without I/O ports, which powernv machines lack."""
        return "e1000" if self.kind == "pseries" else "e1000e"

    def modules(self, built):
        target = kernels.get(self.kernel)
        modules = power_host.Modules(target)
        for path in built:
            modules.file(f"{path} {target.module_options}")
        modules.stock("vfio-pci")
        if self.selection is None:
            for name in (self.card(), "nvme", "ohci-pci", demo.IN_TREE):
                modules.stock(name, load=False)
        return modules


BOOTS = (
    Boot("4K pages", "6.12-4k", append="hugepagesz=1G hugepages=1", memory="3G"),
    Boot("64K pages", "6.12-64k", append=_POISON_PAGES),
    Boot("7.2, 4K pages", "7.2-4k", f"{_FEW_ROUNDS} --skip 'errno_*'", whole="--rounds 50", append="hugepagesz=1G hugepages=1", memory="3G"),
    Boot("7.2, 64K pages", "7.2-64k", f"{_FEW_ROUNDS} --skip 'errno_*'", whole="--rounds 50", append=_POISON_PAGES),
    Boot("debug kernel", "kunit-debug",
         "'groups.*' 'races.*' 'close.*' 'attach.*' 'hotplug.*' --skip 'close.kill*' --rounds 3", whole="--rounds 10",
         append="kasan_multi_shot", allowed=(_NO_PROPERTY,)),
    Boot("no dynamic windows", "6.12-4k", "'no_ddw.*' 'v1.*'", arguments=("-global", "spapr-pci-host-bridge.ddw=off")),
    Boot("no multi-TCE hypercalls", "6.12-4k",
         "dma.two_windows groups.share_one_container groups.joins_later '*small_ranges'",
         whole="'dma.*' 'regions.*' 'groups.*' '*small_ranges'", append="multitce=off",
         allowed=(r"WARNING: .*feature-fixups\.c:\d+ check_features", "Call Trace:")),
    Boot("the host's drivers", "6.12-4k", None),
    Boot("the host's drivers, 7.2", "7.2-4k", None),
    Boot("the in-tree driver and EEH", "6.12-4k", None, "in-tree"),
    Boot("PowerNV 9, 4K pages", "6.12-4k", f"{_FEW_ROUNDS} --skip 'errno_*'", whole="--rounds 50", append="quiet", kind="powernv9"),
    Boot("PowerNV 9, 64K pages", "6.12-64k",
         "'powernv*' 'dma.*' 'v1.*' 'groups.*' 'hotplug.*'", whole="--rounds 50",
         append=f"quiet {_POISON_PAGES}", kind="powernv9"),
    Boot("PowerNV 9, debug kernel", "kunit-debug", "'attach.*' 'hotplug.*' powernv_windows.either_order",
         append="quiet kasan_multi_shot", kind="powernv9", allowed=(_NO_PROPERTY,)),
    *(Boot(f"PowerNV 9, {name}", name, "'powernv_windows.*' powernv_tables.depth_3 dma.two_windows 'v1.*'", whole="--rounds 20",
           append=f"quiet {_POISON_PAGES}", kind="powernv9") for name in ("7.2-4k", "7.2-64k")),
    *(Boot(f"PowerNV 10, {name}", name, f"{tables} dma.two_windows", append="quiet", kind="powernv10")
      for name, tables in zip(kernel.table(), itertools.chain(["'powernv_tables.*'"], itertools.repeat("powernv_tables.depth_5")))),
    Boot("PowerNV 8", "6.12-4k", "'powernv_windows.*' 'v1.*' 'errno_map.*' dma.two_windows", append="quiet", kind="powernv8"),
    Boot("PowerNV 9, the host's drivers", "6.12-4k", None, append="quiet", kind="powernv9"),
    Boot("PowerNV 9, the in-tree driver and EEH", "6.12-4k", None, "in-tree", append="quiet", kind="powernv9"),
)


@dataclasses.dataclass
class Run:
    boot: Boot
    report: ktap.Report
    problems: list
    seconds: float
    directory: object

    def names(self, status):
        return {case.name for case in self.report.cases if case.status == status}

    def summary(self):
        counts = ", ".join(f"{self.report.count(status)} {word}" for status, word in
                           (("ok", "passed"), ("not ok", "failed"), ("skip", "not for this machine")))
        return f"{self.boot.name}: {counts}, {self.seconds:.0f} s"


def run_one(boot, built, program):
    """Boots one machine. Returns Run."""
    files, data = {"client": program}, {}
    script = SCRIPT.format(command=f"./client {boot.selection}")
    if boot.selection is None:
        files["host-drivers.sh"] = _HOST_DRIVERS
        data["nvme-modules"] = " ".join(kernels.get(boot.kernel).module_order("nvme"))
        script = f"sh ./host-drivers.sh {boot.part}\n"
    with tempfile.TemporaryDirectory(prefix="client-") as room:
        outcome = power_host.boot(kernels.get(boot.kernel), modules=boot.modules(built), files=files, data=data,
                                  script=script, machine=boot.machine(room), append=f"{_POISON} {_PATIENT} {boot.append}",
                                  timeout=boot.timeout, allowed=boot.allowed)
    report = ktap.parse("\n".join(outcome.output))
    problems = list(report.problems)
    if outcome.why() and (outcome.code != 1 or not report.count("not ok")):
        problems.append(outcome.why())
        problems += outcome.output[-3:]
    return Run(boot, report, problems, outcome.seconds, outcome.directory)


def run_all(boots=BOOTS):
    """All boots, a few at a time. Returns the list of Run."""
    program = client.binary()
    built = {name: module.build(name) for name in dict.fromkeys(boot.kernel for boot in boots)}
    with step(f"the client on {len(boots)} machines"), concurrent.futures.ThreadPoolExecutor(_PARALLEL) as pool:
        futures = [pool.submit(run_one, boot, built[boot.kernel], program) for boot in boots]
        done = []
        for future in futures:
            done.append(future.result())
            say(f"    {len(done)} of {len(boots)}: {done[-1].summary()}")
    return done


def show(runs):
    """Prints what went wrong, and the figures that the cases print."""
    for run in runs:
        for case in run.report.cases:
            if case.status == "not ok":
                print("\n    ".join([f"{run.boot.name}: {case.name} failed", *case.why[:8]]))
        for problem in run.problems:
            print(f"{run.boot.name}: {problem}\n    (logs: {run.directory})")
    for line in (line for run in runs[:1] for case in run.report.cases for line in case.why):
        if line.startswith("# hypercalls "):
            print(f"{runs[0].boot.name}: {line[2:]}")


def _check(boots):
    runs = run_all(boots)
    show(runs)
    counts = checks.Counts()
    for run in runs:
        passed, failed = run.report.count("ok"), run.report.count("not ok") + len(run.problems)
        counts += checks.Counts(passed=passed, failed=failed,
                                cells=(matrix.Cell(run.boot.kind, run.boot.kernel, "client", passed, failed),))
    # A case may not be for one machine, but there has to be one that it is for.
    ran = set.union(*(run.names("ok") | run.names("not ok") for run in runs))
    for name in sorted(set.union(*(run.names("skip") for run in runs)) - ran):
        print(f"{name} ran on no machine")
        counts += checks.Counts(failed=1)
    return counts


@checks.check("client", "/dev/vfio call by call and DMA byte by byte, on 4K and 64K pages; all is given back", order=60)
def check():
    return _check(BOOTS)


@checks.check("client-whole", "the client's boots of which make test does a part: all of their cases, races at length", order=60,
              by_name_only=True)
def check_whole():
    return _check(tuple(dataclasses.replace(boot, selection=boot.whole, timeout=4 * _TIMEOUT_S) for boot in BOOTS if boot.whole))

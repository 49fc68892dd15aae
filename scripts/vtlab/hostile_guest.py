"""A hostile guest under KVM and its VMM, in an emulated host; see kunit/hostile/README.md."""

import dataclasses

from . import build_machine, cache, client, client_run, kernel, kernels, ktap, module, power_host, qemu, root, soak
from .log import step

_KERNELS = ("kunit-debug", "kunit-debug-64k", *kernel.table())
TARGETS = tuple(soak.Target(machine, name) for name in _KERNELS for machine in ("pseries", "powernv9"))
_EDU = "edu,dma_mask=0xffffffffffffffff"
_FOUND = "# found: "
_SLACK_S = 600          # boot, the last round, what is looked at in the end; on a machine that is busy
# KVM asks us for entries that no window has, and warns of our answer: the program knows when that may be.
_ALLOWED = (r"WARNING: .* kvmppc_tce_iommu_unmap\+",)
# Emulated on a busy machine, half a minute is nothing.
_APPEND_DEBUG = "kasan_multi_shot slab_debug=- watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=120"
# KVM walks lists that only a grace period protects, without being an RCU reader. That does where nothing preempts it, but
# for kernels that count preemption all the same: a debug kernel's RCU takes each tick in KVM for its end.
_KVM_IS_NOT_WAITED_FOR = ("7.2-4k", "7.2-64k", "kunit-debug", "kunit-debug-64k")
_MORE = dict.fromkeys(_KVM_IS_NOT_WAITED_FOR, "--never tables")


def binary():
    """Builds what changed and returns the program's path."""
    out = module.OUT / "hostile"
    out.mkdir(parents=True, exist_ok=True)
    with cache.lock(module.OUT / ".locks" / "hostile"), step("building the hostile guest"):
        root.build_root().compile(["make", "-s", "-C", "/src/hostile", "O=/out", "-j2",
                                   "CXX=ccache powerpc64le-linux-gnu-g++"],
                                  binds=[(module.TREE / "kunit", "/src", False), (out, "/out", True)])
    build_machine.give_back(out)
    return out / "hostile"


def _machine(target):
    if target.machine == "pseries":
        kind, buses = {"options": ("cap-nested-hv=on",)}, ("pci.0", "phb1.0")
    else:
        kind, buses = {"machine": target.machine}, ("br0", "br1")
    devices = [f"{_EDU},bus={bus},addr=1" for bus in buses]
    if target.machine != "pseries":     # alone on its bus, it would be reset with all of it by each user
        devices += [f"pci-testdev,bus={bus},addr=3" for bus in buses]
    memory = "3G" if target.kernel.startswith("kunit-") else "2G"
    return qemu.Machine(**kind, memory=memory, cpus=2, phbs=2, devices=tuple(devices))


@dataclasses.dataclass
class Run:
    report: ktap.Report
    problems: list
    rounds: str
    seconds: float
    directory: object


def run(target, seconds, seed, more=""):
    """Rounds for so many seconds."""
    debug = target.kernel.startswith("kunit-")
    release = kernels.get(target.kernel)
    modules = power_host.Modules(release)
    for path in module.build(target.kernel):
        modules.file(f"{path} {release.module_options}")
    for name in ("vfio-pci", "kvm-hv"):
        modules.stock(name)
    words = [_APPEND_DEBUG if debug else "slub_debug=FZPU"]
    words += ["quiet"] if target.machine != "pseries" else []
    command = f"./hostile --seconds {seconds} --seed {seed} {_MORE.get(target.kernel, '')} {more}"
    outcome = power_host.boot(release, modules=modules, files={"hostile": binary(), "client": client.binary()},
                              script=client_run.SCRIPT.format(command=command), machine=_machine(target),
                              append=" ".join(words), timeout=_SLACK_S + 2 * seconds, allowed=_ALLOWED)
    report = ktap.parse("\n".join(outcome.output))
    problems = list(report.problems)
    if outcome.why() and (outcome.code != 1 or not report.count("not ok")):
        problems += [outcome.why(), *outcome.output[-3:]]
    rounds = next((line.partition("# ")[2] for line in reversed(outcome.output) if " 1 hostile.guest" in line), "")
    return Run(report, problems, rounds, outcome.seconds, outcome.directory)


def show(target, done):
    """Prints what was found, with the round it was found in."""
    for case in done.report.cases:
        for number, line in enumerate(case.why):
            if case.status == "not ok" and _FOUND in line:
                begin = next((each for each in reversed(case.why[:number]) if each.startswith("# round")), "")
                print(f"{target}: {line.partition(_FOUND)[2]}\n    {begin}")
    for problem in done.problems:
        print(f"{target}: {problem}")
    if done.problems or done.report.count("not ok"):
        print(f"    (logs: {done.directory})", flush=True)


@soak.program("guest", "a guest without an operating system and its VMM, with KVM", TARGETS)
def hostile(target, seconds, seed):
    done = run(target, seconds, seed)
    show(target, done)
    return soak.Result(done.report.count("ok"), done.report.count("not ok") + len(done.problems), done.rounds)

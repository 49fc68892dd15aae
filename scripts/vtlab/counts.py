"""What the engine costs: instructions, calls and bytes an entry, over a port that does nothing (kunit/bench).

They are counted by valgrind, so they are the same on every run and do not depend on what else the machine does. The
budget (kunit/bench/budget.toml) says what each path may cost; it is that of the build root's compiler on x86-64.
"""

import os
import platform
import re
import tomllib

from . import build_machine, cache, checks, module, root
from .log import LabError, step

BUDGET = module.TREE / "kunit/bench/budget.toml"
_SLACK = 1.03       # nothing grows by more than that unnoticed
_INSIDE = "/out/bench"
_DUMPED = re.compile(r"^desc: Trigger: Client Request: (\S+)$", re.M)
_TOTAL = re.compile(r"^(?:summary|totals): (\d+)$", re.M)
_FIGURES = ("instructions", "calls", "bytes")
_SHARE = 0.8        # of what so many vCPUs could do in leaves of their own, if they had nothing in common
_HEAD = """\
# What an entry may cost: instructions (x86-64, the build root's g++, -O2), calls to
# the hypervisor or the firmware, bytes that the kernel's allocators take. Written by
# `scripts/lab counts --update`; `make test` fails when a figure grows by over 3 %.
"""


def binary():
    """Builds the program; its path inside the root."""
    out = module.OUT / "bench"
    out.mkdir(parents=True, exist_ok=True)
    with step("building the engine over a port that does nothing"):
        root.build_root("trixie").run(["make", "-s", f"-j{os.cpu_count()}", "-C", "/src/kunit/bench", f"BUILD={_INSIDE}"],
                                      binds=[(module.TREE, "/src", False), (module.OUT, "/out", True)])
    build_machine.give_back(module.OUT)
    return f"{_INSIDE}/bench"


def _run(argv):
    _, text = root.build_root("trixie").run(argv, binds=[(module.OUT, "/out", True)], cwd=_INSIDE, timeout=1800)
    return text


def parse(lines, dumps):
    """The program's lines NAME ENTRIES CALLS BYTES and callgrind's dumps: name -> figures an entry."""
    instructions = {}
    for dump in dumps:
        name, total = _DUMPED.search(dump), _TOTAL.search(dump)
        if name and total:
            instructions[name[1]] = int(total[1])
    found = {}
    for line in lines:
        if not (words := re.fullmatch(r"(\S+) (\d+) (\d+) (\d+)", line)):
            continue
        if words[1] not in instructions:
            raise LabError(f"callgrind counted nothing for {words[1]}")
        entries = int(words[2])
        figures = instructions[words[1]], int(words[3]), int(words[4])
        found[words[1]] = {name: round(figure / entries, 6) for name, figure in zip(_FIGURES, figures)}
    if not found:
        raise LabError("the program counted nothing")
    return found


def count():
    """Runs every path under callgrind. Returns name -> figures an entry."""
    program, out = binary(), module.OUT / "bench"
    with cache.lock(module.OUT / ".locks" / "bench"), step("counting instructions"):
        for old in out.glob("callgrind.*"):
            old.unlink()
        text = _run(["valgrind", "-q", "--tool=callgrind",
                     f"--callgrind-out-file={_INSIDE}/callgrind.out", program, "--counts"])
        return parse(text.splitlines(), [path.read_text() for path in out.glob("callgrind.out*")])


def parse_contention(lines):
    """The program's lines KILL_US VCPUS ONE_LEAF OWN_LEAVES: (us, vcpus) -> updates a second in one leaf, in leaves of their own."""
    found = {(int(us), int(vcpus)): (float(one), float(own)) for us, vcpus, one, own in
             (line.split() for line in lines if re.fullmatch(r"\d+ \d+ \d+ \d+", line))}
    if not found or any((us, 1) not in found for us, _ in found):
        raise LabError("the program said nothing of contention")
    return found


def contention():
    """What vCPUs do to each other, by clocks of their own (kunit/bench/contention.cc)."""
    return parse_contention(_run([binary(), "--contention"]).splitlines())


def judge_contention(found):
    """Lines about vCPUs that wait for others though they are in leaves of their own."""
    return [f"{vcpus} vCPUs in leaves of their own, {us} us a kill: {own / found[us, 1][1]:.2f} of one's updates, wanted "
            f"{_SHARE * vcpus:.1f}" for (us, vcpus), (_, own) in sorted(found.items()) if own < _SHARE * vcpus * found[us, 1][1]]


def show_contention(found):
    print(f"\n{'us a kill':>9} {'vCPUs':>6} {'updates a second in one leaf':>29} {'in leaves of their own':>23}")
    for (us, vcpus), (one, own) in sorted(found.items()):
        print(f"{us:9} {vcpus:6} {one:29,.0f} {own:23,.0f}")


def judge(counted, budget):
    """Lines about what costs more than it may, and paths that only one of them knows."""
    wrong = [f"{name}: it has no budget" for name in counted if name not in budget]
    wrong += [f"{name}: there is a budget, and no such path" for name in budget if name not in counted]
    for name in counted.keys() & budget.keys():
        for figure in _FIGURES:
            now, may = counted[name][figure], budget[name].get(figure, 0)
            if now > may * _SLACK:
                wrong.append(f"{name}: {now:g} {figure} an entry, the budget is {may:g}")
    return sorted(wrong)


def load():
    try:
        return tomllib.loads(BUDGET.read_text())
    except (OSError, tomllib.TOMLDecodeError) as why:
        raise LabError(f"{BUDGET}: {why}") from why


def update(counted):
    width = max(map(len, counted)) + 2
    lines = [f"{f'{chr(34)}{name}{chr(34)}':{width}} = {{ " + ", ".join(f"{key} = {figures[key]:g}" for key in _FIGURES)
             + " }" for name, figures in sorted(counted.items())]
    BUDGET.write_text(_HEAD + "\n" + "\n".join(lines) + "\n")


def show(counted, before=None):
    print(f"{'path':26} {'instructions':>12} {'before':>8} {'calls':>9} {'bytes':>7}")
    for name, figures in sorted(counted.items()):
        was = (before or {}).get(name, {}).get("instructions")
        print(f"{name:26} {figures['instructions']:12.1f} {f'{was:.1f}' if was else '':>8} {figures['calls']:9.4f} "
              f"{figures['bytes']:7.2f}")


def times():
    print(_run([binary(), "--benchmark_counters_tabular=true"]), end="")


@checks.check("counts", "instructions, calls and bytes an entry stay within their budget", order=20)
def check():
    if platform.machine() != "x86_64":
        return checks.Counts(skipped=1, note="the budget is one of x86-64")
    counted = count()
    found = contention()
    wrong = judge(counted, load()) + judge_contention(found)
    print("\n".join(f"counts: {line}" for line in wrong))
    return checks.Counts(passed=len(counted) * len(_FIGURES) + len(found) - len(wrong), failed=len(wrong))

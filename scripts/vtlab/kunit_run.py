"""The KUnit runs: each KUnit kernel on each machine, with everything a debug kernel can find counted as a failure."""

import concurrent.futures
import dataclasses
import pathlib
import re

from . import kernel, kernels, ktap, kunit_stock, module, native, power_host, qemu
from .log import LabError, say, step

# What the modules are built for, the kernel they run in, the machine. The long ones first. What clang makes of the
# engine runs once as well: the KUnit kernels are gcc's, modules of either compiler fit.
RUNS = (
    ("kunit-debug", "kunit-debug", "pseries"),
    ("kunit-debug", "kunit-debug", "powernv9"),
    ("kunit-lean", "kunit-lean", "pseries"),
    ("kunit-lean", "kunit-lean", "powernv9"),
    ("clang-kunit", "kunit-lean", "pseries"),
    *((name, name, machine) for name in kernel.table() for machine in ("pseries", "powernv9")),
)
_PARALLEL = 2           # machines at a time, when there is room (qemu.py)
_TIMEOUT_S = 2400       # of one run; a healthy one on an idle machine takes a tenth of it
# Words for the kernel's command line. Emulated on a busy machine, half a minute is nothing; KASAN sees what slab_debug would.
_APPEND = "ignore_loglevel watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=120"
_APPEND_DEBUG = "kasan_multi_shot slab_debug=-"
# Percent of the random operations, and with it how long rows of trials are; below 10 a case runs with every third of its
# parameters only. All of them are done on the machine at hand (check native), where they take a tenth of the time; where
# everything takes ten times as long again, or has been seen on another kernel with all parameters, there is a little of
# each. The check kunit-whole does more of it.
_EFFORT_MUCH = 50
_EFFORT = 10
_EFFORT_LITTLE = 5
# The two KUnit kernels and one stock kernel run all suites on pSeries (and tce_port, where they can); the others those that
# the machine, the other compilers or the page size could matter to. kunit-whole runs all of them everywhere.
_ALL_SUITES = ("kunit-debug", "kunit-lean", "6.12-4k")
_SOME_SUITES = ("geometry", "table", "papr", "ioda", "kvm", "v1", "race")
_POWERNV_SUITES = {"kunit-lean": ("table", "group", "kvm", "ioda", "v1", "race")}
_POWERNV_FEW = ("ioda", "v1")
# On top of what qemu.splats() knows: what only a debug kernel says.
_SPLAT = re.compile(r"INFO:|ODEBUG|DEBUG_LOCKS_WARN_ON|kmemleak: .*(new suspected|disabled)|BUG ")

# Everything is quiet until the end, because powernv has one line for the kernel's messages and ours. The modules come
# and go once more after the tests, then kmemleak looks twice: an object must be 5 s old to be called a leak, and
# the first look finds pointers that only a register held.
_SCRIPT = """
leaks=/sys/kernel/debug/kmemleak
report() { echo "@@ $*" >>/tmp/report; }
for module in $KUNIT_MODULES; do
    rmmod $module || report "trouble: rmmod $module"
done
if [ -n "$REAL_MODULES" ]; then
    for round in 1 2; do
        loaded=
        for module in $REAL_MODULES; do
            options=
            [ $module = vfio_tce ] && options=$OPTIONS
            insmod modules/$module.ko $options || report "trouble: insmod $module"
            loaded="$module $loaded"
        done
        [ -e /dev/vfio/vfio ] || report "trouble: no /dev/vfio/vfio"
        for module in $loaded; do
            rmmod $module || report "trouble: rmmod $module"
        done
    done
    report "real modules: $loaded"
fi
if [ -e $leaks ]; then
    sleep 6
    echo scan >$leaks
    sleep 6
    echo scan >$leaks
    sed 's/^/@@ leak: /' $leaks >>/tmp/report
    report "kmemleak: done"
fi
[ -e /proc/lockdep_stats ] && report "$(grep debug_locks: /proc/lockdep_stats)"
report "tainted: $(cat /proc/sys/kernel/tainted)"
dmesg -n 1
cat /tmp/report
"""


@dataclasses.dataclass
class Run:
    """What one boot of a KUnit kernel found."""
    name: str               # what it was built for, and the machine
    boots: str
    machine: str
    report: ktap.Report
    problems: list
    seconds: float
    directory: object
    real: bool = False      # the real module came and went
    only: tuple = ()        # suites of the engine that it was restricted to

    @property
    def ok(self):
        return not self.problems

    def summary(self):
        skipped = self.report.count("skip")
        return (f"{self.name}: {len(self.report.suites)} suites, {self.report.count('ok')} cases passed, "
                f"{self.report.count('not ok')} failed" + (f", {skipped} skipped" if skipped else "")
                + f", {self.seconds:.0f} s")


def _facts(output):
    """What the script reported."""
    facts = [line.partition("@@ ")[2].strip() for line in output if "@@ " in line]
    return {
        "troubles": [fact for fact in facts if fact.startswith("trouble: ")],
        "leaks": [fact.removeprefix("leak: ") for fact in facts if fact.startswith("leak: ")],
        "kmemleak": "kmemleak: done" in facts,
        "debug_locks": next((int(found[1]) for fact in facts if (found := re.match(r"debug_locks: *(\d+)", fact))), None),
        "real": any(fact.startswith("real modules: ") for fact in facts),
        "ended": any(fact.startswith("tainted: ") for fact in facts),
    }


def _judge(outcome, report, facts, *, debug, real):
    """Everything that is wrong with a run, as messages."""
    problems = list(report.problems)
    for case in report.cases:
        if case.status == "not ok":
            problems.append("\n      ".join([f"{case.name} failed", *case.why[:8]]))
    if outcome.code not in (0, power_host.SPLATTED):
        problems.append(outcome.why())
    more = [line for line in outcome.console.splitlines() if _SPLAT.search(line) and line not in outcome.splats]
    problems += [f"the kernel complained: {line}" for line in (outcome.splats + more)[:10]]
    problems += facts["troubles"]
    if facts["leaks"]:
        problems.append("kmemleak found\n      " + "\n      ".join(facts["leaks"][:40]))
    if not facts["ended"]:
        problems.append("the script did not report its end")
    elif debug and not (facts["kmemleak"] and facts["debug_locks"] == 1):
        problems.append(f"not a working debug kernel: kmemleak ran: {facts['kmemleak']}, "
                        f"debug_locks: {facts['debug_locks']} (0: lockdep gave up after a report)")
    if real and not facts["real"]:
        problems.append("the real module was not loaded")
    return problems


def _effort(built_for, whole):
    slow = built_for == "kunit-debug" or built_for in kernel.table()
    if whole:
        return _EFFORT if slow else _EFFORT_MUCH
    return _EFFORT_LITTLE if slow else _EFFORT


def _only(built_for, machine, whole):
    """The suites a run is restricted to; () when it is not."""
    if whole:
        return ()
    if machine != "pseries":
        return _POWERNV_SUITES.get(built_for, _POWERNV_FEW)
    return () if built_for in _ALL_SUITES else _SOME_SUITES


def run(built_for, boots, machine, modules_built, *, only=None, glob="", effort=None, whole=False, on_line=None):
    """Boots KUnit kernel `boots` on `machine` with modules_built = (test modules, real module or None).

    only: these suites of the engine, and no others; glob: KUnit's own filter, SUITE.CASE; effort: percent of random cases;
    whole: all suites, and more of them."""
    target = kernels.get(boots)
    kunit_modules, real_module = modules_built
    debug = boots.endswith("debug")
    effort = effort or _effort(built_for, whole)
    only = _only(built_for, machine, whole) if only is None else only
    knobs = f"effort={effort}" + (f" suites={','.join(only)}" if only else "")
    modules = power_host.Modules(target)
    for path in kunit_modules:
        has_knobs = "effort:" in " ".join(power_host.module_info(path, "parm"))
        modules.file(f"{path} {knobs}" if has_knobs else str(path))
    loaded = [name for name, _ in modules.order]
    real = []
    if real_module:
        extra = power_host.Modules(target)
        extra.stock("vfio")
        extra.stock("vfio-pci")
        extra.file(str(real_module))
        real = [name for name, _ in extra.order if name not in loaded]
        modules.data.update(extra.data)
    script = (f'KUNIT_MODULES="{" ".join(reversed(loaded))}"\nREAL_MODULES="{" ".join(real)}"\n'
              f'OPTIONS="{target.module_options}"\n' + _SCRIPT)
    outcome = power_host.boot(target, modules=modules, script=script, timeout=_TIMEOUT_S,
                              machine=qemu.Machine(machine=machine, cpus=2, memory="1G"),
                              append=" ".join(filter(None, (_APPEND, _APPEND_DEBUG if debug else "",
                                                            f"kunit.filter_glob={glob}" if glob else ""))), on_line=on_line)
    report = ktap.parse(outcome.console)
    facts = _facts(outcome.output)
    problems = _judge(outcome, report, facts, debug=debug, real=bool(real))
    return Run(f"{built_for} on {machine}", boots, machine, report, problems, outcome.seconds, outcome.directory, facts["real"],
               tuple(only))


def build_tests(name):
    """The test modules for a kernel."""
    return kunit_stock.build(name) if name in kernel.table() else module.build(name, directory=module.TREE / "kunit")


def build(name):
    """The modules for a kernel: (test modules, real module)."""
    return build_tests(name), module.build(name)[0]


def run_some(name, machine, words, effort=None):
    """Runs suites (SUITE) or cases (SUITE.CASE) on a kernel, all when none is named, and prints them. Returns whether all is well.

    Suites of the engine are named as in kunit/cases/list.h, those of the real port tce_port*."""
    suite, _, case = words.partition(".")
    engine = bool(suite) and not suite.startswith("tce_port")
    if engine and suite not in (suites := native.suites()):
        raise LabError(f"no suite {suite}; there are: {' '.join(suites)}")
    if case and name in kernel.table():
        raise LabError("KUnit's own filter works on the KUnit kernels only: name a suite")
    glob = f"{'tce_' if engine else ''}{suite}.{case}" if case else "" if engine or not suite else f"{suite}*"
    only = (suite,) if engine else ()
    wanted = [path for path in build_tests(name)
              if not suite or kernel.module_name(path) == "kunit" or ("port" in pathlib.Path(path).name) != engine]
    done = run(name, name, machine, (wanted, None), only=only, glob=glob, effort=effort)
    for each in done.report.cases:
        print(f"{each.status:8} {each.name}")
    for problem in done.problems:
        print(problem)
    say(f"{done.summary()}; logs in {done.directory}")
    return done.ok and bool(done.report.count("ok"))


def run_all(runs=RUNS, whole=False):
    """All runs, a few at a time; whole: all suites in each. Returns the list of Run."""
    built, done = {}, []
    for name in dict.fromkeys(each[0] for each in runs):
        try:
            built[name] = build(name)
        except LabError as why:
            done.append(Run(f"{name}, the build", name, "", ktap.Report(), [str(why)], 0, module.OUT / name))
    possible = [each for each in runs if each[0] in built]
    with step(f"KUnit: {len(possible)} runs"), concurrent.futures.ThreadPoolExecutor(_PARALLEL) as pool:
        futures = [pool.submit(run, *each, built[each[0]], whole=whole) for each in possible]
        for future in futures:
            done.append(future.result())
            say(f"    {len(done)} of {len(runs)}: {done[-1].summary()}")
    return done


def show(runs):
    """Prints what failed; returns True when all is well."""
    for each in runs:
        for problem in each.problems:
            print(f"{each.name}: {problem}\n    (logs: {each.directory})")
    return all(each.ok for each in runs)


def case_names(runs):
    """Names of the cases (SUITE.CASE) that ran everywhere they can, and those that ran only in some runs."""
    if not runs:
        raise LabError("no KUnit run")
    sets = {each.name: {".".join(case.name.split(".")[:2]) for case in each.report.cases} for each in runs}
    everything = set.union(*sets.values())
    somewhere = set()
    for each in runs:
        only = tuple(f"tce_{suite}." for suite in each.only)
        expected = {name for name in everything if (name.startswith(only) if only else each.boots not in kernel.table()
                                                    or not name.startswith(kunit_stock.MISSING))}
        somewhere |= expected - sets[each.name]
    return everything - somewhere, somewhere

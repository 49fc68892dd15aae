"""Mutation runs: do the cases on the build machine notice small faults in the engine? The faults: mutations.py.

One program has all mutants that are part of some function (schema.py). It runs once as it is, and says of each case
which of those functions it reaches and how long it takes. Then each mutant is alive in a run of the cases that reach
its function, until one fails: those that noticed something near it first, quick ones before slow ones. What survives
that runs with sanitizers, and with threads under TSan. A mutant of anything else (a constant, a macro) is compiled and
linked with objects of the engine as it is.
"""

import collections
import concurrent.futures
import contextlib
import dataclasses
import fnmatch
import json
import os
import pathlib
import random
import re
import shutil
import threading
import time

from . import build_machine, cache, checks, module, mutations, native, root, schema, sh
from .log import LabError, say, step

BAR = 95                        # percent of the mutations that matter
_LIKELY = 8                     # cases that are tried before all others
_WAVES_MS = (500, 5000)         # then the quickest ones, as many as take so long
_SAMPLE = 10                    # of the check
_ROOM = module.OUT / "mutate"
# build of kunit/native/Makefile -> the cases that it is for
_BUILDS = {"plain": "*", "clang": "*", "tsan": "race.*"}
_SEED = 1                       # of the random cases: the same run twice gives the same score
_EFFORT = 50                    # percent of the random operations
_PATIENCE_S = 30                # a case that takes longer hangs
_MEMORY = 4 << 30               # bytes; a mutant may want all there is
_LAST_RUN = re.compile(r"^\[ RUN      \] (\S+)", re.M)
_FAILED = re.compile(r"^\[  FAILED  \] (\S+?)[ ,(\n]", re.M)
_COMPILER_SAW_IT = re.compile(r"static assertion failed|\[-Werror,-Wthread-safety|constexpr|constant expression"
                              r"|\[-Werror,-Wunused-result|undefined symbol: tce::")
_OF_MUTANT = re.compile(r"^\S*?mutant/(\d+):\d+:\d+: (error|warning): .*", re.M)
_THE_COMPILER = "the compiler"


@dataclasses.dataclass(frozen=True)
class Outcome:
    mutation: mutations.Mutation
    killer: str                 # the case, or "the compiler"; "": nobody
    seconds: float


def _inside(path):
    return f"/out/{pathlib.Path(path).relative_to(module.OUT)}"


def _filter(cases):
    """The filter for cases by name; what means something in filters may be any character."""
    return ":".join(re.sub(r"[-:*]", "?", case) for case in cases) if not isinstance(cases, str) else cases


def _run_cases(binary, cases, seconds, room, env=None):
    """Runs cases until one fails. Returns the one that did, or ""."""
    flags = room / "flags"
    flags.write_text(f"--gtest_fail_fast\n--gtest_filter={_filter(cases)}\n")
    limit = ["prlimit", f"--as={_MEMORY}"] if pathlib.Path(binary).parent.name == "plain" else []
    code, text = root.build_root("trixie").run(
        ["setarch", "-R", *limit, "timeout", "-s", "KILL", str(seconds), binary, f"--gtest_flagfile={_inside(flags)}"],
        binds=[(module.OUT, "/out", True)], check=False, timeout=seconds + 60,
        env={"TCE_SEED": str(_SEED), "TCE_EFFORT": str(_EFFORT), "TCE_PATIENCE": str(_PATIENCE_S),
             "TSAN_OPTIONS": "halt_on_error=1", "ASAN_OPTIONS": "detect_leaks=1", **(env or {})})
    if not code:
        return ""
    failed, last = _FAILED.findall(text), _LAST_RUN.findall(text)
    if failed:
        return failed[0]
    if not last:
        raise LabError(f"{binary} did not run a case:\n{text[-1000:]}")
    # It died, or was killed, in the case that it ran last; leaks show when all is over.
    return last[-1] + (" (no end)" if code in (124, 137) or ", hangs" in text else " (died)")


class Schema:
    """The program that has many mutants, built in one way; what the compiler says of them, what the cases reach."""

    def __init__(self, build, chosen):
        self.build = build
        self.room = _ROOM / f"all-{build}"
        self.seen = set()           # mutations that the compiler warns of
        without = set()
        while True:
            self.parts = schema.build(chosen, mutations.ENGINE, without)
            broken = self._compile()
            if not broken:
                break
            say(f"they do not compile with others: {' '.join(sorted(map(str, broken)))}")
            without |= broken
        self.binary = f"{_inside(self.room)}/{build}/cases.bin"
        self._reached()

    def _compile(self):
        """Builds it. Returns the mutations that do not compile with others."""
        shutil.rmtree(self.room, ignore_errors=True)
        shutil.copytree(mutations.ENGINE, self.room / "engine")
        for name, text in self.parts.files.items():
            (self.room / "engine" / name).write_text(text)
        inside = _inside(self.room)
        with step(f"{len(self.parts.numbers)} mutants in one program ({self.build})"):
            code, text = native.make(f"base-{self.build}", "-k", f"-j{os.cpu_count()}", f"BUILD={inside}",
                                     f"ENGINE={inside}/engine", "MUTANTS=1", "warnings=-Wunused-result -ferror-limit=0")
        names = {number: each for each, number in self.parts.numbers.items()}
        found = [(names[int(number)], kind) for number, kind in _OF_MUTANT.findall(text)]
        self.seen = {each for each, kind in found if kind == "warning"}
        broken = {each for each, kind in found if kind == "error"}
        if code and not broken:
            raise LabError(f"the mutants do not build ({self.build})\n{text[-3000:]}")
        return broken

    def _reached(self):
        path = self.room / "reached"
        path.unlink(missing_ok=True)
        with step(f"what the cases reach ({self.build})"):
            failed = _run_cases(self.binary, _BUILDS[self.build], 1800, self.room, {"TCE_REACHED": _inside(path)})
        if failed:
            raise LabError(f"the engine as it is fails {failed} ({self.build})")
        self.cases = collections.defaultdict(list)      # function -> [(milliseconds, case)]
        for line in path.read_text().splitlines():
            name, took, *functions = line.split()
            for function in functions:
                self.cases[int(function)].append((int(took), name))
        for each in self.cases.values():
            each.sort()

    def try_one(self, mutation, likely):
        """Who notices a mutation of this program, or ""."""
        number = self.parts.numbers[mutation]
        if mutation in self.seen:
            return _THE_COMPILER
        reach = self.cases[self.parts.functions[mutation]]
        known = {name for _, name in reach}
        waves = [[case for case in likely if case in known][:_LIKELY]]
        for limit in _WAVES_MS:
            total, wave = 0, []
            for took, name in reach:
                total += took
                if total > limit:
                    break
                wave.append(name)
            waves.append(wave)
        waves.append([name for _, name in reach])
        took = {name: milliseconds for milliseconds, name in reach}
        room = self.room / f"run-{number}"
        room.mkdir(exist_ok=True)
        tried = set()
        for wave in waves:
            wave = [name for name in wave if name not in tried]
            tried.update(wave)
            if not wave:
                continue
            seconds = _PATIENCE_S + 20 + 8 * sum(took[name] for name in wave) // 1000
            if killer := _run_cases(self.binary, wave, seconds, room, {"TCE_MUTANT": str(number)}):
                return f"{self.build} {killer}"
        return ""


class Base:
    """The engine as it is, built in one way; a mutant of its own is linked with most of it."""

    def __init__(self, build):
        self.build = build
        native.build(build)
        self._users = {}
        for path in (native.BASE / build).glob("*/*.d"):
            for name in re.findall(r"src/engine/(\w+\.(?:cc|hpp))", path.read_text()):
                self._users.setdefault(name, set()).add(f"{path.parent.name}/{path.stem}.o")

    def objects(self, file):
        """What has to be compiled anew when an engine file changes; the engine's first, they complain soonest."""
        if file not in self._users:
            raise LabError(f"{file}: no object is made of it")
        return sorted(self._users[file], key=lambda name: (not name.startswith("engine/"), name))


class Run:
    def __init__(self, builds=tuple(_BUILDS)):
        self._builds = builds
        self._bases = {}
        self._lock = threading.Lock()
        self._memory = _ROOM / "killers.json"
        self._killers = json.loads(self._memory.read_text()) if self._memory.exists() else {}

    def base(self, build):
        with self._lock:
            if build not in self._bases:
                self._bases[build] = Base(build)
            return self._bases[build]

    def _likely(self, mutation, build):
        """Cases that may well notice a mutation: what has noticed it before, then what noticed others of the file."""
        known = collections.Counter()
        for name, killer in list(self._killers.items()):
            where, _, case = killer.partition(" ")
            if where == build and name.startswith(f"{mutation.file}:"):
                known[case.split()[0]] += len(self._killers) if name == str(mutation) else 1
        return [case for case, _ in known.most_common(3 * _LIKELY)]

    def _compile_one(self, mutation, build, room, objects, target="mutant"):
        """Builds a mutant of its own. Returns whether the compiler notices it."""
        inside = _inside(room)
        code, text = native.make(f"{target}-{build}", f"BUILD={inside}", f"BASE={native.INSIDE}", f"ENGINE={inside}/engine",
                           f"MUTATED={' '.join(objects)}", "warnings=-Werror=thread-safety -Werror=unused-result")
        if code and not _COMPILER_SAW_IT.search(text):
            raise LabError(f"{mutation} does not compile ({build})\n{text[-2000:]}")
        return code != 0

    @contextlib.contextmanager
    def _room(self, mutation):
        """A directory for a program of its own, with the engine as the mutation has it."""
        room = _ROOM / re.sub(r"\W", "-", str(mutation))
        shutil.rmtree(room, ignore_errors=True)
        shutil.copytree(mutations.ENGINE, room / "engine")
        (room / "engine" / mutation.file).write_text(mutation.text)
        try:
            yield room
        finally:
            shutil.rmtree(room, ignore_errors=True)

    def _constant(self, mutation):
        """The compiler, if it notices a mutation as it compiles one object of the engine; or ""."""
        with self._room(mutation) as room:
            objects = self.base("plain").objects(mutation.file)
            return _THE_COMPILER if self._compile_one(mutation, "plain", room, objects[:1], "objects") else ""

    def _alone(self, mutation, builds):
        """Who notices a mutant that is compiled on its own, or ""."""
        if killer := self._constant(mutation):      # soon, and often enough
            return killer
        with self._room(mutation) as room:
            for build in builds:
                objects = self.base(build).objects(mutation.file)
                if self._compile_one(mutation, build, room, objects):
                    return _THE_COMPILER
                binary = f"{_inside(room)}/{build}/mutant.bin"
                for cases in (_filter(self._likely(mutation, build)), _BUILDS[build]):
                    if cases and (killer := _run_cases(binary, cases, 900, room)):
                        return f"{build} {killer}"
        return ""

    def _all_of(self, chosen, try_one):
        """Tries mutations side by side. Returns those that nobody noticed."""
        left = []

        def timed(mutation):
            begin = time.monotonic()
            try:
                killer = try_one(mutation)
            except LabError as why:     # it is no use, and the others go on
                print(why, flush=True)
                killer = ""
            return Outcome(mutation, killer, time.monotonic() - begin)

        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            try:
                for future in concurrent.futures.as_completed([pool.submit(timed, each) for each in chosen]):
                    outcome = future.result()
                    self._report(outcome)
                    if outcome.killer:
                        self._outcomes.append(outcome)
                    else:
                        left.append(outcome.mutation)
            except BaseException:
                sh.kill_all()
                pool.shutdown(cancel_futures=True)
                raise
        return left

    def all(self, chosen):
        """Outcomes of the chosen mutations, in any order."""
        self._outcomes, left, alone = [], list(chosen), []
        for build in self._builds:
            if not left:
                break
            many = Schema(build, left)
            alone += many.parts.rest
            say(f"{len(many.parts.numbers)} mutants, {len(many.parts.rest)} that need programs of their own ({build})")
            left = self._all_of(many.parts.numbers, lambda each: many.try_one(each, self._likely(each, build)))
            if build == "plain":
                constant = [each for each in left if each in many.parts.constant]
                left = [each for each in left if each not in constant] + self._all_of(constant, self._constant)
        left += self._all_of(alone, lambda each: self._alone(each, self._builds))
        self._outcomes += [Outcome(each, "", 0) for each in left]
        build_machine.give_back(module.OUT)
        return self._outcomes

    def _report(self, outcome):
        if outcome.killer:
            self._killers[str(outcome.mutation)] = outcome.killer
            self._memory.write_text(json.dumps(self._killers, indent=1, sort_keys=True) + "\n")
        what = f"killed by {outcome.killer}" if outcome.killer else "survives so far"
        print(f"{what:60} {outcome.mutation} ({outcome.seconds:.0f} s)", flush=True)


def choose(table, pattern="*"):
    """The mutations that a pattern names: a part of file:name, or one with *."""
    if "*" not in pattern:
        pattern = f"*{pattern}*"
    return [each for each in table if fnmatch.fnmatchcase(str(each), pattern)]


@dataclasses.dataclass(frozen=True)
class Score:
    killed: tuple
    unnoticed: tuple            # survivors that matter, with a reason
    unexplained: tuple
    equivalent: tuple
    noticed: tuple              # said to survive, and they do not

    @property
    def percent(self):
        matter = len(self.killed) + len(self.unnoticed) + len(self.unexplained)
        return 100 * len(self.killed) / matter if matter else 100

    def good(self):
        return not self.unexplained and not self.noticed and self.percent >= BAR


def score(outcomes):
    """Counts outcomes."""
    sets = {name: [] for name in ("killed", "unnoticed", "unexplained", "equivalent", "noticed")}
    for each in sorted(outcomes, key=lambda each: str(each.mutation)):
        kind = each.mutation.kind
        if each.killer:
            sets["noticed" if kind else "killed"].append(each)
        else:
            sets[kind or "unexplained"].append(each)
    return Score(**{name: tuple(each) for name, each in sets.items()})


def show(result):
    for each in result.equivalent + result.unnoticed:
        print(f"survives ({each.mutation.kind}): {each.mutation}: {each.mutation.reason}")
    for each in result.noticed:
        print(f"said to survive ({each.mutation.kind}), but killed by {each.killer}: {each.mutation}")
    for each in result.unexplained:
        print(f"SURVIVED, and nobody says why: {each.mutation}")
    print(f"{len(result.killed)} killed, {len(result.unnoticed) + len(result.unexplained)} survived, "
          f"{len(result.equivalent)} equivalent: {result.percent:.1f} %", flush=True)


def run(pattern="*", *, sample=0, seed=None, plain=False):
    """Runs the mutations that pattern names, or a random sample of them that have to be noticed. Returns the Score.

    plain: without sanitizers, which takes a fraction of the time; a few more survive."""
    chosen = choose(mutations.load(), pattern)
    if not chosen:
        raise LabError(f"no mutation is called {pattern}")
    if sample:
        seed = seed if seed is not None else random.SystemRandom().randrange(1 << 32)
        say(f"{sample} mutations of {len(chosen)}, seed {seed}")
        chosen = [each for each in chosen if not each.kind]
        chosen = random.Random(seed).sample(chosen, min(sample, len(chosen)))
    _ROOM.mkdir(parents=True, exist_ok=True)
    with cache.lock(module.OUT / ".locks" / "mutate"):
        result = score(Run(("plain",) if plain else tuple(_BUILDS)).all(chosen))
    show(result)
    return result


@checks.check("mutate", "small faults in the engine, a few at random: the cases on the build machine notice them", order=90,
              by_name_only=True)
def check():
    result = run(sample=_SAMPLE)
    failed = len(result.unexplained) + len(result.noticed)
    return checks.Counts(passed=len(result.killed), failed=failed, note=f"{len(result.killed)} noticed")

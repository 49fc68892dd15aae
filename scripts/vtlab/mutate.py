"""Mutation runs: do the cases on this machine notice small faults in the engine? The faults: mutations.py.

What a mutation changes is compiled and linked with objects of the engine as it is, and the cases run until one fails:
first without sanitizers, the quick suites before the slow ones; what survives that, with sanitizers, and with threads
under TSan. Cases that noticed something in the same file come first, and the one that noticed the same mutation the
last time before those.
"""

import collections
import concurrent.futures
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

from . import cache, host, module, mutations, root, sh
from .log import LabError, say, step

BAR = 95                        # percent of the mutations that matter
_LIKELY = 8                     # cases that are tried before all others
_BASE = module.OUT / "host-root"
_ROOM = module.OUT / "mutate"
_SLOW = "papr.*:sweep.*:group.*:charge.*"
# build of kunit/host/Makefile -> filters, one run of the cases each
_STAGES = {"plain": (f"-{_SLOW}", _SLOW), "clang": ("*",), "tsan": ("race.*",)}
_SEED = 1                       # of the random cases: the same run twice gives the same score
_LAST_RUN = re.compile(r"^\[ RUN      \] (\S+)", re.M)
_FAILED = re.compile(r"^\[  FAILED  \] (\S+?)[ ,(\n]", re.M)
_COMPILER_SAW_IT = re.compile(r"static assertion failed|\[-Werror,-Wthread-safety|constexpr|constant expression"
                              r"|\[-Werror,-Wunused-result")


@dataclasses.dataclass(frozen=True)
class Outcome:
    mutation: mutations.Mutation
    killer: str                 # the case, or "the compiler"; "": nobody
    seconds: float


def _make(target, *words, timeout=900):
    """make in kunit/host, in the build root. Returns (exit code, output)."""
    return root.build_root("trixie").compile(
        ["make", "-s", "-C", "/src/kunit/host", "CXX_CLANG=ccache clang++", *words, target],
        binds=[(module.TREE, "/src", False), (module.OUT, "/out", True)], check=False, timeout=timeout)


def _run_cases(binary, cases, seconds):
    """Runs cases until one fails. Returns the one that did, or ""."""
    code, text = root.build_root("trixie").run(
        ["setarch", "-R", "timeout", "-s", "KILL", str(seconds), binary, "--gtest_fail_fast", f"--gtest_filter={cases}"],
        binds=[(module.OUT, "/out", False)], check=False, timeout=seconds + 60,
        env={"TCE_SEED": str(_SEED), "TSAN_OPTIONS": "halt_on_error=1", "ASAN_OPTIONS": "detect_leaks=1"})
    if not code:
        return ""
    failed, last = _FAILED.findall(text), _LAST_RUN.findall(text)
    if failed:
        return failed[0]
    # It died, or was killed, in the case that it ran last; leaks show when all is over.
    return (last[-1] if last else "") + (" (no end)" if code in (124, 137) else " (died)")


class Base:
    """The engine as it is, built in one way; every mutant is linked with most of it."""

    def __init__(self, build):
        self.build = build
        _BASE.mkdir(parents=True, exist_ok=True)
        with cache.lock(module.OUT / ".locks" / "host"), step(f"the engine as it is ({build})"):
            code, text = _make(f"base-{build}", f"-j{os.cpu_count()}", "BUILD=/out/host-root")
            if code:
                raise LabError(f"the engine as it is does not build ({build})\n{text[-3000:]}")
            self.limits = [self._limit(cases) for cases in _STAGES[build]]
        self._users = {}
        for path in (_BASE / build).glob("*/*.d"):
            for name in re.findall(r"src/engine/(\w+\.(?:cc|hpp))", path.read_text()):
                self._users.setdefault(name, set()).add(f"{path.parent.name}/{path.stem}.o")

    def _limit(self, cases):
        begin = time.monotonic()
        failed = _run_cases(f"/out/host-root/{self.build}/cases.bin", cases, 600)
        if failed:
            raise LabError(f"the engine as it is fails {failed} ({self.build})")
        return 10 + int(8 * (time.monotonic() - begin))

    def objects(self, file):
        """What has to be compiled anew when an engine file changes; the engine's first, they complain soonest."""
        return sorted(self._users.get(file, ()), key=lambda name: (not name.startswith("engine/"), name))


class Run:
    def __init__(self, builds=tuple(_STAGES)):
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

    def _build(self, mutation, build, room):
        """Builds a mutant. Returns what the compiler says if it notices the mutation."""
        base = self.base(build)
        inside = f"/out/{room.relative_to(module.OUT)}"
        objects = base.objects(mutation.file)
        if not objects:
            raise LabError(f"{mutation.file}: no object is made of it")
        code, text = _make(f"mutant-{build}", f"BUILD={inside}", "BASE=/out/host-root", f"ENGINE={inside}/engine",
                           f"MUTATED={' '.join(objects)}", "warnings=-Werror=thread-safety -Werror=unused-result")
        if code and not _COMPILER_SAW_IT.search(text):
            raise LabError(f"{mutation} does not compile ({build})\n{text[-2000:]}")
        return code != 0

    def _likely(self, mutation, build):
        """Cases that may well notice a mutation, as a filter."""
        known = collections.Counter()
        for name, killer in list(self._killers.items()):
            where, _, case = killer.partition(" ")
            if where == build and name.startswith(f"{mutation.file}:"):
                known[case.split()[0]] += len(self._killers) if name == str(mutation) else 1
        return ":".join(case for case, _ in known.most_common(_LIKELY))

    def _kill(self, mutation, room):
        for build in self._builds:
            # What only threads notice need not be tried without.
            if build != "tsan" and self._killers.get(str(mutation), "").startswith("tsan "):
                continue
            if self._build(mutation, build, room):
                return "the compiler"
            binary = f"/out/{room.relative_to(module.OUT)}/{build}/mutant.bin"
            limits = self.base(build).limits
            likely = self._likely(mutation, build)
            if likely and (killer := _run_cases(binary, likely, max(limits))):
                return f"{build} {killer}"
            for cases, limit in zip(_STAGES[build], limits):
                if killer := _run_cases(binary, cases, limit):
                    return f"{build} {killer}"
        return ""

    def one(self, mutation):
        begin = time.monotonic()
        room = _ROOM / re.sub(r"\W", "-", str(mutation))
        shutil.rmtree(room, ignore_errors=True)
        shutil.copytree(mutations.ENGINE, room / "engine")
        (room / "engine" / mutation.file).write_text(mutation.text)
        try:
            killer = self._kill(mutation, room)
        finally:
            shutil.rmtree(room, ignore_errors=True)
        return Outcome(mutation, killer, time.monotonic() - begin)

    def all(self, chosen):
        outcomes = []
        self.base("plain")
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            try:
                for future in concurrent.futures.as_completed([pool.submit(self.one, each) for each in chosen]):
                    outcomes.append(future.result())
                    self._report(outcomes[-1])
            except BaseException:
                sh.kill_all()
                pool.shutdown(cancel_futures=True)
                raise
        host.give_back(module.OUT)
        return outcomes

    def _report(self, outcome):
        if outcome.killer:
            self._killers[str(outcome.mutation)] = outcome.killer
            self._memory.write_text(json.dumps(self._killers, indent=1, sort_keys=True) + "\n")
        what = f"killed by {outcome.killer}" if outcome.killer else "SURVIVED"
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
        result = score(Run(("plain",) if plain else tuple(_STAGES)).all(chosen))
    show(result)
    return result

"""The checks of `make test`.

Each stands, registered with @check, in the file of its subject: in this
directory where the check is all there is (install.py), one level up beside what
it checks otherwise (demo.py). all_checks() imports the files of both.

    @check("build", "the module builds for every kernel without a warning")
    def build():
        ...
        return Counts(passed=2, note="6.12-4k 6.12-64k")

A check counts what it checked, in any number. One that raises LabError counts as one failure with that message.
One that is by_name_only runs when it is asked for. Checks run in the order of `order`: 10 what others need, 50 by
default, 90 what takes long. Those of the same order run side by side, two at a time; what they print as they go may
mix, the table does not.

What a run still takes is told as it goes, judging by the last run on this machine, or by the table of the last full run
that is kept in scripts/last-run.txt (`scripts/lab test --keep`).
"""

import concurrent.futures
import dataclasses
import importlib
import itertools
import os
import pkgutil
import re
import sys
import threading
import time

from .. import matrix, module, places, sh, times
from ..log import LabError, say


@dataclasses.dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    note: str = ""          # one line for the table
    cells: tuple = ()       # what ran on which machine: matrix.Cell

    def __add__(self, other):
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped,
                      " ".join(filter(None, (self.note, other.note))), self.cells + other.cells)


@dataclasses.dataclass
class Check:
    name: str
    what: str
    order: int
    function: object
    by_name_only: bool


KEPT = module.TREE / "scripts" / "last-run.txt"
_ROW = re.compile(r"(\S+) +\d+ +\d+ +\d+ +(\d+)  ")
_registry = {}
_SIDE_BY_SIDE = 2


def check(name, what, order=50, by_name_only=False):
    def register(function):
        assert name not in _registry, name
        _registry[name] = Check(name, what, order, function, by_name_only)
        return function
    return register


def all_checks():
    for package in (__package__.rpartition(".")[0], __package__):
        for info in pkgutil.iter_modules(sys.modules[package].__path__):
            importlib.import_module(f"{package}.{info.name}")
    return {each.name: each for each in sorted(_registry.values(), key=lambda each: (each.order, each.name))}


class Progress:
    """What a run of checks still takes."""

    def __init__(self, wanted):
        kept = {found[1]: float(found[2]) for line in _kept_lines() if (found := _ROW.match(line))}
        here = {each.name: times.last(_name(each)) for each in wanted}
        self._took = {each.name: here[each.name] or kept.get(each.name, 0) for each in wanted}
        self._todo = {each.name: each for each in wanted}
        self._all, self._here = len(wanted), any(here.values())
        self._new = sum(not (here[each.name] is not None or each.name in kept) for each in wanted)
        self._lock = threading.Lock()

    def seconds(self):
        """Until all is done: those of one order side by side, the next order after them."""
        total = 0
        for _, same_order in itertools.groupby(self._todo.values(), key=lambda each: each.order):
            each_took = [self._took[each.name] for each in same_order]
            total += max(max(each_took), sum(each_took) / _SIDE_BY_SIDE)
        return total

    def begins(self):
        many = f"{self._all} check{'' if self._all == 1 else 's'}"
        if not self.seconds():
            return f"{many}; how long they take here is not known yet"
        judging = "the last run here" if self._here else "scripts/last-run.txt"
        if self._new:
            judging += f", and {self._new} that never ran here"
        more = "" if (places.top() / "kernels").exists() else ", and some 10 more to fetch and prepare kernels"
        return f"{many}, {times.minutes(self.seconds())} judging by {judging}{more}"

    def done(self, each, took, whole):
        """One more is done, and whether it came to its end."""
        with self._lock:
            del self._todo[each.name]
            if whole:
                times.took(_name(each), took)
            left = f"; {times.minutes(self.seconds())} left" if self.seconds() else ""
            return f"{self._all - len(self._todo)} of {self._all} checks done{left if self._todo else ''}"


def _name(each):
    return f"check {each.name}"


def _kept_lines():
    try:
        return KEPT.read_text().splitlines()
    except OSError:
        return []


def _run_one(each, progress):
    """Runs a check; its counts and how long it took."""
    say(f"CHECK {each.name}: {each.what}")
    begin = time.monotonic()
    try:
        counts = each.function()
    except LabError as why:
        print(f"{each.name} failed:\n{why}", flush=True)
        counts = Counts(failed=1, note=str(why).strip().splitlines()[-1][:100])
    if not (counts.passed or counts.failed or counts.skipped):
        counts = Counts(failed=1, note="nothing was checked")
    took = time.monotonic() - begin
    say(f"    {each.name}: {counts.passed} passed, {counts.failed} failed, {counts.skipped} skipped, {took:.0f} s; "
        + progress.done(each, took, not counts.failed))
    return counts, took


def _keep(lines):
    """Keeps the table where README links it."""
    head = [f"The last full run that was kept: version {module.version()}, {time.strftime('%Y-%m-%d', time.gmtime())},",
            f"{os.cpu_count()} cores, every download and kernel in its cache.", ""]
    KEPT.write_text("\n".join([*head, *lines]) + "\n")


def run(names, keep=False):
    """Runs the checks (all when none is named), prints the table and the totals. Returns the number of failures.

    keep: the table goes to KEPT, when all checks passed.
    """
    known = all_checks()
    unknown = [name for name in names if name not in known]
    if unknown:
        raise LabError(f"no check {' '.join(unknown)}; there are: {' '.join(known)}")
    rows, total = [], Counts()
    wanted = [each for each in known.values() if (each.name in names if names else not each.by_name_only)]
    progress = Progress(wanted)
    say(progress.begins())
    pool = concurrent.futures.ThreadPoolExecutor(min(_SIDE_BY_SIDE, os.cpu_count() or 1))
    try:
        for _, same_order in itertools.groupby(wanted, key=lambda each: each.order):
            same_order = list(same_order)
            for each, (counts, took) in zip(same_order, pool.map(_run_one, same_order, itertools.repeat(progress))):
                rows.append((each, counts, took))
                total += dataclasses.replace(counts, note="")
    except BaseException:
        sh.kill_all()
        pool.shutdown(cancel_futures=True)
        raise
    width = max(len(each.name) for each, _, _ in rows)
    lines = [f"{'check':{width}} passed failed skipped seconds"]
    for each, counts, took in rows:
        lines.append(f"{each.name:{width}} {counts.passed:6} {counts.failed:6} {counts.skipped:7} {took:7.0f}  "
                     f"{counts.note or each.what}")
    if total.cells:
        table, missing = matrix.lines(total.cells)
        lines += ["", *table]
        total += Counts(failed=missing)
    lines.append(f"{total.passed} passed, {total.failed} failed")
    print("", *lines, sep="\n", flush=True)
    if keep and not total.failed:
        _keep(lines)
    return total.failed

"""Reading KTAP (Documentation/dev-tools/ktap.rst) from a kernel's log.

KUnit's exit status says nothing: insmod succeeds although cases fail, and a suite without cases is "ok". So every plan is
compared with what came, and whoever asks can see the names of the cases that ran.
"""

import dataclasses
import re

_TIME = re.compile(r"^(?:<\d+>)?\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? ?")
_VERSION = re.compile(r"^( *)K?TAP version \d+$")
_PLAN = re.compile(r"^( *)1\.\.(\d+)$")
_RESULT = re.compile(r"^( *)(not ok|ok) (\d+)(?: (?:- )?([^#]*?))?(?: *# *(.*))?$")
_TOTALS = re.compile(r"^( *)# (\S+): pass:\d+ fail:\d+ skip:\d+ total:(\d+)$")
_INDENT = 4


@dataclasses.dataclass
class Case:
    path: tuple             # suite, case, parameter
    status: str             # ok, not ok, skip
    why: list               # diagnostics printed while it ran

    @property
    def name(self):
        return ".".join(self.path)


@dataclasses.dataclass
class Report:
    cases: list = dataclasses.field(default_factory=list)       # leaves only
    suites: list = dataclasses.field(default_factory=list)
    problems: list = dataclasses.field(default_factory=list)

    def count(self, status):
        return sum(case.status == status for case in self.cases)


class _Level:
    def __init__(self):
        self.plan = None
        self.results = []       # (path below this level, status, why) of leaves
        self.count = 0
        self.total = None


class _Reader:
    def __init__(self):
        self.report = Report()
        self.levels = []        # open levels, outermost first
        self.notes = []

    def line(self, line):
        if found := _VERSION.match(line):
            self._open(len(found[1]) // _INDENT)
        elif not self.levels:
            pass
        elif found := _PLAN.match(line):
            depth = len(found[1]) // _INDENT
            if depth < len(self.levels):
                self.levels[depth].plan = int(found[2])
        elif found := _RESULT.match(line):
            self._result(len(found[1]) // _INDENT, found[2], int(found[3]), (found[4] or "").strip(), found[5] or "")
        elif found := _TOTALS.match(line):
            # KUnit prints no plan for parameters, but it counts them
            if len(self.levels) == len(found[1]) // _INDENT + 1 and self.levels[-1].plan is None:
                self.levels[-1].total = int(found[3])
        elif line.lstrip().startswith("#"):
            self.notes.append(line.strip())

    def _problem(self, text):
        self.report.problems.append(text)

    def _open(self, depth):
        while len(self.levels) > depth:
            self._abandon()
        if depth != len(self.levels):
            self._problem(f"a KTAP document at depth {depth} that belongs to nothing")
        while len(self.levels) <= depth:
            self.levels.append(_Level())

    def _abandon(self):
        level = self.levels.pop()
        if self.levels:
            self._problem(f"a test ended without its result, after {level.count} of its own")
        else:
            self._close_top(level)

    def _close_top(self, level):
        if level.plan != level.count:
            self._problem(f"{level.plan} suites were planned, {level.count} answered")
        self.report.cases += [Case(*result) for result in level.results]

    def _result(self, depth, verdict, number, name, directive):
        if depth >= len(self.levels):
            self._problem(f"the result {name!r} belongs to nothing")
            return
        child = None
        while len(self.levels) > depth + 1:
            if child is not None:
                self._problem(f"a test below {name!r} ended without its result")
            child = self.levels.pop()
        level = self.levels[depth]
        level.count += 1
        if number != level.count:
            self._problem(f"{name!r} is number {number}, expected {level.count}")
        status = "skip" if directive.upper().startswith("SKIP") else verdict
        if child is None:
            level.results.append(((name,), status, self.notes))
        else:
            self._adopt(level, child, name, depth, status)
        self.notes = []
        if depth == 0:
            self.report.suites.append(name)

    def _adopt(self, level, child, name, depth, status):
        planned = child.plan if child.plan is not None else child.total
        if depth == 0 and child.plan is None:
            self._problem(f"suite {name} has no plan")
        if planned is not None and planned != child.count:
            self._problem(f"{name}: {planned} were planned, {child.count} answered")
        if child.count == 0 and status == "ok":
            self._problem(f"{name}: nothing ran in it")
        if status == "not ok" and not any(result[1] == "not ok" for result in child.results):
            child.results.append((("(the test as a whole)",), status, self.notes))
        level.results += [((name, *path), state, why) for path, state, why in child.results]

    def end(self):
        while self.levels:
            self._abandon()
        return self.report


def parse(log):
    """Every KTAP document in a kernel log."""
    reader = _Reader()
    for line in log.splitlines():
        reader.line(_TIME.sub("", line.rstrip(), count=1))
    report = reader.end()
    if not report.cases:
        report.problems.append("no test case ran")
    return report

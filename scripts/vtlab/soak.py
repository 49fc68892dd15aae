"""Programs that attack the driver at random: a short slice of each in the tests, hours of all in `make soak`.

A program says on which machines it runs, and runs on one of them for some seconds with a seed:

    @program("vmm", "random calls of /dev/vfio by many processes", MACHINES)
    def vmm(target, seconds, seed):
        ...
        return Result(passed=12, failed=0, note="10000 calls")

The programs: hostile_vmm.py, hostile_guest.py; cli.py imports them.

In a soak every machine gets the same share of the time, in slices, so that a run that is stopped early has seen all.
"""

import dataclasses
import random
import time

from . import checks, kernels
from .log import LabError, say

_SLICE_S = 300                      # of one machine
_STOP_AFTER = 3                     # failures of one program on one machine; it is left out then
_CHECK_S = 20                       # of a check of each program


@dataclasses.dataclass(frozen=True)
class Target:
    """A machine with a kernel."""
    machine: str
    kernel: str

    def __str__(self):
        return f"{self.machine} {self.kernel}"


@dataclasses.dataclass
class Result:
    passed: int = 0
    failed: int = 0
    note: str = ""

    def __add__(self, other):
        return Result(self.passed + other.passed, self.failed + other.failed, other.note)


@dataclasses.dataclass(frozen=True)
class Program:
    name: str
    what: str
    targets: tuple
    function: object


_registry = {}


def program(name, what, targets):
    def register(function):
        assert name not in _registry, name
        _registry[name] = Program(name, what, tuple(targets), function)
        return function
    return register


def programs():
    return _registry


def fresh_seed():
    return random.SystemRandom().randrange(1, 1 << 48)


def attack(each, target, seconds, seed):
    """Runs a program on a machine; a failure is a result like any other."""
    say(f"{each.name} on {target}, {seconds} s, seed {seed}")
    try:
        result = each.function(target, seconds, seed)
    except LabError as why:
        print(f"{each.name} on {target}: {why}", flush=True)
        result = Result(failed=1, note=str(why).strip().splitlines()[-1][:100])
    if result.failed:
        print(f"{each.name} on {target} with seed {seed}: {result.failed} failed", flush=True)
    return result


def _wanted(name, kernel_name, machine):
    known = programs()
    if name and name not in known:
        raise LabError(f"no program {name}; there are: {' '.join(known)}")
    if kernel_name:
        kernels.get(kernel_name)
    pairs = [(each, target) for each in known.values() for target in each.targets
             if name in (None, each.name) and kernel_name in (None, target.kernel) and machine in (None, target.machine)]
    if not pairs:
        raise LabError("no program runs on such a machine")
    return pairs


def soak(minutes, name=None, kernel_name=None, machine=None, seed=None):
    """Attacks for so long, by turns on every machine, and prints a table. Returns the number of failures.

    With a seed every slice has that one: for what a run has found."""
    end = time.monotonic() + 60 * minutes
    pairs = _wanted(name, kernel_name, machine)
    total = {}
    while pairs and time.monotonic() < end:
        for pair in list(pairs):
            left = end - time.monotonic()
            if left <= 0:
                break
            each, target = pair
            share = int(max(20, min(_SLICE_S, 60 * minutes / len(pairs), left)))
            result = attack(each, target, share, seed or fresh_seed())
            total[pair] = total.get(pair, Result()) + result
            if total[pair].failed >= _STOP_AFTER:
                say(f"{each.name} on {target} is left out from here on")
                pairs.remove(pair)
    print(f"\n{'program':10} {'machine':24} passed failed")
    for (each, target), result in total.items():
        print(f"{each.name:10} {target!s:24} {result.passed:6} {result.failed:6}  {result.note}")
    failed = sum(result.failed for result in total.values())
    print(f"{sum(result.passed for result in total.values())} passed, {failed} failed", flush=True)
    return failed


# Where a slice is part of every run: stock kernels, whose emulation is quick.
_ALWAYS = {"vmm": Target("pseries", "6.12-4k"), "guest": Target("pseries", "6.12-64k")}


def _slice(name, target):
    seed = fresh_seed()
    result = attack(programs()[name], target, _CHECK_S, seed)
    return checks.Counts(passed=result.passed, failed=result.failed, note=f"{target}, seed {seed}")


@checks.check("hostile-vmm", "random calls of many processes with DMA, kills and fork: nothing is left, the next user works",
              order=60)
def check_vmm():
    return _slice("vmm", _ALWAYS["vmm"])


@checks.check("hostile-guest", "guests under KVM that ask for what is not theirs: nobody is hurt, all is given back", order=60)
def check_guest():
    return _slice("guest", _ALWAYS["guest"])


@checks.check("hostile-others", "the same two on every other host and kernel", order=60, by_name_only=True)
def check_others():
    counts = checks.Counts()
    for name, each in programs().items():
        for target in each.targets:
            if target != _ALWAYS[name]:
                counts += _slice(name, target)
    counts.note = ""
    return counts

"""Short slices of the programs that attack the driver at random; `make soak` runs them for hours."""

from .. import soak
from . import Counts, check

_SECONDS = 20
# Where a slice is part of every run: stock kernels, whose emulation is quick.
_ALWAYS = {"vmm": soak.Target("pseries", "6.12-4k"), "guest": soak.Target("pseries", "6.12-64k")}


def _slice(name, target):
    seed = soak.fresh_seed()
    result = soak.attack(soak.programs()[name], target, _SECONDS, seed)
    return Counts(passed=result.passed, failed=result.failed, note=f"{target}, seed {seed}")


@check("hostile-vmm", "random calls of many processes with DMA, kills and fork: nothing is left, the next user works", order=60)
def vmm():
    return _slice("vmm", _ALWAYS["vmm"])


@check("hostile-guest", "guests under KVM that ask for what is not theirs: nobody is hurt, all is given back", order=60)
def guest():
    return _slice("guest", _ALWAYS["guest"])


@check("hostile-others", "the same two on every other host and kernel", order=60, by_name_only=True)
def others():
    counts = Counts()
    for name, each in soak.programs().items():
        for target in each.targets:
            if target != _ALWAYS[name]:
                counts += _slice(name, target)
    counts.note = ""
    return counts

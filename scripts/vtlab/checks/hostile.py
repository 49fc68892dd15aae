"""Short slices of the programs that attack the driver at random; `make soak` runs them for hours."""

from .. import hostile_guest, hostile_vmm, soak
from . import Counts, check

_SECONDS = 20


def _slices(name, first, others):
    """One host always, another one by turns."""
    seed = soak.fresh_seed()
    counts = Counts(note=f"seed {seed}")
    for target in (first, others[seed % len(others)]):
        result = soak.attack(soak.programs()[name], target, _SECONDS, seed)
        counts += Counts(passed=result.passed, failed=result.failed, note=str(target))
    return counts


@check("hostile-vmm", "random calls of many processes with DMA, kills and fork: nothing is left, the next user works",
       order=60, by_name_only=True)
def vmm():
    first = soak.Target("pseries", "6.12-4k")
    return _slices("vmm", first, [target for target in hostile_vmm.TARGETS if target != first])


@check("hostile-guest", "guests under KVM that ask for what is not theirs: nobody is hurt, all is given back", order=60,
       by_name_only=True)
def guest():
    first = soak.Target("pseries", "kunit-debug")
    others = [target for target in hostile_guest.TARGETS if not target.kernel.startswith("kunit-")]
    return _slices("guest", first, others)

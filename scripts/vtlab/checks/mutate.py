"""A few mutations of the engine, others each time; all of them: scripts/lab mutate."""

from .. import mutate
from . import Counts, check

_SAMPLE = 10


@check("mutate", "small faults in the engine, a few at random: the cases on this machine notice them", order=90,
       by_name_only=True)
def some():
    result = mutate.run(sample=_SAMPLE)
    failed = len(result.unexplained) + len(result.noticed)
    return Counts(passed=len(result.killed), failed=failed, note=f"{len(result.killed)} noticed")

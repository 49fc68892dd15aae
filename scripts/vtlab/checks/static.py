"""sparse, checkpatch, clang-tidy, clang-format, the rules of inclusion."""

from .. import static_checks
from . import Counts, check

_SHOWN = 60


def _register(name, what, function):
    @check(name, what, order=30)
    def run():
        count, complaints = function()
        for line in complaints[:_SHOWN]:
            print(f"{name}: {line}")
        if len(complaints) > _SHOWN:
            print(f"{name}: and {len(complaints) - _SHOWN} more")
        return Counts(passed=max(count - len(complaints), 0), failed=len(complaints), note=f"{count} checked")


for _name, (_what, _function) in static_checks.everything().items():
    _register(_name, _what, _function)

"""The engine over the fake port, on this machine: the cases that KUnit runs too, with sanitizers and threads."""

import concurrent.futures
import os

from .. import cache, module, native
from ..log import LabError, step
from . import Counts, check

_CONFIGS = ("gcc", "clang", "tsan")


def _run(config):
    code, text = native.make(f"test-{config}", f"-j{os.cpu_count()}", f"BUILD={native.INSIDE}")
    passed, failed = native.totals(text) or (0, 0)
    if not passed:
        raise LabError(f"no case ran ({config})\n{text[-3000:]}")
    if code and not failed:
        failed = 1
    if failed:
        print("\n".join(line for line in text.splitlines() if not line.startswith("  CXX"))[-6000:], flush=True)
    return Counts(passed=passed, failed=failed, note=f"{config} {passed}")


@check("host", "the engine's cases on this machine: gcc and clang with ASan and UBSan, clang with TSan", order=20)
def host():
    native.BASE.mkdir(parents=True, exist_ok=True)
    total = Counts()
    with cache.lock(module.OUT / ".locks" / "host"), step("the engine on this machine: gcc, clang, threads"), \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for counts in pool.map(_run, _CONFIGS):
            total += counts
    return total

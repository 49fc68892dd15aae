"""The engine over the fake port, on this machine: the cases that KUnit runs too, with sanitizers and threads."""

import concurrent.futures
import os
import re

from .. import cache, module, root
from ..log import LabError, step
from . import Counts, check

# Sanitizers need to know where things are in memory: no address randomisation below them.
_CONFIGS = ("gcc", "clang", "tsan")
_TOTALS = re.compile(r"^(\d+) cases passed, (\d+) failed", re.M)


def _run(config):
    code, text = root.build_root("trixie").compile(
        ["setarch", "-R", "make", "-s", "-C", "/src/kunit/native", f"-j{os.cpu_count()}", "BUILD=/out/host-root",
         "CXX_GCC=ccache g++-14", "CXX_CLANG=ccache clang++", f"test-{config}"],
        binds=[(module.TREE, "/src", False), (module.OUT, "/out", True)], check=False)
    found = _TOTALS.search(text)
    if not found or not int(found[1]):
        raise LabError(f"no case ran ({config})\n{text[-3000:]}")
    passed, failed = int(found[1]), int(found[2])
    if code and not failed:
        failed = 1
    if failed:
        print("\n".join(line for line in text.splitlines() if not line.startswith("  CXX"))[-6000:], flush=True)
    return Counts(passed=passed, failed=failed, note=f"{config} {passed}")


@check("host", "the engine's cases on this machine: gcc and clang with ASan and UBSan, clang with TSan", order=20)
def host():
    (module.OUT / "host-root").mkdir(parents=True, exist_ok=True)
    total = Counts()
    with cache.lock(module.OUT / ".locks" / "host"), step("the engine on this machine: gcc, clang, threads"), \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for counts in pool.map(_run, _CONFIGS):
            total += counts
    return total

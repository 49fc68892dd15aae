"""The engine's cases on the build machine (kunit/native), in the build root."""

import concurrent.futures
import os
import re

from . import build_machine, cache, checks, module, root
from .log import LabError, step

BASE = module.OUT / "native-root"         # objects of the engine as it is
INSIDE = "/out/native-root"
_CONFIGS = ("gcc", "clang", "tsan")        # that make test runs
_TOTALS = re.compile(r"^(\d+) cases passed, (\d+) failed", re.M)


def make(target, *words, timeout=1800):
    """make in kunit/native. Returns (exit code, output)."""
    # Sanitizers need to know where things are in memory: no address randomisation below them.
    return root.build_root("trixie").compile(
        ["setarch", "-R", "make", "-s", "-C", "/src/kunit/native", "CXX_GCC=ccache g++-14", "CXX_CLANG=ccache clang++",
         *words, target],
        binds=[(module.TREE, "/src", False), (module.OUT, "/out", True)], check=False, timeout=timeout)


def build(config):
    """The program with the cases, as they are, built in one way."""
    BASE.mkdir(parents=True, exist_ok=True)
    with cache.lock(module.OUT / ".locks" / "native"), step(f"the engine's cases ({config})"):
        code, text = make(f"base-{config}", f"-j{os.cpu_count()}", f"BUILD={INSIDE}")
    if code:
        raise LabError(f"the cases do not build ({config})\n{text[-3000:]}")
    build_machine.give_back(module.OUT)
    return f"{INSIDE}/{config}/cases.bin"


def suites():
    """The names in kunit/cases/list.h."""
    return re.findall(r"^\tS\((\w+)\)", (module.TREE / "kunit/cases/list.h").read_text(), re.M)


def totals(text):
    """(passed, failed) of a run's output, or None."""
    found = _TOTALS.search(text)
    return (int(found[1]), int(found[2])) if found else None


def gtest_filter(words):
    """SUITE, SUITE.CASE or SUITE.CASE/PARAMETER; * is any text."""
    return ":".join(pattern for word in words
                    for pattern in ([word, f"{word}/*"] if "." in word else [f"{word}.*"])) or "*"


def check(words, sanitize=False):
    """Builds what changed and runs suites or cases, all when none is named. Returns the number that failed."""
    binary = build("clang" if sanitize else "plain")
    code, text = root.build_root("trixie").run(
        ["setarch", "-R", binary, "--gtest_brief=1", f"--gtest_filter={gtest_filter(words)}"],
        binds=[(module.OUT, "/out", False)], check=False, timeout=1800,
        env={name: value for name, value in os.environ.items() if name.startswith("TCE_")})
    lines = [line for line in text.splitlines() if not line.startswith(("[====", "[  PASSED", "    "))]
    print("\n".join(lines), flush=True)
    result = totals(text)
    if not result or result == (0, 0):
        raise LabError(f"no case ran; suites are in kunit/cases/list.h\n{text[-1000:] if code else ''}".strip())
    return max(result[1], 1 if code else 0)


def _run_all_of(config):
    code, text = make(f"test-{config}", f"-j{os.cpu_count()}", f"BUILD={INSIDE}")
    passed, failed = totals(text) or (0, 0)
    if not passed:
        raise LabError(f"no case ran ({config})\n{text[-3000:]}")
    if code and not failed:
        failed = 1
    if failed:
        print("\n".join(line for line in text.splitlines() if not line.startswith("  CXX"))[-6000:], flush=True)
    return checks.Counts(passed=passed, failed=failed, note=f"{config} {passed}")


@checks.check("native", "the engine's cases on the build machine: gcc and clang with ASan and UBSan, clang with TSan", order=20)
def check_all():
    BASE.mkdir(parents=True, exist_ok=True)
    total = checks.Counts()
    with cache.lock(module.OUT / ".locks" / "native"), step("the engine on the build machine: gcc, clang, threads"), \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for counts in pool.map(_run_all_of, _CONFIGS):
            total += counts
    return total

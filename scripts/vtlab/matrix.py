"""What ran where: the table at the end of the tests, platform x kernel x page size x suite."""

import dataclasses

from . import kernel, kernels

SUITES = ("kunit", "client")
PLATFORMS = ("pseries", "powernv9", "powernv10")
# Cells that stay empty, and why.
_NOT_THERE = {
    ("powernv10", "kunit"): "KUnit's cases run over a fake of the hardware: on the emulator a powernv10 differs from a "
                            "powernv9 for them in nothing",
}


@dataclasses.dataclass(frozen=True)
class Cell:
    """A suite that ran on a machine."""
    platform: str
    kernel: str
    suite: str
    passed: int
    failed: int


def _expected():
    return [(platform, name, suite) for platform in PLATFORMS for name in kernel.table() for suite in SUITES]


def _shown(passed, failed):
    return f"{passed} passed" + (f", {failed} FAILED" if failed else "")


def lines(cells):
    """The table's lines, and how many cells are missing without a reason."""
    counts = {}
    for cell in cells:
        key = cell.platform, cell.kernel, cell.suite
        passed, failed = counts.get(key, (0, 0))
        counts[key] = passed + cell.passed, failed + cell.failed
    ran = {suite for _, _, suite in counts}
    text = [f"{'platform':10} {'kernel':12} {'pages':6} " + "  ".join(f"{name:18}" for name in SUITES)]
    why, missing = {}, 0
    for platform, name in dict.fromkeys(key[:2] for key in _expected()):
        shown = []
        for suite in SUITES:
            reason = _NOT_THERE.get((platform, suite))
            if (platform, name, suite) in counts:
                shown.append(_shown(*counts.pop((platform, name, suite))))
            elif reason:
                shown.append(f"- ({why.setdefault(reason, len(why) + 1)})")
            elif suite in ran:
                shown.append("DID NOT RUN")
                missing += 1
            else:
                shown.append("not asked for")
        pages = f"{kernels.get(name).page_size // 1024}K"
        text.append(f"{platform:10} {name:12} {pages:6} " + "  ".join(f"{each:18}" for each in shown))
    text += [f"({number}) {reason}" for reason, number in why.items()]
    text += [f"also on {platform} {name}: {suite} {_shown(*count)}" for (platform, name, suite), count in sorted(counts.items())]
    return [line.rstrip() for line in text], missing

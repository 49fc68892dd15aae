"""The engine's test cases inside KUnit kernels, and what reads their results."""

import unittest

from .. import kernels, ktap, kunit_kernel, kunit_run, matrix
from . import Counts, check


class KtapCases(unittest.TestCase):
    """insmod succeeds whatever the cases say, so the reader is all there is between a failure and a green line."""

    GOOD = """
[    0.198410] KTAP version 1
[    0.198458] 1..0
[    0.50] KTAP version 1
[    0.51] 1..1
[    0.52]     KTAP version 1
[    0.52]     # Subtest: tce_stub
[    0.53]     # module: vfio_tce_kunit
[    0.53]     1..2
[    0.54] vfio_tce_kunit: # a line of a case
[    0.54]     ok 1 fine
[    0.55]         KTAP version 1
[    0.55]         # Subtest: each
[    0.56]         ok 1 p0
[    0.57]         ok 2 p1 # SKIP no threads here
[    0.58]     # each: pass:1 fail:0 skip:1 total:2
[    0.59]     ok 2 each
[    0.60] # tce_stub: pass:2 fail:0 skip:0 total:2
[    0.61] # Totals: pass:2 fail:0 skip:1 total:3
[    0.62] ok 1 tce_stub
"""

    def changed(self, old, new):
        self.assertIn(old, self.GOOD)
        return ktap.parse(self.GOOD.replace(old, new))

    def test_good(self):
        report = ktap.parse(self.GOOD)
        self.assertEqual(report.problems, [])
        self.assertEqual([(case.name, case.status) for case in report.cases],
                         [("tce_stub.fine", "ok"), ("tce_stub.each.p0", "ok"), ("tce_stub.each.p1", "skip")])

    def test_failures_are_seen(self):
        for line, name in (("ok 1 fine", "fine"), ("ok 1 p0", "each.p0")):
            report = self.changed(line, "not " + line)
            self.assertEqual([case.name for case in report.cases if case.status == "not ok"], ["tce_stub." + name])

    def test_suite_that_fails_as_a_whole(self):
        self.assertEqual(self.changed("ok 1 tce_stub", "not ok 1 tce_stub").count("not ok"), 1)

    def test_missing_results_are_seen(self):
        for line in ("[    0.54]     ok 1 fine\n", "[    0.56]         ok 1 p0\n", "[    0.59]     ok 2 each\n",
                     "[    0.62] ok 1 tce_stub\n"):
            self.assertNotEqual(self.changed(line, "").problems, [], line)

    def test_crash_is_seen(self):
        for count in range(4, len(self.GOOD.splitlines()) - 1):
            log = "\n".join(self.GOOD.splitlines()[:count])
            self.assertNotEqual(ktap.parse(log).problems, [], log)

    def test_nothing_ran(self):
        self.assertNotEqual(ktap.parse("[    0.1] KTAP version 1\n[    0.1] 1..0\n").problems, [])
        self.assertNotEqual(ktap.parse("").problems, [])


@check("ktap", "the reader of KUnit's results sees what is wrong in them", order=10)
def reader():
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(KtapCases).run(result)
    for case, trace in result.failures + result.errors:
        print(f"{case}: {trace}")
    failed = len(result.failures) + len(result.errors)
    return Counts(passed=result.testsRun - failed, failed=failed)


@check("kunit-kernel", "the KUnit kernels are there, built as kunit/*.config say", order=20)
def kunit_kernels():
    counts = Counts()
    for variant in kunit_kernel.IN_TESTS:
        target = kernels.get(f"kunit-{variant}")
        counts += Counts(passed=int(target.vmlinux.exists()), note=f"{target.name} {target.release}")
    return counts


def _kunit(whole):
    runs = kunit_run.run_all(whole=whole)
    kunit_run.show(runs)
    counts = Counts(note="; ".join(each.summary() for each in runs))
    for each in runs:
        bad = each.report.count("not ok")
        passed, failed = each.report.count("ok"), max(bad, len(each.problems))
        cells = (matrix.Cell(each.machine, each.boots, "kunit", passed, failed),) if each.machine else ()
        counts += Counts(passed=passed, skipped=each.report.count("skip"), failed=failed, cells=cells)
    everywhere, somewhere = kunit_run.case_names(runs)
    if somewhere:
        print(f"cases that did not run everywhere: {' '.join(sorted(somewhere)[:20])}")
        counts += Counts(failed=1)
    return counts


@check("kunit", "the cases in KUnit kernels, lean and debug, and in stock kernels, on pSeries and PowerNV", order=60)
def kunit():
    return _kunit(whole=False)


@check("kunit-whole", "all suites in all of these kernels, and more of what is random", order=60, by_name_only=True)
def kunit_whole():
    return _kunit(whole=True)

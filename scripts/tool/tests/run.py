#!/usr/bin/env python3
"""Runs the tests of vfio-tce: tests/run.py [NAME...], parts of their names.

A line a test, "ok" or "not ok"; the exit code says if all passed.
"""

import pathlib
import sys
import time
import unittest

sys.dont_write_bytecode = True
_TOOL = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(_TOOL))


class _Result(unittest.TestResult):
    def startTest(self, test):
        super().startTest(test)
        self.begin = time.monotonic()

    def addSuccess(self, test):
        super().addSuccess(test)
        took = time.monotonic() - self.begin
        print(f"ok - {test.id()} # {took:.1f} s", flush=True)

    def _bad(self, test, trace):
        print(f"not ok - {test.id()}\n{trace}", flush=True)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._bad(test, self.failures[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            print(f"not ok - {subtest.id()}\n{err[1]}", flush=True)

    def addError(self, test, err):
        super().addError(test, err)
        self._bad(test, self.errors[-1][1])


def _tests(suite):
    for each in suite:
        if isinstance(each, unittest.TestSuite):
            yield from _tests(each)
        else:
            yield each


def main(names):
    found = unittest.defaultTestLoader.discover(
        str(_TOOL / "tests"), "test_*.py", str(_TOOL))
    chosen = [each for each in _tests(found)
              if not names or any(name in each.id() for name in names)]
    result = _Result()
    unittest.TestSuite(chosen).run(result)
    return int(not chosen or not result.wasSuccessful())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The administrator's command, vfio-tce: its own tests, with this Python."""

import re
import subprocess
import sys

from .. import module
from ..log import LabError
from . import Counts, check

_RUN = module.TREE / "scripts/tool/tests/run.py"
_TIMEOUT_S = 1200


@check("tool", "vfio-tce: pictures, bad input, exit codes, what it knows of "
               "messages and errnos", order=20)
def tool():
    try:
        done = subprocess.run([sys.executable, str(_RUN)], text=True,
                              check=False,
                              capture_output=True, stdin=subprocess.DEVNULL,
                              timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired as why:
        raise LabError(f"the tests of vfio-tce took over {_TIMEOUT_S} "
                       "s") from why
    passed = len(re.findall(r"^ok - ", done.stdout, re.M))
    failed = len(re.findall(r"^not ok - ", done.stdout, re.M))
    if failed or done.returncode:
        print(re.sub(r"^ok - .*\n", "", done.stdout, flags=re.M), done.stderr)
    return Counts(passed=passed, failed=max(failed, int(done.returncode != 0)))

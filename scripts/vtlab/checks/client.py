"""The guest-side client, against emulated devices on stock kernels with our driver."""

from .. import client_run, matrix
from . import Counts, check


@check("client", "/dev/vfio call by call and DMA byte by byte, on 4K and 64K pages; all is given back", order=60)
def client():
    runs = client_run.run_all()
    client_run.show(runs)
    counts = Counts()
    for run in runs:
        passed, failed = run.report.count("ok"), run.report.count("not ok") + len(run.problems)
        counts += Counts(passed=passed, failed=failed,
                         cells=(matrix.Cell(run.boot.kind, run.boot.kernel, "client", passed, failed),))
    # A case may not be for one machine, but there has to be one that it is for.
    ran = set.union(*(run.names("ok") | run.names("not ok") for run in runs))
    for name in sorted(set.union(*(run.names("skip") for run in runs)) - ran):
        print(f"{name} ran on no machine")
        counts += Counts(failed=1)
    return counts

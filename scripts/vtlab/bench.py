"""The benchmark: many small regions, our driver and the in-tree driver in the same POWER host, one after the other."""

import re

from . import client, demo, kernels, module, power_host, qemu
from .log import LabError, say, step

REGIONS = 16384
_WANTED = 20        # times faster, in total
_LINE = re.compile(r"bench (\S+) (\S+) (\d+) ([\d.]+)$")
_SCRIPT = f"""
set -e
insmod modules/{demo.OURS}.ko
./client bench {{regions}}
rmmod {demo.OURS}
insmod modules/{demo.IN_TREE}.ko
./client bench {{regions}}
"""


def _table(times):
    steps = list(times["vfio-tce"])
    lines = [f"{'step':12} {'vfio_tce':>12} {'in-tree':>12} {'faster':>10}"]
    rows = [(name, times["vfio-tce"][name], times["in-tree"].get(name)) for name in steps]
    total = tuple(sum(row[column] or 0 for row in rows) for column in (1, 2))
    for name, ours, theirs in (*rows, ("total", *total)):
        lines.append(f"{name:12} {ours:9.0f} ms {theirs:9.0f} ms {theirs / max(ours, 1):8.1f} x")
    return lines, total[1] / max(total[0], 1)


def run(kernel_name, regions=REGIONS):
    """Runs and prints the benchmark. Returns whether ours is as much faster as it has to be."""
    target = kernels.get(kernel_name)
    modules = power_host.Modules(target)
    modules.stock("vfio-pci")
    for built in module.build(kernel_name):
        modules.file(str(built), load=False)
    modules.stock(demo.IN_TREE, load=False)
    times = {"vfio-tce": {}, "in-tree": {}}

    def show(line):
        say(f"  {line}")
        if found := _LINE.search(line):
            times[found[1]][found[2]] = float(found[4])

    machine = qemu.Machine(memory="4G", devices=("edu,dma_mask=0xffffffffffffffff",))
    program = client.binary()
    with step(f"{regions} regions of 64 KiB, first with our driver, then (minutes) with the in-tree driver"):
        outcome = power_host.boot(target, modules=modules, files={"client": program}, machine=machine,
                                  script=_SCRIPT.format(regions=regions), timeout=2400, on_line=show)
    if outcome.code:
        power_host.report(outcome)
        raise LabError(f"the benchmark failed: {outcome.why()}")
    lines, factor = _table(times)
    print("\n".join(lines))
    print(f"{regions} regions of 64 KiB on {target.release}: {factor:.1f} times faster in total, wanted {_WANTED}")
    return factor >= _WANTED

"""DKMS builds, installs and removes the module, and hosts with the disks that it leaves load the right driver."""

import concurrent.futures
import re

from .. import client, dkms, guest, image, module, qemu
from ..log import LabError, say, step
from . import Counts, check

_SCRIPT = guest.GUEST_SCRIPTS / "dkms-host.sh"
_EDU = "edu,dma_mask=0xffffffffffffffff"
_TIMEOUT_S = 300
# What nobody should have to read in the logs of DKMS and make.
_COMPLAINT = re.compile(r"warning|\berror\b|deprecat|not found|cannot|can't|fail|Skipping BTF|won't be|not executable"
                        r"|no such file|syntax", re.I)


def _one(pattern, path):
    found = re.findall(pattern, path.read_text(), re.M)
    if not found:
        raise LabError(f"{path.name} does not say which version it is")
    return set(found)


@check("versions", "dkms.conf, the module and README name one version", order=10)
def versions():
    [wanted] = _one(r'^PACKAGE_VERSION="(.*)"$', module.TREE / "dkms.conf")
    [built] = _one(r'^MODULE_VERSION\("(.*)"\);$', module.TREE / "src/shim/module.c")
    told = _one(r"\bvfio-tce[/-](\d[\w.]*\w)", module.TREE / "README.md")
    wrong = [f"{who} says {', '.join(sorted(what))}, dkms.conf {wanted}"
             for who, what in (("the module", {built}), ("README.md", told)) if what != {wanted}]
    for line in wrong:
        print(f"versions: {line}")
    return Counts(passed=2 - len(wrong), failed=len(wrong), note=wanted)


class _Tally:
    def __init__(self):
        self.counts = Counts()

    def line(self, line):
        if line.startswith(("ok - ", "not ok - ")):
            print(f"  {line}")
            self.counts += Counts(passed=int(line.startswith("ok")), failed=int(line.startswith("not ok")))

    def say(self, good, text):
        self.line(f"{'ok' if good else 'not ok'} - {text}")


def _judge(session, tally):
    for line in session.lines:
        tally.line(line)
    if session.code and not tally.counts.failed:
        tally.say(False, f"the emulated machine's script ended with {session.code}: {session.lines[-1:]}")
    for path in sorted(session.out.glob("*.log")):
        lines = [line for line in path.read_text().splitlines() if not line.startswith(("ok - ", "not ok - "))]
        complaints = [line for line in lines if _COMPLAINT.search(line)]
        for line in complaints[:10]:
            print(f"    {path.name}: {line}")
        tally.say(not complaints and len(lines) > 10, f"{path.name}: {len(lines)} lines, no complaint")
    if tally.counts.failed:
        print(f"    logs: {session.out}")


def _boot(session, program, target, states, enforced):
    modules = guest.Modules(target)
    modules.stock("overlay")
    files = {f"{state}.tar": session.out / f"{state}-{target.release}.tar" for state in states}
    settings = f"states='{' '.join(states)}'\nenforced={'yes' if enforced else 'no'}\n"
    machine = qemu.Machine(image=image.host_image(target), phbs=3, cpus=2,
                           devices=(f"{_EDU},bus=phb1.0", f"{_EDU},bus=phb2.0"))     # the disk is in the first's group
    return guest.boot(target, modules=modules, files={**files, "client": program}, data={"settings": settings},
                      script=_SCRIPT.read_text(), machine=machine, timeout=_TIMEOUT_S,
                      append="module.sig_enforce=1" if enforced else "")


@check("dkms", "DKMS builds it for every kernel, vfio loads it, and dkms remove leaves nothing", order=60,
       by_name_only=True)
def check_dkms():
    tally = _Tally()
    session = dkms.Session()
    _judge(session, tally)
    if tally.counts.failed:
        return tally.counts
    boots = ((session.first, ("installed", "removed"), False), (session.second, ("installed",), False),
             (session.first, ("installed",), True))
    program = client.binary()
    with step(f"booting {len(boots)} hosts with what DKMS left"), concurrent.futures.ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda boot: _boot(session, program, *boot), boots))
    for (target, _, enforced), outcome in zip(boots, outcomes):
        say(f"    {target.release}{', module.sig_enforce=1' if enforced else ''}: {outcome.seconds:.0f} s")
        before = tally.counts.failed
        for line in outcome.output:
            tally.line(line)
        if tally.counts.failed > before:
            print("\n".join(f"    {line}" for line in outcome.output), f"\n    logs: {outcome.directory}")
        if outcome.why() and tally.counts.failed == before:
            guest.report(outcome)
            tally.say(False, f"{target.name}: {outcome.why()}")
    return tally.counts

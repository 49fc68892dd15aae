"""KVM's protocol as a model (kunit/model): spin tries every order of its steps, and finds what every broken line breaks."""

import concurrent.futures
import os
import pathlib
import re
import shlex
import tempfile

from .. import cache, module, sh
from ..log import LabError, say, step
from . import Counts, check

_MODEL = sorted((module.TREE / "kunit/model").glob("*.pml"))
# Who takes part; no order of their steps may go wrong.
_RUNS = (
    "VCPUS=2 UNREGISTER=A OPS=9",
    "VCPUS=2 UNREGISTER=B MAPPED=A OPS=10",
    "VCPUS=2 MAPPED=A OPS=6",
    "VCPUS=2 FOREIGN UNREGISTER=A MAPPED=A",
    "VCPUS=1 ROUNDS=2 UNREGISTER=A",
    "VCPUS=1 MAP=B BUSY=1",
    "VCPUS=1 MAP=B REFUSE=2",
    "VCPUS=1 MAP=A UNMAP",
    "VCPUS=1 N=2 MAP=B BUSY=1",
    "VCPUS=1 N=2 MAPPED=A UNREGISTER=A REFUSE=1",
    "VCPUS=1 MAP=A REMOVE",
    "VCPUS=1 REMOVE FILE_DEL",
    "VCPUS=1 REMOVE FILE_DEL PREEMPT",
    "VCPUS=1 REMOVE UNREGISTER=A OTHER OPS=1",
)
# A line that is taken out -> who takes part when that goes wrong, and what is seen first then.
_GONE, _NAMED, _STUCK = "!(leaf_gone)", "platform[i_]!=m", "invalid end state"
_BROKEN = {
    "FOREIGN": ("VCPUS=2 FOREIGN", "platform[i_]!=2"),
    "ANSWER": ("VCPUS=2 UNREGISTER=B OPS=10", _NAMED),
    "SLEEP": ("VCPUS=1 MAP=B REMOVE ROUNDS=2 OPS=1", _GONE),
    "SPIN": ("VCPUS=1 REMOVE UNREGISTER=A OTHER OPS=1", _STUCK),
    "GRACE_UNDER_LOCK": ("VCPUS=1 MAP=B", _STUCK),
    "CLAIM": ("VCPUS=2 UNREGISTER=A", "U[i_]==T[i_]"),
    "DROP_EARLY": ("VCPUS=1 MAPPED=A UNREGISTER=A OPS=2", _NAMED),
    "RETIRE": ("VCPUS=1 REMOVE FILE_DEL", _GONE),
    "CLEAR_OF_DYING": ("VCPUS=1 REMOVE", _GONE),
    "KILL_OF_DYING": ("VCPUS=1 REMOVE", _GONE),
    "WINDOW_RCU": ("VCPUS=1 REMOVE FILE_DEL PREEMPT", "!(window_gone)"),
    "QUIESCE": ("VCPUS=1 MAP=B", "U[i]==(3+v)"),
    "SHUT": ("VCPUS=1 ROUNDS=2 MAP=B", "U[i]==(3+v)"),
    "STAY": ("VCPUS=1 ROUNDS=2 UNREGISTER=A", "U[i_]==T[i_]"),
    "CLOSE_KEPT": ("VCPUS=2 REFUSE=1 UNREGISTER=B OPS=3", "!(kept[i_])"),
    "DEFERRED_FLUSH": ("VCPUS=1 MAPPED=A UNREGISTER=B OPS=2", "platform[i_]==T[i_]"),
    "LIST": ("VCPUS=1 MAP=B BUSY=1", "platform[i_]==T[i_]"),
    "GATE": ("VCPUS=1 REMOVE", _GONE),
    "EMPTY": ("VCPUS=1 OPS=4", "U[i_]==T[i_]"),
    "SETTLED": ("VCPUS=2 OPS=9", "refused"),
    "LISTED": ("VCPUS=1 N=2 MAPPED=A WITHOUT_B OPS=2", "platform[i_]==T[i_]"),
}
# Compiled without optimisation: that takes longer than such a run.
_CC = "gcc -O0 -w -DSAFETY -DCOLLAPSE -o pan pan.c"
_SEARCH = "./pan -m200000"
_TIMEOUT_S = 300


def _verify(words):
    """Number of states, and what went wrong, if anything did."""
    with tempfile.TemporaryDirectory(prefix="lab-") as room:
        for path in _MODEL:
            (pathlib.Path(room) / path.name).write_bytes(path.read_bytes())
        options = [f"-D{word}" for word in words.split()]
        _, said = sh.run(["spin", *options, "-a", "kvm.pml"], cwd=room, timeout=_TIMEOUT_S)
        if "rror" in said:
            raise LabError(f"spin does not take the model ({words})\n{said}")
        sh.run(shlex.split(_CC), cwd=room, timeout=_TIMEOUT_S)
        _, text = sh.run(shlex.split(_SEARCH), cwd=room, timeout=_TIMEOUT_S, check=False)
        states = re.search(r"^ *(\d+) states, stored$", text, re.M)
        errors = re.search(r"errors: (\d+)$", text, re.M)
        wrong = re.search(r"^pan:\d+: (.*) \(at depth \d+\)$", text, re.M)
        if not states or not errors or bool(int(errors[1])) != bool(wrong) or "max search depth too small" in text:
            raise LabError(f"the model was not searched ({words})\n{sh.tail(text)}")
        if not wrong and "Search not completed" in text:
            raise LabError(f"the search was not completed ({words})\n{sh.tail(text)}")
        return int(states[1]), wrong[1] if wrong else ""


def _job(words, wanted):
    """One run: its line for the log, and if it went as it should. A run that did is remembered in the cache."""
    key = cache.digest(*_MODEL, words, wanted, _CC, _SEARCH)
    kept = cache.top() / "model" / key
    if kept.exists():
        return kept.read_text() + ", as before", True
    states, wrong = _verify(words)
    # Compared without blanks: spin prints expressions its own way.
    good = re.sub(r"\s", "", wanted) in re.sub(r"\s", "", wrong) if wanted else not wrong
    line = f"{words}: {states} states, {wrong or 'nothing goes wrong'}"
    if good:
        cache.entry("model", key, lambda path: path.write_text(line))
    return line, good


@check("model", "KVM's protocol as a model: no order of steps goes wrong, and every line of it is needed", order=20)
def model():
    jobs = [(words, "") for words in _RUNS] + [(f"BREAK_{name} {who}", sign) for name, (who, sign) in _BROKEN.items()]
    switches = {name for path in _MODEL for name in re.findall(r"\bBREAK_(\w+)", path.read_text())} - set(_BROKEN)
    with step(f"{len(jobs)} runs of the model"), concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        outcomes = list(pool.map(lambda job: _job(*job), jobs))
    for line, good in outcomes:
        say(f"    {'' if good else 'NOT AS IT SHOULD: '}{line}")
    for name in sorted(switches):
        print(f"no run breaks {name}")
    failed = sum(not good for _, good in outcomes) + len(switches)
    return Counts(passed=sum(good for _, good in outcomes), failed=failed,
                  note=f"{len(_RUNS)} runs, {len(_BROKEN)} broken ones")

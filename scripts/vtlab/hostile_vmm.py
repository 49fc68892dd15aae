"""A hostile user of /dev/vfio: random calls of many processes in an emulated host, checks after every round."""

from . import client, client_run, kernel, module, soak

_KERNELS = (*kernel.table(), "kunit-debug")
TARGETS = tuple(soak.Target(machine, name) for name in _KERNELS for machine in ("pseries", "powernv9"))
_SLACK_S = 400          # boot, the last round, what is looked at in the end; on a machine that is busy


def _boot(target, seconds, seed, more):
    debug = target.kernel == "kunit-debug"
    words = ["quiet"] if target.machine != "pseries" else []
    words.append("kasan_multi_shot" if debug else "page_poison=1")
    return client_run.Boot(f"hostile VMM, {target}", target.kernel,
                           f"hostile --seconds {seconds} --seed {seed} {more}".strip(),
                           append=" ".join(words), kind=target.machine, timeout=seconds + _SLACK_S)


def run(target, seconds, seed, more=""):
    """Rounds for so many seconds. Returns client_run.Run."""
    [built] = [module.build(target.kernel)]
    return client_run.run_one(_boot(target, seconds, seed, more), built, client.binary())


@soak.program("vmm", "random calls of /dev/vfio by many processes, DMA, kills", TARGETS)
def vmm(target, seconds, seed):
    done = run(target, seconds, seed)
    client_run.show([done])
    notes = [line[2:] for case in done.report.cases for line in case.why if line.startswith("# calls:")]
    return soak.Result(done.report.count("ok"), done.report.count("not ok") + len(done.problems), " ".join(notes))

"""A shell in an emulated POWER host with the module, the client and two edu devices: for a look by hand."""

from . import client, client_run, kernels, module, power_host
from .log import say

_HELLO = """
In /lab: ./client --list, ./client 'dma.*', cat /sys/kernel/debug/vfio_tce/*. The console's line is this terminal; ^A x
stops the machine, ^A c is QEMU's monitor.
"""
_GDB = """The machine waits for a debugger. In another terminal:
    gdb-multiarch {vmlinux} -ex 'set substitute-path /out {sources}' -ex 'target remote :1234'
    (gdb) lx-symbols, or: add-symbol-file {module} ADDRESS   (ADDRESS: /sys/module/vfio_tce/sections/.text, once it is loaded)
    (gdb) continue
"""


def run(name, machine, gdb=False):
    """Returns QEMU's exit code."""
    boot = client_run.Boot("shell", name, selection="", kind=machine)
    built = module.build(name, debug=gdb)
    target = kernels.get(name)
    program = client.binary()
    print(_HELLO, end="")
    if gdb:
        print(_GDB.format(vmlinux=target.vmlinux, module=built[0], sources=built[0].parent), end="", flush=True)
    say(f"booting {target.release} on {machine}")
    return power_host.shell(target, modules=boot.modules(built), files={"client": program}, machine=boot.machine("/tmp"),
                       append="quiet" if machine != "pseries" else "", waits_for_debugger=gdb)

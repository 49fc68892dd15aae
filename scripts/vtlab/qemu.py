"""Running an emulated POWER machine: the command line, its two serial lines, the deadline, and splats in its log."""

import collections
import contextlib
import dataclasses
import os
import re
import selectors
import subprocess
import threading
import time

from . import sh


# What a healthy kernel never prints.
SPLAT = re.compile(r"BUG:|WARNING:|Oops|UBSAN|KASAN|possible .* lock|unreferenced object|INFO: .*(task|rcu)"
                   r"|Unable to handle|Kernel panic")
# What looks like a splat and is none. One reason per line.
ALLOWED = [
    # the machine's NVRAM starts out empty
    r"WARNING: nvram corruption detected: 0-length partition",
    # the kernel's own when QEMU dies early: kvm_vfio_release() finds groups that it forgot to release
    r"WARNING: .* kvm_vfio_release\+",
]


# Kinds of hosts -> QEMU's -M and -cpu.
MACHINES = {"pseries": ("pseries,x-vof=on", "power9"), "powernv8": ("powernv8", "power8"),
            "powernv9": ("powernv9", "power9"), "powernv10": ("powernv10", "power10")}

# How much of this machine an emulated one takes: it waits for its devices most of the time, or it computes.
WAITS, COMPUTES = 1, 2


class _Room:
    """What there is for emulated machines; first come, first served. With too many of them each takes twice its time."""

    def __init__(self, size):
        self._size = self._free = size
        self._queue = collections.deque()
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def taken(self, size):
        size, ticket = min(size, self._size), object()
        with self._changed:
            self._queue.append(ticket)
            self._changed.wait_for(lambda: self._queue[0] is ticket and self._free >= size)
            self._queue.popleft()
            self._free -= size
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._free += size
                self._changed.notify_all()


_room = _Room(2 * (os.cpu_count() or 1) + 1)


@dataclasses.dataclass
class Machine:
    """One emulated host. Extra devices and arguments are QEMU's own words."""
    machine: str = "pseries"
    options: tuple = ()                 # further -M options, e.g. cap-nested-hv=on
    memory: str = "2G"
    cpus: int = 1
    phbs: int = 1                       # PCI host bridges; pseries: the second is phb1 (bus phb1.0); powernv: _bridges()
    express: bool = False               # powernv: leave the root ports rpN to PCI Express devices, no brN
    devices: tuple = ()
    arguments: tuple = ()
    image: object = None                # file system of the host (image.host_image); the script runs in it
    load: int = COMPUTES                # or WAITS

    def argv(self, kernel, initrd, append, console_log):
        kind, cpu = MACHINES[self.machine]
        argv = ["qemu-system-ppc64", "-M", ",".join((kind, *self.options)), "-cpu", cpu,
                "-accel", "tcg,thread=multi", "-smp", str(self.cpus), "-m", self.memory,
                "-display", "none", "-monitor", "none", "-nodefaults", "-no-reboot"]
        if self.two_lines:
            argv += ["-serial", f"file:{console_log}", "-serial", "stdio"]
        else:
            # without a BMC the machine cannot power itself off
            argv += ["-serial", "stdio", "-device", "ipmi-bmc-sim,id=bmc0", "-device", "isa-ipmi-bt,bmc=bmc0,irq=10"]
        for device in self._bridges():
            argv += ["-device", device]
        argv += list(self.arguments)
        if self.image:
            argv += ["-drive", f"if=none,id=image,format=raw,readonly=on,file={self.image}",
                     "-device", f"virtio-blk-pci,drive=image,bus={self._image_bus()}"]
        for device in self.devices:
            argv += ["-device", device]
        return argv + ["-kernel", str(kernel), "-initrd", str(initrd), "-append", f"console=hvc0 panic=-1 {append}"]

    def _bridges(self):
        """Where devices go. powernv: PCI Express at rpN, conventional PCI (edu, e1000) at brN, one group each."""
        if self.machine == "pseries":
            return [f"spapr-pci-host-bridge,index={index},id=phb{index}" for index in range(1, self.phbs)]
        devices = []
        for index in range(self.phbs):
            devices += [f"pnv-phb,chip-id=0,index={index},id=phb{index}", f"pnv-phb-root-port,bus=phb{index},id=rp{index}"]
            if not self.express:
                devices.append(f"pcie-pci-bridge,bus=rp{index},id=br{index}")
        return devices

    def _image_bus(self):
        """Where the host's own disk is: of brN the last slot, where nobody's devices are."""
        return "pci.0" if self.machine == "pseries" else "rp0" if self.express else "br0,addr=1f"

    @property
    def two_lines(self):
        """pseries has a serial line for the kernel and one for our output; powernv has one for both."""
        return self.machine == "pseries"


def run_on_terminal(argv):
    """Runs QEMU with its serial line on the lab's own terminal; ^A x ends it. Returns the exit code."""
    return sh.run_through(["mon:stdio" if word == "stdio" else word for word in argv])


def run(argv, timeout, on_line, load):
    """Runs QEMU once there is room for it, hands every line of its standard output to on_line.

    Returns (exit code, None when killed; seconds)."""
    with _room.taken(load):
        return _run(argv, timeout, on_line)


def _run(argv, timeout, on_line):
    begin = time.monotonic()
    with sh.started(argv, stdin=subprocess.DEVNULL) as process, selectors.DefaultSelector() as selector:
        os.set_blocking(process.stdout.fileno(), False)
        selector.register(process.stdout, selectors.EVENT_READ)
        rest = b""
        while True:
            left = begin + timeout - time.monotonic()
            if left <= 0:
                return None, time.monotonic() - begin
            if not selector.select(left):
                continue
            block = process.stdout.read(1 << 16)
            if block == b"":
                break
            *lines, rest = (rest + (block or b"")).split(b"\n")
            for line in lines:
                on_line(line.decode(errors="replace").rstrip("\r"))
        if rest:
            on_line(rest.decode(errors="replace").rstrip("\r"))
        return process.wait(), time.monotonic() - begin


def splats(text, allowed=()):
    """The lines of a kernel log that a healthy kernel never prints."""
    known = [re.compile(pattern) for pattern in (*ALLOWED, *allowed)]
    return [line for line in text.splitlines() if SPLAT.search(line) and not any(k.search(line) for k in known)]



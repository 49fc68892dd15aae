"""What programs and the driver say when something fails, and what it means.

An entry: who says it; the words, as a regular expression; the calls that were
refused, names of errnos.CALLS; what happened; what to do ("" where the errno
decides, see remedies.py).
"""

import re
from dataclasses import dataclass
from typing import Tuple


@dataclass(frozen=True)
class Message:
    who: str
    pattern: str
    calls: Tuple[str, ...]
    happened: str
    do: str = ""
    lies: bool = False      # the errno that it shows is not the call's

    def search(self, line):
        return re.search(self.pattern, line)

    @property
    def texts(self):
        """What is said, for people: N is a number, ... anything."""
        return [_readable(each) for each in _alternatives(self.pattern)]


def _alternatives(pattern):
    """The parts between the bars that are in no parentheses."""
    parts, depth = [""], 0
    for char in re.findall(r"\\.|.", pattern):
        depth += (char == "(") - (char == ")")
        if char == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def _readable(pattern):
    """A pattern with the first of several words, without what may be missing.

    Only what the patterns below are made of is understood; the tests see that
    each text is found by its pattern.
    """
    text = re.sub(r"\(([^()|]*)[^()]*\)(\?)?",
                  lambda m: "" if m[2] else m[1],
                  pattern.replace(r"\(", "\0").replace(r"\)", "\1"))
    text = re.sub(r"\[(.)(.)\]", r"\2", text)
    for old, new in ((r"-?\d+", "N"), (r"\d+", "N"), (r"\w+", "X"),
                     (r"\S+", "X"), (r"\s*", " "), (".*", "..."), ("'?", "'"),
                     ("$", ""), ("\0", "("), ("\1", ")")):
        text = text.replace(old, new)
    return text.strip()


_MEMLOCK = ("Give the process more locked memory: `vfio-tce memlock --guest "
            "SIZE --devices N` says how much and where to write it.")
_REPORT = ("That is not supposed to happen: please report it with the output "
           "of `vfio-tce report`.")
_LOADED = "See which driver is loaded, and why: `vfio-tce check`."
_BIND = ("Bind every device of the group to vfio-pci: `vfio-tce check` lists "
         "who is bound to what; `driverctl set-override ADDRESS vfio-pci` "
         "binds.")

# Lines of the driver that tell of no failure.
INFORMATION = re.compile(r"vfio_tce: version ")

PROGRAMS = (
    Message("QEMU", r"No available IOMMU models", (),
            "No driver for TCE tables is registered with VFIO.",
            _LOADED + " `modprobe vfio_tce` loads it."),
    Message("DPDK", r"No supported IOMMU extensions found", (),
            "No driver for TCE tables is registered with VFIO.",
            _LOADED + " `modprobe vfio_tce` loads it."),
    Message("QEMU", r"(not |failed to |error )open(ing)? '?/dev/vfio/\d+", (),
            "The group's file is not there, not this user's, or open already.",
            "ENOENT: Bind every device of the group to vfio-pci: `vfio-tce "
            "check` lists who is bound to what; `driverctl set-override "
            "ADDRESS vfio-pci` binds. EACCES: chown the file to the user that"
            " runs QEMU (libvirt does so by itself). EBUSY: another process "
            "has the group, `fuser -v /dev/vfio/N` names it."),
    Message("QEMU", r"(not |failed to |error )open(ing)? '?/dev/vfio/vfio", (),
            "VFIO itself cannot be opened.",
            "`modprobe vfio-pci`; the file is for everybody (mode 0666)."),
    Message("DPDK", r"Cannot open VFIO (container|group)", (),
            "VFIO or the group's file cannot be opened.",
            "`modprobe vfio-pci`; then the user must be able to read and "
            "write /dev/vfio/N. EBUSY: another process has the group."),
    Message("QEMU", r"group \d+ is not viable|iommu_group are bound to their",
            (),
            "A device of this IOMMU group still belongs to a driver of the "
            "host.",
            _BIND),
    Message("DPDK", r"VFIO group is not viable", (),
            "A device of this IOMMU group still belongs to a driver of the "
            "host.",
            _BIND),
    Message("QEMU", r"group \d+ used in multiple address spaces", (),
            "Two devices of one IOMMU group were given to two virtual PCI "
            "host bridges.",
            "Put all devices of a group behind the same "
            "spapr-pci-host-bridge."),
    Message("QEMU", r"[Ff]ailed to set group container", ("attach",),
            "VFIO or the driver refused to put the group into a container."),
    Message("QEMU", r"[Ff]ailed to set iommu for container", ("attach",),
            "The driver refused the group when the container got its type."),
    Message("DPDK", r"cannot add VFIO group to container", ("attach",),
            "VFIO or the driver refused to put the group into the container."),
    Message("DPDK", r"failed to select IOMMU type", ("attach",),
            "The driver refused the group when the container got its type.",
            "The kernel's log says why: `vfio-tce why` without a message."),
    Message("QEMU", r"Memory registering failed", ("register",),
            "QEMU registered the guest's memory, which pins it and counts it "
            "against RLIMIT_MEMLOCK, and was refused. At start the device is "
            "refused, later (memory hotplug) the guest ends.", lies=True),
    Message("DPDK", r"Cannot register vaddr for IOMMU", ("register",),
            "DPDK registered a hugepage of its memory and was refused."),
    Message("DPDK", r"Cannot unregister vaddr for IOMMU", ("unregister",),
            "DPDK gave memory back that is still mapped, or never was "
            "registered like that."),
    Message("QEMU", r"[Ff]ailed to enable container", ("enable",),
            "A v1 container could not be enabled: it is charged for the whole"
            " default window at once."),
    Message("QEMU", r"VFIO_IOMMU_SPAPR_TCE_GET_INFO failed", ("get_info",),
            "The driver did not tell what windows there are."),
    Message("DPDK", r"Cannot get IOMMU info", ("get_info",),
            "The driver did not tell what windows there are."),
    Message("QEMU", r"Failed to create a window, ret|"
            r"Failed to create SPAPR window", ("create_window",),
            "A DMA window was refused. QEMU ends the guest then: it happens "
            "at reset, or when the guest's kernel asks for its 64-bit window."),
    Message("QEMU", r"Host doesn't support DMA window at", ("create_window",),
            "The window came up at another bus address than QEMU's machine "
            "has.",
            "Give QEMU the host's address: -global "
            "spapr-pci-host-bridge.dma64_win_addr=ADDRESS with the address "
            "behind \"must be\"; else keep the guest to its first window: "
            "ddw=off."),
    Message("QEMU", r"Host doesn't support page size", ("get_info",),
            "No page size of the host's windows fits the guest's memory.",
            "Back the guest with larger pages, or report it: " + _REPORT),
    Message("QEMU", r"can't map guest IOVA region", (),
            "With a v1 container the guest asked for a window beyond the "
            "default one.",
            "Add ddw=off to the spapr-pci-host-bridge, or see in the log why "
            "a v2 container was refused."),
    Message("QEMU", r"overlaps with existing\s*host DMA window", (),
            "The guest asked for a window over one that it has.",
            "That is between the guest and QEMU; restart the guest."),
    Message("DPDK", r"Cannot create new DMA window|"
            r"Could not create new DMA window", ("create_window",),
            "DPDK's window, as large as its highest address, was refused.",
            "Larger hugepages need a smaller table: 2M or 1G. --iova-mode=va "
            "keeps the window small where memory lies high."),
    Message("DPDK", r"Received unsupported start address", ("create_window",),
            "DPDK wants its window at bus address 0 and got another.",
            "On pSeries that works where the firmware lets the default window"
            " go; a window of 4K pages up to 1 GiB lies at 0 always."),
    Message("DPDK", r"DMA map attempt outside (of )?DMA window", (),
            "DPDK got memory behind the end of its window, before any call.",
            "Reserve all memory at the start (--legacy-mem, -m, "
            "--socket-mem)."),
    Message("QEMU", r"failed to remove existing window|"
            r"Failed to remove window at", ("remove_window",),
            "The driver did not remove a window."),
    Message("QEMU", r"failed GROUP_SET_SPAPR_TCE|GROUP_SET_SPAPR_TCE", (),
            "KVM did not take over the window: another page size, or the "
            "table is smaller than the guest's.",
            "QEMU 7.2 goes on without acceleration. If the log does not say"
            " why: " + _REPORT),
    Message("QEMU", r"KVM: Failed to create TCE(64)? table", (),
            "KVM refused its own table of a window. It counts against "
            "RLIMIT_MEMLOCK; or KVM of before Linux 7 was left with a table "
            "of that number at a guest's reboot.",
            _MEMLOCK),
    Message("QEMU", r"add_subregion_common: Assertion `!subregion->container'",
            (),
            "QEMU fell over when the guest rebooted with its 64-bit window: a"
            " bug of QEMU, with any driver.",
            "Update QEMU; until then ddw=off on the spapr-pci-host-bridge."),
    Message("QEMU", r"VFIO_MAP_DMA failed|vfio_(legacy_|container_)?dma_map\(",
            ("map",),
            "A guest's entry, or a range of them, was not mapped. The guest "
            "is not told: its device's access there fails."),
    Message("DPDK", r"Cannot map vaddr for IOMMU", ("map",),
            "A hugepage of DPDK was registered but not mapped."),
    Message("DPDK", r"Cannot unmap vaddr for IOMMU", ("unmap",),
            "A hugepage of DPDK was not unmapped."),
    Message("QEMU", r"VFIO_UNMAP_DMA failed|vfio_(legacy_|"
            r"container_)?dma_unmap\(", ("unmap",),
            "A range was not unmapped."),
    Message("QEMU", r"EEH_PE_OP .* failed", (),
            "Recovery of errors on the bus (EEH) is not to be had for this "
            "group.",
            "It is harmless: without EEH an error on the bus ends the "
            "device's work. EEH needs one group alone in its container."),
    # What wraps the others comes last: it says least.
    Message("QEMU", r"failed to setup container|"
            r"memory listener initialization failed",
            ("attach", "register", "create_window"),
            "The container of this group could not be set up. The words "
            "behind it, or the kernel's log, say which call was refused."),
    Message("DPDK", r"DMA remapping failed|Failed to map DMA",
            ("create_window", "register", "map"),
            "Window or memory were refused; the line before says which."),
)

DRIVER = (
    Message("driver", r"needs \d+ KiB of locked memory", (),
            "A process ran into RLIMIT_MEMLOCK: the line names what was "
            "needed, what is in use and the limit.",
            _MEMLOCK),
    Message("driver", r"\d+ bytes stay pinned: a device may still reach them",
            (),
            "The hypervisor did not confirm that entries are closed, so their"
            " memory is kept from everybody else. It is safe, and lost.",
            "Find out why the hypervisor refused (lines before this one); the"
            " memory comes back with a reboot."),
    Message("driver", r"KVM maps \d+ bytes at \w+ that are not one huge page",
            (),
            "A guest's large entry is not backed by one huge page. KVM is not"
            " allowed large pages any more, QEMU maps them.",
            "Back the guest with hugetlb pages of the size of its entries."),
    Message("driver", r"hypervisor refuses (to close \d+ )?entries", ("map",),
            "The hypervisor refused entries of a window.",
            "Is the device or its bus in an error state (dmesg: EEH)? Else:"
            " " + _REPORT),
    Message("driver", r"is removed with entries that do not close",
            ("remove_window",),
            "A window is gone although the hypervisor did not close all "
            "entries. Their memory stays pinned.",
            "See the lines before; memory comes back with a reboot."),
    Message("driver", r"firmware put a DMA window at \w+ where it cannot be",
            ("create_window",),
            "The firmware's window lies where it would wrap around or meet "
            "another.",
            _REPORT),
    Message("driver", r"firmware does not remove the (default )?DMA window",
            ("remove_window",),
            "The firmware kept a window; its entries are closed one by one, "
            "nothing reaches memory by it.",
            "The group may get no more windows until the partition reboots."),
    Message("driver", r"firmware does not bring back the default DMA window",
            (),
            "After the guest the host's own window is missing: the host's "
            "driver may find no DMA.",
            "Reboot the partition before the host uses it."),
    Message("driver", r"host's DMA window cannot be restored", (),
            "The host's driver of this device has no DMA window.",
            "Reboot the host before it uses the device."),
    Message("driver", r"unplugged while in use", (),
            "A device went while a process used its group.",
            "Stop the guest before you unplug; nothing is left behind."),
    Message("driver", r"has a table of somebody else's", ("attach",),
            "Another driver keeps a table in this group (EBUSY).",
            "Unbind the devices from whatever uses them; reboot if it stays."),
    Message("driver", r"refused as long as .* is there", ("attach",),
            "A kernel before this one (kexec) left a window that may reach "
            "all memory. The group is refused (EBUSY) until it is gone.",
            "Reboot without kexec."),
    Message("driver", r": RTAS status -?\d+", ("create_window",),
            "The firmware refused a call about windows; \"still\": it was busy "
            "for two minutes.",
            "Try again; see the hypervisor's own log."),
    Message("driver", r"cannot \S+ \S+: -?\d+$", (),
            "The device tree could not be told of a window.",
            _REPORT),
    Message("driver", r"neither a pSeries partition nor PowerNV", (),
            "This machine has no TCE tables: there is nothing to drive.",
            "vfio_tce is for POWER hosts only."),
    Message("driver", r"vfio is not one that this driver knows", (),
            "The kernel's VFIO is another than the one the driver was written"
            " for, so it did not load.",
            "Use a version of vfio-tce for this kernel, or the in-tree "
            "driver."),
    Message("driver", r"cannot tell (if|whether) this driver fits this kernel",
            (),
            "The kernel has no type information (BTF), so the driver could "
            "not check its VFIO and did not load.",
            "Use a kernel with CONFIG_DEBUG_INFO_BTF; or, at your risk, the "
            "option unchecked_vfio=1."),
    Message("driver", r"vfio was not checked", (),
            "The driver was loaded without a check of the kernel's VFIO "
            "(unchecked_vfio=1).",
            "Nothing, if you meant it."),
)

"""What to do about an errno of a call."""

_MEMLOCK = ("Give the process more locked memory: `vfio-tce memlock --guest "
            "SIZE --devices N` says how much and where to write it. If the "
            "limit is not reached (`vfio-tce status`), the host is out of "
            "memory.")
_REPORT = ("That is a mistake of the program, or of the driver: if the "
           "program is an unmodified QEMU or DPDK, please report it "
           "(`vfio-tce report`).")
_FIRMWARE = ("The kernel's log says what the firmware answered (`vfio-tce "
             "why` without a message); is the bus in an error state (dmesg: "
             "EEH)?")
_OWNER = ("A container belongs to the process that used it first: let one "
          "process make all calls, children cannot.")
_KILLED = ("Nothing: the process was ended.")

# (call, errno), or (None, errno) for every call.
_REMEDIES = {
    (None, "ENOMEM"):
        _MEMLOCK,
    (None, "EINTR"):
        _KILLED,
    (None, "EIO"):
        _FIRMWARE,
    (None, "EPERM"):
        _OWNER,
    (None, "EINVAL"):
        _REPORT,
    (None, "EFAULT"):
        "The program named memory that it does not have, for the call's "
        "argument or in it: a mistake of the program.",
    (None, "ENXIO"):
        "Put a group into the container first.",
    ("attach", "EBUSY"):
        "The group is in use, or the kernel's log says what stands in the "
        "way: a table of somebody else's, or a window that a kernel before "
        "this one left (kexec).",
    ("attach", "EPERM"):
        "The new group cannot have the container's windows at their "
        "addresses. QEMU makes a second container by itself; else give each "
        "group a container.",
    ("attach", "ENODEV"):
        "The device went away; look for it in `vfio-tce check`.",
    ("attach", "EINVAL"):
        "The group is in a container already, or its type is not to be had on"
        " this host.",
    ("attach", "ENOMEM"):
        "The host is out of memory.",
    ("enable", "ENODEV"):
        "Put a group into the container first.",
    ("register", "EFAULT"):
        "Part of the memory is not there or not writable: enough hugepages? "
        "Guest RAM in a file that is too short?",
    ("register", "EBUSY"):
        _REPORT,
    ("register", "EINVAL"):
        "The range overlaps one that this process has registered with other "
        "bounds.",
    ("unregister", "EBUSY"):
        "Unmap it first.",
    ("unregister", "ENOENT"):
        "Unregister exactly what was registered, not a part of it.",
    ("create_window", "EINVAL"):
        "Page size or size of the window are not to be had here; on pSeries a"
        " window has at most 2^31 entries: use larger pages.",
    ("create_window", "ENOSPC"):
        "A group has two windows at most; remove one.",
    ("create_window", "EPERM"):
        "The groups of this container get different bus addresses: give "
        "each a container. " + _OWNER,
    ("map", "EPERM"):
        "Register the memory first, from the process that owns the container;"
        " for large IOMMU pages back it with hugetlb.",
    ("map", "EINVAL"):
        "Memory must be registered with this container, and the range lie in "
        "one window, aligned to its pages.",
    ("map", "ENXIO"):
        "No window holds that bus address: make one, or add ddw=off if the "
        "guest's 64-bit window was refused.",
    ("eeh", "ENODEV"):
        "It is harmless: there is no EEH for this group, so an error on the "
        "bus ends the device's work.",
    ("other", "ENOTTY"):
        "Nothing: programs try calls that a driver may not have.",
    ("unmap", "ENXIO"):
        "No window holds that bus address.",
    ("unmap", "EIO"):
        "What is still mapped stays pinned. " + _FIRMWARE,
}


def known(call, errno):
    """True if there is more to say than for every call."""
    return (call, errno) in _REMEDIES


def remedy(call, errno):
    return _REMEDIES.get((call, errno)) or _REMEDIES.get((None, errno), _REPORT)

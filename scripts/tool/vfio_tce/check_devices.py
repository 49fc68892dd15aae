"""vfio-tce check: IOMMU groups and what is bound to what."""

import os

from . import limits, pci
from .draw import plural
from .finding import bad, ok, warn

# Drivers that make no DMA of their own: VFIO gets the group beside them.
_HARMLESS = ("", "pci-stub", "pcieport")
_SHOWN = 16


def _access(host, number, user):
    """Can the user open the group's file?"""
    name = f"dev/vfio/{number}"
    if not host.exists(name):
        return [warn(f"group {number}: there is no /{name}",
                     "modprobe vfio-pci; udev or devtmpfs makes the file")]
    if user == "root" or user in limits.LIBVIRT_USERS or not host.real:
        return []
    about = os.stat(host.path(name))
    if host.user(about.st_uid) == user or about.st_mode & 0o066 == 0o066:
        return []
    return [warn(f"group {number}: /{name} is not {user}'s",
                 f"chown {user} /{name}, or a udev rule for it")]


def _group(number, devices):
    """What is to be said of a group that VFIO is to have."""
    others = [each for each in devices
              if not each.is_vfio and each.driver not in _HARMLESS]
    listed = ", ".join(f"{each.address} ({each.driver or 'no driver'})"
                       for each in devices if not each.is_bridge)
    if not others:
        return ok(f"group {number}: {listed}")
    names = " ".join(each.address for each in others)
    return bad(f"group {number} is not viable: {listed}",
               f"all devices of a group go together: for each of {names}: "
               "driverctl set-override ADDRESS vfio-pci")


def groups(host, user):
    found, everything = [], pci.groups(host)
    if not everything:
        return [bad("there are no IOMMU groups: no PCI device can be passed on",
                    "is this a POWER host with PCI devices? See dmesg for "
                    "iommu")]
    used = {number: devices for number, devices in everything.items()
            if any(each.is_vfio for each in devices)}
    idle = sum(len(devices) for number, devices in everything.items()
               if number not in used)
    for number, devices in list(used.items())[:_SHOWN]:
        found.append(_group(number, devices))
        found += _access(host, number, user)
    for number, devices in list(used.items())[_SHOWN:]:
        finding = _group(number, devices)
        if finding.level != "ok":
            found.append(finding)
    if len(used) > _SHOWN:
        found.append(ok(f"{plural(len(used), 'group')} for VFIO in all"))
    if not used:
        found.append(warn(f"no device is bound to vfio-pci, of "
                          f"{plural(idle, 'device')} in "
                          f"{plural(len(everything), 'group')}",
                          "driverctl set-override ADDRESS vfio-pci, for every "
                          "device of a group"))
    elif idle:
        found.append(ok(f"{plural(idle, 'other device')} in groups of the "
                        "host"))
    without = [each.address for each in pci.devices(host)
               if not each.group and not each.is_bridge]
    if without:
        found.append(warn(f"without IOMMU group: {' '.join(without[:8])}",
                          "they cannot be passed on"))
    return found

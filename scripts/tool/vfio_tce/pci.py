"""PCI devices and IOMMU groups, from sysfs and pci.ids."""

import gzip
import re
from dataclasses import dataclass

_DEVICES = "sys/bus/pci/devices"
_GROUPS = "sys/kernel/iommu_groups"
_IDS = ("usr/share/misc/pci.ids", "usr/share/hwdata/pci.ids",
        "usr/share/pci.ids", "usr/share/misc/pci.ids.gz")
_VFIO = re.compile(r"vfio")
_FIRM = re.compile(r",|\b(?:Corporation|Corp|Co|Inc|Ltd|Limited|GmbH|AG|LLC|"
                   r"Electronics|Technologies|Technology|Semiconductors?|"
                   r"Systems|Communications)\b")
_BRIDGE = 0x0604
_CLASSES = {0x01: "storage", 0x02: "network", 0x03: "display",
            0x04: "multimedia",
            0x05: "memory", 0x06: "bridge", 0x07: "communication",
            0x0b: "processor",
            0x0c: "serial bus", 0x12: "accelerator"}


@dataclass
class Device:
    address: str
    vendor: int
    device: int
    class_code: int
    driver: str
    group: str
    there: bool

    @property
    def is_bridge(self):
        return self.class_code >> 8 == _BRIDGE

    @property
    def is_vfio(self):
        return bool(_VFIO.search(self.driver))

    @property
    def ids(self):
        return f"{self.vendor:04x}:{self.device:04x}"

    @property
    def kind(self):
        if self.class_code >> 8 == 0x0108:
            return "NVMe"
        return _CLASSES.get(self.class_code >> 16, "device")


def device(host, address):
    """What sysfs tells of a device; one that is gone is not there."""
    place = f"{_DEVICES}/{address}"
    return Device(address, host.number(f"{place}/vendor", 0),
                  host.number(f"{place}/device", 0),
                  host.number(f"{place}/class", 0),
                  host.link(f"{place}/driver"),
                  host.link(f"{place}/iommu_group"), host.exists(place))


def devices(host):
    return [device(host, address) for address in host.list(_DEVICES)]


def groups(host):
    """Group number -> devices, of every IOMMU group."""
    numbers = (name for name in host.list(_GROUPS) if name.isdigit())
    return {int(name): [device(host, address) for address in
                        host.list(f"{_GROUPS}/{name}/devices")]
            for name in sorted(numbers, key=int)}


def _lines(host):
    for name in _IDS:
        opener = gzip.open if name.endswith(".gz") else open
        try:
            with opener(host.path(name), "rt", encoding="utf-8",
                        errors="replace") as stream:
                yield from stream
            return
        except (OSError, EOFError):
            continue


def _full(vendor, name):
    """A device's name behind the vendor's, without what all are called."""
    brackets = re.search(r"\[([^]]+)\]", vendor)
    brand = brackets[1] if brackets else _FIRM.split(vendor)[0].strip(" ,")
    return name if not brand or name.startswith(brand) else f"{brand} {name}"


def names(host, wanted):
    """(vendor, device) -> name from pci.ids, of those that are wanted."""
    wanted, found, vendor = set(wanted), {}, None
    if not wanted:
        return found
    vendors = {each[0] for each in wanted}
    for line in _lines(host):
        if line.startswith("C "):       # classes come behind the devices
            break
        match = re.match(r"(\t?)([0-9a-f]{4})  (.*)", line)
        if not match:
            continue
        number = int(match[2], 16)
        if not match[1]:
            vendor = (number, match[3].strip()) if number in vendors else None
        elif vendor and (vendor[0], number) in wanted:
            found[vendor[0], number] = _full(vendor[1], match[3].strip())
    return found

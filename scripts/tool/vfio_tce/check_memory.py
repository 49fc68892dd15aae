"""vfio-tce check: locked memory and hugepages."""

import re

from . import draw, limits
from .finding import bad, ok, warn

_TOO_LITTLE = 256 << 20
_LIMIT = "vfio-tce memlock --guest SIZE says how much and where to write it"


def _words(value):
    return "unlimited" if value == limits.UNLIMITED else draw.size(value)


def _login(host, user):
    value, place = limits.of_login(host, user)
    text = f"{user} may lock {_words(value)} after a login ({place})"
    if user == "root":
        return ok("root is not bound by RLIMIT_MEMLOCK (CAP_IPC_LOCK)")
    if value == limits.UNLIMITED or value >= _TOO_LITTLE:
        return ok(text + "; " + _LIMIT if value != limits.UNLIMITED else text)
    return bad(text + ": too little for any guest", _LIMIT)


def _services(host):
    value = limits.of_services(host)
    if value is None or value == limits.UNLIMITED:
        return []
    return [ok(f"systemd's services may lock {_words(value)} unless their unit "
               "says more (LimitMEMLOCK=)")]


def _hugepages(host):
    found, folder = [], "sys/kernel/mm/hugepages"
    for name in host.list(folder):
        match = re.fullmatch(r"hugepages-(\d+)kB", name)
        count = host.number(f"{folder}/{name}/nr_hugepages", 0)
        free = host.number(f"{folder}/{name}/free_hugepages", 0)
        if match and count:
            found.append(f"{count} of {draw.page(int(match[1]) << 10)} "
                         f"({free} free)")
    if found:
        return ok(f"hugepages: {', '.join(found)}")
    return ok("no hugepages: guests need none, DPDK does (vm.nr_hugepages); "
              "tables are smaller with them")


def memory(host, user):
    found = []
    if user in limits.LIBVIRT_USERS:
        found.append(ok(f"{user}: libvirt sets each guest's limit itself "
                        "(vfio-tce memlock shows its formula)"))
    else:
        found.append(_login(host, user))
    found += _services(host)
    found.append(_hugepages(host))
    total = host.fields("proc/meminfo").get("MemTotal", "").split()
    if not total:
        found.append(warn("/proc/meminfo tells nothing"))
    return found

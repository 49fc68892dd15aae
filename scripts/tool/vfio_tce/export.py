"""The books for programs: JSON and Prometheus."""

import dataclasses
import json

from . import VERSION, driver
from .books import UNKNOWN
from .draw import clean

# Counters of the driver that also go down; all others are totals.
_GAUGES = ("leaves", "tables", "quarantined")


def _container(each):
    made = dataclasses.asdict(each)
    made["unlimited"] = each.limit is None
    if each.limit == UNKNOWN:
        made["limit"] = None
    return made


def json_text(host, containers, stats, indent):
    """Sizes as in the books: bytes, but charged, limit and locked in pages."""
    return json.dumps({
        "format": 1,
        "tool": VERSION,
        "driver": {"name": driver.OURS, "version": driver.version(host),
                   "srcversion": host.text("sys/module/vfio_tce/srcversion"),
                   "references": host.number("sys/module/vfio_tce/refcnt")},
        "page_size": host.page_size,
        "containers": [_container(each) for each in containers],
        "stats": stats,
    }, indent=indent)


class _Metrics:
    """Samples by metric: the format wants those of one name together."""

    def __init__(self):
        self.families = {}

    def add(self, name, what, value, kind="gauge", **labels):
        family = self.families.setdefault(f"vfio_tce_{name}", (kind, what, []))
        text = ",".join(f'{key}="{_label(each)}"' for key, each
                        in labels.items())
        family[2].append(f"{{{text}}} {value}" if text else f" {value}")

    def text(self):
        lines = []
        for name, (kind, what, samples) in self.families.items():
            lines += [f"# HELP {name} {what}", f"# TYPE {name} {kind}"]
            lines += [name + sample for sample in samples]
        return "\n".join(lines) + "\n"


def _label(text):
    text = clean(str(text).replace("\n", " "))
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _of_container(add, each, page):
    who = {"container": each.id, "pid": each.pid, "comm": each.comm}
    add("busy", "1 if another call changed it and it was not read",
        int(each.busy), **who)
    if each.busy:
        return
    add("groups", "IOMMU groups of a container", len(each.groups), **who)
    add("memory_bytes", "registered memory", each.memory.bytes, **who)
    add("memory_regions", "registered regions", each.memory.regions, **who)
    add("tables_charged_bytes", "locked memory that tables cost",
        each.charged * page, **who)
    add("locked_bytes", "locked memory of the owner", each.locked * page, **who)
    if each.limit not in (None, UNKNOWN):
        add("locked_limit_bytes", "RLIMIT_MEMLOCK of the owner, if there is "
                                  "one",
            each.limit * page, **who)
    add("kvm", "1 if KVM is attached", int(each.kvm), **who)
    for window in each.windows:
        which = {**who, "slot": window.slot, "start": f"{window.start:#x}"}
        add("window_bytes", "size of a window", window.size, **which)
        add("window_entries", "entries that a window has room for",
            window.entries, **which)
        add("window_entries_live", "entries in use", window.live, **which)
        add("window_table_bytes", "memory of a window's tables", window.bytes,
            **which)
    for refusal in each.refusals:
        add("refused_total", "refused calls", refusal.count, "counter",
            **who, call=refusal.call, errno=refusal.errno)


def prometheus(host, containers, stats):
    """Prometheus' text format; containers None: nothing could be read."""
    metrics = _Metrics()
    add = metrics.add
    add("up", "1 if the driver's books could be read",
        int(containers is not None))
    add("info", "the driver that is loaded", 1, version=driver.version(host),
        srcversion=host.text("sys/module/vfio_tce/srcversion"))
    if containers is not None:
        add("containers", "containers that are open", len(containers))
        for each in containers:
            _of_container(add, each, host.page_size)
    for name, value in stats.items():
        if name in _GAUGES:
            add(name, "see the driver's stats", value)
        else:
            add(f"{name}_total", "see the driver's stats", value, "counter")
    return metrics.text()

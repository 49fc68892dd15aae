"""vfio-tce memlock: how much locked memory a guest or DPDK needs."""

from dataclasses import dataclass

from . import draw
from .problem import OK, USAGE, Problem

KIB, MIB, GIB, TIB = 1 << 10, 1 << 20, 1 << 30, 1 << 40
_TCE = 8
_DEFAULT_WINDOW = GIB
_DEFAULT_PAGE = 4 * KIB
_GUEST_PAGE = 64 * KIB      # a guest's kernel asks for 64K, 2M or 16M
_DPDK_PAGE = 2 * MIB
_DPDK_WINDOW = TIB          # DPDK's addresses end below that, mostly
_QEMU_REST = 64 * MIB
_DPDK_REST = 16 * MIB


@dataclass
class Item:
    size: int
    what: str
    how: str = ""


def _power(size):
    return 1 << max(0, (size - 1).bit_length())


def table(window, page):
    """What a window's table is charged at most: 8 bytes an entry."""
    return -(-window // page) * _TCE


def libvirt(memory, most, phbs):
    """libvirt's limit for pSeries guests, in its steps (KiB inside)."""
    memory, most = memory // KIB, most // KIB
    bridges = draw.plural(phbs, "PHB")
    base = (Item(most // 128 * KIB, "hash table", "largest memory / 128"),
            Item(4 * MIB * phbs, "32-bit windows", f"4 MiB * {bridges}"),
            Item(8 * MIB, "overhead"))
    small = 2 * GIB * phbs
    large = (memory + memory // 512 * phbs + 8192) * KIB
    if small > large:
        return [*base, Item(small, "windows", f"2 GiB * {bridges}, more than "
                            "the guest's memory with its tables")]
    return [*base, Item(memory * KIB, "guest's memory"),
            Item(memory // 512 * phbs * KIB, "64-bit windows",
                 f"memory / 512 * {bridges}"),
            Item(8 * MIB, "overhead")]


def qemu(memory, window, page, containers, phbs):
    """What a QEMU without libvirt is charged at most, on vfio_tce."""
    small = table(_DEFAULT_WINDOW, _DEFAULT_PAGE)
    large = table(window, page)
    own = table(window, _GUEST_PAGE)
    return [
        Item(memory, "guest's memory", "registered, once for the process"),
        Item(containers * small, "default windows",
             f"{containers} * 1 GiB / 4K * 8 bytes"),
        Item(containers * large, "64-bit windows", f"{containers} * "
             f"{draw.size(window)} / {draw.page(page)} * 8 bytes"),
        Item(phbs * small + containers * own, "KVM's own tables",
             f"{phbs} * 1 GiB / 4K * 8 bytes, {containers} * "
             f"{draw.size(window)} / 64K * 8 bytes"),
        Item(_QEMU_REST, "the rest", "ROMs, video memory, rounding"),
    ]


def dpdk(memory, window, page):
    return [
        Item(memory, "hugepage memory", "registered, page by page"),
        Item(table(window, page), "window",
             f"{draw.size(window)} / {draw.page(page)} * 8 bytes, if all of it "
             "is used"),
        Item(_DPDK_REST, "the rest", "levels, rounding"),
    ]


def total(items):
    """The sum, in whole MiB."""
    return -(-sum(each.size for each in items) // MIB) * MIB


def _show(pen, title, items):
    print(pen.paint(title, "bold"))
    for each in items:
        how = f"  {each.how}" if each.how else ""
        for line in pen.wrapped(f"{draw.size(each.size):>10}  {each.what}",
                                how.strip(), 32, 0):
            print(line)
    limit = total(items)
    print(f"{draw.size(limit):>10}  " + pen.paint(f"= {limit // KIB} KiB",
                                                  "bold"))
    print()


def _where(pen, limit, user, guest):
    print(pen.paint("Where to write it", "bold"))
    rows = [("logins", f"/etc/security/limits.d/vfio.conf: {user} - memlock "
                       f"{limit // KIB}"),
            ("systemd", f"in the unit, [Service]: LimitMEMLOCK={limit}"),
            ("podman", f"--ulimit memlock={limit}:{limit}"),
            ("see it", "cat /proc/PID/limits; vfio-tce status")]
    for label, text in rows:
        for line in pen.wrapped(label, text, 10):
            print(line)
    if guest:
        text = ("sets its own limit by its formula and needs nothing; to say "
                "another: <memtune><hard_limit unit='KiB'>"
                f"{guest // KIB}</hard_limit></memtune> (it limits all memory "
                "of QEMU, too: leave room)")
        for line in pen.wrapped("libvirt", text, 10):
            print(line)


def _checked(options, page):
    if not options.guest and not options.dpdk:
        raise Problem("say how large: --guest 128G, or --dpdk 16G", USAGE)
    if page < 4 * KIB or page & (page - 1) or page > 16 * GIB:
        raise Problem("--page-size is a power of two from 4K to 16G", USAGE)
    if options.window is not None and options.window < page:
        raise Problem("--window is smaller than a page of it", USAGE)
    if options.max_memory and options.max_memory < (options.guest or 0):
        raise Problem("--max-memory is less than --guest", USAGE)


def run(host, options):
    pen = draw.Pen()
    page = options.page_size or (_DPDK_PAGE if options.dpdk
                                 and not options.guest
                                 else host.page_size)
    _checked(options, page)
    user = options.user or "USER"
    if options.dpdk:
        items = dpdk(options.dpdk, options.window or _DPDK_WINDOW,
                     options.page_size or _DPDK_PAGE)
        _show(pen, f"DPDK with {draw.size(options.dpdk)}", items)
        if not options.guest:
            _where(pen, total(items), user, None)
            return OK
    devices = options.devices
    phbs = options.phbs or 1 + devices
    most = max(options.guest, options.max_memory or 0)
    window = options.window or _power(most)
    title = (f"guest of {draw.size(options.guest)}, "
             f"{draw.plural(devices, 'device')}, {draw.plural(phbs, 'PHB')}")
    limit = libvirt(options.guest, most, phbs)
    bare = qemu(most, window, page, min(devices, phbs), phbs)
    _show(pen, f"libvirt's formula: {title}", limit)
    _show(pen, f"QEMU without libvirt, at most: {title}", bare)
    _where(pen, total(bare), user, total(limit))
    return OK

"""The demo's verdict: what a run's books say, and what is not as it should be."""

import collections
import json
import re
import textwrap

_REFUSAL = re.compile(r"Failed to create.* window: Invalid argument")
_CREATED = re.compile(r"vfio_spapr_create_window pageshift=(\S+) levels=(\S+) winsize=(\S+) offset=(\S+)")
_REMOVED = re.compile(r"vfio_spapr_remove_window offset=(\S+)")
_GUEST_WINDOW = re.compile(r"ibm,create-pe-dma-window\(\d+\) \S+ \S+ \S+ (\S+) (\S+) returned 0 .*"
                           r"starting addr = (\S+) (\S+)\)")
_TRACED = re.compile(r"spapr_iommu_pci_(put|get|indirect|stuff) liobn=\S+ ioba=(\S+) (?:ret=\d+ )?"
                     r"tce(?:value|list)?=(\S+)(?: iobaN=(\S+))?")
# Calls that the demo's host counts, by their numbers (asm/hvcall.h, asm/opal-api.h).
HCALLS = {0x1c: "H_GET_TCE", 0x20: "H_PUT_TCE", 0x138: "H_STUFF_TCE", 0x13c: "H_PUT_TCE_INDIRECT"}
_MAP_WINDOW, _TCE_KILL = 44, 126
OPAL_CALLS = {_MAP_WINDOW: "OPAL_PCI_MAP_PE_DMA_WINDOW", _TCE_KILL: "OPAL_PCI_TCE_KILL"}
_TO_KVM, _TO_OPAL = "kvm_hv/kvm_hcall_enter", "powerpc/opal_entry"      # the kernel's trace events for them
_DYNAMIC = 1 << 59
_TCES_PER_CALL = 512        # H_PUT_TCE_INDIRECT takes one page of TCEs; of no more does ours ask OPAL at a time
_BOOTS = (("begin1", "end1"), ("begin2", "end2"))       # from the guest's power-on until its I/O is done


class Hypercalls(collections.Counter):
    """put (a TCE set by H_PUT_TCE), clear (a TCE cleared by it), indirect, stuff, get; put_get: a get right before
    a put of the same TCE, which is how the in-tree driver exchanges one; set: TCEs that were set."""

    def setting(self):
        """The hypercalls it took to set TCEs."""
        return self["put"] + self["put_get"] + self["indirect"]


def count_hypercalls(trace):
    """What the hypervisor's own trace holds, per window: dynamic (above 1 << 59) or default."""
    counts = {"default": Hypercalls(), "dynamic": Hypercalls()}
    if not trace.exists():
        return counts
    got = None
    with open(trace, errors="replace") as stream:
        for line in stream:
            found = _TRACED.search(line)
            if found:
                call, address, tce, many = found.groups()
                count = counts["dynamic" if int(address, 16) >= _DYNAMIC else "default"]
                if call == "put" and not int(tce, 16) & 3:
                    call = "clear"
                elif call == "put":
                    count["put_get"] += got == address
                    count["set"] += 1
                elif call == "indirect":
                    count["set"] += int(many, 16) + 1   # named after an address, it is the last one's index
                count[call] += 1
                got = address if call == "get" else None
    return counts


def _json(text):
    try:
        return json.loads(text)
    except ValueError:
        return {"said": text}


class Books:
    """What came out of a run of the demo, parsed."""

    def __init__(self, outcome, target, driver, platform, outside, hypercalls, mib, memory_mib):
        self.outcome, self.target, self.driver, self.platform = outcome, target, driver, platform
        self.outside = outside              # boot -> sha256 of its area in the disk's file on the build machine
        self.hypercalls = hypercalls        # window -> Hypercalls, as the emulated hypervisor saw them (pSeries)
        self.mib, self.memory_mib = mib, memory_mib
        self.facts, self.stats, self.guest, self.trace, self.open_windows = {}, {}, {}, [], {}
        self.calls = collections.defaultdict(collections.Counter)   # moment -> (trace event, number) -> calls
        self.status = None                  # what `vfio-tce status --json` said while the guest ran
        self.told = []                      # what load.sh said: (verb, line)
        for line in outcome.output:
            words = line.split()
            if not words:
                continue
            if words[0] == "@@fact":
                self.facts[words[1]] = " ".join(words[2:])
            elif words[0] == "@@stat" and len(words) == 4 and words[3].lstrip("-").isdigit():
                self.stats.setdefault(words[1], {})[words[2]] = int(words[3])
            elif words[0] == "@@calls" and len(words) == 5:
                self.calls[words[1]][words[2], int(words[3])] = int(words[4])
            elif words[0] == "@@window":
                self.open_windows.setdefault(words[1], []).append(" ".join(words[2:]))
            elif words[0] == "@@guest":
                self.guest.setdefault(words[1], []).append(" ".join(words[2:]))
            elif words[0] == "@@status":
                self.status = _json(line.partition(" ")[2])
            elif words[0] == "@@told":
                self.told.append((words[1], " ".join(words[2:])))
            elif words[0] == "@@trace":
                self.trace.append(" ".join(words[1:]))

    def fact(self, name):
        return self.facts.get(name)

    def checksums(self, kind):
        """boot -> checksum the guest printed as `kind` (wrote, read, kept)."""
        return dict(entry.split() for entry in self.guest.get(kind, []))

    def counted(self, name):
        """What a counter of our driver rose by while the guest's boots set up and used their dynamic windows."""
        return sum(self.stats.get(until, {}).get(name, 0) - self.stats.get(since, {}).get(name, 0)
                   for since, until in _BOOTS)

    def called(self, event, number):
        """The same for the calls that the kernel counts."""
        return sum(self.calls[until][event, number] - self.calls[since][event, number] for since, until in _BOOTS)

    def entry_kills(self, calls):
        """Calls to OPAL that invalidate entries: each time a window is set or unset one more invalidates all of it."""
        return calls(_TO_OPAL, _TCE_KILL) - calls(_TO_OPAL, _MAP_WINDOW)

    def windows(self):
        """(address, page size, levels, size) -> times created; address -> times removed."""
        created, removed = collections.Counter(), collections.Counter()
        for line in self.trace:
            if found := _CREATED.search(line):
                shift, levels, size, offset = (int(word, 0) for word in found.groups())
                created[offset, 1 << shift, levels, size] += 1
            elif found := _REMOVED.search(line):
                removed[int(found[1], 0)] += 1
        return created, removed

    def ddw_page(self):
        """The page size of the host's dynamic window."""
        return max((page for address, page, _, _ in self.windows()[0] if address >= _DYNAMIC), default=0)

    def guest_windows(self):
        """(address, page size, size) of the dynamic windows as the guest's own kernel reports them."""
        for text in self.guest.get("window", []):
            if found := _GUEST_WINDOW.search(text):
                shift, size, high, low = (int(word, 16) for word in found.groups())
                yield (high << 32) + low, 1 << shift, 1 << size


def _bytes(number):
    for unit, shift in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if number >= 1 << shift and not number % (1 << shift):
            return f"{number >> shift} {unit}"
    return f"{number} bytes"


def _head(books):
    return ["", f"VERDICT for {books.driver}",
            f"  host       Linux {books.target.release}, {books.target.page_size // 1024}K pages, "
            f"{books.platform.title}",
            f"  guest      {books.fact('qemu_version')}, unmodified, KVM"]


def refused(books):
    """The verdict when QEMU has to fail for want of a window."""
    quote = next((line for line in books.outcome.output if _REFUSAL.search(line)), None)
    lines, failures = _head(books), []
    if quote and books.fact("qemu_exit") not in (None, "0"):
        lines += [f"  QEMU       {quote.removeprefix('guest: ')}",
                  "  result     the in-tree driver fails as expected: the guest cannot start"]
    else:
        failures.append("the in-tree driver was to refuse QEMU's window, and did not: "
                        f"QEMU's exit code was {books.fact('qemu_exit')}")
    if books.outcome.why():
        failures.append(books.outcome.why())
    return lines, failures


def detour(books):
    """What is not as it should be about loading our driver, loading it once more, and going back to the in-tree driver."""
    expected = {"load": "vfio_tce .* is loaded( already|, in place of .*)?$", "unload": "vfio_tce .* is unloaded; the in-tree driver .* is loaded$"}
    told = [(verb, text) for verb, text in books.told if not re.match(expected[verb], text)]
    failures = [f"{verb} said: {text}" for verb, text in told]
    if [verb for verb, _ in books.told] != ["load", "load", "unload"] or not books.told[1][1].endswith(" already"):
        failures.append(f"load, load and unload were to be done, they said {books.told}")
    return failures


def _show_windows(books, lines):
    created, removed = books.windows()
    for (address, page, levels, size), times in sorted(created.items()):
        lines.append(f"  window     at {address:#x}: {_bytes(size)} of {_bytes(page)} pages, levels {levels}, created "
                     f"{times} times, removed {removed[address]} times")
    lines += [f"             the driver's books: {text}" for text in books.open_windows.get("end2", [])]
    for address, page, size in sorted(set(books.guest_windows())):
        lines.append(f"             the guest sees a dynamic window at {address:#x}: {_bytes(size)} of {_bytes(page)} "
                     "pages")


def _show_hypervisor(books, lines):
    for window, counts in books.hypercalls.items():
        lines.append(f"  hypervisor saw for the {window} window: {counts['set']} TCEs set, by "
                     f"{counts['indirect']} H_PUT_TCE_INDIRECT and {counts['put']} H_PUT_TCE; {counts['stuff']} "
                     f"H_STUFF_TCE, {counts['clear']} H_PUT_TCE that clear, {counts['get']} H_GET_TCE")
    return "hypercalls", books.hypercalls["dynamic"].setting()


def _show_firmware(books, lines):
    last = books.calls["gone"]
    lines.append(f"  firmware   from the start to the end: {last[_TO_OPAL, _MAP_WINDOW]} OPAL_PCI_MAP_PE_DMA_WINDOW, "
                 f"{last[_TO_OPAL, _TCE_KILL]} OPAL_PCI_TCE_KILL, "
                 f"{books.entry_kills(lambda *key: last[key])} of them for entries")
    return "OPAL_PCI_TCE_KILL", books.entry_kills(books.called)


def _show_acceleration(books, guest_tces, subpages, lines, failures):
    """KVM has to answer the guest's hypercalls for TCEs in the host's kernel; those it leaves alone reach QEMU. Of
    ours these are the first ones where the table has no level yet: KVM cannot wait until one is made."""
    asked = {name: books.calls["end"][_TO_KVM, number] for number, name in HCALLS.items()}
    by_qemu = int(books.fact("answered_by_qemu") or 0)
    text = ", ".join(f"{count} {name}" for name, count in asked.items() if count) or "none"
    lines.append(f"  KVM        the guest's hypercalls for TCEs: {text}; answered by KVM in the kernel "
                 f"{max(sum(asked.values()) - by_qemu, 0)}, by QEMU {by_qemu}")
    if not sum(asked.values()) or by_qemu > (sum(asked.values()) // 100 if books.driver == "vfio_tce" else 0):
        failures.append(f"KVM did not accelerate: of {sum(asked.values())} hypercalls for TCEs {by_qemu} reached QEMU")
    if books.driver != "vfio_tce":
        return
    exchanged, mapped = books.counted("kvm_updates"), books.counted("tces_mapped")
    lines.append(f"  TCEs       exchanged in our tables for dynamic windows: {exchanged} by KVM, {mapped} by ioctls")
    if exchanged + mapped != guest_tces * subpages:
        failures.append(f"KVM and QEMU were to set {guest_tces * subpages} TCEs in our tables")


def show_counts(books, lines, failures):
    """What it took: TCEs, calls to KVM and to the hypervisor or the firmware."""
    last = books.stats.get("gone") or books.stats.get("end") or {}
    if last:
        text = ", ".join(f"{name} {value}" for name, value in sorted(last.items()) if value)
        lines += textwrap.wrap(text, 110, initial_indent="  driver     ", subsequent_indent="             ")
    guest_tces = sum(1 for _ in books.guest_windows()) * (books.memory_mib >> 4)
    subpages = (16 << 20) // max(books.ddw_page(), 1)
    _show_acceleration(books, guest_tces, subpages, lines, failures)
    what, calls = (_show_hypervisor if books.platform.papr else _show_firmware)(books, lines)
    if guest_tces:
        figure = calls / guest_tces
        lines.append(f"  {what} per 16 MiB guest TCE: {figure:g} ({guest_tces} guest TCEs of {subpages} pages of "
                     f"{_bytes(books.ddw_page())})")
        if books.driver == "vfio_tce" and not 0 < figure <= -(-subpages // _TCES_PER_CALL):
            failures.append(f"{figure:g} {what} per guest TCE of {subpages} pages")


def judge_status(books, failures):
    """What `vfio-tce status` has to show of the running guest."""
    containers = (books.status or {}).get("containers") or []
    if len(containers) != 1:
        failures.append(f"vfio-tce status was to show one container, and said {books.status}")
        return
    [shown] = containers
    dynamic = [window for window in shown["windows"] if window["start"] >= _DYNAMIC]
    seen = {"the process": shown["comm"].startswith("qemu-system-"), "KVM": bool(shown["kvm"]),
            "the disk": any(group["devices"] == [books.platform.disk] for group in shown["groups"]),
            "a dynamic window with live entries": len(dynamic) == 1 and dynamic[0]["live"] > 0,
            "the guest's memory": shown["memory"]["bytes"] >= books.memory_mib << 20}
    failures += [f"vfio-tce status does not show {what}: {shown}" for what, there in seen.items() if not there]


def worked(books):
    """The verdict when the guest has to run, twice."""
    lines, failures = _head(books), []
    fact = books.fact
    if books.outcome.why():
        failures.append(books.outcome.why())
    if fact("qemu_exit") != "0":
        failures.append(f"QEMU's exit code was {fact('qemu_exit')}")
    failures += [f"the guest says: failed {text}" for text in books.guest.get("failed", [])]
    if fact("guest_splats") != "0":
        failures.append("the guest's kernel complained")

    _show_windows(books, lines)
    created, _ = books.windows()
    for wanted in ("default", "dynamic"):
        times = sum(n for (address, *_), n in created.items() if (address >= _DYNAMIC) == (wanted == "dynamic"))
        if times < 2:
            failures.append(f"the {wanted} window was created {times} times, not once per boot")
    failures += [f"a window stays open: {text}" for text in books.open_windows.get("gone", [])]
    show_counts(books, lines, failures)

    if books.driver == "vfio_tce":
        judge_status(books, failures)
    lines.append(f"  VmLck      power-on {fact('vmlck.begin1')} kB, after I/O {fact('vmlck.end1')} kB; second power-on "
                 f"{fact('vmlck.begin2')} kB, after I/O {fact('vmlck.end2')} kB")
    lines.append(f"  pins       {fact('pins.start')} before, {fact('pins.end2')} while the guest runs, "
                 f"{fact('pins.gone')} after")
    if fact("vmlck.begin1") is None or fact("vmlck.begin1") != fact("vmlck.begin2"):
        failures.append("VmLck differs between the two power-ons")
    if fact("vmlck.end1") != fact("vmlck.end2"):
        failures.append("VmLck differs after the I/O of the two boots")
    if fact("pins.gone") != fact("pins.start"):
        failures.append("pages stay pinned after the guest is gone")

    wrote, read = books.checksums("wrote"), books.checksums("read")
    for boot in ("1", "2"):
        seen = {"the guest wrote": wrote.get(boot), "the guest read back": read.get(boot),
                "the host's own driver reads": fact(f"host_read.{boot}"), "the disk's file holds": books.outside[boot]}
        if len(set(seen.values())) == 1:
            lines.append(f"  boot {boot}     {books.mib} MiB written, read back, read by the host, found in the disk's "
                         f"file: sha256 {wrote[boot][:32]}...")
        else:
            failures.append(f"boot {boot}: " + ", ".join(f"{what} {str(sha)[:16]}" for what, sha in seen.items()))
    if books.checksums("kept").get("1") != wrote.get("1"):
        failures.append("the data of the first boot was not there in the second")
    if fact("host_driver") != "works":
        failures.append("the host's own driver does not work after VFIO let go")
    if fact("unloaded") != books.driver:
        failures.append("the driver could not be unloaded")
    lines.append("  result     " + ("FAILED" if failures else "the guest ran, twice, and did its I/O through its dynamic "
                                    "window; the host has its device back"))
    return lines, failures

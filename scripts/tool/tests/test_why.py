"""vfio-tce why: every message of the driver and of QEMU's is known."""

import re

from vfio_tce import why
from vfio_tce.errnos import CALLS
from vfio_tce.messages import DRIVER, INFORMATION, PROGRAMS

from . import tree
from .common import TREE, Case

# What programs say, word for word, and words of the answer.
SAID = (
    ("vfio 0000:00:01.0: failed to setup container for group 3: RAM memory "
     "listener initialization failed: Memory registering failed: Operation not "
     "permitted", "QEMU shows a wrong error here"),
    ("vfio: error: Memory registering failed: Cannot allocate memory",
     "ENOMEM of VFIO_IOMMU_SPAPR_REGISTER_MEMORY: limit or memory"),
    ("Failed to create a window, ret = -1 (Invalid argument)",
     "EINVAL of VFIO_IOMMU_SPAPR_TCE_CREATE: arguments"),
    ("Failed to create SPAPR window: No space left on device",
     "ENOSPC of VFIO_IOMMU_SPAPR_TCE_CREATE: no window left"),
    ("qemu-system-ppc64: VFIO_MAP_DMA failed: Cannot allocate memory",
     "limit or memory"),
    ("vfio_container_dma_map(0x1, 0x0, 0x1000, 0x7f) = -22 (Invalid argument)",
     "memory is not registered by this container"),
    ("vfio_dma_unmap(0x1, 0x0, 0x1000) = -5 (Input/output error)",
     "still mapped"),
    ("Host doesn't support DMA window at 800000000000000, must be 100000000",
     "dma64_win_addr"),
    ("vfio 0000:00:01.0: group 3 is not viable", "driverctl"),
    ("Could not open '/dev/vfio/3': Permission denied", "chown"),
    ("failed to open /dev/vfio/3: Device or resource busy", "fuser"),
    ("vfio 0000:00:01.0: failed to setup container for group 3: No available "
     "IOMMU models", "modprobe vfio_tce"),
    ("Failed to set group container: Operation not permitted",
     "the group cannot have the same windows"),
    ("Failed to set iommu for container: Device or resource busy", "kexec"),
    ("failed to enable container: Cannot allocate memory", "limit"),
    ("KVM: Failed to create TCE64 table for liobn 0x80000001",
     "RLIMIT_MEMLOCK"),
    ("memory_region_add_subregion_common: Assertion `!subregion->container' "
     "failed.", "a bug of QEMU"),
    ("vfio: failed GROUP_SET_SPAPR_TCE for KVM VFIO device 9 and group fd 10",
     "KVM did not take over"),
    ("vfio/eeh: EEH_PE_OP 0x1 failed: No such device", "harmless"),
    ("EAL: Cannot register vaddr for IOMMU, error 12 (Cannot allocate memory)",
     "hugepage"),
    ("EAL: Cannot create new DMA window, error 22 (Invalid argument)",
     "hugepages"),
    ("EAL: Received unsupported start address 0x800000000000000", "address 0"),
    ("EAL: 0000:00:01.0 VFIO group is not viable! Not all devices in IOMMU "
     "group bound to VFIO or unbound", "driverctl"),
    ("EAL: DMA map attempt outside DMA window", "--legacy-mem"),
    ("EAL: No supported IOMMU extensions found!", "vfio-tce check"),
)


def driver_lines():
    """The texts of the driver's messages, with something in their places."""
    calls = re.compile(r'\b(?:tce_port_log(?:_for)?|pr_(?:warn|err|notice|'
                       r'info))\(([^;]*?)"((?:[^"\\]|\\.)*)"', re.S)
    for path in sorted((TREE / "src").rglob("*.c*")):
        for match in calls.finditer(path.read_text()):
            text = match[2].replace("\\n", "").replace("%pOF", "/pci@1")
            if "%pV" in text or " " not in text:
                continue        # it wraps others' texts, or is no text
            text = re.sub(r"%#?[0-9]*(?:ll|l|z)?[dux]", "5", text)
            yield path.name, re.sub(r"%s", "word", text)


class Known(Case):
    def test_all_that_the_driver_says(self):
        lines = list(driver_lines())
        self.assertGreater(len(lines), 15)
        for name, text in lines:
            with self.subTest(file=name, text=text):
                line = f"vfio_tce: {text}"
                self.assertTrue(why.find(line) or INFORMATION.search(line),
                                "vfio_tce/messages.py does not know it")

    def test_all_that_programs_say(self):
        for line, words in SAID:
            with self.subTest(line=line):
                code, out, _ = self.run_tool("why", line)
                self.assertEqual(code, 0)
                self.assertIn(words, " ".join(out.split()))

    def test_every_call_that_is_named_exists(self):
        for message in PROGRAMS + DRIVER:
            for call in message.calls:
                self.assertIn(call, CALLS)

    def test_every_errno_of_every_call_has_words(self):
        for call, (_, names) in CALLS.items():
            for name in names:
                self.assertTrue(why.meaning(call, name), (call, name))
        self.assertEqual(CALLS["create_window"][1]["ENOSPC"], "no window left")
        self.assertEqual(why.meaning("attach", "ENOMEM"),
                         "cannot allocate memory")


class Inputs(Case):
    def test_unknown(self):
        code, out, _ = self.run_tool("why", "hello")
        self.assertEqual(code, 1)
        self.assertIn("no message", out)

    def test_stdin_file_and_argument(self):
        line = "group 3 is not viable"
        log = self.room / "log"
        log.write_text(f"{line}\n{line}\nsomething else\xff\n")
        for out in (self.run_process("why", stdin=line)[1],
                    self.run_process("why", "-", stdin=line)[1],
                    self.run_tool("why", str(log))[1],
                    self.run_tool("why", *line.split())[1]):
            self.assertIn("driverctl", out)
        self.assertIn("(2 times)", self.run_tool("why", str(log))[1])

    def test_books_and_log(self):
        code, out, err = self.run_tool("why", "--books", host=self.host())
        self.assertEqual((code, err), (0, ""))
        for words in ("qemu-system-ppc[1432]: MAP_DMA, 5 times",
                      "ENOMEM: limit or memory",
                      "A process ran into RLIMIT_MEMLOCK"):
            self.assertIn(words, out)

    def test_only_the_log(self):
        files = tree.without(tree.good(), "sys/module", "sys/kernel/debug",
                             "proc/modules")
        code, out, err = self.run_tool("why", "--books", host=self.host(files))
        self.assertEqual(code, 0)
        self.assertIn("A process ran into RLIMIT_MEMLOCK", out)
        self.assertIn("not loaded", err)

    def test_nothing_failed(self):
        host = self.host(**{"dmesg": "vfio_tce: version 0.1, pSeries\n",
                            tree.BOOKS_FILE: "format 1\n"})
        self.assertIn("Nothing was refused",
                      self.run_tool("why", "--books", host=host)[1])

    def test_unknown_calls_and_errnos(self):
        host = self.host(**{tree.BOOKS_FILE: "format 1\ncontainer "
                                             "id=1\nrefused "
                            "call=fly errno=9999\nrefused call=create "
                            "errno=28\nrefused call=map errno=14\n"})
        code, out, _ = self.run_tool("why", "--books", host=host)
        self.assertEqual(code, 0)
        self.assertIn("ENOSPC: no window left", out)
        self.assertIn("errno 9999", out)
        self.assertIn("EFAULT: bad address", out)   # VFIO's copy of arguments

    def test_list(self):
        out = self.run_tool("why", "--list")[1]
        self.assertIn("| VFIO_IOMMU_SPAPR_TCE_CREATE | ENOSPC | No space left "
                      "on device (no window left)", out)
        for line in out.splitlines():
            if line.startswith("|"):
                bars = len(re.findall(r"(?<!\\)\|", line))
                self.assertEqual(bars, 5, line)

    def test_texts_are_what_the_patterns_find(self):
        for each in (*PROGRAMS, *DRIVER):
            self.assertTrue(each.texts)
            for text in each.texts:
                self.assertFalse(set("\\*?[]|") & set(text), text)
                line = re.sub(r"\bN\b", "7", text)
                self.assertTrue(each.search(line), (text, each.pattern))

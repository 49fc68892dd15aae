"""The driver's books, read and drawn."""

import io
import json
import os
import pty
import re
import signal
import subprocess
import time

from vfio_tce import books, draw, pci
from vfio_tce.host import Host
from vfio_tce.problem import DATA, Problem

from . import tree
from .common import ENV, Case, command

ESCAPE = "\033"


class Parse(Case):
    def test_everything_is_read(self):
        first, second = books.parse(tree.BOOKS)
        self.assertEqual((first.id, first.pid, first.comm, first.kvm),
                         (7, 1432, "qemu-system-ppc", True))
        self.assertEqual(first.groups[0].devices, ["0000:00:01.0",
                                                   "0000:00:02.0"])
        self.assertEqual(first.windows[1].start, 1 << 59)
        self.assertEqual(first.windows[1].entries, 16384)
        self.assertFalse(first.windows[0].walked)
        self.assertTrue(first.windows[0].kvm)
        self.assertEqual(first.memory.bytes, 1 << 30)
        self.assertEqual(first.refusals[0].reason, "over RLIMIT_MEMLOCK")
        self.assertEqual((first.limit, second.limit), (300000, None))
        self.assertEqual(second.comm, "dpdk\033[31m")

    def test_unknown_keys_and_records_are_skipped(self):
        text = ("format 1\nweather rain=yes\ncontainer id=1 colour=blue pid=2 "
                "memory=5 groups=x\nwindow slot=0 shape=round\nmood good\n")
        [only] = books.parse(text)
        self.assertEqual((only.id, only.pid, len(only.windows)), (1, 2, 1))
        self.assertEqual((only.memory, only.groups), (books.Memory(), []))
        self.assertEqual(only.limit, books.UNKNOWN)

    def test_idle(self):
        self.assertEqual(books.parse("format 1\n"), [])

    def test_what_cannot_be_read_is_said(self):
        for text in ("", "format 2\n", "formatted\n", "container id=1\n",
                     "format 1\nwindow slot=0\n", "format 1\ncontainer id=x\n",
                     "format 1\ncontainer kvm=maybe\n", "\x00\xff",
                     "format 1\ncontainer id=" + "9" * 9000 + "z\n",
                     "format 1\ncontainer limit=some\n"):
            with self.assertRaises(Problem) as caught:
                books.parse(text)
            self.assertEqual(caught.exception.code, DATA, text[:40])

    def test_escapes(self):
        [only] = books.parse("format 1\ncontainer comm=a\\040b\\134c\\9\\377\n")
        self.assertEqual(only.comm, "a b\\c\\9\ufffd")


class Status(Case):
    def shown(self, host, *argv, **how):
        code, out, err = self.run_tool("status", *argv, host=host, **how)
        self.assertEqual((code, err), (0, ""))
        return out

    def test_picture(self):
        out = self.shown(self.host())
        for words in ("qemu-system-ppc[1432] of libvirt-qemu: container 7, v2, "
                      "pSeries, KVM", "Samsung NVMe SSD Controller PM173X",
                      "network 15b3:1019", "512 of 524288 entries of 4K",
                      "1 GiB in 3 regions, 16512 entries name it", "90 %",
                      "MAP_DMA, 5 times, 93 s ago: ENOMEM, over RLIMIT_MEMLOCK",
                      "without limit"):
            self.assertIn(words, out)

    def test_fits_and_has_no_escapes(self):
        for columns, widest in (("80", 80), ("100", 100), ("20", 80), ("x",
                                                                       80)):
            out = self.shown(self.host(), env={"COLUMNS": columns})
            self.assertNotIn(ESCAPE, out)
            self.assertLessEqual(max(map(len, out.splitlines())), widest,
                                 columns)

    def test_bars_are_lines_of_one_width(self):
        bars = re.findall(r"▕(.*)▏", self.shown(self.host()))
        self.assertEqual(len(bars), 4)
        self.assertEqual(len({len(bar) for bar in bars}), 1)
        first = bars[0].count("█"), bars[1].count("█")
        self.assertEqual(first[0], 1)       # little is not nothing
        self.assertGreater(first[1], 20)

    def test_more_than_the_limit_stays_in_its_bar(self):
        out = self.shown(self.with_books(
            "format 1\ncontainer id=1 comm=q limit=10 locked=25000 "
            "charged=30000\nwindow slot=0 start=0x0 size=4096 page=4096 live=9 "
            "bytes=999999\nwindow slot=1 start=0x0 size=4096 page=0 live=9 "
            "bytes=0\n"))
        self.assertIn("over RLIMIT_MEMLOCK", out)
        self.assertLessEqual(max(map(len, out.splitlines())), 80)

    def test_who_may_lock_at_will_is_over_no_limit(self):
        books = "format 1\ncontainer id=1 pid=5 comm=q limit=10 locked=250\n"
        for caps, over in (("0000000000004000", False), ("00000000a80425fb",
                                                        True), ("?", True)):
            status = f"Name:\tq\nCapEff:\t{caps}\n"
            host = self.host({**tree.good(), tree.BOOKS_FILE: books,
                              "proc/5/status": status})
            out = self.shown(host)
            self.assertEqual("over RLIMIT_MEMLOCK" in out, over, out)
            self.assertEqual("CAP_IPC_LOCK" in out, not over, out)

    def test_a_window_without_a_table(self):
        books = ("format 1\ncontainer id=1 comm=q\nwindow slot=0 start=0x0 "
                 "size=0x40000000 page=0x1000 levels=2 live=0 bytes={}\n")
        for size, words in ((0, "4K, no table yet"), (18, "2 levels in 18 B")):
            out = self.shown(self.with_books(books.format(size)))
            self.assertIn(words, out)

    def test_names_of_devices(self):
        ids = ("1b36  Red Hat, Inc.\n\t0010  QEMU NVM Express Controller\n"
               "1002  Advanced Micro Devices, Inc. [AMD/ATI]\n\t0011  Chip\n"
               "15b3  Mellanox Technologies\n\t0012  MT27800 Family\n"
               "1014  IBM\n\t0013  IBM Adapter\n")
        wanted = {(0x1b36, 0x10), (0x1002, 0x11), (0x15b3, 0x12), (0x1014, 0x13)}
        host = Host(str(self.host(**{"usr/share/misc/pci.ids": ids})))
        found = pci.names(host, wanted)
        self.assertEqual(sorted(found.values()), [
            "AMD/ATI Chip", "IBM Adapter", "Mellanox MT27800 Family",
            "Red Hat QEMU NVM Express Controller"])

    def on_terminal(self, **env):
        host = str(self.host())
        parent, child = pty.openpty()
        done = subprocess.Popen(command("--root", host, "status"), stdout=child,
                                env={**ENV, "TERM": "xterm", **env})
        os.close(child)
        out = b""
        try:
            while True:
                out += os.read(parent, 4096)
        except OSError:     # the other end is closed
            pass
        os.close(parent)
        self.assertEqual(done.wait(), 0)
        return out.decode()

    def test_colours_on_a_terminal_only_if_wanted(self):
        self.assertIn(ESCAPE, self.on_terminal())
        for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            self.assertNotIn(ESCAPE, self.on_terminal(**env))

    def test_names_of_processes_do_not_move_the_cursor(self):
        self.assertNotIn(ESCAPE, self.on_terminal(NO_COLOR="1"))
        self.assertIn("dpdk\\x1b[31m", self.on_terminal())
        self.assertNotIn(ESCAPE, self.shown(self.host(), "--prometheus"))

    def test_without_block_characters(self):
        stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        pen = draw.Pen(stream)
        for parts, text in (((1, 1), "[##--    ]"), ((1e9, 1), "[######--]"),
                            ((0, 1e9), "[--------]"), ((0.01, 0),
                                                       "[#       ]")):
            parts = [(parts[0], 0, "red"), (parts[1], 2, "red")]
            self.assertEqual(pen.bar(parts, 4, 8), text)

    def test_busy_and_new(self):
        out = self.shown(self.with_books(
            "format 1\ncontainer id=1 version=2 uid=0 pid=5 comm=q busy=1\n"
            "group busy=1\ncontainer id=2 version=2 uid=0 pid=6 comm=r "
            "charged=0 kvm=0\nwindow slot=0 start=0x0 size=0x40000000 "
            "page=0x1000 levels=0 live=0 bytes=0 walked=no kvm=no\nmemory "
            "regions=0 bytes=0 mapped=0\n"))
        for words in ("busy: they change", "busy: another call", "no table yet",
                      "nothing is registered", "no process owns it yet"):
            self.assertIn(words, out)
        out = self.shown(self.with_books(
            "format 1\ncontainer id=1 pid=5 comm=q busy=1\n"), "--prometheus")
        self.assertIn("vfio_tce_busy", out)
        self.assertNotIn("vfio_tce_locked_bytes", out)

    def test_nobody(self):
        out = self.shown(self.with_books("format 1\n"))
        self.assertIn("Nobody uses it", out)

    def test_thousands(self):
        one = tree.BOOKS.split("container id=9")[0].split("\n", 1)[1]
        text = "format 1\n" + "".join(one.replace("id=7", f"id={n}")
                                      for n in range(3000))
        host, begin = self.with_books(text), time.process_time()
        self.assertIn("3000 containers", self.shown(host))
        self.assertEqual(len(json.loads(self.shown(host,
                                                   "--json"))["containers"]),
                         3000)
        self.assertLess(time.process_time() - begin, 20)

    def test_json(self):
        made = json.loads(self.shown(self.host(), "--json"))
        self.assertEqual(made["format"], 1)
        self.assertEqual(made["driver"]["version"], "0.1")
        self.assertEqual(made["containers"][0]["windows"][0]["live"], 512)
        self.assertEqual([(each["limit"], each["unlimited"]) for each in
                          made["containers"]], [(300000, False), (None, True)])
        self.assertEqual(made["stats"]["leaves"], 8)

    def test_prometheus(self):
        out, seen = self.shown(self.host(), "--prometheus"), set()
        sample = re.compile(r'vfio_tce_\w+(\{(\w+="([^"\\]|\\.)*",?)*\})? -?\d+')
        for line in out.splitlines():
            if line.startswith("# TYPE"):
                name = line.split()[2]
                self.assertNotIn(name, seen)    # its samples stand together
                seen.add(name)
            elif not line.startswith("#"):
                self.assertRegex(line, f"^{sample.pattern}$")
                self.assertEqual(re.match(r"\w+", line)[0], name)
        self.assertIn("vfio_tce_up 1\n", out)
        self.assertIn('window_entries_live{container="7",pid="1432",'
                      'comm="qemu-system-ppc",slot="0",start="0x0"} 512', out)

    def test_watch(self):
        host = str(self.host())
        done = subprocess.Popen(
            command("--root", host, "status", "--json", "--watch", "0.1"),
            env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            # What a shell starts in the background ignores it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        self.addCleanup(done.kill)
        for _ in range(3):
            self.assertEqual(json.loads(done.stdout.readline())["format"], 1)
        done.send_signal(signal.SIGINT)
        _, err = done.communicate(timeout=300)
        self.assertEqual((done.returncode, err), (130, ""))

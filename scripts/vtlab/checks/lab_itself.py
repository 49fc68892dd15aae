"""The lab's own promises: what is broken never enters the cache, what is wrong in a log is seen."""

import contextlib
import io
import json
import os
import pathlib
import re
import shlex
import sys
import tempfile
import threading
import unittest
from unittest import mock

from .. import (apt, cache, checks, cli, counts, demo, kernel, kunit_kernel, module, mutate, mutations, power_host, qemu, schema,
                soak, times, verdict)
from ..initramfs import Initramfs
from ..log import LabError
from . import Counts, check


class _WithCache(unittest.TestCase):
    """Every case has an empty cache of its own."""

    def setUp(self):
        room = tempfile.TemporaryDirectory()
        self.addCleanup(room.cleanup)
        setting = mock.patch.dict(os.environ, XDG_CACHE_HOME=room.name)
        setting.start()
        self.addCleanup(setting.stop)


class CacheCases(_WithCache):
    def test_failed_build_leaves_nothing(self):
        def build(path):
            path.write_text("half of it")
            raise LabError("the other half did not come")

        with self.assertRaises(LabError):
            cache.entry("kind", "name", build)
        self.assertEqual(list((cache.top() / "kind").iterdir()), [])

    def test_built_once_by_many(self):
        built = []

        def build(path):
            built.append(path)
            path.write_text("whole")

        threads = [threading.Thread(target=cache.entry, args=("kind", "name", build)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(built), 1)
        self.assertEqual((cache.top() / "kind/name").read_text(), "whole")

    def test_key_follows_content(self):
        path = cache.top() / "input"
        path.write_text("one")
        before = cache.digest("recipe", path)
        path.write_text("two")
        self.assertNotEqual(cache.digest("recipe", path), before)


class DownloadCases(_WithCache):
    GOOD = b"a package"

    def suite(self, deliveries):
        """A suite whose mirror delivers these contents, one per attempt; None is a failed transfer."""
        suite = apt.Suite("nowhere")
        deliveries = iter(deliveries)
        record = {"Package": "p", "Version": "1", "Size": "9", "SHA256": cache.hashlib.sha256(self.GOOD).hexdigest()}

        def fake_apt(program, *arguments, cwd=None, timeout=0):
            content = next(deliveries)
            if content is None:
                raise LabError("connection lost")
            (pathlib.Path(cwd) / "p_1_all.deb").write_bytes(content)

        suite.show = lambda *_: record
        suite._apt = fake_apt
        return suite

    def test_broken_download_is_retried(self):
        with mock.patch("vtlab.apt.say"), mock.patch("vtlab.log.say"):
            deb = self.suite([b"a packag", None, self.GOOD]).fetch("p", "all", "1")
        self.assertEqual(deb.read_bytes(), self.GOOD)

    def test_broken_download_is_never_cached(self):
        suite = self.suite([b"something else"] * 4)
        with mock.patch("vtlab.apt.say"), mock.patch("vtlab.log.say"), self.assertRaises(LabError):
            suite.fetch("p", "all", "1")
        self.assertFalse(suite.cached("p", "all", "1"))
        self.assertEqual(list((cache.top() / "debs").iterdir()), [])


class KernelCases(_WithCache):
    def test_vanished_kernel_gives_way_to_the_current_one(self):
        class NewerSuite:
            def __init__(self, name):
                pass

            def cached(self, *_):
                return False

            def update(self, force):
                pass

            def show(self, package, arch, version=None):
                depends = "linux-image-6.12.999+deb13-powerpc64le (= 6.12.999-1)"
                return {"Depends": depends} if package == "linux-image-powerpc64le" else None

        said = []
        with mock.patch("vtlab.apt.suite", NewerSuite), mock.patch("vtlab.kernel.say", said.append):
            target = kernel.Stock("6.12-4k")
        self.assertEqual((target.release, target.version), ("6.12.999+deb13-powerpc64le", "6.12.999-1"))
        self.assertIn("6.12.999", said[0])


class CommandCases(unittest.TestCase):
    """Who names what is not there gets a sentence, and nothing is begun."""

    WRONG = """
        run nosuch | run clang | run 6.12-4k --file nosuch | run 6.12-4k --file / | run 6.12-4k --module nosuch.ko
        run 6.12-4k --module "nosuch.ko option=1" | run 6.12-4k --script @nosuch | run 6.12-4k --drive d0
        run 6.12-4k --drive d0:nosuch | run 6.12-4k --machine nosuch | run 6.12-4k --allow [ | run 6.12-4k --out /etc/passwd
        run 6.12-4k --smp two | run kunit-lean --image --out /tmp | build nosuch | build 6.12-4k --dir nosuch
        build 6.12-4k --dir /nosuch | build 6.12-4k --dir kunit/cases | build 6.12-4k --dir /etc | build 6.12-4k --dir kunit --debug
        root | root --bind nosuch:/x true | root --bind / true | root --env nosuch true | root --kernel nosuch true
        root --suite nosuch true | demo --kernel nosuch | demo --kernel kunit-lean | demo --platform nosuch | bench --kernel nosuch
        bench --kernel clang | bench --regions -1 | test nosuch | soak --program nosuch | soak --kernel nosuch
        soak --machine nosuch | mutate nosuch | mutate --sample -1 | check nosuch.nosuch --nosuch | kunit nosuch | kunit clang
        kunit kunit-lean nosuch | kunit 6.12-4k kvm.two_vcpus | kunit kunit-lean --machine nosuch | shell nosuch | shell clang
        shell 6.12-4k --machine nosuch | format nosuch | format src | fetch nosuch | package | package nosuch | prune --days soon | nosuch
    """

    def test_what_is_not_there(self):
        for words in re.split(r" \| |\n +", self.WRONG.strip()):
            said = io.StringIO()
            with (self.subTest(words), contextlib.redirect_stderr(said), mock.patch.dict(os.environ),
                  mock.patch("vtlab.module.build", side_effect=AssertionError if "--dir" not in words else module.build),
                  mock.patch("vtlab.power_host.boot", side_effect=AssertionError)):
                try:
                    code = cli.execute(shlex.split(words))
                except SystemExit as stop:      # argparse's own sentence
                    code = stop.code
                self.assertIn(code, (1, 2), words)
                self.assertNotEqual(said.getvalue(), "")

    def test_examples_are_up_to_date(self):
        text = re.sub(r"\\\n *", "", cli.RUN_HELP.partition("\nexamples")[2])
        examples = re.findall(r"^  scripts/lab (.*)$", text, re.M)
        self.assertGreater(len(examples), 3)
        for example in examples:
            words = shlex.split(example)
            # what the first ones build may not be there yet
            with mock.patch("vtlab.arguments._existing", lambda path: path):
                options = cli.parse(words)
            for path in re.findall(r"build/(\S+)", example):
                self.assertIn(path, (f"{options.kernel}/module/vfio_tce.ko", "client/client"))

    def test_what_kernels_always_say(self):
        self.assertEqual(qemu.splats("[ 0.0] KASAN init done\n"), ["[ 0.0] KASAN init done"])
        self.assertEqual(qemu.splats("[ 0.0] KASAN init done\n", kunit_kernel.KunitKernel.greetings), [])


class LogCases(unittest.TestCase):
    def test_splats(self):
        bad = ["BUG: Kernel NULL pointer dereference", "WARNING: CPU: 0 PID: 1 at mm/x.c:1 f+0x1/0x2",
               "WARNING: possible circular locking dependency detected", "Oops: Kernel access of bad area",
               "UBSAN: shift-out-of-bounds", "unreferenced object 0xc000", "INFO: task x:1 blocked for more than",
               "rcu: INFO: rcu_sched self-detected stall", "Unable to handle kernel paging request"]
        for line in bad:
            self.assertEqual(qemu.splats(f"[ 1.0] {line}\n"), [f"[ 1.0] {line}"])

    def test_known_lines_are_no_splats(self):
        self.assertEqual(qemu.splats("[ 0.2] WARNING: nvram corruption detected: 0-length partition\n[ 1.0] fine\n"), [])

    def test_lines_that_messages_cut_are_mended(self):
        mender = power_host.Mender()
        came = ["ok 1 a", "[    0.750000] a message by itself", "ok 2 b[  204.109894310,3] SBE: Timer stuck",
                "[  204.110293993,3] SBE: more of it", ".c # 1[   12.345678] of the kernel", "2 ms", "ok 3 d"]
        whole = [line for line in map(mender.line, came) if line is not None]
        self.assertEqual(whole, [came[0], came[1], "ok 2 b.c # 12 ms", "ok 3 d"])

    def test_hypercalls_are_counted(self):
        put = "spapr_iommu_pci_{} liobn=0x80000101 ioba={} tce={} ret=0\n"
        trace = "".join((put.format("put", "0x1000", "0x5003"), put.format("put", "0x2000", "0x0"),
                         "spapr_iommu_pci_get liobn=0x80000101 ioba=0x3000 ret=0 tce=0x0\n",
                         put.format("put", "0x3000", "0x7003"),
                         "spapr_iommu_pci_stuff liobn=0x80000101 ioba=0x800000000000000 tcevalue=0x0 npages=512 ret=0\n",
                         "spapr_iommu_pci_indirect liobn=0x80000101 ioba=0x800000000000000 tcelist=0x1 iobaN=0x1ff "
                         "tceN=0x3 ret=0\n"))
        with tempfile.TemporaryDirectory() as room:
            path = pathlib.Path(room) / "trace"
            path.write_text(trace)
            counts = verdict.count_hypercalls(path)
        self.assertEqual(counts["default"], {"put": 2, "clear": 1, "get": 1, "put_get": 1, "set": 2})
        self.assertEqual(counts["dynamic"], {"stuff": 1, "indirect": 1, "set": 512})


class DemoCases(unittest.TestCase):
    """What the demo's verdict says of acceleration by KVM, from the books of a guest of two 16 MiB TCEs."""

    def failures(self, *, stuffed=512, by_qemu=0, exchanged=8192, mapped=0, kills=17):
        window = ("@@guest window ibm,create-pe-dma-window(2027) 0 8000000 20000000 18 19 returned 0 "
                  "(liobn = 0x80000001 starting addr = 8000000 0)")
        output = ["@@trace vfio_spapr_create_window pageshift=0xc levels=2 winsize=0x2000000 offset=0x800000000000000",
                  window, f"@@stat end1 kvm_updates {exchanged}", f"@@stat end1 tces_mapped {mapped}",
                  "@@calls end1 powerpc/opal_entry 44 1", f"@@calls end1 powerpc/opal_entry 126 {kills}",
                  f"@@calls end kvm_hv/kvm_hcall_enter {0x138} {stuffed}", f"@@fact answered_by_qemu {by_qemu}"]
        outcome = mock.Mock(output=output)
        books = verdict.Books(outcome, mock.Mock(), demo.OURS, demo.PLATFORMS["powernv"], {}, {}, 8, 32)
        failures = []
        verdict.show_counts(books, [], failures)
        return failures

    def test_accelerated(self):
        for by_qemu in (0, 5):      # the first ones, while the table has no level there: one in a hundred
            self.assertEqual(self.failures(by_qemu=by_qemu), [])

    def test_not_accelerated(self):
        for books in ({"stuffed": 0}, {"by_qemu": 6}, {"exchanged": 0}, {"exchanged": 8191}, {"mapped": 1}):
            self.assertEqual(len(self.failures(**books)), 1, books)

    def test_status(self):
        """What vfio-tce status shows of the guest has to be the guest."""
        dynamic = {"start": 1 << 59, "live": 1}
        good = {"comm": "qemu-system-ppc", "kvm": True, "memory": {"bytes": 32 << 20},
                "groups": [{"devices": [demo.PLATFORMS["powernv"].disk]}], "windows": [{"start": 0, "live": 0}, dynamic]}
        bad = ({"comm": "client"}, {"kvm": False}, {"groups": []}, {"windows": []}, {"memory": {"bytes": 1 << 20}},
               {"windows": [{**dynamic, "live": 0}]})
        for text, count in ((json.dumps({"containers": [good]}), 0), ("", 1), ("Traceback", 1), ('{"containers": []}', 1),
                            (json.dumps({"containers": [good, good]}), 1),
                            *((json.dumps({"containers": [{**good, **each}]}), 1) for each in bad)):
            books = verdict.Books(mock.Mock(output=[f"@@status {text}"]), mock.Mock(), demo.OURS,
                                  demo.PLATFORMS["powernv"], {}, {}, 8, 32)
            failures = []
            verdict.judge_status(books, failures)
            self.assertEqual(len(failures), count, text)

    def test_calls_to_the_firmware(self):
        for kills in (1, 18):       # none that is for entries; more than one for 512 of them
            self.assertEqual(len(self.failures(kills=kills)), 1, kills)


class CountCases(unittest.TestCase):
    """Instructions, calls and bytes an entry, and what they may be."""

    DUMP = "desc: Trigger: Client Request: a.map\nevents: Ir\nsummary: {}\n"

    def test_parse(self):
        counted = counts.parse(["a.map 100 2 1600", "noise"], [self.DUMP.format(5000), "desc: Trigger: Program end\n"])
        self.assertEqual(counted, {"a.map": {"instructions": 50, "calls": 0.02, "bytes": 16}})
        for lines, dumps in ((["noise"], [self.DUMP.format(1)]), (["b.map 1 1 1"], [self.DUMP.format(1)])):
            with self.assertRaises(LabError):
                counts.parse(lines, dumps)

    def test_judge(self):
        budget = {"a": {"instructions": 100, "calls": 1, "bytes": 16}}
        for figures, wrong in (((103, 1, 16), 0), ((104, 1, 16), 1), ((50, 0.5, 8), 0), ((100, 1.1, 17), 2)):
            now = {"a": dict(zip(("instructions", "calls", "bytes"), figures))}
            self.assertEqual(len(counts.judge(now, budget)), wrong, figures)
        self.assertEqual(len(counts.judge({"b": budget["a"]}, budget)), 2)

    def test_contention(self):
        found = counts.parse_contention(["2 1 100 100", "noise", "2 4 101 320"])
        self.assertEqual(found[2, 4], (101, 320))
        self.assertEqual(counts.judge_contention(found), [])
        self.assertEqual(len(counts.judge_contention({(2, 1): (100, 100), (2, 4): (101, 319)})), 1)
        for lines in ([], ["2 4 101 320"]):
            with self.assertRaises(LabError):
                counts.parse_contention(lines)


class ProgressCases(unittest.TestCase):
    """What a run still takes: those of one order side by side, by what they took here or what is kept."""

    KEPT = "check passed failed skipped seconds\na   1  0  0  100  x\nb   1  0  0   60  y\nc   1  0  0  30  z\n"

    def progress(self, names, here=None, kept=KEPT, cold=False):
        orders = {"a": 10, "b": 10, "c": 20, "new": 20}
        wanted = [checks.Check(name, "", orders[name], None, False) for name in names]
        with (tempfile.TemporaryDirectory() as room,
              mock.patch("vtlab.times.last", lambda name: (here or {}).get(name.removeprefix("check "))),
              mock.patch("vtlab.checks._kept_lines", kept.splitlines), mock.patch("vtlab.times.took") as took,
              mock.patch("vtlab.places.top", lambda: pathlib.Path(room))):
            if not cold:
                (pathlib.Path(room) / "kernels").mkdir()
            progress = checks.Progress(wanted)
            told = [progress.begins()] + [progress.done(each, 1, each.name != "b") for each in wanted]
            return told, [call.args[0] for call in took.call_args_list]

    def test_what_is_left(self):
        told, remembered = self.progress("abc")
        self.assertEqual(told, ["3 checks, about 2 minutes judging by scripts/last-run.txt",
                                "1 of 3 checks done; about 2 minutes left", "2 of 3 checks done; about 1 minute left",
                                "3 of 3 checks done"])
        self.assertEqual(remembered, ["check a", "check c"])    # one that failed says nothing of the next

    def test_the_last_run_here(self):
        told, _ = self.progress("ab", here={"a": 600, "b": 600})
        self.assertEqual(told[0], "2 checks, about 10 minutes judging by the last run here")

    def test_first_time(self):
        self.assertIn("last-run.txt, and 1 that never ran here", self.progress(["a", "new"])[0][0])
        told, _ = self.progress("a", cold=True)
        self.assertIn("to fetch and prepare kernels", told[0])
        self.assertIn("not known yet", self.progress(["new"], kept="")[0][0])

    def test_times_survive_a_broken_file(self):
        with tempfile.TemporaryDirectory() as room, mock.patch("vtlab.places.top", lambda: pathlib.Path(room)):
            times.took("x", 12.34)
            self.assertEqual(times.last("x"), 12.3)
            for text in ("{", "[]", '{"x": "y"}'):
                (pathlib.Path(room) / "times.json").write_text(text)
                self.assertIsNone(times.last("x"), text)
            times.took("y", 1)
            self.assertEqual(times.last("y"), 1)
            self.assertEqual(os.listdir(room), ["times.json"])


class SoakCases(unittest.TestCase):
    """Every machine has its turn, and one that always fails does not take the others' time."""

    def run_soak(self, failing, **how):
        targets = (soak.Target("pseries", "6.12-4k"), soak.Target("powernv9", "6.12-4k"))
        turns, clock = [], [0.0]

        def attack(each, target, seconds, seed):
            turns.append((target.machine, seconds, seed))
            clock[0] += seconds
            return soak.Result(passed=1, failed=int(target.machine == failing))

        with (mock.patch("vtlab.soak.programs", lambda: {"p": soak.Program("p", "", targets, None)}),
              mock.patch("vtlab.soak.attack", attack), mock.patch("vtlab.soak.say"), mock.patch("builtins.print"),
              mock.patch("time.monotonic", lambda: clock[0])):
            return soak.soak(60, **how), turns

    def test_by_turns(self):
        failed, turns = self.run_soak(None)
        self.assertEqual((failed, sum(seconds for _, seconds, _ in turns)), (0, 3600))
        self.assertEqual([machine for machine, _, _ in turns], ["pseries", "powernv9"] * 6)
        self.assertEqual(len({seed for _, _, seed in turns}), len(turns))

    def test_failing_machine_is_left_out(self):
        failed, turns = self.run_soak("pseries")
        self.assertEqual((failed, sum(machine == "pseries" for machine, _, _ in turns)), (3, 3))

    def test_chosen(self):
        self.assertEqual({turn[::2] for turn in self.run_soak(None, machine="powernv9", seed=7)[1]}, {("powernv9", 7)})
        with self.assertRaises(LabError):
            self.run_soak(None, name="q")


class InitramfsCases(unittest.TestCase):
    def test_parents_come_first(self):
        image = Initramfs()
        image.data("a/b/c", b"x", 0o755)
        image.symlink("a/s", "b/c")
        with tempfile.TemporaryDirectory() as room:
            path = pathlib.Path(room) / "image"
            image.write(path)
            data = path.read_bytes()
        self.assertEqual(len(data) % 4, 0)
        places = [data.index(name + b"\0") for name in (b"a", b"a/b", b"a/b/c", b"a/s", b"TRAILER!!!")]
        self.assertEqual(places, sorted(places))


class MutationCases(unittest.TestCase):
    def table(self, entries, text="int f(void)\n{\n\treturn a +\n\t       b;\n}\n"):
        """The mutations that a table makes of an engine of one file."""
        with tempfile.TemporaryDirectory() as room:
            engine, table = pathlib.Path(room) / "engine", pathlib.Path(room) / "table"
            engine.mkdir(), table.mkdir()
            (engine / "f.cc").write_text(text)
            (table / "f.toml").write_text(entries)
            return mutations.load(table, engine)

    def test_blanks_do_not_matter(self):
        found, = self.table("""["f.cc"]\nless = ['return a + b;', 'return a - b;']""")
        self.assertEqual((str(found), found.text), ("f.cc:less", "int f(void)\n{\n\treturn a - b;\n}\n"))

    def test_a_table_that_rots_is_an_error(self):
        for entries in ("less = ['return c;', '']", "less = ['a', '']\n[\"f.cc\".equivalent]\nmore = 'x'",
                        "less = ['a +', 'a -']\nmore = ['a +', 'a -']", "less = ['f']", "less = ['', 'x']", ""):
            with self.assertRaises(LabError):
                self.table(f'["f.cc"]\n{entries}')
        with self.assertRaises(LabError):
            self.table("""["f.cc"]\nless = ['a +', 'a -']\n["g.cc"]\nx = ['y', 'z']""")
        with self.assertRaises(LabError):       # twice
            self.table("""["f.cc"]\nless = ['b', 'c']""", text="b b")

    def test_the_table_is_up_to_date(self):
        self.assertLess(1000, len(mutations.load()))

    def schema(self, text, entries):
        with tempfile.TemporaryDirectory() as room:
            engine = pathlib.Path(room)
            (engine / "f.hpp").write_text(text)
            chosen = [mutations.Mutation("f.hpp", name, mutations.replace_once(text, *pair))
                      for name, pair in entries.items()]
            made = schema.build(chosen, engine)
            return made, {each.name for each in made.rest}

    def test_mutants_are_bodies_of_functions(self):
        text = ("namespace n {\nclass C {\npublic:\n\tC() : a_(1), b_{ 2 } { a_ = 3; }\n"
                "\tint f(int x) const REQUIRES(l_) { return x + 1; }\n\tauto g() -> C *\n\t{\n\t\tif (a_) {\n\t\t\ta_ = 4;\n"
                "\t\t}\n\t\treturn this;\n\t}\nprivate:\n\tint a_{ 5 };\n\tconstexpr int h() { return 6; } // {\n};\n}\n")
        made, rest = self.schema(text, {
            "in_constructor": ("a_ = 3;", ""), "in_init": ("b_{ 2 }", "b_{ 7 }"), "in_f": ("x + 1", "x"),
            "in_g": ("a_ = 4; } return", "} return"), "behind_g": ("return this; } private:", "return nullptr; } private:"),
            "in_member": ("{ 5 }", "{ 8 }"), "in_h": ("return 6", "return 9"), "before_f": ("int f(int x)", "int f(long x)")})
        self.assertEqual(rest, {"in_init", "in_member", "before_f"})
        self.assertEqual({each.name for each in made.constant}, {"in_h"})
        self.assertEqual(len(set(made.functions.values())), 4)
        self.assertIn("return nullptr;", made.files["f.hpp"])
        self.assertEqual(made.files["f.hpp"].count("{"), made.files["f.hpp"].count("}") + 1)     # the comment's

    def test_score(self):
        def outcome(kind, killer):
            return mutate.Outcome(mutations.Mutation("f.cc", f"{kind}{killer}", "", kind, "why"), killer, 0)

        good = [outcome("", f"case{n}") for n in range(19)] + [outcome("unnoticed", ""), outcome("equivalent", "")]
        self.assertEqual(mutate.score(good).percent, 95)
        self.assertTrue(mutate.score(good).good())
        for bad in (outcome("", ""), outcome("equivalent", "case"), outcome("unnoticed", "case")):
            self.assertFalse(mutate.score([*good, bad]).good(), bad)
        self.assertFalse(mutate.score(good[1:]).good())


@check("lab", "the lab itself: cache, downloads, splats, counts", order=1)   # alone: its cases change the environment
def lab():
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__])
    result = unittest.TestResult()
    suite.run(result)
    for case, trace in result.failures + result.errors:
        print(f"{case}: {trace}")
    failed = len(result.failures) + len(result.errors)
    return Counts(passed=result.testsRun - failed, failed=failed)

"""What is not there, not allowed or not what it should be."""

import random
import signal
import subprocess
from unittest import mock

from vfio_tce import driver
from vfio_tce.host import Host
from vfio_tce.problem import NOPERM, Problem

from . import tree
from .common import ENV, LAUNCHER, Case, command

DEBUGFS = "sys/kernel/debug/vfio_tce"


class Absent(Case):
    def test_no_driver(self):
        host = self.host({})
        self.fails(69, "vfio_tce is not loaded", "status", host=host)
        self.fails(69, "vfio_tce is not loaded", "status", "--json", host=host)

    def test_the_kernels_own_driver(self):
        files = tree.without(tree.good(), "sys/module/vfio_tce", DEBUGFS)
        files["proc/modules"] = "vfio_iommu_spapr_tce 1 0 - Live 0x0\n"
        self.fails(69, "the in-tree driver", "status",
                   host=self.host(files))

    def test_no_debugfs(self):
        files = tree.without(tree.good(), DEBUGFS, "proc/mounts")
        self.fails(69, "mount -t debugfs", "status", host=self.host(files))

    def test_driver_without_books(self):
        files = tree.without(tree.good(), tree.BOOKS_FILE)
        self.fails(65, "not of this tool's version", "status",
                   host=self.host(files))

    def test_books_of_another_format(self):
        self.fails(65, "format 2", "status", host=self.with_books("format 2\n"))

    def test_prometheus_says_that_there_is_nothing(self):
        code, out, _ = self.run_tool("status", "--prometheus",
                                     host=self.host({}))
        self.assertEqual(code, 69)
        self.assertIn("vfio_tce_up 0\n", out)

    def refused(self, uid):
        host = Host(str(self.host()))
        with mock.patch.object(Host, "read",
                               side_effect=PermissionError(13, "x")), \
                mock.patch("os.geteuid", lambda: uid), \
                self.assertRaises(Problem) as caught:
            driver.containers(host)
        self.assertEqual(caught.exception.code, NOPERM)
        return str(caught.exception)

    def test_not_root(self):
        self.assertIn("sudo", self.refused(1000))

    def test_locked_down(self):
        self.assertIn("locked down", self.refused(0))

    def test_every_command_on_this_machine(self):
        for argv in (("status",), ("check",), ("why", "--books"), ("report",),
                     ("memlock", "--guest", "1G")):
            code, out, err = self.run_tool(*argv)
            self.assertIn(code, (0, 1, 2, 65, 69, 77), argv)
            self.assertTrue(out or err)

    def test_usage(self):
        for argv in ((), ("bake",), ("status", "--json", "--prometheus"),
                     ("status", "--watch", "often"), ("memlock",),
                     ("memlock", "--guest", "lots"), ("memlock", "--devices",
                                                      "-1"),
                     ("memlock", "--guest", "1G", "--page-size", "5K"),
                     ("memlock", "--guest", "2G", "--max-memory", "1G"),
                     ("check", "--user", "no such user"),
                     ("--root", "/no/such/folder", "status")):
            self.fails(64, "vfio-tce", *argv)

    def test_a_directory_in_place_of_the_books(self):
        host = self.host(tree.without(tree.good(), tree.BOOKS_FILE))
        (host / tree.BOOKS_FILE).mkdir()
        self.fails(69, "cannot be read", "status", host=host)


class Output(Case):
    def test_closed_pipe(self):
        host = self.with_books("format 1\n" + "container id=1 comm=a\n" * 20000)
        done = subprocess.Popen(command("--root", str(host), "status"), env=ENV,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        done.stdout.read(10)
        done.stdout.close()
        self.assertEqual(done.stderr.read(), b"")
        done.stderr.close()
        self.assertEqual(done.wait(timeout=60), -signal.SIGPIPE)

    def test_full_disk(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run(command("--root", str(self.host()), "status"),
                                  env=ENV, stdout=full, stderr=subprocess.PIPE,
                                  text=True, check=False)
        self.assertEqual(done.returncode, 74)
        self.assertEqual(len(done.stderr.splitlines()), 1)

    def test_closed_streams(self):
        for which in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
            done = subprocess.run(
                ["sh", "-c", f'"$@" {which}', "sh",
                 *command("--root", str(self.host()), "status")], env=ENV,
                capture_output=True, text=True, check=False)
            self.assertNotIn("Traceback", done.stdout + done.stderr)
            self.assertEqual(done.returncode, 0, which)

    def test_a_mistake_of_the_tool_is_a_sentence(self):
        code = ("import sys; sys.path.insert(0, sys.argv.pop(1)); "
                "from vfio_tce import books, cli; "
                "books.parse = lambda text: 1 // 0; sys.exit(cli.main())")
        done = subprocess.run([*command()[:2], "-c", code, str(LAUNCHER.parent),
                               "--root", str(self.host()), "status"], env=ENV,
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 70)
        self.assertIn("ZeroDivisionError at ", done.stderr)
        self.assertNotIn("Traceback", done.stderr)


class Garbage(Case):
    """Whatever a file holds: an answer, never a mistake of the tool."""

    COMMANDS = ("status", "check", "why --books", "report", "status --json",
                "status --prometheus")

    def answers(self, host, text):
        for words in self.COMMANDS:
            with self.subTest(words=words, text=text):
                self.run_tool(*words.split(), host=host)

    def test_each_file_in_turn(self):
        host = self.host()
        for name, text in tree.good().items():
            if not isinstance(text, str):
                continue
            place = host / name
            place.write_bytes(b"\xff\x00= :\n-1 = =\t:#[\n" + bytes(range(256)))
            self.answers(host, name)
            place.write_text(text)

    def test_books_at_random(self):
        chance, host = random.Random(1), self.host()
        for _ in range(25):
            text = list(tree.BOOKS)
            for _ in range(chance.randrange(1, 6)):
                at = chance.randrange(len(text))
                text[at:at + chance.randrange(3)] = chance.choice(
                    "0 9 - = \n x , \\ \u20ac \x00".split(" ") + ["\\7",
                                                                  "=-5 "])
            (host / tree.BOOKS_FILE).write_text("".join(text))
            self.answers(host, "".join(text))

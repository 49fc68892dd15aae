"""memlock, report, and what is installed."""

import ast
import os
import re
import subprocess
import sys
import tarfile

from vfio_tce import VERSION, cli, draw, memlock, report

from . import tree
from .common import ENV, TOOL, TREE, Case

GIB = 1 << 30
SECRETS = {
    "proc/sys/kernel/hostname": "maximilian\n",
    "dmesg": "[1.0] vfio_tce: maximilian eth0 52:54:00:ab:cd:ef 192.168.7.9 "
             "serial ABC12345 wwn 0x5000c500a1b2c3d4\n"
             "[1.1] nvme nvme0: Serial TOPSECRET\n"
             "[1.2] vfio-pci 12345678-1234-1234-1234-123456789abc here\n",
    "proc/cmdline": "root=UUID=12 iommu=pt password=hunter2 hugepages=4\n",
    "proc/cpuinfo": "cpu\t: POWER9\nplatform\t: PowerNV\nserial\t: S3R14L\n",
}
HIDDEN = ("maximilian", "52:54:00", "192.168", "ABC12345", "5000c500a1b2c3d4",
          "TOPSECRET", "123456789abc", "hunter2", "S3R14L", "UUID=12")


class Memlock(Case):
    def test_libvirts_own_numbers(self):
        # tests/qemumemlocktest.c: guests of 1 GiB, without and with a device.
        base = sum(each.size for each in memlock.libvirt(GIB, GIB, 1)[:3])
        self.assertEqual(base, 20971520)
        self.assertEqual(memlock.total(memlock.libvirt(GIB, GIB, 1)),
                         2168455168)

    def test_large_guest(self):
        items = memlock.libvirt(128 * GIB, 128 * GIB, 3)
        self.assertEqual(sum(each.size for each in items), 136081408 << 10)
        self.assertEqual(items[4].size, 128 * GIB // 512 * 3)

    def test_tables(self):
        self.assertEqual(memlock.table(128 * GIB, 4096), 256 << 20)
        self.assertEqual(memlock.table(128 * GIB, 65536), 16 << 20)
        self.assertEqual(memlock.table(65537, 65536), 16)

    def test_libvirts_limit_is_enough(self):
        for memory in (1, 4, 60, 128, 512):
            for devices in (1, 2, 4):
                for page in (4096, 65536):
                    size = memory * GIB
                    bare = memlock.qemu(size, memlock._power(size), page,
                                        devices,
                                        1 + devices)
                    told = memlock.libvirt(size, size, 1 + devices)
                    self.assertLessEqual(memlock.total(bare) - (64 << 20),
                                         memlock.total(told), (memory, devices))

    def test_words(self):
        code, out, _ = self.run_tool("memlock", "--guest", "128G", "--devices",
                                     "2",
                                     "--page-size", "64K", "--user", "eve")
        self.assertEqual(code, 0)
        for words in ("= 136081408 KiB", "eve - memlock 134359040",
                      "LimitMEMLOCK=137583656960", "<hard_limit", "3 PHBs"):
            self.assertIn(words, out)
        self.assertLessEqual(max(map(len, out.splitlines())), 80)
        out = self.run_tool("memlock", "--dpdk", "16G", "--window", "1T")[1]
        self.assertIn("1 TiB / 2M * 8 bytes", out)
        self.assertNotIn("libvirt", out)

    def test_sizes(self):
        for text, size in (("128G", 128 * GIB), ("64K", 65536), ("1.5 GiB",
                           3 * GIB // 2), ("7", 7), ("2mb", 2 << 20)):
            self.assertEqual(draw.parse_size(text), size)
        for text in ("", "G", "-1G", "1Z", "1G2"):
            with self.assertRaises(ValueError):
                draw.parse_size(text)
        for size, text in ((512, "512 B"), (GIB, "1 GiB"), (3 * GIB // 2,
                                                            "1.5 GiB"),
                           (1023 << 10, "1023 KiB"), (1 << 70, "1024 EiB")):
            self.assertEqual(draw.size(size), text)
        self.assertEqual([draw.page(1 << n) for n in (12, 16, 21, 34)],
                         ["4K", "64K", "2M", "16G"])


class Report(Case):
    def test_no_secrets(self):
        host = self.host(**SECRETS)
        env = {"SECRET_OF_ENVIRONMENT": "swordfish"}
        code, out, _ = self.run_tool("report", host=host, env=env)
        self.assertEqual(code, 0)
        for word in (*HIDDEN, "swordfish"):
            self.assertNotIn(word, out)
        for word in ("iommu=pt", "hugepages=4", "<MAC>",
                     "0000:00:01.0 144d:a824",
                     "container id=7", "tces_mapped 1234", "ABCDEF0123456789"):
            self.assertIn(word, out)

    def test_tar(self):
        place, host = self.room / "report.tar.gz", self.host(**SECRETS)
        self.assertEqual(self.run_tool("report", "-o", str(place),
                                       host=host)[0], 0)
        self.assertEqual(os.stat(place).st_mode & 0o777, 0o600)
        with tarfile.open(place) as tar:
            texts = {each.name: tar.extractfile(each).read().decode()
                     for each in tar.getmembers()}
            owners = {(each.uname, each.uid) for each in tar.getmembers()}
        self.assertEqual(owners, {("", 0)})
        self.assertIn("group 3", texts["vfio-tce-report/groups.txt"])
        for word in HIDDEN:
            self.assertNotIn(word, "".join(texts.values()))

    def test_nothing_is_overwritten(self):
        place = self.room / "mine.tar"
        place.write_text("mine")
        self.fails(74, "File exists", "report", "-o", str(place),
                   host=self.host())
        self.assertEqual(place.read_text(), "mine")

    def test_without_driver(self):
        code, out, _ = self.run_tool("report", host=self.host({}))
        self.assertEqual(code, 0)
        self.assertIn("not to be had: the driver vfio_tce is not loaded", out)

    def test_versions_are_no_addresses(self):
        text = "kernel 6.12.48 of 10.0.13-1, 0x800000000000000"
        self.assertEqual(report.scrub(text), text)


class Files(Case):
    def options(self):
        for action in cli.parser()._actions:
            yield None, action.option_strings
            for name, sub in (getattr(action, "choices", None) or {}).items():
                yield name, ()
                for each in sub._actions:
                    yield name, each.option_strings

    def test_page_and_completion_know_everything(self):
        page = (TOOL / "vfio-tce.8").read_text().replace("\\-", "-")
        completion = (TOOL / "vfio-tce.bash-completion").read_text()
        for name, strings in self.options():
            for word in (name, *strings):
                if word:
                    self.assertIn(word, page)
                    self.assertRegex(completion, rf"(?<![\w-]){word}(?![\w-])"
                                     if word not in ("-h", "-o") else word[1:])

    def test_completion_works(self):
        script = ('source "$1"; COMP_WORDS=(vfio-tce "$2" "$3"); '
                  'COMP_CWORD=$4; _vfio_tce; echo "${COMPREPLY[@]}"')
        for first, second, at, words in (("st", "", 1, "status"),
                                         ("status", "--j", 2, "--json"),
                                         ("memlock", "--gu", 2, "--guest")):
            done = subprocess.run(
                ["bash", "-c", script, "bash",
                 str(TOOL / "vfio-tce.bash-completion"),
                 first, second, str(at)], capture_output=True, text=True,
                 check=True)
            self.assertEqual((done.stdout.strip(), done.stderr), (words, ""))

    def test_the_page_has_every_exit_code(self):
        page = (TOOL / "vfio-tce.8").read_text()
        status = page.split(".SH EXIT STATUS")[1].split(".SH")[0]
        told = {int(code) for code in re.findall(r"^(\d+) ", status, re.M)}
        source = (TOOL / "vfio_tce/problem.py").read_text()
        self.assertEqual(told, {int(code) for code in
                                re.findall(r"^[A-Z]+ = (\d+)", source, re.M)})

    def test_errnos_are_up_to_date(self):
        subprocess.run([sys.executable, str(TOOL / "make-errnos.py"),
                        "--check"],
                       check=True)

    def test_version(self):
        text = (TREE / "dkms.conf").read_text()
        self.assertIn(f'PACKAGE_VERSION="{VERSION}"', text)

    def test_old_pythons_and_nothing_but_their_library(self):
        ours = {"vfio_tce", "tests"}
        for path in TOOL.rglob("*.py"):
            text = path.read_text()
            self.assertLess(len(text.splitlines()), 500, path)
            for node in ast.walk(ast.parse(text, feature_version=(3, 9))):
                names = []
                if isinstance(node, ast.Import):
                    names = [each.name for each in node.names]
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    names = [node.module]
                for name in names:
                    top = name.split(".")[0]
                    self.assertTrue(top in ours or top in getattr(
                        sys, "stdlib_module_names", (top,)), (path, name))

    def make(self, target, place):
        subprocess.run(["make", "-s", "-C", str(TREE), target,
                        f"DESTDIR={place}"],
                       check=True, env={**os.environ, **ENV})

    def test_install_and_uninstall(self):
        place = self.room / "place"
        self.make("install-tool", place)
        command = place / "usr/bin/vfio-tce"
        done = subprocess.run([sys.executable, "-I", str(command), "--root",
                               str(self.host()), "status"], env=ENV, check=True,
                              capture_output=True, text=True)
        self.assertIn("qemu-system-ppc[1432]", done.stdout)
        self.assertEqual(list(place.rglob("__pycache__")), [])
        for each in ("share/man/man8/vfio-tce.8",
                     "share/bash-completion/completions/vfio-tce"):
            self.assertTrue((place / "usr" / each).exists())
        self.make("uninstall-tool", place)
        self.assertEqual([each for each in place.rglob("*") if each.is_file()],
                         [])
        self.assertFalse((place / "usr/lib/vfio-tce").exists())

    def test_launcher_without_its_files(self):
        alone = self.room / "vfio-tce"
        alone.write_text((TOOL / "vfio-tce").read_text())
        done = subprocess.run([sys.executable, "-I", str(alone)], env=ENV,
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("neither in", done.stderr)
        self.assertNotIn("Traceback", done.stderr)

"""vfio-tce check: each finding, and the exit code that says the worst."""

import os

from vfio_tce import limits
from vfio_tce.host import Host

from . import tree
from .common import Case

DEBUGFS = "sys/kernel/debug/vfio_tce"
RELEASE = "6.12.48+deb13-powerpc64le"


class Check(Case):
    def found(self, code, *words, files=None, argv=(), **changes):
        host = self.host(files, **changes)
        got, out, err = self.run_tool("check", *argv, host=host)
        text = " ".join(out.split())
        for each in words:
            self.assertIn(each, text)
        self.assertEqual((got, err), (code, ""), out)
        return out

    def test_good(self):
        out = self.found(0, "ok ppc64le, POWER9, pSeries, pages of 4K",
                         "group 3: 0000:00:01.0 (vfio-pci)", "iommufd")
        self.assertNotRegex(out, r"^  (warn|bad)")
        self.assertLessEqual(max(map(len, out.splitlines())), 80)
        self.assertEqual(self.found(0, argv=("--quiet",)), "")

    def test_every_finding_that_is_not_well_has_a_remedy(self):
        files = {"proc/sys/kernel/arch": "x86_64", "etc/passwd":
                 "eve:x:1000:1000::/:/bin/sh\n"}
        out = self.found(2, files=files, argv=("--user", "eve", "--quiet"))
        blocks = out.replace("\n        ", " ").split("\n")
        for line, following in zip(blocks, blocks[1:] + [""]):
            bad = line.startswith(("  warn", "  bad"))
            if bad and "proc/meminfo" not in line:
                self.assertIn("->", line + following)

    def test_kernel(self):
        changes = {"proc/sys/kernel/osrelease": "6.1.0-44-powerpc64le"}
        self.found(2, "not tested", "neither loaded nor installed",
                   files={**tree.without(tree.good(), "sys/module/vfio_tce",
                                         DEBUGFS), **changes,
                          "proc/modules": ""})
        self.found(2, "no type information (BTF)",
                   files=tree.without(tree.good(), "sys/kernel/btf"))
        self.found(2, "there are no TCE tables",
                   **{"proc/sys/kernel/arch": "ppc64"})
        self.found(2, "neither pSeries nor PowerNV",
                   **{"proc/cpuinfo": "cpu : POWER7\nplatform : Maple\n"})

    def test_notes_follow_the_kernel(self):
        new = {"proc/sys/kernel/osrelease": "7.2.13-powerpc64le",
               "proc/sys/kernel/version": "#1 SMP PREEMPT"}
        self.assertNotIn("Linux 7 mends", self.found(0,
                                                     "NVMe gets no interrupts",
                                                     "preempts", **new))
        self.found(0, "past the end of KVM's own table")

    def driver(self, code, *words, modules="", files=None):
        files = tree.without(files or tree.good(), "sys/module/vfio_tce",
                             DEBUGFS)
        self.found(code, *words, files={**files, "proc/modules": modules})

    def test_driver(self):
        self.driver(0, "installed and comes with vfio (/etc/modprobe.d/")
        self.driver(1, "the in-tree driver vfio_iommu_spapr_tce is loaded",
                    "comes with vfio", modules="vfio_iommu_spapr_tce 1 0\n")
        self.driver(1, "vfio would bring the in-tree driver",
                    files=tree.without(tree.good(), "etc/modprobe.d"))
        self.driver(2, "neither loaded nor installed",
                    files=tree.without(tree.good(), "lib/modules"))
        self.driver(2, "forbids vfio_tce", files={
            **tree.good(), "etc/modprobe.d/z.conf": "blacklist vfio_tce\n"})
        self.driver(1, "signed modules only", files={
            **tree.good(), "sys/module/module/parameters/sig_enforce": "Y\n"})
        self.found(1, "are both loaded",
                   **{"proc/modules": "vfio_iommu_spapr_tce 1 0\n"})
        self.found(1, "this tool is 0.1, the driver 9.9",
                   **{"sys/module/vfio_tce/version": "9.9\n"})
        self.found(1, "vfio-pci is not loaded",
                   files=tree.without(tree.good(), "sys/module/vfio_pci"))
        self.found(1, "debugfs is not mounted", **{"proc/mounts": ""})

    def test_groups(self):
        self.found(2, "group 3 is not viable", "0000:00:02.0 (e1000e)",
                   files={**tree.good(), **tree.device(
                       "0000:00:02.0", 3, "8086:10d3", 0x020000, "e1000e")})
        bridge = tree.device("0000:00:00.0", 3, "1014:04c1", 0x060400,
                             "pcieport")
        self.found(0, "group 3: 0000:00:01.0", files={**tree.good(), **bridge})
        self.found(1, "no device is bound to vfio-pci", files={
            **tree.without(tree.good(), "sys/bus", "sys/kernel/iommu_groups"),
            **tree.device("0000:00:01.0", 3, driver="nvme")})
        self.found(2, "there are no IOMMU groups",
                   files=tree.without(tree.good(), "sys/kernel/iommu_groups"))
        self.found(1, "there is no /dev/vfio/4",
                   files=tree.without(tree.good(), "dev/vfio/4"))

    def test_many_groups(self):
        files = tree.good()
        for number in range(10, 60):
            files.update(tree.device(f"0003:00:{number - 10:02x}.0", number))
            files[f"dev/vfio/{number}"] = ""
        out = self.found(0, "52 groups for VFIO in all", files=files)
        self.assertLess(len(out.splitlines()), 60)

    def test_memlock(self):
        small = {"etc/security/limits.conf": "* hard memlock unlimited\n"}
        self.found(2, "eve may lock 8 MiB", "vfio-tce memlock",
                   argv=("--user", "eve"), **small)
        self.found(0, "libvirt sets each guest's limit itself", **small)
        self.found(0, "root is not bound", argv=("--user", "root"), **small)

    def test_hugepages(self):
        folder = "sys/kernel/mm/hugepages/hugepages-2048kB"
        self.found(0, "16 of 2M (4 free)", **{f"{folder}/nr_hugepages": "16",
                                              f"{folder}/free_hugepages": "4"})


class Files(Case):
    def test_proc_sys_is_read(self):
        self.assertEqual(Host("/").text("proc/sys/kernel/osrelease"),
                         os.uname().release)

    def test_long_files_are_whole(self):
        text = "x" * 70000 + "y" * 70000
        host = Host(str(self.host(**{"long": text})))
        self.assertEqual(host.read("long"), text)


class Limits(Case):
    def login(self, text, more="", user="eve"):
        host = self.host(**{"etc/security/limits.conf": text,
                            "etc/security/limits.d/a.conf": more})
        return limits.of_login(Host(str(host)), user)[0]

    def test_who_says_more_precisely_wins(self):
        default = 8 << 20
        for text, more, expected in (
                ("", "", default),
                ("* - memlock 64\n", "", 64 << 10),
                ("eve - memlock 64\n* - memlock 128\n", "", 64 << 10),
                ("@kvm soft memlock 64\n* - memlock 128\n", "", 64 << 10),
                ("* - memlock 64\n", "* - memlock 128\n", 128 << 10),
                ("* - nofile 64\n* hard memlock 1\n# eve - memlock 1\n", "",
                 default),
                ("* - memlock unlimited\n", "", limits.UNLIMITED),
                ("* - memlock some\n@wheel - memlock 1\n", "", default)):
            self.assertEqual(self.login(text, more), expected, (text, more))
        self.assertEqual(self.login("* - memlock 64\n", user="root"), default)

    def test_of_process_and_services(self):
        host = Host(str(self.host(**{
            "proc/7/limits": "Limit Soft Hard\nMax locked memory  65536 65536 "
                             "bytes",
            "proc/8/limits": "Max locked memory  unlimited unlimited bytes",
            "etc/systemd/system.conf": "[Manager]\nDefaultLimitMEMLOCK=64M\n"})))
        self.assertEqual(limits.of_process(host, 7), 65536)
        self.assertEqual(limits.of_process(host, 8), limits.UNLIMITED)
        self.assertIsNone(limits.of_process(host, 9))
        self.assertEqual(limits.of_services(host), 64 << 20)

"""The commands of scripts/lab."""

import argparse
import os
import pathlib
import signal
import sys
import tempfile

from . import (arguments, bench, build_machine, cache, checks, counts, demo, image, kernel, kernels, kunit_run, module,
               mutate, native, packages, page, power_host, qemu, root, shell, soak)
from . import clang_tree, hostile_guest, hostile_vmm, kunit_kernel     # noqa: F401: they register themselves
from .checks import static
from .log import LabError, say, step

RUN_HELP = """
A stock kernel boots with a small initramfs (busybox), inserts modules, runs your script and powers off. What the
script prints comes out on stdout; the kernel's messages go to console.log in a directory that is named at the end.
The exit code is the script's; 124 when the time was over, 125 when the machine stopped before the script ended, 99
when the script was content but the kernel's log holds a splat (BUG:, WARNING:, Oops, UBSAN, ...), 97 when a module
could not be inserted.

Inside, the script runs in /lab, where --file puts its files and modules/ holds every module. proc, sys, dev, tmp and
debugfs are mounted. Modules are inserted in the order of the options, dependencies first.

The first PCI host bridge's bus is pci.0 and its devices 0000:00:NN.0; with --phbs 2 say bus=pci.0 or bus=phb1.0
(0001:00:NN.0) for every device. One IOMMU group per bridge, except behind a bridge of PCI's own. On powernv say
bus=br0,addr=N or bus=br1,addr=N (0000:02:0N.0, 0001:02:0N.0), N from 1: conventional PCI, one group each.

examples (the first two build what the third takes along):
  scripts/lab build 6.12-4k
  scripts/lab root make -s -C kunit/client O=/out/client
  scripts/lab run 6.12-4k --device edu,dma_mask=0xffffffffffffffff --module build/6.12-4k/module/vfio_tce.ko \\
      --kmod vfio-pci --file build/client/client --script './client errno_container.get_info dma.two_windows'
  scripts/lab run 6.12-64k --kmod vfio_iommu_spapr_tce --kmod vfio-pci --phbs 2 --smp 2 --device edu,bus=pci.0 \\
      --device edu,bus=phb1.0 --append 'slub_debug=FZPU page_poison=1' --script 'ls /sys/kernel/iommu_groups' --timeout 120
  scripts/lab run 6.12-4k --drive d0:64M --device nvme,serial=x,drive=d0 --kmod nvme --script 'sleep 1; ls /dev/nvme*'
  scripts/lab run 6.12-4k --device e1000,romfile= --have e1000 --script 'insmod modules/e1000.ko; ip link'
"""


class _InOrder(argparse.Action):
    """--kmod, --have and --module keep the order in which they are given."""

    def __call__(self, parser, namespace, value, option_string=None):
        wanted = list(getattr(namespace, "modules", None) or [])
        namespace.modules = wanted + [(option_string, value)]


def _run_options(parser):
    add = parser.add_argument
    add("kernel", type=kernels.bootable, help="a kernel of kernels.conf, or one of KUnit's")
    add("--script", default="true", type=arguments.script, help="shell commands to run inside, or @file")
    add("--module", action=_InOrder, type=arguments.file_with_options, metavar="'FILE.ko [OPTION=VALUE]'", help="insert this file")
    add("--kmod", action=_InOrder, metavar="'NAME[,NAME] [OPTION=VALUE]'", help="insert modules of the kernel's package")
    add("--have", action=_InOrder, metavar="NAME[,NAME]", help="put modules into modules/ without inserting them")
    add("--file", action="append", default=[], type=arguments.file_as, metavar="PATH[:NAME]", help="put a file into /lab")
    add("--device", action="append", default=[], metavar="QEMU-DEVICE", help="as QEMU's -device")
    add("--drive", action="append", default=[], type=arguments.drive, metavar="ID:SIZE|ID:FILE",
        help="a raw drive for a --device drive=ID: new and empty of a size (64M), or this file")
    add("--phbs", type=int, default=1, help="PCI host bridges (the second's bus is phb1.0 on pseries, br1 on powernv)")
    add("--smp", type=int, default=1)
    add("--memory", default="2G")
    add("--machine", default="pseries", choices=list(qemu.MACHINES))
    add("--image", action="store_true",
        help="run the script in bash in a ppc64el Debian with QEMU, on a read-only disk; /lab and /tmp are there")
    add("--append", default="", help="more words for the kernel's command line")
    add("--qemu", action="append", default=[], metavar="WORD", help="a further word for QEMU (repeat)")
    add("--timeout", type=int, default=300, help="seconds until it is killed (300)")
    add("--allow", action="append", default=[], type=arguments.pattern, metavar="REGEX",
        help="a line of the kernel's log that is no splat; what a kernel always says is known")
    add("--console", action="store_true", help="print the kernel's messages too, at the end")
    add("--out", type=arguments.folder_to_be, help="directory for console.log and output.log")


def _drives(options, room):
    arguments = []
    for name, path in options:
        if isinstance(path, int):
            size, path = path, pathlib.Path(room) / f"{name}.raw"
            with open(path, "wb") as stream:
                stream.truncate(size)
        arguments += ["-drive", f"if=none,id={name},format=raw,file={path}"]
    return arguments


def cmd_run(options):
    target = kernels.get(options.kernel)
    modules = power_host.Modules(target)
    for option, value in getattr(options, "modules", None) or []:
        if option == "--module":
            modules.file(value)
        else:
            names, _, arguments = value.partition(" ")
            for name in names.split(","):
                modules.stock(f"{name} {arguments}".strip(), load=option == "--kmod")
    with tempfile.TemporaryDirectory(prefix="lab-") as room:
        machine = qemu.Machine(machine=options.machine, memory=options.memory, cpus=options.smp, phbs=options.phbs,
                               devices=tuple(options.device),
                               image=image.host_image(target) if options.image else None,
                               arguments=(*_drives(options.drive, room), *options.qemu))
        with step(f"booting {target.release} on {options.machine}"):
            outcome = power_host.boot(target, modules=modules, files=dict(options.file), script=options.script + "\n", machine=machine,
                                      append=options.append, timeout=options.timeout, allowed=options.allow,
                                      on_line=lambda line: print(line, flush=True), directory=options.out)
    if options.console:
        print(outcome.console)
    power_host.report(outcome)
    say(f"exit code {outcome.code} after {outcome.seconds:.0f} s; logs in {outcome.directory}")
    return outcome.code


def cmd_build(options):
    module.build(options.kernel, directory=options.dir, variant=options.variant, make_args=options.make_args,
                 debug=options.debug)
    return 0


def cmd_root(options):
    """Runs a command in the build root with the tree at /src and the lab's output directory at /out."""
    if not options.command:
        raise LabError("root runs a command, and none is named")
    module.OUT.mkdir(exist_ok=True)
    binds = [(module.TREE, "/src", not options.read_only), (module.OUT, "/out", True)]
    binds += [(outside, inside, True) for outside, inside in options.bind]
    here = pathlib.Path.cwd()
    inside = "/src/" + str(here.relative_to(module.TREE)) if here.is_relative_to(module.TREE) else "/src"
    if options.kernel:
        target = kernels.get(options.kernel)
        place, binds = target.root(), binds + target.binds()
    else:
        place = root.build_root(options.suite)
    code, _ = place.run(options.command, binds=binds, cwd=inside, passthrough=True,
                        env=dict(options.env))
    build_machine.give_back(module.OUT)
    return code


def cmd_demo(options):
    driver = {"ours": demo.OURS, "in-tree": demo.IN_TREE}[options.driver]
    return 1 if demo.run_and_judge(options.kernel, driver, options.platform) else 0


def cmd_bench(options):
    return 0 if bench.run(options.kernel, options.regions) else 1


def cmd_counts(options):
    if options.times:
        counts.times()
        return 0
    counted = counts.count()
    counts.show(counted, counts.load() if counts.BUDGET.exists() else None)
    counts.show_contention(counts.contention())
    if options.update:
        counts.update(counted)
    return 0


def cmd_test(options):
    if options.list:
        for each in checks.all_checks().values():
            print(f"{each.name:20} {each.what}")
        return 0
    if options.keep and options.checks:
        raise LabError("--keep is for a run of all checks")
    return 1 if checks.run(options.checks, options.keep) else 0


def cmd_soak(options):
    if options.list:
        for each in soak.programs().values():
            print(f"{each.name:10} {each.what}; on {', '.join(map(str, each.targets))}")
        return 0
    return 1 if soak.soak(options.minutes, options.program, options.kernel, options.machine, options.seed) else 0


def cmd_mutate(options):
    return 0 if mutate.run(options.filter, sample=options.sample, seed=options.seed, plain=options.plain).good() else 1


def cmd_check(options):
    return 1 if native.check(options.cases, options.sanitize) else 0


def cmd_kunit(options):
    return 0 if kunit_run.run_some(options.kernel, options.machine, options.cases, options.effort) else 1


def cmd_shell(options):
    return shell.run(options.kernel, options.machine, options.gdb)


def cmd_format(options):
    static.format_files(options.files)
    return 0


def cmd_pages(_):
    for name in page.PAGES:
        path = module.TREE / name
        text = path.read_text()
        if (new := page.renewed(text)) != text:
            path.write_text(new)
            say(f"{name} is made anew")
    return 0


def cmd_package(options):
    build = {"deb": packages.debs, "rpm": packages.rpms}[options.kind]
    print(build(packages.tarball())[1], end="")
    return 0


def cmd_kernels(options):
    if options.names:
        print(" ".join(kernel.table()))
        return 0
    for name, row in kernel.table().items():
        print(f"{name:10} {row['suite']:8} {row['release']} ({row['version']}), {int(row['pages']) // 1024}K pages")
    return 0


def cmd_fetch(options):
    for name in options.kernels or kernel.table():
        target = kernels.get(name)
        print(f"{name}: {target.release}", *target.places, target.root().path)
    return 0


def cmd_prune(options):
    for path in cache.prune(options.days):
        say(f"removed {path}")
    return 0


def parse(argv):
    parser = argparse.ArgumentParser(prog="scripts/lab", description="The lab of vfio-tce.")
    commands = parser.add_subparsers(dest="command_name", required=True, metavar="COMMAND")

    sub = commands.add_parser("build", help="build the module (or --dir) for a kernel, any warning is an error")
    sub.add_argument("kernel", type=kernels.known)
    sub.add_argument("--dir", type=arguments.folder, help="a folder with a Kbuild: of the tree (kunit), or anywhere else")
    sub.add_argument("--variant", default="", help="name of a build directory of its own")
    sub.add_argument("--debug", action="store_true", help="make DEBUG=1: with what debuggers read, in a build directory of its own")
    sub.add_argument("make_args", nargs="*", metavar="NAME=VALUE", help="for make")
    sub.set_defaults(function=cmd_build)

    sub = commands.add_parser("run", help="boot a kernel with modules, files and a script", epilog=RUN_HELP,
                              formatter_class=argparse.RawDescriptionHelpFormatter)
    _run_options(sub)
    sub.set_defaults(function=cmd_run)

    sub = commands.add_parser("root", help="run a command in the build root (the tree is /src, build/ is /out)")
    sub.add_argument("--suite", default="trixie")
    sub.add_argument("--kernel", type=kernels.known, help="with this kernel's headers in /usr/src, and its suite")
    sub.add_argument("--bind", action="append", default=[], type=arguments.bind, metavar="OUTSIDE:INSIDE")
    sub.add_argument("--env", action="append", default=[], type=arguments.setting, metavar="NAME=VALUE")
    sub.add_argument("--read-only", action="store_true", help="/src cannot be written")
    sub.add_argument("command", nargs=argparse.REMAINDER, help="everything from here on is its")
    sub.set_defaults(function=cmd_root)

    sub = commands.add_parser("demo", help="a guest in an emulated POWER host does I/O on a passed-through disk")
    sub.add_argument("--kernel", type=kernels.bootable, default="6.12-4k")
    sub.add_argument("--driver", default="ours", choices=["ours", "in-tree"])
    sub.add_argument("--platform", default="pseries", choices=list(demo.PLATFORMS))
    sub.set_defaults(function=cmd_demo)

    sub = commands.add_parser("bench", help="times of our driver next to those of the in-tree driver, in one POWER host")
    sub.add_argument("--kernel", type=kernels.bootable, default="6.12-4k")
    sub.add_argument("--regions", type=arguments.count, default=bench.REGIONS)
    sub.set_defaults(function=cmd_bench)

    sub = commands.add_parser("counts", help="what the engine costs: instructions, calls, bytes an entry")
    sub.add_argument("--update", action="store_true", help="they are the budget from now on (kunit/bench/budget.toml)")
    sub.add_argument("--times", action="store_true", help="times instead, by Google Benchmark")
    sub.set_defaults(function=cmd_counts)

    sub = commands.add_parser("test", help="run the checks, all of them or those named")
    sub.add_argument("checks", nargs="*", metavar="CHECK")
    sub.add_argument("--list", action="store_true", help="list them")
    sub.add_argument("--keep", action="store_true", help="keep the table in scripts/last-run.txt, when all passed")
    sub.set_defaults(function=cmd_test)

    sub = commands.add_parser("soak", help="attack the driver at random, by turns on all machines and kernels")
    sub.add_argument("--minutes", type=float, default=60)
    sub.add_argument("--program")
    sub.add_argument("--kernel", type=kernels.known)
    sub.add_argument("--machine", choices=["pseries", "powernv9"])
    sub.add_argument("--seed", type=int, help="for all slices, as one that found something printed it")
    sub.add_argument("--list", action="store_true", help="list the programs")
    sub.set_defaults(function=cmd_soak)

    sub = commands.add_parser("mutate", help="do the cases on the build machine notice small faults in the engine?")
    sub.add_argument("filter", nargs="?", default="*", help="a part of FILE:NAME, or a pattern with * (all)")
    sub.add_argument("--sample", type=arguments.count, default=0, metavar="N", help="only N of them, at random")
    sub.add_argument("--seed", type=int, help="of the sample")
    sub.add_argument("--plain", action="store_true", help="do not try what survives with sanitizers")
    sub.set_defaults(function=cmd_mutate)

    sub = commands.add_parser("check", help="the engine's cases on the build machine, after an edit: one compiler, seconds")
    sub.add_argument("cases", nargs="*", metavar="SUITE[.CASE]", help="all when none is named (kunit/cases/list.h)")
    sub.add_argument("--sanitize", action="store_true", help="with ASan and UBSan")
    sub.set_defaults(function=cmd_check)

    sub = commands.add_parser("kunit", help="KUnit's suites in one emulated machine")
    sub.add_argument("kernel", type=kernels.bootable, help="kunit-lean, kunit-debug, or one of kernels.conf")
    sub.add_argument("cases", nargs="?", default="", metavar="SUITE[.CASE]", help="all when none is named; tce_port*: the real port")
    sub.add_argument("--machine", default="pseries", choices=list(qemu.MACHINES))
    sub.add_argument("--effort", type=int, help="percent of the random operations, and how long rows of trials are")
    sub.set_defaults(function=cmd_kunit)

    sub = commands.add_parser("shell", help="a shell in an emulated POWER host with the module and the client")
    sub.add_argument("kernel", type=kernels.bootable)
    sub.add_argument("--machine", default="pseries", choices=list(qemu.MACHINES))
    sub.add_argument("--gdb", action="store_true", help="wait for a debugger, and say how to start it")
    sub.set_defaults(function=cmd_shell)

    sub = commands.add_parser("format", help="format C++ files in place, all when none is named")
    sub.add_argument("files", nargs="*", type=arguments.of_tree, help="paths from the top of the tree")
    sub.set_defaults(function=cmd_format)

    sub = commands.add_parser("pages", help="make those parts of README and ADMIN.md anew that a command prints")
    sub.set_defaults(function=cmd_pages)

    sub = commands.add_parser("package", help="build packages from the tarball of this tree, in build/packages")
    sub.add_argument("kind", choices=["deb", "rpm"])
    sub.set_defaults(function=cmd_package)

    sub = commands.add_parser("kernels", help="list the kernels")
    sub.add_argument("--names", action="store_true", help="nothing but their names")
    sub.set_defaults(function=cmd_kernels)

    sub = commands.add_parser("fetch", help="prepare kernels (all when none is named) and their build roots")
    sub.add_argument("kernels", nargs="*", type=kernels.known)
    sub.set_defaults(function=cmd_fetch)

    sub = commands.add_parser("prune", help="remove what was not used for some time from the cache")
    sub.add_argument("--days", type=float, default=30)
    sub.set_defaults(function=cmd_prune)
    return parser.parse_args(argv)


def execute(words):
    """Runs a command. Returns its exit code."""
    try:
        options = parse(words)
        if not (options.command_name == "kernels" or options.command_name in ("test", "soak") and options.list):
            build_machine.become_root()
            build_machine.ensure_packages()
        return options.function(options)
    except LabError as why:
        print(f"lab: {why}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def main():
    os.umask(0o022)
    signal.signal(signal.SIGTERM, signal.default_int_handler)   # told to stop: end what was started, too
    return execute(sys.argv[1:])

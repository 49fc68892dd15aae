"""The command line of vfio-tce."""

import argparse
import os
import signal
import sys

from . import VERSION
from .host import Host
from .problem import INTERNAL, INTERRUPTED, OUTPUT, USAGE, Problem

_EPILOG = """
exit codes:
  0 well  1 warnings, or nothing is known of it  2 bad  64 usage
  65 books of another version  69 no driver, or nothing to read
  70 a mistake of this tool  74 output did not arrive  77 not root
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


def _size(text):
    from .draw import parse_size
    try:
        return parse_size(text)
    except (ValueError, OverflowError) as why:
        raise argparse.ArgumentTypeError(str(why)) from why


def _count(text):
    try:
        value = int(text)
    except ValueError:
        value = -1
    if not 0 <= value <= 1 << 20:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 on")
    return value


def _seconds(text):
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0.1 <= value <= 86400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return value


def _status(sub):
    add = sub.add_argument
    how = sub.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="for programs")
    how.add_argument("--prometheus", action="store_true",
                     help="for the textfile collector of node_exporter")
    add("--watch", type=_seconds, nargs="?", const=2.0, metavar="SECONDS",
        help="again and again, every 2 seconds if not told otherwise")


def _check(sub):
    add = sub.add_argument
    add("--user", metavar="NAME", help="who will run QEMU or DPDK")
    add("--quiet", action="store_true", help="only what is not well")


def _why(sub):
    add = sub.add_argument
    add("log", nargs="*", metavar="MESSAGE|FILE",
        help="what QEMU or DPDK said, or a file with it; - for stdin, which is "
             "read, too, when it is a pipe or a file")
    add("--books", action="store_true", help="do not look at stdin")
    add("--list", action="store_true", help="all messages and errnos known, as "
        "Markdown")


def _memlock(sub):
    add = sub.add_argument
    add("--guest", type=_size, metavar="SIZE", help="memory of a guest: 128G")
    add("--max-memory", type=_size, metavar="SIZE",
        help="what memory hotplug may bring it to")
    add("--devices", type=_count, default=1, metavar="N",
        help="passed-through devices, each of an IOMMU group of its own (1)")
    add("--phbs", "--hosts", type=_count, metavar="N",
        help="the guest's PCI host bridges (one, and one for each device)")
    add("--page-size", type=_size, metavar="SIZE",
        help="the window's pages: this system's, or the hugepages' size")
    add("--window", type=_size, metavar="SIZE",
        help="size of the 64-bit window (the guest's memory, rounded up)")
    add("--dpdk", type=_size, metavar="SIZE",
        help="DPDK instead of a guest: its hugepage memory")
    add("--user", metavar="NAME", help="whom to write it down for")


def _report(sub):
    sub.add_argument("-o", "--output", metavar="FILE.tar[.gz]",
                     help="write a tar file instead of text")
    sub.add_argument("--user", metavar="NAME", help="as vfio-tce check --user")


_COMMANDS = {
    "status": (_status, "who uses what: containers, windows, memory, refusals"),
    "check": (_check, "is this host ready, and what to do if not"),
    "why": (_why, "explain what QEMU, DPDK or the driver said"),
    "memlock": (_memlock, "how much locked memory a guest or DPDK needs"),
    "report": (_report, "what a bug report needs, without secrets"),
}


def parser():
    made = _Parser(prog="vfio-tce", epilog=_EPILOG,
                   description="The administrator's side of the vfio_tce "
                               "driver.",
                   formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--version", action="version",
                      version=f"vfio-tce {VERSION}")
    made.add_argument("--root", default="/", metavar="FOLDER",
                      help="look at a copy of a host's files instead")
    subs = made.add_subparsers(dest="command", metavar="COMMAND", required=True,
                               parser_class=_Parser)
    for name, (options, what) in _COMMANDS.items():
        sub = subs.add_parser(name, help=what, description=what)
        options(sub)
    return made


def _run(options):
    import importlib
    host = Host(options.root)
    if not host.real and not os.path.isdir(options.root):
        raise Problem(f"{options.root} is not a folder", USAGE)
    module = importlib.import_module(f".{options.command}", __package__)
    return module.run(host, options)


def _prepare():
    """A pipe that closes ends us like every other command; no odd text does."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for stream in (sys.stdout, sys.stderr):
        if stream:
            stream.reconfigure(errors="backslashreplace")


def _where(why):
    """Where in our own files an exception came from."""
    trace, place = why.__traceback__, "?"
    while trace:
        name = os.path.basename(trace.tb_frame.f_code.co_filename)
        place = f"{name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _complain(text):
    if sys.stderr:
        print(f"vfio-tce: {text}", file=sys.stderr)


def main(argv=None):
    _prepare()
    try:
        options = parser().parse_args(argv)
        code = _run(options)
        if sys.stdout:
            sys.stdout.flush()
        return code
    except Problem as why:
        _complain(why)
        code = why.code
    except KeyboardInterrupt:
        code = INTERRUPTED
    except OSError as why:
        _complain(f"{why.filename or 'output'}: {why.strerror or why}")
        code = OUTPUT
    except Exception as why:        # noqa: BLE001 - a sentence, whatever it was
        _complain(f"a mistake of this tool, please report it: "
                  f"{type(why).__name__} at {_where(why)}")
        code = INTERNAL
    try:
        if sys.stdout:
            sys.stdout.flush()
    except OSError:
        # What could not be written once is not tried again at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return code

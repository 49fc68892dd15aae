"""vfio-tce report: what a bug report needs, without secrets."""

import contextlib
import io
import os
import re
import sys
import tarfile

from . import VERSION, check, check_host, draw, driver, journal, pci
from .problem import OK, OUTPUT, Problem

# Words of the kernel's command line that matter; all others stay here.
_CMDLINE = re.compile(r"(iommu|disable_ddw|vfio|kvm|hugepage|"
                      r"default_hugepagesz|"
                      r"mem=|cma|disable_radix|module\.sig_enforce|lockdown|"
                      r"eeh|pci=)")
_CPU = ("cpu", "revision", "platform", "machine", "model", "MMU")
_MODULES = ("vfio", "kvm", "irqbypass", "iommu")
_LOG = re.compile(r".*\b(vfio|EEH|iommu|IOMMU|TCE|tce|DDW|ddw|VFIO).*|"
                  r".*vfio_tce.*")
_SECRETS = (
    (re.compile(r"\b(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b"), "<MAC>"),
    (re.compile(r"\b[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}\b"),
     "<UUID>"),
    (re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.])"), "<IP>"),
    (re.compile(r"\b(?:naa\.|eui\.|0x)?5[0-9A-Fa-f]{15}\b"), "<WWN>"),
    (re.compile(r"(?i)(serial\w*\W+)\S+"), r"\1<SERIAL>"),
)


def scrub(text, name=""):
    """Text without what names a machine or a person."""
    for pattern, word in _SECRETS:
        text = pattern.sub(word, text)
    if len(name) > 2:
        text = re.sub(rf"\b{re.escape(name)}\b", "<HOST>", text)
    return text


def _printed(function, *args):
    """What a function prints; that it cannot, where it cannot."""
    stream = io.StringIO()
    with contextlib.redirect_stdout(stream):
        try:
            function(*args)
        except Problem as why:
            print(f"not to be had: {why}")
    return stream.getvalue()


def _system(host):
    cpu = host.fields("proc/cpuinfo")
    pretty = re.search(r'^PRETTY_NAME="?([^"\n]*)', host.text("etc/os-release"),
                       re.M)
    rows = [f"vfio-tce {VERSION}", f"system {pretty[1] if pretty else '?'}",
            f"kernel {host.release} {host.arch}",
            f"build {host.text('proc/sys/kernel/version')}",
            f"page size {host.page_size}"]
    rows += [f"{key} {cpu[key]}" for key in _CPU if key in cpu]
    words = host.text("proc/cmdline").split()
    rows.append("command line " + " ".join(filter(_CMDLINE.match, words)))
    rows += [line for line in host.text("proc/meminfo").splitlines()
             if re.match(r"MemTotal|MemFree|HugePages|Hugepagesize|Cma", line)]
    return rows


def _modules(host):
    for line in host.text("proc/modules").splitlines():
        name = line.split()[:1]
        if name and any(each in name[0] for each in _MODULES):
            yield " ".join(line.split()[:4])
    for key in ("version", "srcversion", "refcnt", "taint"):
        yield f"vfio_tce {key} {host.text(f'sys/module/vfio_tce/{key}', '-')}"
    for place, words in check_host.settings(host):
        if any("vfio" in word for word in words):
            yield f"{place}: {' '.join(words)}"


def _devices(host):
    for number, devices in pci.groups(host).items():
        for each in devices:
            yield (f"group {number} {each.address} {each.ids} class "
                   f"{each.class_code:06x} {each.driver or '-'}")


def _file(host, name):
    try:
        return driver.read(host, name)
    except Problem as why:
        return f"not to be had: {why}"


def _log(host):
    try:
        return journal.lines(host, _LOG)
    except Problem as why:
        return [f"not to be had: {why}"]


def _check(host, user):
    check.show(draw.Pen(sys.stdout), check.findings(host, user), [])


def sections(host, user):
    """Name of a file -> its text."""
    made = {
        "system": _system(host),
        "modules": _modules(host),
        "check": _printed(_check, host, user),
        "groups": _devices(host),
        "containers": _file(host, "containers"),
        "stats": _file(host, "stats"),
        "windows": _file(host, "windows"),
        "log": _log(host),
    }
    name = host.text("proc/sys/kernel/hostname", os.uname().nodename)
    for key, text in made.items():
        if not isinstance(text, str):
            text = "\n".join(text)
        made[key] = scrub(text.rstrip("\n") + "\n", name.split(".")[0])
    return made


def _tar(stream, mode, made):
    with tarfile.open(fileobj=stream, mode=mode) as tar:
        for name, text in made.items():
            data = text.encode("utf-8", "backslashreplace")
            about = tarfile.TarInfo(f"vfio-tce-report/{name}.txt")
            about.size = len(data)
            tar.addfile(about, io.BytesIO(data))


def run(host, options):
    made = sections(host, check.user_of(host, options))
    if not options.output:
        for name, text in made.items():
            print(f"== {name} ==")
            for line in text.splitlines():
                print(draw.clean(line.replace("\t", " ")))
            print()
        return OK
    zipped = options.output.endswith(("gz", "tgz"))
    try:
        # Not for everybody to read, and over nobody's file or link.
        descriptor = os.open(options.output,
                             os.O_WRONLY | os.O_CREAT | os.O_EXCL,
                             0o600)
        with os.fdopen(descriptor, "wb") as stream:
            _tar(stream, "w:gz" if zipped else "w", made)
    except OSError as why:
        raise Problem(f"{options.output}: {why.strerror or why}",
                      OUTPUT) from why
    print(f"{options.output} is written; look at it before you send it")
    return OK

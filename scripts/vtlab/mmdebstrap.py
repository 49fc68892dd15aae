"""Directory trees with a suite's packages unpacked, for any architecture: no maintainer script runs."""

import shlex

from . import apt, cache, sh
from .log import LabError, say

_ATTEMPTS = 3
_BASE = ["base-files", "base-passwd", "dash"]


def _proxies():
    """mmdebstrap's apt does not read this machine's settings; hand over those that it may need."""
    for scheme in ("http", "https"):
        line = sh.output(["apt-config", "shell", "P", f"Acquire::{scheme}::Proxy"]).strip()
        if line:
            yield f"--aptopt=Acquire::{scheme}::Proxy \"{shlex.split(line)[0].split('=', 1)[1]}\";"


def extract(suite, arch, packages, path):
    """Makes the directory path with the packages and everything they depend on."""
    argv = ["mmdebstrap", "--mode=root", "--variant=extract", f"--arch={arch}", f"--keyring={apt.KEYRING}",
            "--aptopt=Acquire::Retries \"5\";", "--aptopt=Acquire::Check-Valid-Until \"false\";", *_proxies(),
            "--include=" + ",".join([*_BASE, *packages]), "--dpkgopt=path-exclude=/usr/share/doc/*",
            "--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
            suite, str(path), f"deb [signed-by={apt.KEYRING}] {apt.mirror()} {suite} main"]
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            sh.run(argv, timeout=1800)
            break
        except LabError as why:
            cache.remove(path)
            if attempt == _ATTEMPTS:
                raise
            say(f"    attempt {attempt} failed, again: {str(why).splitlines()[-1]}")
    for name, target in {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64",
                         "usr/bin/sh": "dash"}.items():
        link = path / name
        if not link.is_symlink() and not link.exists() and (path / target).parent.is_dir():
            link.symlink_to(target)
    (path / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (path / "etc/group").write_text("root:x:0:\n")
    for leftovers in ("var/cache/apt", "var/lib/apt/lists"):
        cache.remove(path / leftovers)

"""Debian packages of any suite and architecture, by apt with a state directory of its own.

apt checks the archive's signatures, resumes and retries; on top of it a package only enters the cache after its
SHA-256 was compared once more with the signed index.
"""

import functools
import re
import shutil
import time

from . import build_machine, cache, sh
from .log import LabError, say, step

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_INDEX_MAX_AGE_S = 24 * 3600
_ATTEMPTS = 4


@functools.cache
def mirror():
    """The mirror of the Debian archive that this machine's apt is set up with."""
    for attempt in ("as it is", "after an update"):
        targets = sh.output(["apt-get", "indextargets", "--format", "$(ORIGIN)|$(COMPONENT)|$(CODENAME)|$(REPO_URI)",
                             "Created-By: Packages"])
        for line in targets.splitlines():
            origin, component, codename, uri = line.split("|", 3)
            if origin == "Debian" and component == "main" and codename.isalpha():
                return uri.rstrip("/")
        if attempt == "as it is":
            build_machine.update_indexes()
    raise LabError("apt is not set up with a mirror of the Debian archive (see: apt-get indextargets)")


class Suite:
    """The packages of one suite, for amd64 and ppc64el."""

    def __init__(self, name):
        self.name = name
        self.dir = cache.top() / "apt" / name
        self._fresh = False

    def _apt(self, program, *arguments, cwd=None, timeout=1800):
        d = self.dir
        for sub in ("lists/partial", "archives/partial", "preferences.d", "sources.d"):
            (d / sub).mkdir(parents=True, exist_ok=True)
        source = f"deb [arch=amd64,ppc64el signed-by={KEYRING}] {mirror()} {self.name} main\n"
        if not (d / "sources.list").exists() or (d / "sources.list").read_text() != source:
            (d / "sources.list").write_text(source)
        options = {
            "Dir::Etc::sourcelist": d / "sources.list", "Dir::Etc::sourceparts": d / "sources.d",
            "Dir::Etc::preferences": "/dev/null", "Dir::Etc::preferencesparts": d / "preferences.d",
            "Dir::State": d, "Dir::State::lists": d / "lists", "Dir::State::status": "/dev/null", "Dir::Cache": d,
            "APT::Sandbox::User": "root", "APT::Architecture": "amd64", "APT::Architectures::": "ppc64el",
            "APT::Default-Release": "", "Acquire::Retries": 5, "Acquire::Languages": "none",
        }
        argv = [program, "-q"] + [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
        return sh.run([*argv, *arguments], cwd=cwd, timeout=timeout)[1]

    def update(self, force=False):
        stamp = self.dir / "updated"
        with cache.lock(cache.top() / "locks" / f"apt.{self.name}"):
            if self._fresh:
                return
            if not force and stamp.exists():
                age = time.time() - stamp.stat().st_mtime
                if age < _INDEX_MAX_AGE_S:
                    return
            with step(f"package index of {self.name}"):
                for attempt in range(1, _ATTEMPTS + 1):
                    try:
                        self._apt("apt-get", "update", "--error-on=any")
                        break
                    except LabError as why:
                        if attempt == _ATTEMPTS:
                            raise
                        say(f"    attempt {attempt} failed, again: {str(why).splitlines()[-1]}")
            stamp.touch()
            self._fresh = True

    def show(self, package, arch, version=None):
        """The index record of a package as a dictionary, or None."""
        self.update()
        wanted = f"{package}:{arch}" + (f"={version}" if version else "")
        try:
            text = self._apt("apt-cache", "show", "--no-all-versions", wanted)
        except LabError:
            return None
        record = dict(re.findall(r"^([A-Za-z0-9-]+): (.*)$", text.split("\n\n")[0], re.M))
        return record if record.get("Package") == package else None

    @staticmethod
    def file_name(package, arch, version):
        return f"{package}_{version.replace(':', '%3a')}_{arch}.deb"

    def cached(self, package, arch, version):
        return (cache.top() / "debs" / self.file_name(package, arch, version)).exists()

    def fetch(self, package, arch, version=None):
        """The .deb of a package (of its current version when none is given), from the cache or from the mirror."""
        if version is None:
            record = self.show(package, arch)
            if not record:
                raise LabError(f"{self.name} has no package {package} for {arch}")
            version = record["Version"]
        return cache.entry("debs", self.file_name(package, arch, version),
                           lambda path: self._download(package, arch, version, path))

    def _download(self, package, arch, version, path):
        record = self.show(package, arch, version)
        if not record:
            self.update(force=True)
            record = self.show(package, arch, version)
        if not record:
            raise LabError(f"{self.name} has no {package} {version} for {arch}")
        size = int(record["Size"]) / 1e6
        with step(f"fetching {package} {version} {arch}, {size:.1f} MB"):
            for attempt in range(1, _ATTEMPTS + 1):
                room = path.parent / f"attempt-{attempt}"
                room.mkdir()
                try:
                    self._apt("apt-get", "download", f"{package}:{arch}={version}", cwd=room)
                    deb = next(room.glob("*.deb"))
                    if cache.file_sha256(deb) != record["SHA256"]:
                        raise LabError(f"{deb.name} is not what the index promises")
                    deb.rename(path)
                    return
                except (LabError, StopIteration) as why:
                    if attempt == _ATTEMPTS:
                        raise LabError(f"could not fetch {package} {version}: {why}") from None
                    say(f"    attempt {attempt} broke, again: {str(why).splitlines()[-1]}")
                finally:
                    shutil.rmtree(room, ignore_errors=True)


@functools.cache
def suite(name):
    return Suite(name)

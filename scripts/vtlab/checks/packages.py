"""The tarball of a release builds."""

import pathlib
import tempfile

from .. import cache, module, packages, power_host, sh
from ..log import LabError
from . import Counts, check

_KERNEL = "6.12-64k"


@check("dist", "the tarball of a release is the same each time, and the module builds from it", order=50)
def dist():
    with tempfile.TemporaryDirectory() as room:
        tar = packages.tarball()
        if tar.read_bytes() != packages.tarball(pathlib.Path(room)).read_bytes():
            raise LabError("the same tree made two tarballs that differ")
        sh.run(["tar", "-xzf", tar, "-C", room])
        name = tar.name.removesuffix(".tar.gz")
        cache.remove(module.OUT / _KERNEL / name)       # an object of before would do for a source that is missing
        [built] = module.build(_KERNEL, directory=pathlib.Path(room) / name)
    [version] = power_host.module_info(built, "version")
    return Counts(passed=int(version == packages.version()), failed=int(version != packages.version()), note=tar.name)

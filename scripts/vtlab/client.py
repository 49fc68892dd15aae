"""The client: one static ppc64le program, built in the build root."""

from . import build_machine, cache, module, root
from .log import step

_SOURCE = module.TREE / "kunit/client"


def binary():
    """Builds what changed and returns the program's path."""
    out = module.OUT / "client"
    out.mkdir(parents=True, exist_ok=True)
    with cache.lock(module.OUT / ".locks" / "client"):
        with step("building the client"):
            root.build_root().compile(["make", "-s", "-C", "/src", "O=/out", "-j2", "CXX=ccache powerpc64le-linux-gnu-g++"],
                                      binds=[(_SOURCE, "/src", False), (out, "/out", True)])
    build_machine.give_back(out)
    return out / "client"

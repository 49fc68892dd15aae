"""The kernels of the lab by their names.

This file knows none: each kind of kernel registers itself.

    @kernels.kind(lambda: ("clang", "clang-kunit"))
    class ClangTree(kernels.Kernel):
        def __init__(self, name):
            ...

The kinds: kernel.py (stock), kunit_kernel.py, clang_tree.py; cli.py imports
them all.
"""

import functools

from .log import LabError


class Kernel:
    """What the kinds have in common; all that a kernel offers: kernel.Stock."""

    boots = True            # False: modules are built for it, and that is all
    module_options = ""     # what our module has to be told there
    make_args = ()          # what make has to be told
    greetings = ()          # of its log: what it always prints like a splat
    image = None            # where its package is unpacked; None: it has none


_kinds = []


def kind(names):
    """Registers what makes a kernel of its name; names(): all it knows."""
    def register(make):
        _kinds.append((names, make))
        return make
    return register


def names():
    return [name for known_names, _ in _kinds for name in known_names()]


def _kind_of(name):
    for known_names, make in _kinds:
        if name in known_names():
            return make
    raise LabError(f"no kernel {name!r}; there are: {' '.join(names())}")


@functools.cache
def get(name):
    """The kernel of that name."""
    return _kind_of(name)(name)


def known(name):
    """The name, if there is such a kernel."""
    _kind_of(name)
    return name


def bootable(name):
    """The name, if there is such a kernel and it can be booted."""
    if not _kind_of(name).boots:
        raise LabError(f"modules are built for {name}, but it is no kernel that boots")
    return name

"""KUnit on Debian's own kernels, which are built without it: kunit.ko comes from the kernel's own lib/kunit (kunit/kernel/stock/)."""

from . import kernel_source, kernels, module

# Needs kernel functions that are exported only to KUnit: real user memory for a test. The client has that.
MISSING = ("tce_port",)


def build(name):
    """The modules with the engine's cases for a stock kernel: kunit.ko first."""
    library = kernel_source.folder(kernels.get(name), "lib/kunit")
    return module.build(name, directory=module.TREE / "kunit", variant="stock", make_args=("TCE_KUNIT_STOCK=1",),
                        extra={"kunit/kernel/stock/lib": library})

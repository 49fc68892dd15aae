# SPDX-License-Identifier: GPL-2.0-only
#
# On a POWER machine: make, make install, make load. Anywhere: make KERNEL=<kernel of the lab>, make demo, make test.
# What the module is made of stands in Kbuild.

KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build
MACHINE := $(shell uname -m)
LAB := $(CURDIR)/scripts/lab
DRIVER ?= ours
PLATFORM ?= pseries

.PHONY: all module install uninstall load unload clean demo check test test-long test-dkms mutate soak bench help
.PHONY: install-tool uninstall-tool dist deb rpm

ifneq ($(KERNEL),)
all:
	@$(LAB) build $(if $(DEBUG),--debug) $(KERNEL)
else ifeq ($(MACHINE),ppc64le)
all: module
else
all: help
	@echo
	@echo "Nothing was built: this machine is $(MACHINE), the module runs on ppc64le. Try: make KERNEL=6.12-4k"
endif

# DEBUG=1: gdb, drgn and crash find the engine's types and lines, too.
debug := $(if $(DEBUG),TCE_DEBUG=1 PAHOLE=$(CURDIR)/scripts/pahole-c.sh)

module:
	@[ -e $(KDIR)/Makefile ] || { echo "no headers of $(KVER): install linux-headers-$(KVER)" >&2; exit 1; }
	$(MAKE) -C $(KDIR) M=$(CURDIR) $(debug) modules

# The modprobe setting makes vfio bring this driver where it would bring the kernel's own.
install: module install-tool
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules_install
	DESTDIR=$(DESTDIR) scripts/modprobe-conf.sh install
	depmod $(if $(INSTALL_MOD_PATH),-b $(INSTALL_MOD_PATH)) $(KVER)

uninstall: uninstall-tool
	find $(INSTALL_MOD_PATH)/lib/modules/$(KVER) -name 'vfio_tce.ko*' ! -path '*/dkms/*' -delete
	DESTDIR=$(DESTDIR) scripts/modprobe-conf.sh remove $(INSTALL_MOD_PATH)/lib/modules
	depmod $(if $(INSTALL_MOD_PATH),-b $(INSTALL_MOD_PATH)) $(KVER)

PREFIX ?= /usr
TOOL_BIN := $(DESTDIR)$(PREFIX)/bin
TOOL_LIB := $(DESTDIR)$(PREFIX)/lib/vfio-tce
TOOL_MAN := $(DESTDIR)$(PREFIX)/share/man/man8
TOOL_COMPLETION := $(DESTDIR)$(PREFIX)/share/bash-completion/completions

install-tool:
	install -d $(TOOL_BIN) $(TOOL_LIB)/vfio_tce $(TOOL_MAN) $(TOOL_COMPLETION)
	install -m 755 scripts/tool/vfio-tce $(TOOL_BIN)/vfio-tce
	install -m 644 scripts/tool/vfio_tce/*.py $(TOOL_LIB)/vfio_tce
	install -m 644 scripts/tool/vfio-tce.8 $(TOOL_MAN)/vfio-tce.8
	install -m 644 scripts/tool/vfio-tce.bash-completion $(TOOL_COMPLETION)/vfio-tce

uninstall-tool:
	rm -f $(TOOL_BIN)/vfio-tce $(TOOL_MAN)/vfio-tce.8 $(TOOL_COMPLETION)/vfio-tce
	rm -rf $(TOOL_LIB)

load: module
	@scripts/load.sh load vfio_tce.ko

unload:
	@scripts/load.sh unload

clean:
	[ ! -e $(KDIR)/Makefile ] || $(MAKE) -C $(KDIR) M=$(CURDIR) clean
	rm -rf build

dist:
	@scripts/packaging/dist.sh

deb rpm:
	@$(LAB) package $@

demo:
	@$(LAB) demo --driver $(DRIVER) --platform $(PLATFORM) $(if $(KERNEL),--kernel $(KERNEL))

test:
	@$(LAB) test $(CHECKS)

check:
	@$(LAB) check $(SUITE)

test-long:
	@$(LAB) test versions kunit-whole client-whole hostile-others dkms packages unload pages

test-dkms:
	@$(LAB) test versions dkms

soak:
	@$(LAB) soak $(if $(MINUTES),--minutes $(MINUTES)) $(if $(KERNEL),--kernel $(KERNEL)) $(if $(PROGRAM),--program $(PROGRAM)) \
		$(if $(SEED),--seed $(SEED))

mutate:
	@$(LAB) mutate $(MUTATIONS)

bench:
	@$(LAB) bench $(if $(KERNEL),--kernel $(KERNEL)) $(if $(REGIONS),--regions $(REGIONS))

help:
	@echo "On a POWER machine (ppc64le), for the running kernel or KVER=...:"
	@echo "  make             build vfio_tce.ko (DEBUG=1: with all that debuggers read)"
	@echo "  make install     install it, and have vfio load it in place of the in-tree driver"
	@echo "  make uninstall   undo make install"
	@echo "  make load        load it now, in place of the in-tree driver or another build of this one (if nobody uses it)"
	@echo "  make unload      unload it, and load the in-tree driver"
	@echo "On Debian 12 of any kind, as root or with sudo:"
	@echo "  make KERNEL=K    build for a kernel of the lab, in build/K/module ($$($(LAB) kernels --names))"
	@echo "  make demo        a guest in an emulated POWER host does I/O through this driver;"
	@echo "                   PLATFORM=powernv: on a bare-metal host instead of a pSeries one; KERNEL=6.12-64k: 64K pages;"
	@echo "                   DRIVER=in-tree shows the in-tree driver on the same machine"
	@echo "  make test        all checks (CHECKS=\"build demo\": only those; scripts/lab test --list)"
	@echo "  make check SUITE=kvm[.case]   the engine's cases on this machine, after an edit: seconds"
	@echo "  make test-long   what takes too long for that: all cases on all kernels, attacks at random, DKMS, packages, the pages"
	@echo "  make test-dkms   DKMS in an emulated ppc64el Debian: install, another kernel, remove"
	@echo "  make dist        the tarball of a release, in build/packages (git is all it needs)"
	@echo "  make deb         packages for Debian from it (make rpm: for others), and what lintian (rpmlint) says"
	@echo "  make soak        programs that attack the driver at random, by turns on all kernels and machines, for an hour"
	@echo "                   (MINUTES=600; KERNEL=..., PROGRAM=...: only that; SEED=...: a run that found something)"
	@echo "  make mutate      small faults in the engine: which do the cases notice? (MUTATIONS=charge: those of charge.*)"
	@echo "  make bench       times next to the in-tree driver (REGIONS=2048: a short one)"
	@echo "  make clean       remove what was built"

# SPDX-License-Identifier: GPL-2.0-only
#
# Kbuild has no rule for C++ objects in modules; this is it.
#
# The includer sets
#   tce-top     the project's top directory, as the compiler sees it
#   engine-y    the engine's objects (src/engine/Kbuild.include)
#   tce-engine  directory for them below $(obj), e.g. src/engine
#   tce-watch   directory of watch.hpp (src/engine/memory.hpp)
#   tce-locks   where lock_room.h is; below, if it is not set
# and links $(tce-engine)/engine.o into its module.  Any other x.cc next to the
# includer builds by the same rule when x.o is listed in a module.

# Says what is missing before the compiler does; make clean needs none.
ifneq ($(filter %/Makefile.build,$(MAKEFILE_LIST)),)
tce-no-cxx := $(shell $(CONFIG_SHELL) $(tce-top)/scripts/check-compiler.sh $(or $(CONFIG_GCC_VERSION),0) $(CC))
$(if $(tce-no-cxx),$(error $(tce-no-cxx)))
endif

# What only C knows.  The ftrace flags go because functions in COMDAT groups
# lose their trace records at ld -r.  -g goes because pahole cannot make BTF of
# C++; for debuggers (make DEBUG=1) it stays, and scripts/pahole-c.sh keeps C++
# from pahole.
tce-debug    := $(if $(TCE_DEBUG),-g,-g0)
tce-cxx-drop := -std=% $(if $(TCE_DEBUG),,-g%) -Wdeclaration-after-statement -Wmissing-prototypes \
	-Wold-style-definition -Wstrict-prototypes -Wno-pointer-sign \
	-Wno-override-init -Wno-main -Wno-unterminated-string-initialization \
	-Werror=designated-init \
	-Werror=implicit-function-declaration -Werror=implicit-int \
	-Werror=incompatible-pointer-types -Werror=strict-prototypes

# A sanitizer of the kernel covers the engine too, but for global variables:
# those would need constructors.
tce-sanitize-$(CONFIG_KASAN) += $(if $(filter n,$(KASAN_SANITIZE_$(target-stem).o)),,$(CFLAGS_KASAN) \
	$(if $(CONFIG_CC_IS_CLANG),-mllvm -asan-globals=0,--param asan-globals=0))
tce-sanitize-$(CONFIG_UBSAN) += $(CFLAGS_UBSAN)

# Inline assembly hides accesses from a sanitizer.
tce-cpu := $(if $(CONFIG_KASAN),any_cpu,ppc64le)
# As what struct spinlock is made of.
tce-locks ?= $(if $(CONFIG_DEBUG_SPINLOCK)$(CONFIG_LOCKDEP),checked_locks,small_locks)
ccflags-y += -I$(tce-top)/include/tce/port/$(tce-locks)

# Late (=), because the stack protector's offset is added to KBUILD_CFLAGS late.
tce-cxxflags = $(CLANG_FLAGS) \
	$(filter-out $(tce-cxx-drop) $(CC_FLAGS_FTRACE), \
		$(KBUILD_CFLAGS) $(KBUILD_CFLAGS_MODULE)) \
	-std=gnu++20 -ffreestanding -fno-exceptions -fno-rtti \
	-fno-threadsafe-statics -fno-unwind-tables \
	-fno-asynchronous-unwind-tables -fvisibility=hidden \
	-mlong-double-64 $(tce-debug) -Werror \
	-fmacro-prefix-map=$(tce-top)/= -I$(tce-top)/include \
	-I$(tce-top)/src/engine -I$(tce-top)/src/engine/$(tce-cpu) \
	-I$(tce-watch) -I$(tce-top)/include/tce/port/$(tce-locks) \
	$(tce-sanitize-y) $(CXXFLAGS_$(target-stem).o)

# gcc and clang both take a .cc for C++, so $(CC) with its target and wrappers
# does, and no name of a C++ driver has to be guessed.
quiet_cmd_cxx_o_cc = CXX $(quiet_modtag) $@
      cmd_cxx_o_cc = $(CC) -Wp,-MMD,$(depfile) $(tce-cxxflags) -c -o $@ $<

$(obj)/%.o: $(src)/%.cc FORCE
	$(call if_changed_dep,cxx_o_cc)

tce-engine-objs := $(addprefix $(obj)/$(tce-engine)/,$(engine-y))

ifneq ($(tce-engine),src/engine)
$(tce-engine-objs): $(obj)/$(tce-engine)/%.o: $(tce-top)/src/engine/%.cc FORCE
	$(call if_changed_dep,cxx_o_cc)
endif

# The engine is linked and audited as one: what it may call and what it may hold
# is said in the script.
tce-audit := $(tce-top)/scripts/check-engine-o.sh
tce-audit-allow += $(if $(CONFIG_KASAN),__asan_%) $(if $(CONFIG_UBSAN),__ubsan_%)

quiet_cmd_ld_engine = LD  $(quiet_modtag) $@
      cmd_ld_engine = $(LD) $(ld_flags) -r -o $@ $(tce-engine-objs) && \
	NM="$(NM)" OBJDUMP="$(OBJDUMP)" READELF="$(READELF)" \
	$(CONFIG_SHELL) $(tce-audit) $@ $(tce-audit-allow) || { rm -f $@; false; }

$(obj)/$(tce-engine)/engine.o: $(tce-engine-objs) $(tce-audit) FORCE
	$(call if_changed,ld_engine)

targets += $(patsubst $(obj)/%,%,$(tce-engine-objs)) $(tce-engine)/engine.o

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Audits the linked object of the C++ engine before it becomes part of a kernel
# module: what it calls, what it brings along, which instructions it has.
#
#   NM=... OBJDUMP=... READELF=... check-engine-o.sh OBJECT [ALLOWED%...]
#
# ALLOWED%: further prefixes of symbols that it may call (sanitizers).

set -u
object=$1
shift
bad=0

# $1: what is wrong with the names $2, if there are any
none() {
	[ -n "$2" ] || return 0
	echo "$object: $1: $(echo "$2" | sort -u | head -n 20 | tr '\n' ' ')" >&2
	bad=1
}

symbols=$($NM "$object") || exit 1
sections=$($READELF -SW "$object") || exit 1
relocations=$($READELF -rW "$object") || exit 1
code=$($OBJDUMP -d --no-show-raw-insn "$object") || exit 1

# Calls out: the port, and what every module may call.  This also catches what the
# C++ compiler invents: operator new and delete, __cxa_*, __gxx_*, _Unwind_*,
# __dso_handle, atexit, terminate, library arithmetic (__divti3, __adddf3), ...
none "calls what it must not" "$(echo "$symbols" | awk -v more="$*" '
	BEGIN {
		split("memcpy memmove memset memcmp __stack_chk_fail .TOC.", names, " ")
		for (i in names)
			fine[names[i]] = 1
		prefixes = split(more, prefix, " ")
		for (i = 1; i <= prefixes; i++)
			sub(/%$/, "", prefix[i])
	}
	$(NF - 1) == "U" && !($NF in fine) && $NF !~ /^tce_port_/ {
		ok = 0
		for (i = 1; i <= prefixes; i++)
			ok = ok || index($NF, prefix[i]) == 1
		if (!ok)
			print $NF
	}')"

# Undefined weak symbols would be zero at run time; common symbols have no home;
# a weak name that is no C++ inline function could be taken from somewhere else.
none "weak or common symbols" \
	"$(echo "$symbols" | awk '$(NF - 1) ~ /^[wvC]$/ { print $NF }')"
none "weak definitions" \
	"$(echo "$symbols" | awk '$(NF - 1) ~ /^[WVu]$/ && $NF !~ /^_Z/ { print $NF }')"

# The global names that it adds to the module.
none "foreign global names" \
	"$(echo "$symbols" | awk '$(NF - 1) ~ /^[TDBRSG]$/ && $NF !~ /^(_Z|tce_)/ { print $NF }')"

# Static constructors never run in a module, and nobody unwinds.
none "sections without meaning in a module" "$(echo "$sections" | tr ' ' '\n' |
	grep -E '^\.(rela\.)?((pre)?init_array|fini_array|ctors|dtors|eh_frame|gcc_except_table|tm_clone|tdata|tbss|text\.startup)')"

# No floating point, vector or matrix registers in the kernel.
none "floating point or vector instructions" "$(echo "$code" |
	sed -n 's/^ *[0-9a-f]*:[[:space:]]*\([a-z][a-z0-9.+-]*\).*/\1/p' | sort -u |
	grep -E '^(f|lf|stf|v|lv|stv|lxv|lxs|stxv|stxs|xs|xv|xx|pmxv|plxv|pstxv|plf|pstf|mff|mtf|mtvs|mfvs|mfvr|mtvr|mcrfs|bcd|dadd|dsub|dmul|ddiv)')"

# What arch/powerpc/kernel/module_64.c can relocate.
none "relocations that the module loader lacks" "$(echo "$relocations" |
	grep -o 'R_PPC64_[A-Z0-9_]*' | sort -u | sed 's/^R_PPC64_//' |
	grep -vxE 'ADDR32|ADDR64|TOC|TOC16(_LO|_DS|_LO_DS|_HA)?|REL24|REL24_NOTOC|REL64|REL32|PCREL34|TOCSAVE|ENTRY|REL16_HA|REL16_LO|GOT_PCREL34')"

exit $bad

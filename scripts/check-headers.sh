#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Who may include what, and whether every header stands on its own.
#
#  - C++ knows no kernel: the engine, the fake port and the cases include headers of
#    theirs and those of the boundary, nothing else.
#  - C knows no C++: no .hpp, nothing of src/engine.
#  - The headers between the two compile alone, as C and as C++; those of the engine
#    compile alone as C++.
#
# Run from anywhere; CC and CXX may be set.  The last line counts what was checked.

set -u
cd "$(dirname "$0")/.." || exit 1
: "${CC:=cc}" "${CXX:=c++}"
passed=0
failed=0

# $1: what was checked; $2: what is wrong with it, if anything
verdict() {
	if [ -z "$2" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf '%s:\n%s\n' "$1" "$2" >&2
	fi
}

# The #include lines of a file that do not match a pattern.
includes_but() {
	grep -nE '^[[:space:]]*#[[:space:]]*include' "$1" | grep -vE "$2"
}

files() {
	find "$@" -type f | LC_ALL=C sort
}

# <tce/...> or "something of ours": no other angle brackets, no way out by "../" but to the fake and the engine.
ours='include <tce/(engine|port)\.h>|include "(\.\./(fake|rig|cases)/)?[a-z0-9_]+\.(hpp|h|inc)"'
for file in $(files src/engine kunit/fake kunit/rig kunit/cases -name '*.cc' -o -name '*.hpp' | grep -E '\.(cc|hpp)$'); do
	verdict "$file includes what is not the engine's" "$(includes_but "$file" "$ours")"
done
for file in $(files src/engine -name '*.cc' -o -name '*.hpp' | grep '^src/engine.*pp$'); do
	verdict "$file reaches into the tests" "$(grep -n 'include "\.\./' "$file")"
done

for file in $(files src/shim src/port src/compat include kunit -name '*.[ch]' | grep -Ev '^kunit/(client|native|hostile)/' | grep -E '\.[ch]$'); do
	verdict "$file is C and includes C++" "$(grep -nE 'include.*(\.hpp|\.cc|engine/)' "$file")"
done

# $1: compiler and language; $2: header
alone() {
	verdict "$2 does not compile alone ($1)" \
		"$(echo "#include \"$2\"" | $1 -ffreestanding -Wall -Wextra -Werror -Iinclude -Isrc/engine -Ikunit \
			-Ikunit/rig/watched -Isrc/engine/any_cpu -Iinclude/tce/port/checked_locks -iquote . -fsyntax-only - 2>&1)"
}

as_c="$CC -x c -std=gnu11"
as_cxx="$CXX -x c++ -std=gnu++20 -fno-exceptions -fno-rtti"
for header in $(files include/tce kunit/fake/env.h kunit/rig/case.h kunit/cases/list.h -name '*.h'); do
	alone "$as_c" "$header"
	alone "$as_cxx" "$header"
done
# One for POWER alone is compiled into every module.
for header in $(files src/engine kunit/fake kunit/rig kunit/cases -name '*.hpp' ! -path '*/ppc64le/*'); do
	alone "$as_cxx" "$header"
done

echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed != 0 ]

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Can this compiler of C compile C++ for this kernel? Prints what is missing, before the compiler trips over it: one
# line, or nothing. Kbuild asks (src/compat/Kbuild.cxx).
#
#   check-compiler.sh GCC-VERSION-OF-THE-KERNEL CC...
#
# gcc compiles C++ by cc1plus, which g++ of the very same version brings; clang has it built in. The kernel says its
# version as CONFIG_GCC_VERSION does: 140200; 0 is clang.

set -u
kernels=$(($1 / 10000))
shift
cc=$*

if ! said=$($cc --version 2>&1); then
	echo "there is no compiler '$cc': install gcc-$kernels and g++-$kernels"
	exit
fi
case $said in *clang*) exit ;; esac

major=$($cc -dumpversion)
major=${major%%.*}
# Without g++ it is a name only.
if ! command -v "$($cc -print-prog-name=cc1plus)" >/dev/null; then
	echo "'$cc' does not compile C++: install g++ of the same version (apt-get install g++-$major; dnf install gcc-c++)"
elif [ "$major" -lt 12 ]; then
	echo "'$cc' is gcc $major, and vfio_tce needs 12 or later (make CC=gcc-12), or clang (make LLVM=1)"
elif [ "$kernels" != 0 ] && [ "$major" != "$kernels" ]; then
	echo "'$cc' is gcc $major, and the kernel was built with gcc $kernels: install gcc-$kernels and g++-$kernels (then make CC=gcc-$kernels)"
fi

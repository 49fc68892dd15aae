#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# pahole for a module whose engine has debug information (make DEBUG=1): it
# makes BTF of C and leaves C++ alone.  Of two --lang_exclude the last counts,
# and kbuild's own names Rust.

exec pahole "$@" --lang_exclude=rust,c++,c++03,c++11,c++14

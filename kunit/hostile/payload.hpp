// SPDX-License-Identifier: GPL-2.0-only
//
// What runs in the guest: no operating system, a loop that makes the hypercalls
// of a list, one after the other, and asks for a new list at its end. It runs
// in real mode and owns the vCPU; all that it does stands in its list, which
// its VMM writes.
#pragma once

#include "check.hpp"

#include <span>

namespace hostile {

using client::u64;
using client::u8;

// The numbers of the hypercalls (PAPR).
inline constexpr u64 H_GET_TCE = 0x1c;
inline constexpr u64 H_PUT_TCE = 0x20;
inline constexpr u64 H_PUT_TCE_INDIRECT = 0x13c;
inline constexpr u64 H_STUFF_TCE = 0x138;
// The payload's own: its list is done. KVM hands what it does not know to its
// user.
inline constexpr u64 H_LIST_DONE = 0xf0f0;

inline constexpr u64 H_SUCCESS = 0;
inline constexpr u64 H_HARDWARE = -1UL;
inline constexpr u64 H_PARAMETER = -4UL;

// A hypercall, and what came of it; the payload knows this layout.
struct Call {
	u64 number;
	u64 arguments[4];
	u64 result;
	u64 value; // what H_GET_TCE read
	u64 unused;
};
static_assert(sizeof(Call) == 64);

// The payload's instructions, which run at any address. They begin with r14 =
// the list's address, r15 = how many calls are in it.
std::span<const u8> payload();

} // namespace hostile

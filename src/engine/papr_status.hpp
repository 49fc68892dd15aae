/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hypercall status to errno.
 *
 * PAPR "Hypervisor Call Return Codes", values as in asm/hvcall.h.  A status
 * never leaves the engine as a number: H_PARAMETER is -4 and would read as
 * EINTR.
 */
#pragma once

#include "result.hpp"

namespace tce::papr {

inline constexpr long kSuccess = 0;
inline constexpr long kBusy = 1;
inline constexpr long kHardware = -1;
inline constexpr long kLongBusyFirst = 9900; /* H_LONG_BUSY_ORDER_1_MSEC */
inline constexpr long kLongBusyLast = 9905;  /* H_LONG_BUSY_ORDER_100_SEC */
inline constexpr long kNoMem = -9;
inline constexpr long kResource = -16;

constexpr bool is_long_busy(long status)
{
	return status >= kLongBusyFirst && status <= kLongBusyLast;
}
constexpr bool is_busy(long status)
{
	return status == kBusy || is_long_busy(status);
}

/* H_LONG_BUSY_ORDER_*: 10^n ms. */
constexpr u32 long_busy_ms(long status)
{
	u32 ms = 1;

	for (long n = kLongBusyFirst; n < status; n++)
		ms *= 10;
	return ms;
}
static_assert(long_busy_ms(9900) == 1 && long_busy_ms(9905) == 100000);

/* What is left when the waiting is over: whoever is still busy has refused. */
constexpr Errc to_errc(long status)
{
	switch (status) {
	case kSuccess:
		return Errc::Ok;
	case kNoMem:
	case kResource:
		return Errc::NoMem;
	default:
		return Errc::Io;
	}
}

static_assert(to_errc(0) == Errc::Ok && to_errc(-4) == Errc::Io && to_errc(-9) == Errc::NoMem);
static_assert(to_errc(kBusy) == Errc::Io && is_busy(9903) && !is_busy(9906) && !is_busy(0));

} /* namespace tce::papr */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long we wait for a hypervisor that is busy.
 *
 * H_BUSY says nothing of when to come again: after 1 ms, 2 ms, 4 ms, then each
 * 8 ms, for a second in all.  H_LONG_BUSY_ORDER_* names a time, and that is
 * waited, for ten minutes in all.  KVM's callbacks cannot sleep: they try for
 * some milliseconds and leave the rest to the deferred flush.
 */
#pragma once

#include "papr_status.hpp"

namespace tce {

class Patience {
public:
	enum class Kind {
		Atomic,	  /* cannot sleep */
		Killable, /* a fatal signal ends it */
		Stubborn, /* there is nobody to tell that it failed */
	};

	/* @worn_out: it was in vain the last time. */
	explicit Patience(Kind kind, bool worn_out = false)
		: kind_(kind),
		  short_ms_(worn_out ? 2 * kLongestStepMs : kShortMs),
		  long_ms_(worn_out ? 0 : kLongMs)
	{
	}

	[[nodiscard]] bool sleeps() const { return kind_ != Kind::Atomic; }

	/* Wait after the answer @status.  False: that was enough. */
	[[nodiscard]] bool wait(long status)
	{
		if (!sleeps())
			return spin();
		return papr::is_long_busy(status) ? sleep(papr::long_busy_ms(status), long_ms_) :
						    sleep(next_, short_ms_);
	}

private:
	static constexpr u32 kShortMs = 1000;
	static constexpr u32 kLongMs = 600 * 1000;
	static constexpr u32 kLongestStepMs = 8;
	static constexpr u32 kSpinUs = 10 * 1000;

	bool spin()
	{
		if (spun_us_ >= kSpinUs)
			return false;
		tce_port_delay_us(step_us_);
		spun_us_ += step_us_;
		step_us_ *= 2;
		return true;
	}
	bool sleep(u32 ms, u32 &left)
	{
		if (!left)
			return false;
		ms = min(ms, left);
		left -= ms;
		next_ = min(2 * next_, kLongestStepMs);
		return !tce_port_wait_ms(ms, kind_ == Kind::Killable);
	}

	const Kind kind_;
	u32 short_ms_;
	u32 long_ms_;
	u32 next_ = 1;
	u32 step_us_ = 50;
	u32 spun_us_ = 0;
};

} /* namespace tce */

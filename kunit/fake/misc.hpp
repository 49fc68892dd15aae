// SPDX-License-Identifier: GPL-2.0-only
/* port.h, misc.h: tasks, time, trouble, figures. */
#ifndef TCE_FAKE_MISC_HPP
#define TCE_FAKE_MISC_HPP

#include "users.hpp"

namespace fake {

class Misc : public Part<Misc> {
public:
	u64 waits = 0, waited_ms = 0; /* tce_port_wait_ms() */
	u64 delays = 0, delayed_us = 0;
	/* Times that the engine let time pass, asleep or not. */
	u64 pauses() const { return waits + delays; }
	u64 yields = 0;
	u64 syncs = 0;

	bool allow_warn = false;
	u64 warns = 0;
	s64 counters[TCE_COUNTERS] = {};

	void check_balance() const;
	void reset_counts();
};

template <> Misc *Part<Misc>::here;

} // namespace fake

#endif /* TCE_FAKE_MISC_HPP */

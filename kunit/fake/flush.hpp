// SPDX-License-Identifier: GPL-2.0-only
/* port.h, ktable.h: deferred flushes; they run when a case says so. */
#ifndef TCE_FAKE_FLUSH_HPP
#define TCE_FAKE_FLUSH_HPP

#include "users.hpp"

struct tce_flush {
	fake::u32 magic;
	tce_flush *next;
	tce_table *table;
	bool armed;
	fake::u32 running;
};

namespace fake {

class Flushes : public Part<Flushes> {
public:
	~Flushes();

	tce_flush *flushes = nullptr;
	u64 live_flushes = 0;
	u64 arms = 0; /* calls that do so, in vain or not */

	/*
	 * Run what tce_port_flush_arm() armed, and what came later; returns how
	 * many flushes.
	 */
	u32 run_deferred();
	u32 armed() const;

	void check_balance() const;
	void reset_counts() { arms = 0; }
};

template <> Flushes *Part<Flushes>::here;

} // namespace fake

#endif /* TCE_FAKE_FLUSH_HPP */

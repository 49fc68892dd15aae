// SPDX-License-Identifier: GPL-2.0-only
/* What the cases of v1 containers share. */
#ifndef TCE_CASES_V1_HPP
#define TCE_CASES_V1_HPP

#include "params.hpp"
#include "rig.hpp"
#include "snapshot.hpp"

namespace fake::v1 {

inline constexpr u64 kWindow = 8 * kMiB;
inline constexpr u64 kEntries = kWindow / 4096;

inline Config config_of(unsigned int param)
{
	Config c = with_host(param);

	c.version = TCE_V1;
	c.fw.default_size = kWindow;
	return c;
}

/* What ENABLE charges. */
inline u64 charge_of(const Rig &r)
{
	return kWindow >> r.w.config.page_shift;
}

/* As many pins as live entries. */
inline void check_pins(const Rig &r, u64 entries)
{
	TCE_EXPECT_EQ(r.w.live_pins, entries);
	TCE_EXPECT_EQ(r.w.live_tces(), entries);
}

} // namespace fake::v1

#endif /* TCE_CASES_V1_HPP */

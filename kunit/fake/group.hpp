// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups (PEs): their windows in the firmware, the tables that KVM finds in
 * them, their device tree.
 */
#ifndef TCE_FAKE_GROUP_HPP
#define TCE_FAKE_GROUP_HPP

#include "base.hpp"

namespace fake {

inline constexpr u32 kMaxGroups = 4;

struct FwWindow {
	bool live;
	bool is_default; /* made by firmware, not by create */
	u32 liobn;
	u64 start;
	u32 page_shift;
	u32 window_shift;
	Sparse tces;

	u64 entries() const { return bit(window_shift - page_shift); }
	u64 end() const { return start + bit(window_shift); }
};

constexpr bool tce_live(u64 tce)
{
	return tce & (TCE_PERM_READ | TCE_PERM_WRITE);
}

constexpr u64 tce_hpa(u64 tce)
{
	return tce & ~0xfffull;
}

} // namespace fake

struct tce_port_group {
	fake::u32 index;
	tce_group_caps caps;
	fake::u64 default_start; /* where its firmware puts windows */
	fake::u64 ddw_start;
	fake::FwWindow win[TCE_MAX_WINDOWS];
	fake::u32 next_liobn;
	tce_ktable *slot[TCE_MAX_WINDOWS];
	tce_dt_windows dt;
	fake::u64 dt_updates;
};

namespace fake {

class Groups : public Part<Groups> {
public:
	Groups();

	tce_port_group groups[kMaxGroups] = {};
	bool skip_dt = false;

	FwWindow *window_by_liobn(u32 liobn);
	FwWindow *window_at(u32 group, u64 ioba);
	void make_default(tce_port_group &g);

	/* The device tree says what is. */
	void check_dt() const;
	/* The part of the balance that must hold whenever VFIO has no group. */
	void check_balance() const;
};

template <> Groups *Part<Groups>::here;

tce_port_group &check_group(tce_port_group *g);

} // namespace fake

#endif /* TCE_FAKE_GROUP_HPP */

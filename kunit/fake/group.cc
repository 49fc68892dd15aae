// SPDX-License-Identifier: GPL-2.0-only
/* Groups (PEs) as firmware leaves them; see group.hpp. */
#include "group.hpp"

namespace fake {

template <> constinit Groups *Part<Groups>::here = nullptr;

Groups::Groups()
{
	const Config &c = Base::here->config;

	for (u32 i = 0; i < kMaxGroups; i++) {
		tce_port_group &g = groups[i];

		g.index = i;
		g.default_start = c.fw.default_start;
		g.ddw_start = c.fw.ddw_start;
		if (i >= c.groups)
			continue;
		g.dt.has_default = 1;
		g.caps.platform = c.platform;
		g.caps.node = -1;
		g.caps.default_start = c.fw.default_start;
		g.caps.default_size = c.fw.default_size;
		g.caps.pgsizes = c.fw.pgsizes;
		if (c.platform == TCE_PLATFORM_IODA2) {
			g.caps.node = static_cast<int>(i);
			g.caps.second_start = c.fw.ddw_start;
			g.caps.max_windows = TCE_MAX_WINDOWS;
			continue;
		}
		make_default(g);
		g.next_liobn = g.win[0].liobn + 1;
		g.caps.flags = (c.fw.has_ddw ? TCE_GROUP_HAS_DDW : 0) |
			       (c.fw.has_reset ? TCE_GROUP_HAS_RESET : 0);
		g.caps.default_liobn = g.win[0].liobn;
		g.caps.max_windows = c.fw.has_ddw ? c.fw.max_windows : 1;
	}
}

tce_port_group &check_group(tce_port_group *g)
{
	if (g < &Groups::here->groups[0] || g >= &Groups::here->groups[Base::here->config.groups])
		env_panic(__FILE__, __LINE__, "no such group");
	return *g;
}

void Groups::make_default(tce_port_group &g)
{
	FwWindow &w = g.win[0];
	u32 shift = 0;

	while (bit(shift) < Base::here->config.fw.default_size)
		shift++;
	w.live = true;
	w.is_default = true;
	w.liobn = 0x80000000u | g.index << 16;
	w.start = g.default_start;
	w.page_shift = 12;
	w.window_shift = shift;
}

FwWindow *Groups::window_by_liobn(u32 liobn)
{
	for (u32 i = 0; i < Base::here->config.groups; i++) {
		for (FwWindow &w : groups[i].win) {
			if (w.live && w.liobn == liobn)
				return &w;
		}
	}
	return nullptr;
}

FwWindow *Groups::window_at(u32 group, u64 ioba)
{
	for (FwWindow &w : groups[group].win) {
		if (w.live && w.start <= ioba && ioba - w.start < bit(w.window_shift))
			return &w;
	}
	return nullptr;
}

void Groups::check_dt() const
{
	for (u32 i = 0; i < Base::here->config.groups; i++) {
		const tce_port_group &g = groups[i];
		bool def = false, ddw = false;

		if (!g.dt_updates || skip_dt)
			continue;
		for (const FwWindow &w : g.win) {
			if (!w.live)
				continue;
			def = def || w.is_default;
			if (g.dt.has_ddw && w.liobn == g.dt.liobn && w.start == g.dt.start &&
			    w.page_shift == g.dt.page_shift && w.window_shift == g.dt.window_shift)
				ddw = true;
		}
		if (g.dt.has_default && !def)
			FAKE_FAIL("group %u: ibm,dma-window without a default window", i);
		if (!g.dt.has_default && def)
			FAKE_FAIL("group %u: a default window without ibm,dma-window", i);
		if (g.dt.has_ddw && !ddw)
			FAKE_FAIL("group %u: the DDW property names no window", i);
	}
}

void Groups::check_balance() const
{
	const char *what = "left at the end";

	for (u32 i = 0; i < Base::here->config.groups; i++) {
		const tce_port_group &g = groups[i];

		for (u32 n = 0; n < TCE_MAX_WINDOWS; n++) {
			const FwWindow &w = g.win[n];

			if (w.live && w.tces.used()) {
				FAKE_FAIL("group %u: %llu entries in window 0x%llx %s", i,
					  w.tces.used(), w.start, what);
			}
			const bool firmwares = n == 0 &&
					       Base::here->config.platform == TCE_PLATFORM_PAPR;

			if (w.live != firmwares || (w.live && !w.is_default)) {
				FAKE_FAIL("group %u: window %u is %s at the end", i, n,
					  w.live ? "there" : "missing");
			}
			if (g.slot[n])
				FAKE_FAIL("group %u: table %u visible at the end", i, n);
		}
		if (!g.dt.has_default || g.dt.has_ddw)
			FAKE_FAIL("group %u: the device tree is not as it was", i);
	}
}

} // namespace fake

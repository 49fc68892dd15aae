// SPDX-License-Identifier: GPL-2.0-only
/* The world: its making, its end, fault injection and the balance sheet. */
#include "world.hpp"

namespace fake {

void moment()
{
	/* The case's own vCPU calls the port as well. */
	if (!world || !world->on_moment || env_self()->in_user || env_self()->in_moment)
		return;
	env_self()->in_moment = 1;
	world->on_moment(world->moment_arg, env_self()->nr_spins > 0);
	env_self()->in_moment = 0;
}

constinit World *world = nullptr;

const u32 World::kShiftOf[World::kShifts] = { 12, 16, 21, 24, 28, 30, 34 };

const char *site_name(Site s)
{
	static const char *const names[] = {
		"alloc",
		"page_alloc",
		"level_alloc",
		"charge",
		"mem_get",
		"mem_map",
		"pin",
		"ddw_query",
		"ddw_create",
		"ddw_remove",
		"ddw_reset",
		"h_put_tce",
		"h_put_tce_indirect",
		"h_stuff_tce",
		"ioda_set_window",
		"ioda_unset_window",
		"ktable_create",
		"flush_create",
		"killed",
	};

	static_assert(sizeof(names) / sizeof(names[0]) == static_cast<u32>(Site::Count));
	return s < Site::Count ? names[static_cast<u32>(s)] : "?";
}

World::World(const Config &c) : config(c)
{
	for (u32 i = 0; i < kMaxMms; i++) {
		mm[i].index = i;
		mm[i].limit = c.locked_limit;
	}
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
	world = this;
	run_as(0);
}

World::~World()
{
	users.run_later();
	if (!skip_balance)
		check_balance();
	while (ktables) {
		tce_ktable *k = ktables;

		ktables = k->next;
		env_free(k);
	}
	for (tce_mm &m : mm) {
		while (m.mems) {
			tce_mem *mem = m.mems;

			m.mems = mem->next;
			env_free(mem);
		}
	}
	while (flushes) {
		tce_flush *f = flushes;

		flushes = f->next;
		env_free(f);
	}
	while (graveyard) {
		tce_mem *mem = graveyard;

		graveyard = mem->next;
		env_free(mem);
	}
	users.free_all();
	env_self()->mm = nullptr;
	world = nullptr;
}

void World::make_default(tce_port_group &g)
{
	FwWindow &w = g.win[0];
	u32 shift = 0;

	while (bit(shift) < config.fw.default_size)
		shift++;
	w.live = true;
	w.is_default = true;
	w.liobn = 0x80000000u | g.index << 16;
	w.start = g.default_start;
	w.page_shift = 12;
	w.window_shift = shift;
}

void run_as(u32 which)
{
	env_self()->mm = &world->mm[which];
}

void as_task(u32 n)
{
	env_self()->task = n;
}

/* --- Fault injection ------------------------------------------------------------ */

void World::fail_nth(u64 nth, u32 sites, bool sticky, long status, u32 apply)
{
	inject_state = {};
	inject_state.sites = sites;
	inject_state.nth = nth;
	inject_state.sticky = sticky;
	inject_state.status = status;
	inject_state.apply = apply;
}

/* The caller holds the world's lock. */
bool World::inject(Site s)
{
	Inject &in = inject_state;

	if (!in.nth || !(in.sites & site_bit(s)) || env_self()->no_fail)
		return false;
	in.seen++;
	if (in.seen != in.nth && !(in.sticky && in.seen > in.nth))
		return false;
	in.fired++;
	in.last = s;
	return true;
}

void World::script(const Script &s)
{
	for (Script &slot : scripts) {
		if (!slot.times) {
			slot = s;
			return;
		}
	}
	FAKE_FAIL("too many scripts");
}

void World::no_scripts()
{
	for (Script &slot : scripts)
		slot = {};
}

void World::reset_counts()
{
	for (HcallCount &c : hcalls)
		c = {};
	for (u64 &c : ddw_calls)
		c = 0;
	refused_hcalls = 0;
	waits = waited_ms = 0;
	delays = delayed_us = 0;
	ioda.kills = 0;
	ioda.killed_entries = 0;
	ioda.sets = ioda.unsets = 0;
	total_allocs = 0;
	peak_bytes = live_bytes;
	yields = mem_puts = 0;
	syncs = 0;
	arms = 0;
}

u64 World::hcall_total() const
{
	u64 sum = 0;

	for (const HcallCount &c : hcalls)
		sum += c.calls;
	return sum;
}

/* --- The balance sheet ------------------------------------------------------------- */

void World::check_dt() const
{
	for (u32 i = 0; i < config.groups; i++) {
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

void World::check_balance_of_firmware() const
{
	const char *what = "left at the end";

	ioda.check_balance();
	for (u32 i = 0; i < config.groups; i++) {
		const tce_port_group &g = groups[i];

		for (u32 n = 0; n < TCE_MAX_WINDOWS; n++) {
			const FwWindow &w = g.win[n];

			if (w.live && w.tces.used()) {
				FAKE_FAIL("group %u: %llu entries in window 0x%llx %s", i,
					  w.tces.used(), w.start, what);
			}
			const bool firmwares = n == 0 && config.platform == TCE_PLATFORM_PAPR;

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

void World::check_balance() const
{
	const char *what = "left at the end";

	if (live_blocks)
		FAKE_FAIL("%llu allocations (%llu bytes) %s", live_blocks, live_bytes, what);
	if (live_pages)
		FAKE_FAIL("%llu pages %s", live_pages, what);
	if (live_locks)
		FAKE_FAIL("%lld locks %s", live_locks, what);
	if (live_ktables)
		FAKE_FAIL("%llu tables of KVM %s", live_ktables, what);
	if (live_flushes)
		FAKE_FAIL("%llu deferred flushes %s", live_flushes, what);
	if (users.waiting())
		FAKE_FAIL("%llu calls that wait for KVM %s", users.waiting(), what);
	if (counters[TCE_COUNT_LEAVES])
		FAKE_FAIL("%lld leaves %s", counters[TCE_COUNT_LEAVES], what);
	for (const tce_mm &m : mm) {
		if (m.refs)
			FAKE_FAIL("mm %u: %llu references %s", m.index, m.refs, what);
		if (m.locked_port)
			FAKE_FAIL("mm %u: %llu pages charged %s", m.index, m.locked_port, what);
		for (const tce_mem *mem = m.mems; mem; mem = mem->next) {
			FAKE_FAIL("mm %u: memory 0x%llx used %llu mapped %lld %s", m.index, mem->ua,
				  mem->used, mem->mapped, what);
		}
	}
	if (live_pins)
		FAKE_FAIL("%llu pins of pages %s", live_pins, what);
	if (ioda.live_levels)
		FAKE_FAIL("%llu levels of tables %s", ioda.live_levels, what);
	check_balance_of_firmware();
	lock_check_none_held("the end");
}

} // namespace fake

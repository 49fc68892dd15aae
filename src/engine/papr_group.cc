// SPDX-License-Identifier: GPL-2.0-only
/*
 * The DMA windows that the firmware of a pSeries machine has for one PE, see
 * papr_group.hpp.
 */
#include "papr_group.hpp"

#include "papr_tce.hpp"
#include "patience.hpp"

namespace tce {

namespace {

/* "ibm,dma-window" describes a window with pages of this size, always. */
constexpr unsigned int kDefaultPageShift = 12;

} /* namespace */

bool PaprGroup::any_open() const
{
	for (const HwWindow &w : windows_) {
		if (w.open)
			return true;
	}
	return false;
}

bool PaprGroup::fits_default(const Geometry &geometry) const
{
	return geometry.page().lg2() == kDefaultPageShift &&
	       geometry.window_size() <= caps_.default_size;
}

Status PaprGroup::take_over()
{
	Status cleared = clear_default();

	/* It may not be there at all: the reset after its last user has failed. */
	if (!cleared.ok() && has_reset() && reset())
		cleared = {};
	update_device_tree();
	return cleared;
}

Status PaprGroup::clear_default()
{
	const u64 entries = caps_.default_size >> kDefaultPageShift;
	u32 calls = 0;

	for (u64 at = 0; at < entries; at += papr::kRun) {
		const papr::Target to = { caps_.default_liobn, PageShift(kDefaultPageShift),
					  default_start() + (at << kDefaultPageShift) };
		const u64 nr = min<u64>(entries - at, papr::kRun);

		Patience patience(Patience::Kind::Stubborn);
		long status = papr::clear_run(to, static_cast<unsigned int>(nr), calls);

		while (papr::is_busy(status) && patience.wait(status))
			status = papr::clear_run(to, static_cast<unsigned int>(nr), calls);
		if (Errc refused = papr::to_errc(status); refused != Errc::Ok)
			return refused;
		tce_port_yield();
	}
	return {};
}

Status PaprGroup::open(unsigned int slot, const Geometry &geometry, const Iova *want,
		       bool backs_default)
{
	if (backs_default)
		return adopt_default(slot, geometry) ? Status() : Status(Errc::Perm);
	recover();

	if (fits_default(geometry) && !default_taken_ && (!want || *want == default_start())) {
		if (!default_present_ && !any_open())
			reset();
		if (default_present_ && adopt_default(slot, geometry))
			return {};
	}

	Status created = create(slot, geometry, want);

	/* Even if not: the default window may have made room for it. */
	update_device_tree();
	return created;
}

bool PaprGroup::adopt_default(unsigned int slot, const Geometry &geometry)
{
	if (!TCE_ASSERT(default_present_ && fits_default(geometry)))
		return false;
	/* It was parked with entries that did not close. */
	if (default_unclear_ && !clear_default().ok())
		return false;
	default_unclear_ = false;
	windows_[slot] = { true, true, caps_.default_liobn, default_start(), geometry };
	default_taken_ = true;
	update_device_tree();
	return true;
}

Status PaprGroup::create(unsigned int slot, const Geometry &geometry, const Iova *want)
{
	if (!has_ddw())
		return Errc::NoSpc;

	/* The default window in the firmware, if not userspace's, stands at the first address. */
	const bool parked = default_present_ && !default_taken_;

	if (parked && !any_open() && (!want || *want == default_start()))
		remove_default();
	/* ... and must stand there for the next one to come up elsewhere. */
	if (!default_present_ && !any_open() && want && !(*want == default_start()))
		reset();

	/*
	 * Beside another window the parked one stays: what came up instead of it could be refused, and then
	 * the default window would be lost.
	 */
	const tce_ddw_query query = TCE_TRY(query_for(geometry));

	if (!query.available)
		return Errc::NoSpc;

	tce_ddw_window made = {};

	Status status = Status::from_port(
		tce_port_ddw_create(port_, geometry.page().lg2(),
				    geometry.page().lg2() + geometry.entries_lg2(), &made));

	/* Nobody waited for the answer: there may be a window that we do not know, all clear. */
	if (status.error() == Errc::Intr || status.error() == Errc::Busy)
		lost_ = true;
	TCE_TRY(status);

	const Iova start(made.start);
	Errc refused = wraps(start.raw, geometry.window_size()) ? Errc::Io : Errc::Ok;

	for (const HwWindow &w : windows_) {
		if (w.overlaps(start, geometry.window_size()))
			refused = Errc::Io;
	}
	if (default_present_ && start < default_start() + caps_.default_size &&
	    default_start() < start + geometry.window_size())
		refused = Errc::Io;
	if (!geometry.page().aligned(start.raw))
		refused = Errc::Io;
	if (want && !(*want == start))
		refused = Errc::Perm;

	windows_[slot] = { true, false, made.liobn, start, geometry };
	if (refused != Errc::Ok) {
		tce_port_log_for(
			log_, TCE_LOG_WINDOWS,
			"group %d: firmware put a DMA window at %llx where it cannot be used\n",
			id(), made.start);
		close(slot, true);
		return refused;
	}
	return {};
}

Result<tce_ddw_query> PaprGroup::query_for(const Geometry &geometry)
{
	tce_ddw_query query = {};

	TCE_TRY(Status::from_port(tce_port_ddw_query(port_, &query)));
	if (!(query.pgsizes >> geometry.page().lg2() & 1))
		return Errc::Inval;
	if (query.available && query.largest < geometry.entries())
		return Errc::Inval;
	return query;
}

bool PaprGroup::close(unsigned int slot, bool clear, bool leaving)
{
	const HwWindow was = windows_[slot];

	windows_[slot] = {};
	if (was.is_default) {
		default_taken_ = false;
		default_unclear_ = !clear;
		/* What the platform expects to find need not go for a moment. */
		if (!any_open() && !(leaving && clear))
			remove_default();
	} else if (tce_port_ddw_remove(port_, was.liobn)) {
		tce_port_log_for(log_, TCE_LOG_WINDOWS,
				 "group %d: firmware does not remove the DMA window at %llx\n",
				 id(), was.start.raw);
		lost_ = true;
		unclear_ = unclear_ || !clear;
	} else if (!any_open() && !default_present_ && !lost_) {
		learn_of_default();
	}
	recover();
	update_device_tree();
	return clear || unreachable();
}

void PaprGroup::let_go_of_default()
{
	default_taken_ = false;
	recover();
	if (!any_open())
		remove_default();
	update_device_tree();
}

bool PaprGroup::hand_back()
{
	if (lost_ || !unreachable() || !default_present_)
		reset();
	if (default_unclear_ && clear_default().ok())
		default_unclear_ = false;
	update_device_tree();
	return unreachable();
}

/* Nothing of ours is open: what the firmware did not remove, or close, goes by a reset. */
void PaprGroup::recover()
{
	if ((lost_ || !unreachable()) && !any_open())
		reset();
}

void PaprGroup::remove_default()
{
	/* What could not be brought back is not removed. */
	if (!has_reset() || !TCE_ASSERT(default_present_))
		return;
	if (tce_port_ddw_remove(port_, caps_.default_liobn)) {
		/* It is there for all we know; a reset will make it true. */
		tce_port_log_for(log_, TCE_LOG_WINDOWS,
				 "group %d: firmware does not remove the default DMA window\n",
				 id());
		lost_ = true;
	} else {
		default_present_ = false;
		default_unclear_ = false;
	}
}

bool PaprGroup::reset()
{
	if (!has_reset())
		return false;
	if (tce_port_ddw_reset(port_)) {
		tce_port_log_for(log_, TCE_LOG_WINDOWS,
				 "group %d: firmware does not bring back the default DMA window\n",
				 id());
		return false;
	}
	default_present_ = true;
	lost_ = false;
	unclear_ = false;
	default_unclear_ = false;
	return true;
}

/* The last window is gone: has the firmware brought back the default one? */
void PaprGroup::learn_of_default()
{
	tce_ddw_query query = {};

	if (tce_port_ddw_query(port_, &query))
		reset();
	else if (query.available < caps_.max_windows)
		default_present_ = true;
}

void PaprGroup::update_device_tree()
{
	tce_dt_windows dt = {};

	dt.has_default = default_present_;
	for (const HwWindow &w : windows_) {
		if (!w.open || w.is_default || dt.has_ddw)
			continue;
		dt.has_ddw = 1;
		dt.liobn = w.liobn;
		dt.page_shift = w.geometry.page().lg2();
		dt.window_shift = w.geometry.page().lg2() + w.geometry.entries_lg2();
		dt.start = w.start.raw;
	}
	tce_port_dt_update(port_, &dt);
}

} /* namespace tce */

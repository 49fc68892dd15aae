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

	/*
	 * It may not be there at all: the reset after its last user has failed.
	 */
	if (!cleared.ok() && has_reset() && reset())
		cleared = {};
	update_device_tree();
	return cleared;
}

Status PaprGroup::clear_default()
{
	const u64 entries = caps_.default_size >> kDefaultPageShift;
	u32 calls = 0;

	for (u64 at = 0; at < entries; at += kRun) {
		const papr::Target to = { caps_.default_liobn, PageShift(kDefaultPageShift),
					  default_start() + (at << kDefaultPageShift) };
		const u64 nr = min<u64>(entries - at, kRun);

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

Result<Iova> PaprGroup::open(unsigned int slot, const Geometry &geometry, const Iova *want,
			     Backs backs)
{
	if (backs == Backs::Nothing)
		TCE_TRY(open_new(slot, geometry, want));
	else if (!adopt_default(slot, geometry))
		return Errc::Perm;
	return windows_[slot].start;
}

Status PaprGroup::open_new(unsigned int slot, const Geometry &geometry, const Iova *want)
{
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
	if (default_entries_ == Entries::Unsynced && !clear_default().ok())
		return false;
	default_entries_ = Entries::Clear;
	windows_[slot] = { true, true, caps_.default_liobn, default_start(), geometry };
	default_taken_ = true;
	update_device_tree();
	return true;
}

Status PaprGroup::create(unsigned int slot, const Geometry &geometry, const Iova *want)
{
	if (!has_ddw())
		return Errc::NoSpc;

	/*
	 * The default window in the firmware, if not userspace's, stands at the
	 * first address.
	 */
	const bool parked = default_present_ && !default_taken_;

	if (parked && !any_open() && (!want || *want == default_start()))
		remove_default();
	/* ... and must stand there for the next one to come up elsewhere. */
	if (!default_present_ && !any_open() && want && !(*want == default_start()))
		reset();

	/*
	 * Beside another window the parked one stays: what came up instead of
	 * it could be refused, and then the default window would be lost.
	 */
	const tce_ddw_query query = TCE_TRY(query_for(geometry));

	if (!query.available)
		return Errc::NoSpc;

	tce_ddw_window made = {};

	Status status = Status::from_port(
		tce_port_ddw_create(port_, geometry.page().lg2(),
				    geometry.page().lg2() + geometry.entries_lg2(), &made));

	/*
	 * Nobody waited for the answer: there may be a window that we do not
	 * know, all clear.
	 */
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
		let_go(slot, Entries::Clear, Then::Stay);
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

/*
 * Userspace has again what it had: a new window goes, the default one is its
 * own as before.
 */
void PaprGroup::close(unsigned int slot, Backs backs)
{
	if (backs == Backs::Default)
		windows_[slot] = {};
	else
		let_go(slot, Entries::Clear, Then::Stay);
}

Reach PaprGroup::let_go(unsigned int slot, Entries entries, Then then)
{
	const HwWindow was = windows_[slot];

	windows_[slot] = {};
	if (was.is_default) {
		default_taken_ = false;
		default_entries_ = entries;
		/*
		 * What the platform expects to find need not go for a moment.
		 */
		if (!any_open() && (then != Then::HandBack || entries != Entries::Clear))
			remove_default();
	} else if (tce_port_ddw_remove(port_, was.liobn)) {
		tce_port_log_for(log_, TCE_LOG_WINDOWS,
				 "group %d: firmware does not remove the DMA window at %llx\n",
				 id(), was.start.raw);
		lost_ = true;
		lost_entries_ = max(lost_entries_, entries);
	} else if (!any_open() && !default_present_ && !lost_) {
		requery_default();
	}
	recover();
	update_device_tree();
	return entries == Entries::Clear ? Reach::None : reach();
}

/* --- Mirrors there of a container's windows ------------------------------- */

Result<Mirror *> PaprGroup::make_mirror(unsigned int slot, Window &window)
{
	return window.make_mirror(windows_[slot].liobn);
}

Status PaprGroup::connect(unsigned int slot, Window &window, Mirror &mirror)
{
	Entries left = Entries::Clear;
	const Status status = window.connect_mirror(mirror, left);

	if (!status.ok())
		let_go(slot, left, Then::Stay);
	else if (for_kvm_)
		tce_port_group_set_table(port_, slot, mirror.ktable);
	return status;
}

void PaprGroup::hide(unsigned int slot)
{
	if (for_kvm_)
		tce_port_group_set_table(port_, slot, nullptr);
}

Reach PaprGroup::disconnect(unsigned int slot, Window &window, Mirror *mirror, Then then)
{
	hide(slot);

	const Entries left = window.clear_mirror(*mirror);
	const Reach reach = let_go(slot, left, then);

	window.drop_mirror(mirror);
	return reach;
}

/* --- Leaving -------------------------------------------------------------- */

void PaprGroup::let_go_of_default()
{
	default_taken_ = false;
	recover();
	if (!any_open())
		remove_default();
	update_device_tree();
}

Reach PaprGroup::hand_back()
{
	if (lost_ || reach() == Reach::Possible || !default_present_)
		reset();
	if (default_entries_ == Entries::Unsynced && clear_default().ok())
		default_entries_ = Entries::Clear;
	update_device_tree();
	return reach();
}

/*
 * Nothing of ours is open: what the firmware did not remove, or close, goes by
 * a reset.
 */
void PaprGroup::recover()
{
	if ((lost_ || reach() == Reach::Possible) && !any_open())
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
		default_entries_ = Entries::Clear;
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
	lost_entries_ = Entries::Clear;
	default_entries_ = Entries::Clear;
	return true;
}

/* The last window is gone: has the firmware brought back the default one? */
void PaprGroup::requery_default()
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

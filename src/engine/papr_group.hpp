/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The DMA windows that the firmware of a pSeries machine has for one PE.
 *
 * LoPAR "Dynamic DMA Windows": query, create, remove, and as an extension reset.  The
 * firmware picks the bus address.  What is known of that choice:
 *  - the default window has a fixed address ("ibm,dma-window"), 4K pages, a fixed LIOBN;
 *  - a window created while no other exists comes up at the first address, others at
 *    the address for large windows;
 *  - removing the last window that is not the default one brings the default one back;
 *  - reset removes all and brings the default one back.
 * Userspace relies on addresses (QEMU: the first window at the default address after
 * every reset; DPDK: a large one at 0 after it removed the default one), so:
 *
 * The default window is *taken* while it is userspace's: from attach until removed, and
 * while it backs a window of ours.  When userspace lets go of it, it is removed from the firmware if
 * nothing else is open; while another window is open it is *parked* instead: closed, every entry
 * clear, and kept until the other one is gone or it is wanted back, since the
 * firmware could bring it back only by a reset, which would take the other window with
 * it.  Firmware without reset keeps its default window always, firmware without DDW has no other.
 *
 * What the firmware does not remove, and the hypervisor does not close, goes by a reset as soon as
 * nothing else is open, at the latest when the group is handed back.
 *
 * Callers hold the container's lock for writing.
 */
#pragma once

#include "geometry.hpp"

namespace tce {

/* A window in the firmware. */
struct HwWindow {
	bool open = false;
	bool is_default = false;
	u32 liobn = 0;
	Iova start;
	Geometry geometry;

	[[nodiscard]] u64 size() const { return geometry.window_size(); }
	[[nodiscard]] bool overlaps(Iova at, u64 bytes) const
	{
		return open && start < at + bytes && at < start + size();
	}
};

class PaprGroup : Pinned {
public:
	/* @log: whom messages are about. */
	PaprGroup(tce_port_group *port, const tce_group_caps &caps, tce_log_who *log)
		: port_(port), caps_(caps), log_(log)
	{
	}

	[[nodiscard]] tce_port_group *port() const { return port_; }
	[[nodiscard]] const tce_group_caps &caps() const { return caps_; }
	[[nodiscard]] const HwWindow &window(unsigned int slot) const { return windows_[slot]; }

	/*
	 * Take over from the host: clear what its driver may have left in the default window.
	 * Error: the group cannot be used.
	 */
	Status take_over();

	/*
	 * Open a window in @slot.  @want: the bus address it must have; nullptr: what the
	 * firmware picks.  @backs_default: userspace still has the default window, this is it.
	 * Inval: the firmware cannot have such a window; NoSpc: not one more; Io: it
	 * refused; Perm: not at *@want.
	 */
	Status open(unsigned int slot, const Geometry &geometry, const Iova *want,
		    bool backs_default);

	/*
	 * Close the window in @slot.  @clear: all of its entries are.  @leaving: the group is handed
	 * back next.  Whether no device can reach anything through it any more.
	 */
	bool close(unsigned int slot, bool clear, bool leaving = false);
	/* No device can reach anything through windows that are not open any more. */
	[[nodiscard]] bool unreachable() const { return !unclear_ && !default_unclear_; }

	/* Take back open() of the default window as userspace had it: it has it again. */
	void unadopt_default(unsigned int slot) { windows_[slot] = {}; }

	/* Userspace lets go of a default window that never became one of ours. */
	void let_go_of_default();

	/* Nothing is open: leave the firmware as the platform's own code expects it; unreachable(). */
	bool hand_back();

private:
	[[nodiscard]] bool has_ddw() const { return caps_.flags & TCE_GROUP_HAS_DDW; }
	[[nodiscard]] bool has_reset() const
	{
		return has_ddw() && (caps_.flags & TCE_GROUP_HAS_RESET);
	}
	[[nodiscard]] bool any_open() const;
	[[nodiscard]] bool fits_default(const Geometry &geometry) const;
	[[nodiscard]] Iova default_start() const { return Iova(caps_.default_start); }

	Status clear_default();
	bool adopt_default(unsigned int slot, const Geometry &geometry);
	Status create(unsigned int slot, const Geometry &geometry, const Iova *want);
	Result<tce_ddw_query> query_for(const Geometry &geometry);
	void remove_default();
	bool reset();
	void recover();
	void learn_of_default();
	void update_device_tree();
	[[nodiscard]] int id() const { return tce_port_group_id(port_); }

	tce_port_group *const port_;
	const tce_group_caps caps_;
	tce_log_who *const log_;
	HwWindow windows_[TCE_MAX_WINDOWS];
	bool default_present_ = true;  /* in the firmware */
	bool default_taken_ = true;    /* userspace's */
	bool lost_ = false;	       /* the firmware did not remove a window */
	bool unclear_ = false;	       /* ... of which not all entries are closed */
	bool default_unclear_ = false; /* the same of the default window, parked */
};

} /* namespace tce */

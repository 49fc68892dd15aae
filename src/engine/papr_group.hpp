/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The DMA windows that the firmware of a pSeries machine has for one PE, and
 * the mirrors there of a container's windows.
 *
 * LoPAR "Dynamic DMA Windows": query, create, remove, and as an extension
 * reset.  The firmware picks the bus address.  What is known of that choice:
 *  - the default window has a fixed address ("ibm,dma-window"), 4K pages, a
 *    fixed LIOBN;
 *  - a window created while no other exists comes up at the first address,
 *    others at the address for large windows;
 *  - removing the last window that is not the default one brings the default
 *    one back;
 *  - reset removes all and brings the default one back.
 * Userspace relies on addresses (QEMU: the first window at the default address
 * after every reset; DPDK: a large one at 0 after it removed the default one),
 * so:
 *
 * The default window is *taken* while it is userspace's: from attach until
 * removed, and while it backs a window of ours.  When userspace lets go of it,
 * it is removed from the firmware if nothing else is open; while another window
 * is open it is *parked* instead: closed, every entry clear, and kept until the
 * other one is gone or it is wanted back, since the firmware could bring it
 * back only by a reset, which would take the other window with it.  Firmware
 * without reset keeps its default window always, firmware without DDW has no
 * other.
 *
 * What the firmware does not remove, and the hypervisor does not close, goes by
 * a reset as soon as nothing else is open, at the latest when the group is
 * handed back.
 *
 * To connect a window of ours is to fill the firmware's from its shadow: the
 * firmware's becomes a mirror of it.
 *
 * Each public call is that of its name in group.hpp.
 */
#pragma once

#include "platform.hpp"

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
	explicit PaprGroup(const GroupParts &parts)
		: port_(parts.port), caps_(parts.caps), for_kvm_(parts.for_kvm), log_(parts.log)
	{
	}

	[[nodiscard]] const LevelLimits &levels() const { return kPaprLevels; }
	[[nodiscard]] Walk walk() const { return { false, caps_.node }; }

	Status take_over();
	[[nodiscard]] Reach hand_back();
	[[nodiscard]] Reach reach() const
	{
		const Entries left = max(lost_entries_, default_entries_);

		return left == Entries::Clear ? Reach::None : Reach::Possible;
	}
	void let_go_of_default();
	[[nodiscard]] bool has_default_in(unsigned int slot) const
	{
		return windows_[slot].is_default;
	}

	/* @want: nullptr: where the firmware likes. */
	Result<Iova> open(unsigned int slot, const Geometry &geometry, const Iova *want,
			  Backs backs);
	void close(unsigned int slot, Backs backs);
	Result<Mirror *> make_mirror(unsigned int slot, Window &window);
	Status connect(unsigned int slot, Window &window, Mirror &mirror);
	void hide(unsigned int slot);
	Reach disconnect(unsigned int slot, Window &window, Mirror *mirror, Then then);

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
	Status open_new(unsigned int slot, const Geometry &geometry, const Iova *want);
	bool adopt_default(unsigned int slot, const Geometry &geometry);
	Status create(unsigned int slot, const Geometry &geometry, const Iova *want);
	Result<tce_ddw_query> query_for(const Geometry &geometry);
	/*
	 * The window in @slot goes, with its entries as they are: what a device
	 * reaches there.
	 */
	Reach let_go(unsigned int slot, Entries entries, Then then);
	void remove_default();
	bool reset();
	void recover();
	void requery_default();
	void update_device_tree();
	[[nodiscard]] int id() const { return tce_port_group_id(port_); }

	tce_port_group *const port_;
	const tce_group_caps &caps_;
	const bool for_kvm_;
	tce_log_who *const log_;
	HwWindow windows_[TCE_MAX_WINDOWS];
	bool default_present_ = true; /* in the firmware */
	bool default_taken_ = true;   /* userspace's */
	bool lost_ = false;	      /* the firmware did not remove a window */
	Entries lost_entries_ = Entries::Clear;
	Entries default_entries_ = Entries::Clear; /* of the default window, parked */
};

} /* namespace tce */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A group of a container, whatever the platform.
 *
 * A window comes to a group in two steps and goes in one:
 *
 *	open        find it a place; on pSeries make it in the firmware
 *	connect     from here devices, and KVM if it may, go through the table
 *	disconnect  nothing gets through any more
 *
 * pSeries (PAPR): PaprGroup has the firmware's windows; to connect is to become a mirror of the
 * window.  PowerNV (IODA2): a PE has two windows at fixed addresses (TVE 0 and 1), nothing is there to open;
 * to connect is to give the table to the hardware, by the platform's own set_window.
 *
 * Callers hold the container's lock for writing.
 */
#pragma once

#include "papr_group.hpp"
#include "window.hpp"

namespace tce {

class Group : Pinned {
public:
	/* @for_kvm: KVM may use the tables. */
	Group(tce_port_group *port, const tce_group_caps *caps, bool for_kvm, tce_log_who *log)
		: port_(port), caps_(*caps), for_kvm_(for_kvm), papr_(port, *caps, log)
	{
	}

	[[nodiscard]] tce_port_group *port() const { return port_; }
	[[nodiscard]] int id() const { return tce_port_group_id(port_); }
	[[nodiscard]] const tce_group_caps &caps() const { return caps_; }
	[[nodiscard]] bool walks() const { return caps_.platform == TCE_PLATFORM_IODA2; }
	/* What tables of this group may look like. */
	[[nodiscard]] Result<Geometry> shape(u32 page_shift, u64 size, u32 levels) const;

	/* See PaprGroup. */
	Status take_over();
	bool hand_back();
	void let_go_of_default();

	/*
	 * A place for a window in @slot: its bus address.  @want: the one it must have, or nullptr.
	 * @backs_default: it is the default window that userspace has already.
	 */
	Result<Iova> open(unsigned int slot, const Geometry &geometry, const Iova *want,
			  bool backs_default);
	/* Undo open(). */
	void close(unsigned int slot, bool backs_default);
	/* What connect() needs that can fail without the firmware.  NoMem. */
	Status prepare(unsigned int slot, Window &window);
	void unprepare(unsigned int slot, Window &window);
	/* An error: it is not connected, closed, and unprepared. */
	Status connect(unsigned int slot, Window &window);
	/* KVM finds the table no longer. */
	void hide(unsigned int slot);
	/*
	 * Disconnect and close.  @leaving: the group is handed back next.  Whether no device of the group
	 * gets through for sure.
	 */
	bool disconnect(unsigned int slot, Window &window, bool leaving);
	/* No device gets through windows that were closed. */
	[[nodiscard]] bool unreachable() const
	{
		return walks() ? !still_walked_ : papr_.unreachable();
	}
	[[nodiscard]] bool has_default_in(unsigned int slot) const
	{
		return !walks() && papr_.window(slot).is_default;
	}

	/* NOLINTNEXTLINE(*-non-private-member-variables-in-classes): a link of the container's list */
	Group *next = nullptr;

private:
	tce_port_group *const port_;
	const tce_group_caps caps_;
	const bool for_kvm_;
	PaprGroup papr_;
	Mirror *mirrors_[TCE_MAX_WINDOWS] = {}; /* the windows' */
	bool still_walked_ = false;		/* the hardware has not let go of a table */
};

} /* namespace tce */

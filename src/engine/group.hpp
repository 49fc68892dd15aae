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
 * What a container asks of a group it asks here; PaprGroup (pSeries) and
 * IodaGroup (PowerNV) each have an answer.
 *
 * Callers hold the container's lock for writing.
 */
#pragma once

#include "ioda_group.hpp"
#include "papr_group.hpp"

namespace tce {

class Group : Pinned {
public:
	/* @for_kvm: KVM may use the tables. */
	Group(tce_port_group *port, const tce_group_caps *caps, bool for_kvm, tce_log_who *log)
		: parts_{ port, *caps, for_kvm, log },
		  platform_(caps->platform == TCE_PLATFORM_IODA2 ? Platform::Which::First :
								   Platform::Which::Second,
			    parts_)
	{
	}

	[[nodiscard]] tce_port_group *port() const { return parts_.port; }
	[[nodiscard]] int id() const { return tce_port_group_id(parts_.port); }
	[[nodiscard]] const tce_group_caps &caps() const { return parts_.caps; }

	/* What tables of this group may look like. */
	[[nodiscard]] Result<Geometry> shape(u32 page_shift, u64 size, u32 levels) const;
	/* How its hardware reads them. */
	[[nodiscard]] Walk walk() const;

	/*
	 * Take over from the host: what its driver may have left must not be
	 * reachable.  Error: the group cannot be used.
	 */
	Status take_over();
	/*
	 * Nothing is open: leave the platform as its own code expects it.  What
	 * devices can reach all the same: reach().
	 */
	[[nodiscard]] Reach hand_back();
	/*
	 * Userspace lets go of a default window that never became one of ours.
	 */
	void let_go_of_default();

	/*
	 * A place for a window in @slot: its bus address.  @want: the one it
	 * must have, or nullptr.  Inval: there can be no such window; NoSpc:
	 * not one more; Io: the firmware refused; Perm: not like that, or not
	 * at *@want.
	 */
	Result<Iova> open(unsigned int slot, const Geometry &geometry, const Iova *want,
			  Backs backs);
	/* Undo open(). */
	void close(unsigned int slot, Backs backs);
	/* What connect() needs that can fail without the firmware.  NoMem. */
	Status prepare(unsigned int slot, Window &window);
	void unprepare(unsigned int slot, Window &window);
	/* An error: it is not connected, closed, and unprepared. */
	Status connect(unsigned int slot, Window &window);
	/* KVM finds the table no longer. */
	void hide(unsigned int slot);
	/*
	 * Disconnect and close.  What devices of the group can reach through it
	 * all the same.
	 */
	[[nodiscard]] Reach disconnect(unsigned int slot, Window &window, Then then);

	/* What devices can reach through windows that are not open any more. */
	[[nodiscard]] Reach reach() const;
	/*
	 * The window in @slot is the firmware's default one, which a reset
	 * brings back.
	 */
	[[nodiscard]] bool has_default_in(unsigned int slot) const;

	/* NOLINTNEXTLINE(*-non-private-member-variables-in-classes): a link of the container's list */
	Group *next = nullptr;

private:
	using Platform = Either<IodaGroup, PaprGroup>;

	const GroupParts parts_;
	Platform platform_;
	Mirror *mirrors_[TCE_MAX_WINDOWS] = {}; /* the windows' */
};

} /* namespace tce */

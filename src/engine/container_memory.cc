// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an owner pays for before anything is mapped: ENABLE and DISABLE of a v1
 * container, REGISTER and UNREGISTER of a v2 one; see container.hpp.
 */
#include "container.hpp"

namespace tce {

/* --- v1 ------------------------------------------------------------------- */

Status Container::enable()
{
	if (!lock_.lock_killable())
		return Errc::Intr;

	Guard guard(lock_, Held{});

	TCE_TRY(check_caller());
	if (version_ != TCE_V1)
		return refuse(Errc::Inval, "not a v1 container");
	if (enabled_)
		return refuse(Errc::Busy, "it is enabled");
	if (!groups_)
		return refuse(Errc::NoDev, "no group is attached");
	if (!groups_->caps().default_size)
		return refuse(Errc::Perm, "the group has no default window");
	TCE_TRY(become_owned());
	TCE_TRY(pins_.allow(owner_->mm(), groups_->caps().default_size >> PageShift::kMin, &log_));
	enabled_ = true;
	return {};
}

Status Container::disable()
{
	if (!lock_.lock_killable())
		return Errc::Intr;

	Guard guard(lock_, Held{});

	TCE_TRY(check_caller());
	if (version_ != TCE_V1)
		return refuse(Errc::Inval, "not a v1 container");
	if (!enabled_)
		return {};
	if (Window *window = windows_[0]) {
		Releaser releaser = releaser_for(*window);

		TCE_TRY(window->unmap(window->whole(), releaser));
	}
	pins_.disallow();
	enabled_ = false;
	return {};
}

/* --- Memory --------------------------------------------------------------- */

Status Container::register_memory(u32 flags, Uaddr start, u64 size)
{
	const u64 page_mask = (1ull << tce_port_page_shift()) - 1;
	OwnerRef owner;
	{
		if (!lock_.lock_killable())
			return Errc::Intr;

		Guard guard(lock_, Held{});

		TCE_TRY(check_caller());
		if (flags || version_ == TCE_V1 || !size || ((start.raw | size) & page_mask) ||
		    wraps(start.raw, size))
			return refuse(Errc::Inval, "flags, parts of pages, or v1");
		TCE_TRY(become_owned());
		if (regions_.find_exact(start, size))
			return refuse(Errc::Busy, "it is registered");
		if (regions_.overlaps(start, size))
			return refuse(Errc::Inval, "it overlaps what is registered");
		/* The container may be closed meanwhile. */
		TCE_TRY(owner.get_current());
	}

	Region *region = make_object<Region>(start, size);

	if (!region)
		return Errc::NoMem;

	/* Pinning takes long: without the lock. */
	Status pinned = owner->pin(*region);

	if (!pinned.ok()) {
		if (pinned.error() == Errc::NoMem)
			tce_port_log_memlock(&log_, owner->mm(), size >> tce_port_page_shift(),
					     "memory to register");
		destroy_object(region);
		return refuse(pinned.error(), pinned.error() == Errc::NoMem ?
						      "RLIMIT_MEMLOCK, or no memory" :
						      "it cannot be pinned");
	}
	/* What KVM is told of its pages has to be true. */
	if (tce_port_mem_claim(region->mem(), start.raw, size >> tce_port_page_shift()))
		owner->distrust_large_pages();

	Guard guard(lock_);

	/* Two threads may have been at the same: one registered it. */
	if (closed_ || regions_.overlaps(start, size)) {
		owner->give_back_later(region);
		return closed_ ? Errc::NoDev : Errc::Busy;
	}
	regions_.insert(*region);
	enabled_ = true;
	tce_port_count(TCE_COUNT_REGIONS_REGISTERED, 1);
	return {};
}

Status Container::unregister_memory(u32 flags, Uaddr start, u64 size)
{
	const u64 page_mask = (1ull << tce_port_page_shift()) - 1;
	if (!lock_.lock_killable())
		return Errc::Intr;

	Guard guard(lock_, Held{});

	TCE_TRY(check_caller());
	if (version_ == TCE_V1)
		return refuse(Errc::Inval, "a v1 container");
	if (!owner_)
		return refuse(Errc::Perm, "nothing was registered");
	if (flags || !size || ((start.raw | size) & page_mask))
		return refuse(Errc::Inval, "flags, or a range that is not of whole pages");

	Region *region = regions_.find_exact(start, size);

	if (!region)
		return refuse(Errc::NoEnt, "exactly this is not registered");
	if (Status given = owner_->give_back(region->mem()); !given.ok())
		return refuse(given.error(), "entries name the memory");
	regions_.erase(*region);
	destroy_object(region);
	tce_port_count(TCE_COUNT_REGIONS_UNREGISTERED, 1);
	return {};
}

} /* namespace tce */

// SPDX-License-Identifier: GPL-2.0-only
/*
 * An owner: the address space that containers belong to, see owner.hpp.
 */
#include "owner.hpp"

#include "window.hpp"

namespace tce {

constinit OwnersMutex Owner::owners_lock;
constinit Owner *Owner::owners = nullptr;

Result<Owner *> Owner::get_current()
{
	Guard guard(owners_lock);

	for (Owner *owner = owners; owner; owner = owner->next_) {
		if (owner->is_current()) {
			owner->references_++;
			return owner;
		}
	}

	tce_mm *mm = tce_port_mm_get();
	Owner *owner = make_object<Owner>(mm);

	if (!owner) {
		tce_port_mm_put(mm);
		return Errc::NoMem;
	}
	owner->next_ = owners;
	owners = owner;
	return owner;
}

void Owner::put(Owner *owner)
{
	if (!owner)
		return;
	{
		Guard guard(owners_lock);

		if (--owner->references_)
			return;
		for (Owner **link = &owners; *link; link = &(*link)->next_) {
			if (*link == owner) {
				*link = owner->next_;
				break;
			}
		}
	}
	destroy_object(owner);
}

Owner::~Owner()
{
	{
		Guard guard(lock_);

		TCE_ASSERT(!windows_);
		while (Region *region = kept_.first()) {
			kept_.erase(*region);
			force(*region);
			destroy_object(region);
		}
	}
	tce_port_mm_put(mm_);
}

void Owner::add(Window &window)
{
	Guard guard(lock_);

	window.next_of_owner = windows_;
	windows_ = &window;
}

void Owner::remove(Window &window)
{
	Guard guard(lock_);

	for (Window **link = &windows_; *link; link = &(*link)->next_of_owner) {
		if (*link == &window) {
			*link = window.next_of_owner;
			break;
		}
	}
}

Status Owner::give_back(tce_mem *mem)
{
	Guard guard(lock_);

	return give_back_locked(mem);
}

Status Owner::give_back_locked(tce_mem *mem)
{
	bool published = !all_quarantined_.load_ordered();
	Status status = Errc::Busy;

	holding_.store_ordered(true);
	for (Window *w = windows_; w; w = w->next_of_owner) {
		if (w->used_by_kvm() && !w->flush_all_leaves())
			published = false;
	}
	if (published)
		status = Status::from_port(tce_port_mem_put(mm_, mem));
	holding_.store_ordered(false);
	return status;
}

void Owner::give_back_later(Region *region)
{
	Guard guard(lock_);

	retry_kept();
	/* Of memory that is kept already this is not the last reference. */
	const Status given = kept_.find_exact(region->start(), region->size()) ?
				     Status::from_port(tce_port_mem_put(mm_, region->mem())) :
				     give_back_locked(region->mem());

	if (given.ok())
		destroy_object(region);
	else if (TCE_ASSERT(!kept_.overlaps(region->start(), region->size())))
		kept_.insert(*region);
}

void Owner::retry()
{
	Guard guard(lock_);

	retry_kept();
}

void Owner::retry_kept()
{
	for (Region *region = kept_.first(); region;) {
		Region *next = RegionIndex::after(*region);

		if (give_back_locked(region->mem()).ok()) {
			kept_.erase(*region);
			destroy_object(region);
		}
		region = next;
	}
}

/*
 * No table of the owner is left, so nothing names the memory any more whatever the notes
 * say: KVM loses some on its error paths (kvmppc_clear_tce() leaves them behind).  Without this the
 * pages would stay pinned until the next boot.  Only if the platform has not
 * confirmed that a window is gone, they do.
 */
void Owner::force(Region &region)
{
	while (all_quarantined_.load_ordered() || tce_port_mem_put(mm_, region.mem())) {
		if (quarantined_.load_ordered()) {
			tce_port_log("%llu bytes stay pinned: a device may still reach them\n",
				     region.size());
			return;
		}
		tce_port_mem_unmap(region.mem(), 1);
		tce_port_yield();
	}
}

} /* namespace tce */

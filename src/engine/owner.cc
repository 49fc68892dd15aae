// SPDX-License-Identifier: GPL-2.0-only
/*
 * An owner: the address space that containers belong to, see owner.hpp.
 */
#include "owner.hpp"

#include "window.hpp"

namespace tce {

constinit OwnersMutex Owner::owners_lock;
constinit Owner *Owner::owners = nullptr;

Owner *Owner::find_current()
{
	for (Owner *owner = owners; owner; owner = owner->next_) {
		if (owner->is_current()) {
			owner->references_++;
			return owner;
		}
	}
	return nullptr;
}

/*
 * Memory can take its caller long to get: without the lock, which is
 * everybody's.
 */
Result<Owner *> Owner::get_current()
{
	{
		Guard guard(owners_lock);

		if (Owner *owner = find_current())
			return owner;
	}
	tce_mm *mm = tce_port_mm_get();
	Owner *fresh = make_object<Owner>(mm);
	Owner *other = nullptr;

	if (!fresh) {
		tce_port_mm_put(mm);
		return Errc::NoMem;
	}
	{
		Guard guard(owners_lock);

		other = find_current();
		if (!other) {
			fresh->next_ = owners;
			owners = fresh;
			return fresh;
		}
	}
	destroy_object(fresh);
	return other;
}

void Owner::put(Owner *owner)
{
	if (!owner)
		return;
	{
		Guard guard(owners_lock);

		if (--owner->references_)
			return;
		remove_from(owners, *owner, &Owner::next_);
	}
	destroy_object(owner);
}

Owner::~Owner()
{
	bool all_given = true;
	{
		Guard guard(lock_);

		TCE_ASSERT(!windows_);
		while (Region *region = kept_.first()) {
			kept_.erase(*region);
			all_given = force(*region) && all_given;
			destroy_object(region);
		}
	}
	/*
	 * What stays pinned is in a list of the address space, which therefore
	 * stays as well.
	 */
	if (all_given)
		tce_port_mm_put(mm_);
}

Status Owner::pin(Region &region)
{
	const u64 npages = region.size() >> tce_port_page_shift();
	tce_mem *mem = nullptr;

	if (!register_.lock_killable())
		return Errc::Intr;

	Guard guard(register_, Held{});

	TCE_TRY(Status::from_port(tce_port_mem_get(mm_, region.start().raw, npages, &mem)));
	region.pinned(mem);
	return {};
}

void Owner::has_group(int group)
{
	Guard guard(lock_);

	tce_port_log_add_group(&log_, group);
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

	remove_from(windows_, window, &Window::next_of_owner);
}

Status Owner::give_back(tce_mem *mem)
{
	Guard guard(lock_);

	return give_back_locked(mem);
}

Status Owner::give_back_locked(tce_mem *mem)
{
	lock_.assert_held();

	for (Window *w = windows_; w; w = w->next_of_owner) {
		if (w->used_by_kvm())
			w->flush();
	}
	if (all_quarantined_.load_ordered())
		return Errc::Busy;
	return Status::from_port(tce_port_mem_put(mm_, mem));
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
	lock_.assert_held();

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
 * No table of the owner is left, and the owner's memory was in no other's, so
 * nothing names the memory any more whatever the notes say.  There should be
 * none; were some lost all the same, the pages would stay pinned until the next
 * boot.  Only if the platform has not confirmed that a window is gone, they do.
 */
bool Owner::force(Region &region)
{
	/* How often notes are forgotten, a great many at a time. */
	constexpr unsigned int kTries = 4;

	for (unsigned int i = 0; i < kTries && !all_quarantined_.load_ordered(); i++) {
		if (!tce_port_mem_put(mm_, region.mem()))
			return true;
		if (quarantined_.load_ordered())
			break;
		tce_port_mem_unmap_all(region.mem());
	}
	tce_port_log_for(&log_, TCE_LOG_KEPT,
			 "%llu bytes stay pinned: a device may still reach them\n", region.size());
	return false;
}

} /* namespace tce */

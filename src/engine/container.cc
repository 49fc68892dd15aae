// SPDX-License-Identifier: GPL-2.0-only
/*
 * A container: groups, windows and memory; see container.hpp.  MAP and UNMAP are in
 * container_map.cc.
 */
#include "container.hpp"

namespace tce {

Container::~Container() TCE_NO_TSA
{
	TCE_ASSERT(!groups_ && !windows_[0] && !windows_[1] && !unfinished_ && !owner_);
}

Status Container::check_caller() const
{
	lock_.assert_held();
	if (closed_)
		return Errc::NoDev;
	if (owner_ && !owner_->is_current())
		return Errc::Perm;
	return {};
}

Status Container::become_owned()
{
	if (!owner_)
		owner_ = TCE_TRY(Owner::get_current());
	return {};
}

/* --- Groups ------------------------------------------------------------------ */

Status Container::attach(tce_port_group *port, const tce_group_caps &caps)
{
	Guard guard(lock_);

	if (closed_)
		return Errc::NoDev;
	for (Group *g = groups_; g; g = g->next) {
		if (g->papr.port() == port)
			return Errc::Busy;
	}

	/* Window 0 of all groups must mean the same to userspace. */
	if (groups_ && (groups_->papr.caps().default_start != caps.default_start ||
			groups_->papr.caps().default_size != caps.default_size))
		return Errc::Perm;

	Group *group = make_object<Group>(port, &caps);

	if (!group)
		return Errc::NoMem;

	Status joined = group->papr.take_over();

	if (joined.ok() && groups_)
		joined = join(*group);
	if (!joined.ok()) {
		if (!group->papr.hand_back() && owner_)
			owner_->quarantine(true);
		destroy_object(group);
		return joined;
	}
	if (!groups_)
		default_untouched_ = true;
	group->next = groups_;
	groups_ = group;
	return {};
}

/* A group that comes later gets every window that is there, or none. */
Status Container::join(Group &group)
{
	if (!default_untouched_)
		group.papr.let_go_of_default();

	for (unsigned int slot = 0; slot < TCE_MAX_WINDOWS; slot++) {
		if (!windows_[slot])
			continue;
		Status opened = open_in_group(group, slot, *windows_[slot]);

		if (opened.ok())
			continue;
		while (slot-- > 0) {
			if (windows_[slot])
				close_in_group(group, slot, *windows_[slot], true);
		}
		return opened;
	}
	return {};
}

Status Container::open_in_group(Group &group, unsigned int slot, Window &window)
{
	const Iova start = window.start();
	bool clear = true;

	TCE_TRY(group.papr.open(slot, window.geometry(), &start, false));
	group.mirrors[slot].liobn = group.papr.window(slot).liobn;
	if (Status filled = window.add_mirror(group.mirrors[slot], clear); !filled.ok()) {
		group.papr.close(slot, clear);
		return filled;
	}
	tce_port_group_set_table(group.papr.port(), slot, window.ktable());
	return {};
}

/* Whether no device of the group can reach through the window any more. */
bool Container::close_in_group(Group &group, unsigned int slot, Window &window, bool leaving)
{
	tce_port_group_set_table(group.papr.port(), slot, nullptr);

	const bool clear = window.remove_mirror(group.mirrors[slot]).ok();

	return group.papr.close(slot, clear, leaving);
}

void Container::detach(tce_port_group *port)
{
	Guard guard(lock_);
	Group **link = &groups_;

	while (*link && (*link)->papr.port() != port)
		link = &(*link)->next;
	if (!TCE_ASSERT(*link))
		return;

	Group *group = *link;

	/* The last one takes the windows along, from others just their copy goes. */
	const bool last = group == groups_ && !group->next;
	bool gone = true;

	/* The default window last: if it did not close it can be removed when it is alone. */
	for (unsigned int i = 0; i < 2 * TCE_MAX_WINDOWS; i++) {
		const unsigned int slot = i % TCE_MAX_WINDOWS;

		if (!windows_[slot] ||
		    group->papr.window(slot).is_default != (i >= TCE_MAX_WINDOWS))
			continue;
		if (last)
			close_window(slot, true);
		else
			gone = close_in_group(*group, slot, *windows_[slot], true) && gone;
	}
	*link = group->next;
	if (last)
		default_untouched_ = false;
	if (!group->papr.hand_back()) {
		unreachable_ = false;
		/* Of what a group that has left can still reach, the shadow knows nothing. */
		if (!gone)
			owner_->quarantine(true);
	}
	finish_windows();
	destroy_object(group);
}

void Container::close()
{
	Guard guard(lock_);

	TCE_ASSERT(!groups_);
	closed_ = true;
	while (Region *region = regions_.first()) {
		regions_.erase(*region);
		owner_->give_back_later(region);
	}
	Owner::put(exchange(owner_, static_cast<Owner *>(nullptr)));
}

tce_info Container::combined() const
{
	const tce_group_caps &first = groups_->papr.caps();
	tce_info info = {};

	info.dma32_start = static_cast<u32>(first.default_start);
	info.dma32_size = static_cast<u32>(first.default_size);
	info.pgsizes = first.pgsizes;
	info.max_windows = min<u32>(first.max_windows, TCE_MAX_WINDOWS);
	info.levels = Geometry::kMaxLevels;
	for (Group *g = groups_->next; g; g = g->next) {
		info.pgsizes &= g->papr.caps().pgsizes;
		info.max_windows = min(info.max_windows, g->papr.caps().max_windows);
	}
	return info;
}

Status Container::get_info(tce_info &info)
{
	ReadGuard guard(lock_);

	TCE_TRY(check_caller());
	if (!groups_)
		return Errc::Nxio;
	info = combined();
	return {};
}

/* --- Windows ------------------------------------------------------------------ */

Result<unsigned int> Container::free_slot() const
{
	/* The default window, while it is there, is window 0. */
	for (unsigned int slot = default_untouched_ ? 1 : 0; slot < TCE_MAX_WINDOWS; slot++) {
		if (!windows_[slot])
			return slot;
	}
	return Errc::NoSpc;
}

Result<Iova> Container::create_window(u32 flags, u32 page_shift, u64 size, u32 levels)
{
	Guard guard(lock_);

	TCE_TRY(check_caller());
	if (flags)
		return Errc::Inval;
	if (!groups_)
		return Errc::Nxio;

	const Geometry geometry = TCE_TRY(Geometry::make(page_shift, size, levels, kPaprLevels));

	if (!(combined().pgsizes >> page_shift & 1))
		return Errc::Inval;
	TCE_TRY(become_owned());

	const unsigned int slot = TCE_TRY(free_slot());

	Status opened = open_window(slot, geometry, false);

	/* The firmware may have been reset for it. */
	finish_windows();
	TCE_TRY(opened);
	return windows_[slot]->start();
}

/*
 * Prepare all that can fail without the firmware, then go to the firmware group by group;
 * the first one's answer is the address that all must have.
 */
Status Container::open_window(unsigned int slot, const Geometry &geometry, bool backs_default)
{
	Window *window = TCE_TRY(Window::make(*owner_, geometry));
	Status status;
	Iova start;
	bool clear = true;
	Group *failed = nullptr;

	for (Group *g = groups_; g && !failed; g = g->next) {
		status = g->papr.open(slot, geometry, g == groups_ ? nullptr : &start,
				      backs_default);
		if (!status.ok()) {
			failed = g;
			break;
		}
		if (g == groups_)
			start = g->papr.window(slot).start;
	}
	if (status.ok())
		status = window->go_live(start, groups_->papr.window(slot).liobn);
	if (!status.ok()) {
		for (Group *g = groups_; g && g != failed; g = g->next)
			backs_default ? g->papr.unadopt_default(slot) :
					static_cast<void>(g->papr.close(slot, true));
		Window::discard(window);
		return status;
	}

	for (Group *g = groups_; g; g = g->next) {
		g->mirrors[slot].liobn = g->papr.window(slot).liobn;
		/* Cannot fail because there is nothing to fill it with. */
		TCE_ASSERT(window->add_mirror(g->mirrors[slot], clear).ok());
		tce_port_group_set_table(g->papr.port(), slot, window->ktable());
	}
	windows_[slot] = window;
	tce_port_count(TCE_COUNT_WINDOWS_CREATED, 1);
	return {};
}

Status Container::remove_window(u32 flags, Iova start)
{
	Guard guard(lock_);

	TCE_TRY(check_caller());
	if (flags)
		return Errc::Inval;
	if (!groups_)
		return Errc::Nxio;

	Window *window = window_at(start);

	if (!window && default_untouched_ && start == Iova(groups_->papr.caps().default_start)) {
		TCE_TRY(become_owned());
		default_untouched_ = false;
		for (Group *g = groups_; g; g = g->next)
			g->papr.let_go_of_default();
		return {};
	}
	if (!window || !(window->start() == start))
		return Errc::Inval;
	close_window(window == windows_[0] ? 0 : 1, false);
	return {};
}

/* Cannot fail: what the firmware does not remove is closed, and reset when that is possible. */
void Container::close_window(unsigned int slot, bool leaving)
{
	Window &window = *windows_[slot];
	Releaser releaser(regions_, owner_->mm(), window.page());
	bool unreachable = true;

	windows_[slot] = nullptr;
	for (Group *g = groups_; g; g = g->next)
		tce_port_group_set_table(g->papr.port(), slot, nullptr);
	window.retire();
	if (!window.unmap(window.whole(), releaser).ok())
		tce_port_log("DMA window at %llx is removed with entries that do not close\n",
			     window.start().raw);
	releaser.flush();
	for (Group *g = groups_; g; g = g->next)
		unreachable = close_in_group(*g, slot, window, leaving) && unreachable;
	if (unreachable) {
		window.finish(releaser, true);
	} else {
		window.uncharge();
		window.next_unfinished = unfinished_;
		unfinished_ = &window;
	}
	tce_port_count(TCE_COUNT_WINDOWS_REMOVED, 1);
	finish_windows();
}

/*
 * Windows with entries that did not close wait until no group can reach through them, so that what
 * they name stays noted as mapped; when the last group is gone there is nothing to wait for.
 */
void Container::finish_windows()
{
	bool unreachable = unreachable_;

	for (Group *g = groups_; g; g = g->next)
		unreachable = g->papr.unreachable() && unreachable;
	if (groups_ && !unreachable)
		return;
	while (Window *window = unfinished_) {
		Releaser releaser(regions_, owner_->mm(), window->page());

		unfinished_ = window->next_unfinished;
		window->finish(releaser, unreachable);
	}
	if (!groups_)
		unreachable_ = true;
}

/* --- Memory -------------------------------------------------------------------- */

Status Container::register_memory(u32 flags, Uaddr start, u64 size)
{
	const u64 page_mask = (1ull << tce_port_page_shift()) - 1;
	OwnerRef owner;
	{
		Guard guard(lock_);

		TCE_TRY(check_caller());
		if (flags || !size || ((start.raw | size) & page_mask) || wraps(start.raw, size))
			return Errc::Inval;
		TCE_TRY(become_owned());
		if (regions_.find_exact(start, size))
			return Errc::Busy;
		if (regions_.overlaps(start, size))
			return Errc::Inval;
		/* The container may be closed meanwhile. */
		TCE_TRY(owner.get_current());
	}

	/* Pinning takes long: without the lock. */
	tce_mem *mem = nullptr;

	TCE_TRY(Status::from_port(
		tce_port_mem_get(owner->mm(), start.raw, size >> tce_port_page_shift(), &mem)));

	Region *region = make_object<Region>(start, size, mem);

	if (!region) {
		/* Nobody but KVM, which looks for it nowhere, knows of it. */
		TCE_ASSERT(owner->give_back(mem).ok());
		return Errc::NoMem;
	}

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
	Guard guard(lock_);

	TCE_TRY(check_caller());
	if (!owner_)
		return Errc::Perm;
	if (flags || !size || ((start.raw | size) & page_mask))
		return Errc::Inval;

	Region *region = regions_.find_exact(start, size);

	if (!region)
		return Errc::NoEnt;
	TCE_TRY(owner_->give_back(region->mem()));
	regions_.erase(*region);
	destroy_object(region);
	tce_port_count(TCE_COUNT_REGIONS_UNREGISTERED, 1);
	return {};
}

} /* namespace tce */

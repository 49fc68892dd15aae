// SPDX-License-Identifier: GPL-2.0-only
/*
 * A container: groups, windows and memory; see container.hpp.
 * ENABLE, REGISTER and their likes are in container_memory.cc, MAP and UNMAP in
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
		return refuse(Errc::NoDev, "the container is closed");
	if (owner_ && !owner_->is_current())
		return refuse(Errc::Perm, "the container belongs to another process");
	return {};
}

Status Container::become_owned()
{
	lock_.assert_held_write();
	if (owner_)
		return {};
	owner_ = TCE_TRY(Owner::get_current());
	tce_port_log_caller(&log_);
	for (Group *g = groups_; g; g = g->next)
		owner_->has_group(g->id());
	return {};
}

/* --- Groups --------------------------------------------------------------- */

Status Container::attach(tce_port_group *port, const tce_group_caps &caps)
{
	if (!lock_.lock_killable())
		return Errc::Intr;

	Guard guard(lock_, Held{});

	if (closed_)
		return refuse(Errc::NoDev, "the container is closed");
	for (Group *g = groups_; g; g = g->next) {
		if (g->port() == port)
			return refuse(Errc::Busy, "the group is attached");
	}
	if (groups_ && version_ == TCE_V1)
		return refuse(Errc::Busy, "a v1 container has one group");

	/* A window of all groups must mean the same to userspace. */
	if (groups_) {
		const tce_group_caps &ours = groups_->caps();

		if (ours.platform != caps.platform || ours.default_start != caps.default_start ||
		    ours.default_size != caps.default_size ||
		    ours.second_start != caps.second_start)
			return Errc::Perm;
	}

	Group *group = make_object<Group>(port, &caps, version_ == TCE_V2, &log_);

	if (!group)
		return Errc::NoMem;
	tce_port_log_add_group(&log_, group->id());
	if (owner_)
		owner_->has_group(group->id());

	Status joined = group->take_over();

	if (joined.ok() && groups_)
		joined = join(*group);
	if (!joined.ok()) {
		if (group->hand_back() == Reach::Possible && owner_)
			owner_->quarantine_all();
		tce_port_log_drop_group(&log_, group->id());
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
	lock_.assert_held_write();
	if (!default_untouched_)
		group.let_go_of_default();

	for (unsigned int slot = 0; slot < TCE_MAX_WINDOWS; slot++) {
		Window *window = windows_[slot];

		if (!window)
			continue;

		const Iova start = window->start();
		auto opened = group.open(slot, window->geometry(), &start, Backs::Nothing);
		Status status = opened.error();

		if (opened.ok()) {
			status = group.prepare(slot, *window);
			if (status.ok())
				status = group.connect(slot, *window);
			else
				group.close(slot, Backs::Nothing);
		}
		if (status.ok())
			continue;
		while (slot-- > 0) {
			if (windows_[slot])
				(void)group.disconnect(slot, *windows_[slot], Then::HandBack);
		}
		return status;
	}
	return {};
}

void Container::detach(tce_port_group *port)
{
	Guard guard(lock_);
	Group *group = groups_;

	while (group && group->port() != port)
		group = group->next;
	if (!TCE_ASSERT(group))
		return;

	/*
	 * The last one takes the windows along, from others just their copy
	 * goes.
	 */
	const bool last = group == groups_ && !group->next;
	Reach reach = Reach::None;

	/*
	 * The default window last: if it did not close it can be removed when
	 * it is alone.
	 */
	for (unsigned int i = 0; i < 2 * TCE_MAX_WINDOWS; i++) {
		const unsigned int slot = i % TCE_MAX_WINDOWS;

		if (!windows_[slot] || group->has_default_in(slot) != (i >= TCE_MAX_WINDOWS))
			continue;
		if (last)
			close_window(slot, Then::HandBack);
		else
			reach = max(reach,
				    group->disconnect(slot, *windows_[slot], Then::HandBack));
	}
	remove_from(groups_, *group, &Group::next);
	if (last)
		default_untouched_ = false;
	if (group->hand_back() == Reach::Possible) {
		left_reach_ = Reach::Possible;
		/*
		 * Of what a group that has left can still reach, the shadow
		 * knows nothing.
		 */
		if (reach == Reach::Possible)
			owner_->quarantine_all();
	}
	finish_windows();
	tce_port_log_drop_group(&log_, group->id());
	destroy_object(group);
}

void Container::close()
{
	Guard guard(lock_);

	TCE_ASSERT(!groups_);
	closed_ = true;
	pins_.drop();
	while (Region *region = regions_.first()) {
		regions_.erase(*region);
		owner_->give_back_later(region);
	}
	Owner::put(exchange(owner_, static_cast<Owner *>(nullptr)));
}

tce_info Container::combined() const
{
	lock_.assert_held();

	const tce_group_caps &first = groups_->caps();
	tce_info info = {};

	info.dma32_start = static_cast<u32>(first.default_start);
	info.dma32_size = static_cast<u32>(first.default_size);
	info.pgsizes = first.pgsizes;
	info.max_windows = min<u32>(first.max_windows, TCE_MAX_WINDOWS);
	info.levels = Geometry::kMaxLevels;
	for (Group *g = groups_->next; g; g = g->next) {
		info.pgsizes &= g->caps().pgsizes;
		info.max_windows = min(info.max_windows, g->caps().max_windows);
	}
	return info;
}

Status Container::get_info(tce_info &info)
{
	if (!lock_.lock_shared_killable())
		return Errc::Intr;

	ReadGuard guard(lock_, Held{});

	TCE_TRY(check_caller());
	if (!groups_)
		return Errc::Nxio;
	info = combined();
	return {};
}

/* --- Windows -------------------------------------------------------------- */

Result<unsigned int> Container::free_slot() const
{
	lock_.assert_held();
	/* The default window, while it is there, is window 0. */
	for (unsigned int slot = default_untouched_ ? 1 : 0; slot < TCE_MAX_WINDOWS; slot++) {
		if (!windows_[slot])
			return slot;
	}
	return refuse(Errc::NoSpc, "both windows are open");
}

/* What CREATE and REMOVE want before anything else. */
Status Container::check_windows(u32 flags) const
{
	TCE_TRY(check_caller());
	if (flags || version_ == TCE_V1)
		return refuse(Errc::Inval, "flags, or a v1 container");
	if (!groups_)
		return refuse(Errc::Nxio, "no group is attached");
	return {};
}

Result<Iova> Container::create_window(u32 flags, u32 page_shift, u64 size, u32 levels)
{
	if (!lock_.lock_killable())
		return Errc::Intr;

	Guard guard(lock_, Held{});

	TCE_TRY(check_windows(flags));

	auto shape = groups_->shape(page_shift, size, levels);

	if (!shape.ok())
		return refuse(shape.error(), "no window has this size, page size and levels");

	const Geometry geometry = shape.value();

	if (!(combined().pgsizes >> page_shift & 1))
		return refuse(Errc::Inval, "a page size that a group does not have");
	TCE_TRY(become_owned());

	const unsigned int slot = TCE_TRY(free_slot());

	Status opened = open_window(slot, geometry, Backs::Nothing);

	/* The firmware may have been reset for it. */
	finish_windows();
	if (!opened.ok())
		return refuse(opened.error(), "the firmware, or memory, has no such window");
	return windows_[slot]->start();
}

/*
 * Prepare all that can fail without the firmware; then find the window a place,
 * group by group: the first one's answer is the address that all must have;
 * then connect.
 */
Status Container::open_window(unsigned int slot, const Geometry &geometry, Backs backs)
{
	lock_.assert_held_write();

	Window *window = TCE_TRY(
		Window::make(*owner_, geometry, groups_->walk(), version_ == TCE_V2, &log_));

	Group *failed = nullptr;
	Status status;
	Iova start;

	for (Group *g = groups_; g && !failed; g = g->next) {
		auto opened = g->open(slot, geometry, g == groups_ ? nullptr : &start, backs);

		status = opened.error();
		if (!status.ok())
			failed = g;
		else
			start = opened.value();
	}
	if (status.ok())
		status = window->place(start);
	for (Group *g = groups_; g && status.ok(); g = g->next)
		status = g->prepare(slot, *window);
	if (!status.ok()) {
		for (Group *g = groups_; g; g = g->next)
			g->unprepare(slot, *window);
		for (Group *g = groups_; g && g != failed; g = g->next)
			g->close(slot, backs);
		Window::discard(window);
		return status;
	}
	window->go_live();

	for (Group *g = groups_; g && !failed; g = g->next) {
		status = g->connect(slot, *window);
		if (!status.ok())
			failed = g;
	}
	if (failed) {
		Releaser releaser = releaser_for(*window);

		window->retire();
		const Reach reach = disconnect_all(slot, *window, Then::Stay, failed);

		for (Group *g = failed->next; g; g = g->next) {
			g->unprepare(slot, *window);
			g->close(slot, backs);
		}
		window->finish(releaser, reach);
		return status;
	}
	windows_[slot] = window;
	tce_port_count(TCE_COUNT_WINDOWS_CREATED, 1);
	return {};
}

/* From all groups, or those before @until. */
Reach Container::disconnect_all(unsigned int slot, Window &window, Then then, const Group *until)
{
	lock_.assert_held_write();

	Reach reach = Reach::None;

	for (Group *g = groups_; g && g != until; g = g->next)
		reach = max(reach, g->disconnect(slot, window, then));
	return reach;
}

Status Container::remove_window(u32 flags, Iova start)
{
	if (!lock_.lock_killable())
		return Errc::Intr;

	Guard guard(lock_, Held{});

	TCE_TRY(check_windows(flags));

	Window *window = window_at(start);

	if (!window && default_untouched_ && start == Iova(groups_->caps().default_start)) {
		TCE_TRY(become_owned());
		default_untouched_ = false;
		for (Group *g = groups_; g; g = g->next)
			g->let_go_of_default();
		return {};
	}
	if (!window || !(window->start() == start))
		return refuse(Errc::Inval, "no window begins there");
	close_window(window == windows_[0] ? 0 : 1, Then::Stay);
	return {};
}

/*
 * Cannot fail.  On pSeries entries are closed before the window goes, as PAPR
 * wants it; what the firmware does not remove is closed anyway, and reset when
 * that is possible.  On PowerNV the hardware lets go of the table at once; only
 * if it does not, its entries are closed one by one.
 */
void Container::close_window(unsigned int slot, Then then)
{
	lock_.assert_held_write();

	Window &window = *windows_[slot];
	Releaser releaser = releaser_for(window);
	Reach reach = Reach::None;
	Status closed;

	windows_[slot] = nullptr;
	for (Group *g = groups_; g; g = g->next)
		g->hide(slot);
	window.retire();
	if (window.walked()) {
		reach = disconnect_all(slot, window, then);
		if (reach == Reach::Possible) {
			closed = window.unmap(window.whole(), releaser);
			reach = closed.ok() ? Reach::None : Reach::Possible;
		}
	} else {
		closed = window.unmap(window.whole(), releaser);
		releaser.flush();
		reach = disconnect_all(slot, window, then);
	}
	if (!closed.ok())
		tce_port_log_for(&log_, TCE_LOG_ENTRIES,
				 "DMA window at %llx is removed with entries that do not close\n",
				 window.start().raw);
	if (reach == Reach::None) {
		window.finish(releaser, reach);
	} else {
		window.uncharge();
		window.next_unfinished = unfinished_;
		unfinished_ = &window;
	}
	tce_port_count(TCE_COUNT_WINDOWS_REMOVED, 1);
	finish_windows();
}

/*
 * Windows with entries that did not close wait until no group can reach through
 * them, so that what they name stays noted as mapped; when the last group is
 * gone there is nothing to wait for.
 */
void Container::finish_windows()
{
	lock_.assert_held_write();

	Reach reach = left_reach_;

	for (Group *g = groups_; g; g = g->next)
		reach = max(reach, g->reach());
	if (groups_ && reach == Reach::Possible)
		return;
	while (Window *window = unfinished_) {
		Releaser releaser = releaser_for(*window);

		unfinished_ = window->next_unfinished;
		window->finish(releaser, reach);
	}
	if (!groups_)
		left_reach_ = Reach::None;
}

} /* namespace tce */

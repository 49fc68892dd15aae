// SPDX-License-Identifier: GPL-2.0-only
/*
 * The books of a container: what an administrator is shown of it.
 *
 * Nobody who looks waits for its user: a container that another call holds for
 * itself shows only whose it is.
 */
#include "container.hpp"

namespace tce {

namespace {

const char *yes(bool is)
{
	return is ? "yes" : "no";
}

} /* namespace */

/* Leaf by leaf, so it is no snapshot. */
u64 Window::count_live() const
{
	Cursor cursor(table_, table_.whole());
	Steps steps(Steps::kLevels);
	u64 live = 0;

	while (Leaf *leaf = cursor.next()) {
		steps.go(1);

		Guard entries(leaf->lock);

		live += leaf->live();
	}
	return live;
}

u64 Container::show_window(tce_book *book, unsigned int slot) const
{
	const Window &window = *windows_[slot];
	const u64 live = window.count_live();

	tce_port_book(book,
		      "window slot=%u start=0x%llx size=0x%llx page=0x%llx levels=%u live=%llu "
		      "bytes=%llu walked=%s kvm=%s\n",
		      slot, window.start().raw, window.geometry().window_size(),
		      window.page().size(), window.geometry().levels(), live,
		      window.charge().bytes(), yes(window.walked()), yes(window.used_by_kvm()));
	return live;
}

Errc Container::refuse(Errc error, const char *reason) const
{
	reason_.store_relaxed(reason);
	refused_task_.store_ordered(tce_port_task());
	return error;
}

const char *Container::take_reason()
{
	if (refused_task_.load_acquire() != tce_port_task())
		return "";
	/* The next refusal may have none. */
	refused_task_.store_relaxed(0);
	return reason_.load_relaxed();
}

void Container::show(tce_book *book)
{
	tce_port_book_who(book, &log_);
	if (!lock_.try_lock_shared()) {
		tce_port_book(book, " busy=1\n");
		return;
	}

	ReadGuard guard(lock_, Held{});
	u64 charged = pins_.charged();
	bool kvm = false;

	for (const Window *window : windows_) {
		if (!window)
			continue;
		charged += window->charge().charged();
		kvm = kvm || window->used_by_kvm();
	}
	if (owner_)
		tce_port_book_locked(book, owner_->mm(), &log_);
	tce_port_book(book, " charged=%llu kvm=%d\n", charged, kvm);

	u64 live = 0;

	if (groups_ && default_untouched_)
		tce_port_book(book,
			      "window slot=0 start=0x%llx size=0x%llx page=0x%llx levels=0 live=0 "
			      "bytes=0 walked=no kvm=no\n",
			      groups_->caps().default_start, groups_->caps().default_size,
			      PageShift().size());
	for (unsigned int slot = 0; slot < TCE_MAX_WINDOWS; slot++) {
		if (windows_[slot])
			live += show_window(book, slot);
	}

	u64 bytes = 0;
	Steps steps(Steps::kNotes);

	for (const Region *region = regions_.first(); region;
	     region = RegionIndex::after(*region)) {
		steps.go(1);
		bytes += region->size();
	}
	tce_port_book(book, "memory regions=%llu bytes=%llu mapped=%llu\n", regions_.count(), bytes,
		      live);
}

} /* namespace tce */

// SPDX-License-Identifier: GPL-2.0-only
/*
 * A window: its beginning, groups that come and go, and its end; see window.hpp.  What MAP and
 * UNMAP do with it is in window_run.cc, what KVM does in window_kvm.cc.
 */
#include "window.hpp"

namespace tce {

Window::Window(Owner &owner, const Geometry &geometry, Walk walk)
	: owner_(owner), charge_(owner.mm()), table_(geometry, walk)
{
}

Window::~Window() TCE_NO_TSA
{
	tce_port_page_free(scratch_.list);
}

Result<Window *> Window::make(Owner &owner, const Geometry &geometry, Walk walk)
{
	void *at = tce_port_alloc(sizeof(Window));

	if (!at)
		return Errc::NoMem;

	auto *window = new (Place{}, at) Window(owner, geometry, walk);
	Status status;

	if (walk.by_hardware) {
		status = window->table_.plant(window->charge_);
	} else {
		auto *list = static_cast<Be64 *>(tce_port_page_alloc());
		Guard guard(window->publish_);

		window->scratch_.list = list;
		status = list ? Status() : Status(Errc::NoMem);
	}
	if (!status.ok()) {
		discard(window);
		return status.error();
	}
	return window;
}

void Window::discard(Window *window)
{
	window->charge_.drop();
	destroy_object(window);
}

Status Window::go_live(Iova start, u32 liobn)
{
	start_ = start;

	const tce_ktable_shape shape = { page().lg2(),	     liobn,
					 offset(),	     geometry().entries(),
					 table_.root_page(), table_.page_bytes(),
					 geometry().levels() };

	ktable_ = tce_port_ktable_create(reinterpret_cast<tce_table *>(this), &shape);
	if (!ktable_)
		return Errc::NoMem;
	owner_.add(*this);
	return {};
}

/* --- Groups that come and go -------------------------------------------------- */

Status Window::add_mirror(Mirror &mirror, bool &clear_again)
{
	Guard guard(publish_);

	/* In one go: what KVM closes meanwhile is published to the others only. */
	if (Status filled = fill(mirror); !filled.ok()) {
		clear_again = clear(mirror).ok();
		return filled;
	}
	mirror.next = mirrors_;
	mirrors_ = &mirror;
	return {};
}

Status Window::remove_mirror(Mirror &mirror)
{
	Guard guard(publish_);

	for (Mirror **link = &mirrors_; *link; link = &(*link)->next) {
		if (*link == &mirror) {
			*link = mirror.next;
			break;
		}
	}
	return clear(mirror);
}

/* Nobody else publishes meanwhile; what KVM writes stays pending and comes after. */
Status Window::fill(const Mirror &mirror)
{
	Cursor cursor(table_);
	IndexRange range = table_.whole();
	u32 calls = 0;

	for (IndexRange part = range; Leaf *leaf = cursor.next(part);
	     range.begin = part.end, part = range) {
		for (IndexRange run = part; !run.empty(); run.begin = run.end, run.end = part.end) {
			bool any = false;

			run.end = TceIndex(min(run.end.raw, run.begin.raw + papr::kRun));
			{
				Guard entries(leaf->lock);

				for (TceIndex i = run.begin; leaf->live() && i < run.end; i += 1) {
					scratch_.list[i - run.begin] = leaf->tce(i).to_be();
					any = any || leaf->tce(i).live();
				}
			}
			if (any)
				TCE_TRY(papr::put_run(target(mirror, run.begin), scratch_.list,
						      static_cast<unsigned int>(run.count()),
						      calls));
		}
		tce_port_yield();
	}
	return {};
}

/* Close in one LIOBN what is live in the shadow, or may still be live there. */
Status Window::clear(const Mirror &mirror)
{
	Cursor cursor(table_);
	IndexRange range = table_.whole();
	Status all;
	u32 calls = 0;

	for (IndexRange part = range; Leaf *leaf = cursor.next(part);
	     range.begin = part.end, part = range) {
		for (IndexRange run = part; !run.empty(); run.begin = run.end, run.end = part.end) {
			bool any = false;

			run.end = TceIndex(min(run.end.raw, run.begin.raw + papr::kRun));
			{
				Guard entries(leaf->lock);
				const bool maybe = leaf->live() || leaf->pending();

				for (TceIndex i = run.begin; maybe && !any && i < run.end; i += 1)
					any = leaf->tce(i).live() || leaf->is_pending(i);
			}
			if (!any)
				continue;
			Status one = papr::clear_run(target(mirror, run.begin),
						     static_cast<unsigned int>(run.count()), calls);

			if (!one.ok() && all.ok())
				all = one;
		}
		tce_port_yield();
	}
	return all;
}

/* --- The end ------------------------------------------------------------------- */

void Window::retire()
{
	state_.store_ordered(Dying);
	/* Whoever saw it Live is through when there are no sleepers and the users are in step. */
	while (sleepers_.load_ordered())
		tce_port_yield();
	if (used_by_kvm())
		tce_port_sync_users();
	epoch_.add_ordered(1);
	state_.store_ordered(Dead);
	tce_port_ktable_cancel_flush(ktable_);
}

/*
 * In the user view of a window that is gone stands what nobody gave back: entries that
 * KVM's error path closed without a word, those that came too late to be mapped, and
 * those that the hypervisor did not close.
 */
void Window::finish(Releaser &releaser, bool unreachable)
{
	/* Until here memory is given back only after a look at this window. */
	owner_.remove(*this);

	const Stuck stuck = sweep(releaser, unreachable);

	releaser.flush();
	if (stuck.entries || stuck.unnamed) {
		owner_.quarantine(stuck.unnamed);
		tce_port_count(TCE_COUNT_QUARANTINED, static_cast<long>(stuck.entries));
	}
	owner_.retry();
	charge_.drop();
	tce_port_ktable_put(ktable_);
}

/* What a device may still use. */
Window::Stuck Window::sweep(Releaser &releaser, bool unreachable)
{
	Guard guard(publish_);
	Cursor cursor(table_);
	IndexRange range = table_.whole();
	Stuck stuck;

	for (IndexRange part = range; Leaf *leaf = cursor.next(part);
	     range.begin = part.end, part = range) {
		for (IndexRange run = part; !run.empty(); run.begin = run.end, run.end = part.end) {
			u64 found = 0;

			run.end = TceIndex(min(run.end.raw, run.begin.raw + papr::kRun));
			{
				Guard entries(leaf->lock);

				for (TceIndex i = run.begin; i < run.end; i += 1) {
					const Entry old = leaf->get(i);

					/* KVM drops notes of what it replaces, others do not. */
					if (!unreachable && leaf->is_pending(i) && used_by_kvm())
						stuck.unnamed = true;
					if (old.tce.live() && !unreachable) {
						stuck.entries++;
					} else if (old.user.raw || old.tce.live()) {
						scratch_.old[found++] = old;
						leaf->set(i, {});
					}
				}
			}
			while (found)
				releaser.release(scratch_.old[--found]);
		}
		tce_port_yield();
	}
	for (Unsure &unsure : unsure_) {
		if (unreachable && unsure.nr)
			tce_port_mem_unmap(unsure.mem, unsure.nr);
		else
			stuck.entries += unsure.nr;
		unsure = {};
	}
	return stuck;
}

} /* namespace tce */

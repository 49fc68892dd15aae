// SPDX-License-Identifier: GPL-2.0-only
/*
 * A window: map, unmap, groups that come and go, and its end; see window.hpp.  What KVM does
 * with it is in window_kvm.cc.
 */
#include "window.hpp"

namespace tce {

void Releaser::release(Entry old)
{
	if (pins_) {
		if (!old.tce.live())
			return;
		tce_port_unpin(old.tce.hpa().raw, old.tce.perm().writes());
		nr_++;
		return;
	}
	if (old.tce.perm().writes())
		tce_port_page_dirty(old.tce.hpa().raw, page_.lg2());
	if (!old.user.raw)
		return;

	Region *region = cursor_.at(old.user);

	if (!region) {
		/* KVM made the entry with another container's memory. */
		tce_port_mem_unmap_user(mm_, old.user.raw, page_.size());
		return;
	}
	if (region->mem() != mem_)
		flush();
	mem_ = region->mem();
	nr_++;
}

void Releaser::flush()
{
	if (nr_ && pins_)
		pins_->shrink(nr_);
	else if (nr_)
		tce_port_mem_unmap(mem_, nr_);
	mem_ = nullptr;
	nr_ = 0;
}

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

	const tce_ktable_shape shape = { page().lg2(),
					 liobn,
					 offset(),
					 geometry().entries(),
					 table_.root_page(),
					 table_.page_bytes(),
					 geometry().levels() };

	ktable_ = tce_port_ktable_create(reinterpret_cast<tce_table *>(this), &shape);
	if (!ktable_)
		return Errc::NoMem;
	owner_.add(*this);
	return {};
}

/* --- Towards the platform --------------------------------------------------- */

void Window::invalidate(IndexRange run, u32 &calls)
{
	tce_port_ioda_kill(ktable_, offset() + run.begin.raw, run.count());
	calls++;
}

/* Push scratch_.list.  Once the groups are gone nobody takes it any more. */
Status Window::push(IndexRange run, u32 &calls)
{
	if (walked()) {
		invalidate(run, calls);
		return {};
	}
	if (!mirrors_)
		return Errc::Io;
	for (Mirror *m = mirrors_; m; m = m->next)
		TCE_TRY(papr::put_run(target(*m, run.begin), scratch_.list,
				      static_cast<unsigned int>(run.count()), calls));
	return {};
}

/* In every mirror as far as it goes, whatever happens in another one. */
Status Window::push_closed(IndexRange run, u32 &calls)
{
	Status all = mirrors_ ? Errc::Ok : Errc::Io;

	if (walked()) {
		invalidate(run, calls);
		return {};
	}
	for (Mirror *m = mirrors_; m; m = m->next) {
		Status one = papr::clear_run(target(*m, run.begin),
					     static_cast<unsigned int>(run.count()), calls);

		if (!one.ok() && all.ok())
			all = one;
	}
	return all;
}

/* What the shadow says goes to scratch_.list; it is as good as published. */
void Window::snapshot(Leaf &leaf, IndexRange run)
{
	for (TceIndex i = run.begin; i < run.end; i += 1) {
		if (!walked())
			scratch_.list[i - run.begin] = leaf.tce(i).to_be();
		settle(leaf, i);
	}
}

void Window::settle(Leaf &leaf, TceIndex index)
{
	if (!leaf.is_pending(index))
		return;
	leaf.clear_pending(index);
	pending_.sub_ordered(1);
}

Window::Shut::Shut(Window &window, Leaf &leaf) : window_(window)
{
	window_.shut_.store_ordered(true);
	{
		Guard entries(leaf.lock);

		if (!leaf.touched(window_.epoch_.load_relaxed()))
			return;
	}
	tce_port_sync_users();
	window_.epoch_.add_ordered(1);
}

/* --- MAP ------------------------------------------------------------------- */

Status Window::map_run(IndexRange run, Source &from, Releaser &releaser)
{
	Guard guard(publish_);
	Leaf *leaf = table_.leaf(run.begin);
	u32 calls = 0;

	from.undone = true;
	if (!TCE_ASSERT(leaf && run.end <= leaf->end() && run.count() <= papr::kRun))
		return Errc::Inval;

	Shut gate(*this, *leaf);

	if (from.mem)
		TCE_TRY(Status::from_port(tce_port_mem_translate(
			from.mem, from.user.raw, page().lg2(),
			static_cast<unsigned int>(run.count()), scratch_.hpa)));

	const u64 *hpa = from.mem ? scratch_.hpa : from.pinned;
	{
		Guard entries(leaf->lock);

		for (TceIndex i = run.begin; i < run.end; i += 1) {
			const u64 n = i - run.begin;

			scratch_.old[n] = leaf->get(i);
			leaf->set(i, { Tce(Hpa(hpa[n]), effective(from.perm)),
				       from.mem ? from.user + (n << page().lg2()) : Uaddr() });
		}
		snapshot(*leaf, run);
	}
	if (Status pushed = push(run, calls); !pushed.ok()) {
		from.undone = undo_map(*leaf, run, from, releaser);
		return pushed;
	}
	no_doubt();
	for (u64 n = 0; n < run.count(); n++)
		releaser.release(scratch_.old[n]);
	tce_port_count(TCE_COUNT_TCES_MAPPED, static_cast<long>(run.count()));
	return {};
}

/*
 * Put back what map_run() replaced, but where KVM has written meanwhile: that is newer.  If the
 * hypervisor does not take that either, close the run.  If it does not even take that, nobody
 * knows what it has, old, new or closed: then old stays in the table, new stays noted, and all
 * of it is pending.  Whether it is as it was.
 */
bool Window::undo_map(Leaf &leaf, IndexRange run, Source &from, Releaser &releaser)
{
	u32 calls = 0;
	{
		Guard entries(leaf.lock);

		for (TceIndex i = run.begin; i < run.end; i += 1) {
			if (!leaf.is_pending(i))
				leaf.set(i, scratch_.old[i - run.begin]);
		}
		snapshot(leaf, run);
	}
	if (push(run, calls).ok())
		return true;
	if (!push_closed(run, calls).ok()) {
		tce_port_log("hypervisor refuses to close %llu entries at %llx\n", run.count(),
			     target({}, run.begin).first.raw);
		from.unsure = true;
		keep_noted(from.mem, run.count());

		Guard entries(leaf.lock);

		doubt(leaf, run);
		return false;
	}
	{
		Guard entries(leaf.lock);

		for (TceIndex i = run.begin; i < run.end; i += 1) {
			Entry &old = scratch_.old[i - run.begin];

			old = {};
			if (leaf.is_pending(i) || !leaf.tce(i).live())
				continue;
			old = leaf.get(i);
			leaf.set(i, {});
		}
	}
	for (u64 n = 0; n < run.count(); n++)
		releaser.release(scratch_.old[n]);
	return false;
}

void Window::keep_noted(tce_mem *mem, u64 nr)
{
	for (Unsure &unsure : unsure_) {
		if (!mem)
			break;
		if (unsure.mem && unsure.mem != mem)
			continue;
		if (tce_port_mem_map(mem, nr))
			break;
		unsure.mem = mem;
		unsure.nr += nr;
		return;
	}
	owner_.quarantine(true);
	tce_port_count(TCE_COUNT_QUARANTINED, static_cast<long>(nr));
}

/*
 * The hypervisor may have something else there than the shadow: whoever comes by pushes it again.
 */
void Window::doubt(Leaf &leaf, IndexRange run)
{
	for (TceIndex i = run.begin; i < run.end; i += 1) {
		if (leaf.is_pending(i))
			continue;
		leaf.set_pending(i);
		pending_.add_ordered(1);
	}
	unclosed_.store_ordered(true);
}

/* A push was done.  Is there nothing left that was not? */
void Window::no_doubt()
{
	if (!unsure_[0].nr || pending_.load_ordered())
		return;
	for (Unsure &unsure : unsure_) {
		if (unsure.nr)
			tce_port_mem_unmap(unsure.mem, unsure.nr);
		unsure = {};
	}
}

/* --- UNMAP ------------------------------------------------------------------ */

Status Window::unmap(IndexRange range, Releaser &releaser)
{
	Cursor cursor(table_);
	Status all;

	while (!range.empty()) {
		IndexRange part = range;
		Leaf *leaf = cursor.next(part);

		if (!leaf)
			break;
		range.begin = part.end;
		for (IndexRange run = part; !run.empty(); run.begin = run.end, run.end = part.end) {
			run.end = TceIndex(min(run.end.raw, run.begin.raw + papr::kRun));

			Guard guard(publish_);
			Status one = unmap_run(*leaf, run, releaser);

			if (!one.ok() && all.ok())
				all = one;
		}
		tce_port_yield();
	}
	return all;
}

/*
 * Close what is live or pending in the run.  One call clears from the first such entry to
 * the last: those between are closed in the shadow and in the hypervisor.
 */
Status Window::unmap_run(Leaf &leaf, IndexRange run, Releaser &releaser)
{
	Shut gate(*this, leaf);
	IndexRange hit = { run.end, run.begin };
	u64 live = 0;
	u32 calls = 0;
	bool unpublished = false;
	{
		Guard entries(leaf.lock);

		if (!leaf.live() && !leaf.pending())
			return {};
		for (TceIndex i = run.begin; i < run.end; i += 1) {
			Entry &old = scratch_.old[i - run.begin];
			const bool was_live = leaf.tce(i).live();

			old = was_live ? leaf.get(i) : Entry{};
			if (!was_live && !leaf.is_pending(i))
				continue;
			/* The user address of a closed entry is KVM's, see finish(). */
			if (was_live)
				leaf.set(i, {});
			unpublished = unpublished || leaf.is_pending(i);
			settle(leaf, i);
			live += was_live;
			hit.begin = TceIndex(min(hit.begin.raw, i.raw));
			hit.end = i + 1;
		}
	}
	if (hit.empty())
		return {};
	if (Status closed = push_closed(hit, calls); !closed.ok()) {
		/* Still mapped, for all we know. */
		Guard entries(leaf.lock);

		for (TceIndex i = hit.begin; i < hit.end; i += 1) {
			const Entry &old = scratch_.old[i - run.begin];

			if (old.tce.live() && !leaf.tce(i).live())
				leaf.set(i, old);
		}
		/* Of what was live and published the table says it all. */
		if (unpublished)
			doubt(leaf, hit);
		return closed;
	}
	no_doubt();
	for (TceIndex i = hit.begin; i < hit.end; i += 1)
		releaser.release(scratch_.old[i - run.begin]);
	tce_port_count(TCE_COUNT_TCES_UNMAPPED, static_cast<long>(live));
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

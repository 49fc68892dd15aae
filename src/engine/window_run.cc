// SPDX-License-Identifier: GPL-2.0-only
/*
 * A window's entries, run by run: write them, publish, and give back what they named; see
 * window.hpp.
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

} /* namespace tce */

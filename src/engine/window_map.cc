// SPDX-License-Identifier: GPL-2.0-only
/*
 * MAP and UNMAP, run by run: write entries, push them, and give back what they
 * named; see window.hpp.
 */
#include "window.hpp"

namespace tce {

void Releaser::unpin(const Entry *old, u64 nr)
{
	for (u64 n = 0; n < nr; n++) {
		if (!old[n].tce.live())
			continue;
		tce_port_unpin(old[n].tce.hpa().raw, old[n].tce.perm().writes());
		nr_++;
	}
}

void Releaser::drop_note(Uaddr user)
{
	Region *region = regions_.find(user);

	if (!region) {
		/*
		 * KVM made the entry, with memory of another container of the
		 * process.
		 */
		tce_port_mem_unmap_user(mm_, user.raw, page_.size());
		return;
	}
	flush();
	region_ = region;
	nr_ = 1;
}

void Releaser::release(const Entry *old, u64 nr)
{
	if (pins_) {
		unpin(old, nr);
		return;
	}
	if (nr_ + nr > Steps::kNotes)
		flush();
	for (u64 n = 0; n < nr; n++) {
		const Entry entry = old[n];

		if (entry.tce.perm().writes()) {
			steps_.go(system_pages_);
			tce_port_page_dirty(entry.tce.hpa().raw, page_.lg2());
		}
		if (!entry.user.raw)
			continue;
		if (region_ && region_->holds(entry.user))
			nr_++;
		else
			drop_note(entry.user);
	}
}

void Releaser::flush()
{
	if (nr_ && pins_)
		pins_->shrink(nr_);
	else if (region_)
		tce_port_mem_unmap(region_->mem(), nr_);
	region_ = nullptr;
	nr_ = 0;
}

/* --- Beside KVM ----------------------------------------------------------- */

/*
 * Take the leaf's lock when KVM is not in the middle of a map in the run, and
 * cannot begin one: the leaf stays shut until open_again().  Claims that are
 * left after a grace period were broken off.
 */
void Window::lock_still(Leaf &leaf, IndexRange run)
{
	update_.assert_held();

	bool claimed = false;

	leaf.lock.lock();
	leaf.set_shut(true);
	if (!(gate_.load_relaxed() & kUsed))
		return;
	for (TceIndex i = run.begin; i < run.end; i += 1)
		claimed = claimed || leaf.is_claimed(i);
	if (!claimed)
		return;
	leaf.lock.unlock();
	tce_port_sync_users();
	leaf.lock.lock();
	for (TceIndex i = run.begin; i < run.end; i += 1) {
		if (leaf.is_claimed(i))
			leaf.set_user(i, park_.take_kept(i));
	}
}

/* What KVM has cleared while somebody waited it has left to us. */
void Window::open_again(Leaf &leaf)
{
	update_.assert_held();
	leaf.lock.assert_held();

	u32 calls = 0;

	leaf.set_shut(false);
	if (leaf.pending() && (gate_.load_relaxed() & kUsed))
		publish_leaf(leaf, { leaf.first(), leaf.end() }, Patience::Kind::Stubborn, calls);
	leaf.lock.unlock();
}

/* --- MAP ------------------------------------------------------------------ */

/* What was there is in scratch_->old. */
void Window::fill(Leaf &leaf, IndexRange run, const MapSource &from)
{
	update_.assert_held();

	const Perm perm = effective(from.perm);
	const u64 step = from.mem ? page().size() : 0;
	Leaf::Slots slots(leaf, run);
	Entry *old = scratch_->old;
	Uaddr user = from.mem ? from.user : Uaddr();

	for (u64 n = 0; n < run.count(); n++, user += step) {
		const Entry was = slots.get(n);

		old[n] = was;
		slots.replace(n, was, { Tce(Hpa(from.hpa[n]), perm), user });
	}
}

Status Window::map_run(IndexRange run, MapSource &from, Releaser &releaser)
{
	Guard update(update_);
	Leaf *leaf = table_.leaf(run.begin);
	u32 calls = 0;

	if (!TCE_ASSERT(leaf && run.end <= leaf->end() && run.count() <= kRun))
		return Errc::Inval;

	lock_still(*leaf, run);
	fill(*leaf, run, from);

	Status status = push(*leaf, run, What::AsItIs, Patience::Kind::Killable, calls);

	if (status.ok())
		pushed(*leaf, run);
	else
		from.left = undo_map(*leaf, run, from);
	if (status.error() == Errc::Busy)
		status = Errc::Io;
	open_again(*leaf);
	if (status.ok())
		release_unsynced();
	releaser.release(scratch_->old, run.count());
	if (status.ok())
		tce_port_count(TCE_COUNT_TCES_MAPPED, static_cast<long>(run.count()));
	return status;
}

/*
 * Put back what map_run() replaced, but where KVM has cleared meanwhile: that
 * is newer.  If the hypervisor does not take that either, close the run.  If it
 * does not even take that, nobody knows what it has, old, new or closed: then
 * old stays in the table, new stays noted, and all of it is pending.  What is
 * left in scratch_->old goes.
 */
MapSource::Left Window::undo_map(Leaf &leaf, IndexRange run, MapSource &from)
{
	update_.assert_held();
	leaf.lock.assert_held();

	u32 calls = 0;

	for (TceIndex i = run.begin; i < run.end; i += 1) {
		if (leaf.tce(i).live())
			leaf.set(i, tce::exchange(scratch_->old[i - run.begin], Entry()));
		else
			leaf.set_user(i, Uaddr());
	}
	if (push(leaf, run, What::AsItIs, Patience::Kind::Stubborn, calls).ok()) {
		pushed(leaf, run);
		return MapSource::Left::AsItWas;
	}
	if (!push(leaf, run, What::Closed, Patience::Kind::Stubborn, calls).ok()) {
		log_unclosed(run);
		keep_unsynced(from.mem, run.count());
		for (TceIndex i = run.begin; i < run.end; i += 1) {
			/* The hypervisor may have these, too. */
			if (Entry &old = scratch_->old[i - run.begin]; !leaf.user(i).raw)
				leaf.set_user(i, tce::exchange(old, Entry()).user);
		}
		mark_unsynced(leaf, run);
		return MapSource::Left::Unsynced;
	}
	for (TceIndex i = run.begin; i < run.end; i += 1) {
		if (!leaf.tce(i).live())
			continue;
		scratch_->old[i - run.begin] = leaf.get(i);
		leaf.set(i, {});
		/* Nothing is newer: the leaf is shut, KVM only clears. */
		leaf.clear_pending(i);
	}
	pushed(leaf, run);
	return MapSource::Left::Closed;
}

void Window::keep_unsynced(tce_mem *mem, u64 nr)
{
	update_.assert_held();

	for (UnsyncedNotes &kept : unsynced_) {
		if (!mem)
			break;
		if (kept.mem && kept.mem != mem)
			continue;
		if (tce_port_mem_map(mem, nr))
			break;
		kept.mem = mem;
		kept.nr += nr;
		return;
	}
	owner_.quarantine_all();
	tce_port_count(TCE_COUNT_QUARANTINED, static_cast<long>(nr));
}

/*
 * A push was done.  Once no leaf has unsynced entries the platform has what the
 * table says, and what was kept for them is given back.
 */
void Window::release_unsynced()
{
	update_.assert_held();
	if (!unsynced_[0].nr || unsynced_leaves_.load_ordered())
		return;
	for (UnsyncedNotes &kept : unsynced_) {
		if (kept.nr)
			tce_port_mem_unmap(kept.mem, kept.nr);
		kept = {};
	}
}

/* --- UNMAP ---------------------------------------------------------------- */

Status Window::unmap(IndexRange range, Releaser &releaser, Patience::Kind kind)
{
	Status all;

	for (Runs runs(table_, range); runs.next();) {
		Guard update(update_);
		Status one = unmap_run(runs.leaf(), runs.run(), releaser, kind);

		if (!one.ok() && all.ok())
			all = one;
	}
	return all;
}

/*
 * Close what is live or pending in the run.  One call clears from the first
 * such entry to the last: those between are closed in the shadow and in the
 * hypervisor.
 */
Status Window::unmap_run(Leaf &leaf, IndexRange run, Releaser &releaser, Patience::Kind kind)
{
	update_.assert_held();

	IndexRange hit = { run.end, run.end };
	u64 live = 0;
	u32 calls = 0;
	Status closed;

	lock_still(leaf, run);
	if (!leaf.live() && !leaf.pending() && !(gate_.load_relaxed() & kUsed)) {
		open_again(leaf);
		return {};
	}
	{
		const bool published = !leaf.pending();
		Leaf::Slots slots(leaf, run);
		Entry *old = scratch_->old;

		for (u64 n = 0; n < run.count(); n++, old++) {
			const Entry was = slots.get(n);

			*old = was;
			if (was.tce.live() || was.user.raw)
				slots.clear(n);
			if (!was.tce.live() && (published || !leaf.is_pending(run.begin + n)))
				continue;
			live += was.tce.live();
			if (hit.empty())
				hit.begin = run.begin + n;
			hit.end = run.begin + n + 1;
		}
		slots.count_cleared(live);
	}
	if (!hit.empty())
		closed = push(leaf, hit, What::AsItIs, kind, calls);
	if (!hit.empty() && closed.ok()) {
		pushed(leaf, hit);
	} else if (!closed.ok()) {
		/* Still mapped, for all we know; what was pending still is. */
		for (TceIndex i = hit.begin; i < hit.end; i += 1)
			leaf.set(i, tce::exchange(scratch_->old[i - run.begin], Entry()));
		if (closed.error() == Errc::Busy)
			closed = Errc::Io;
	}
	open_again(leaf);
	if (closed.ok())
		release_unsynced();
	releaser.release(scratch_->old, run.count());
	tce_port_count(TCE_COUNT_TCES_UNMAPPED, closed.ok() ? static_cast<long>(live) : 0);
	return closed;
}

} /* namespace tce */

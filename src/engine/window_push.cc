// SPDX-License-Identifier: GPL-2.0-only
/*
 * A window's entries on their way to the platform, run by run; see window.hpp.
 *
 * All of it happens under the leaf's lock.  Nothing sleeps with it held, and
 * for Patience::Kind::Atomic nothing sleeps at all.
 */
#include "window.hpp"

namespace tce {

/*
 * KVM may never come to kill.  The flush takes the leaf's lock after it has
 * disarmed: either it sees the entry, or we see that it is disarmed.
 */
void Window::arm_flush()
{
	if (armed_.load_relaxed() || !(gate_.load_relaxed() & kLive))
		return;
	armed_.store_relaxed(true);
	tce_port_flush_arm(flush_);
}

void Window::set_pending(Leaf &leaf, TceIndex index)
{
	leaf.set_pending(index);
	if (!leaf.listed())
		dirty_.add(leaf);
}

/*
 * The platform has the run; of Closed, what is live is newer, and not there.
 */
void Window::settle(Leaf &leaf, IndexRange run, What what)
{
	if (!leaf.pending())
		return;
	if (what == What::AsItIs)
		leaf.clear_pending(run);
	for (TceIndex i = run.begin; what == What::Closed && i < run.end; i += 1) {
		if (!leaf.tce(i).live())
			leaf.clear_pending(i);
	}
	if (leaf.unsynced() && !leaf.pending()) {
		leaf.set_unsynced(false);
		unsynced_leaves_.sub_ordered(1);
	}
}

/*
 * One attempt.  To close goes on in the other mirrors, whatever happens in one.
 * Once the groups are gone nobody takes it any more, but for hardware: that has
 * nothing to take.
 */
long Window::push_once(Leaf &leaf, IndexRange run, What what, u32 &calls)
{
	leaf.lock.assert_held();

	const auto nr = static_cast<unsigned int>(run.count());
	Mirror *m = mirrors_.load_acquire();

	if (walked()) {
		for (; m; m = m->next.load_acquire()) {
			tce_port_ioda_kill(m->ktable, offset() + run.begin.raw, nr);
			calls++;
		}
		return papr::kSuccess;
	}

	const Leaf::Slots slots(leaf, run);
	long all = m ? papr::kSuccess : papr::kHardware;
	bool closed = what == What::Closed || !leaf.live();

	/* One call for all of them, if none is live. */
	for (u64 n = 0; what == What::AsItIs && !closed && slots.is_clear(n); n++)
		closed = n + 1 == nr;

	for (; m; m = m->next.load_acquire()) {
		const Mirror::Mode mode = m->mode.load_ordered();
		const bool clear = closed || mode == Mirror::Mode::Leaving;
		const papr::Target to = target(*m, run.begin);
		const long one = clear ? papr::clear_run(to, nr, calls) :
					 papr::put_run(to, slots.list(), nr, calls);

		if (one == papr::kSuccess)
			continue;
		if (papr::is_busy(one))
			return one;
		if (mode != Mirror::Mode::Full) {
			m->failed.store_ordered(true);
			continue;
		}
		if (!closed)
			return one;
		if (all == papr::kSuccess)
			all = one;
	}
	return all;
}

/*
 * Push a run.  Who can sleep lets go of the leaf while the hypervisor is busy,
 * and says afterwards what the shadow says then.
 */
Status Window::push(Leaf &leaf, IndexRange run, What what, Patience::Kind kind, u32 &calls)
{
	leaf.lock.assert_held();

	const long status = push_once(leaf, run, what, calls);

	if (papr::is_busy(status))
		return push_waiting(leaf, run, what, kind, status, calls);
	if (worn_out_.load_relaxed())
		worn_out_.store_relaxed(false);
	if (status != papr::kSuccess)
		return papr::to_errc(status);
	settle(leaf, run, what);
	return {};
}

Status Window::push_waiting(Leaf &leaf, IndexRange run, What what, Patience::Kind kind, long status,
			    u32 &calls)
{
	leaf.lock.assert_held();

	Patience patience(kind, worn_out_.load_relaxed());

	while (papr::is_busy(status)) {
		bool again = false;

		if (patience.sleeps()) {
			leaf.set_waiting(true);
			leaf.lock.unlock();
			again = patience.wait(status);
			leaf.lock.lock();
			leaf.set_waiting(false);
		} else {
			again = patience.wait(status);
		}
		if (!again) {
			if (patience.sleeps())
				worn_out_.store_relaxed(true);
			return Errc::Busy;
		}
		status = push_once(leaf, run, what, calls);
	}
	worn_out_.store_relaxed(false);
	if (status == papr::kSuccess)
		settle(leaf, run, what);
	return papr::to_errc(status);
}

/*
 * The platform has the run, and nothing any more of what stood there before:
 * those tokens are dropped.  Where a closed entry has a claim KVM is about to
 * leave a token: somebody has to come back for it.
 */
void Window::pushed(Leaf &leaf, IndexRange run)
{
	leaf.lock.assert_held();

	if (!(gate_.load_relaxed() & kUsed))
		return;
	while (!park_.empty()) {
		const Uaddr token = park_.take_due(run);

		if (!token.raw)
			break;
		drop_note(token);
	}

	const Leaf::Slots slots(leaf, run);

	for (u64 n = 0; n < run.count(); n++) {
		if (!slots.is_clear(n))
			continue;

		const TceIndex i = run.begin + n;
		const Uaddr held = slots.user(n);

		if (!held.raw)
			continue;
		if (Claim::is(held)) {
			set_pending(leaf, i);
		} else {
			leaf.set_user(i, Uaddr());
			drop_note(held);
		}
	}
}

void Window::drop_note(Uaddr token)
{
	tce_port_mem_unmap_user(owner_.mm(), token.raw, page().size());
}

/*
 * One entry, which is what a guest's NIC driver does for each packet, without
 * what only a run needs.  False: that did not do, nothing has changed here.
 */
bool Window::publish_one(Leaf &leaf, TceIndex index, u32 &calls)
{
	leaf.lock.assert_held();

	const u64 raw = leaf.tce(index).raw();
	const Uaddr held = leaf.user(index);
	Mirror *m = mirrors_.load_acquire();

	if (leaf.waiting() || !m || leaf.unsynced() || !park_.empty() || (!raw && Claim::is(held)))
		return false;
	for (; m; m = m->next.load_acquire()) {
		calls++;
		if (walked())
			tce_port_ioda_kill(m->ktable, offset() + index.raw, 1);
		else if (m->mode.load_ordered() != Mirror::Mode::Full ||
			 tce_port_h_put_tce(m->liobn, address(index).raw, raw) != papr::kSuccess)
			return false;
	}
	leaf.clear_pending(index);
	if (!raw && held.raw) {
		leaf.set_user(index, Uaddr());
		drop_note(held);
	}
	return true;
}

/*
 * What is pending in @range.  Where somebody waits for the hypervisor all of
 * the leaf is left to him.  A run may have published entries in it (kBridge):
 * if it is refused, what is pending of it goes once more without those.
 */
void Window::publish_leaf(Leaf &leaf, IndexRange range, Patience::Kind kind, u32 &calls)
{
	leaf.lock.assert_held();

	TceIndex at = range.begin;
	TceIndex exact = range.begin; /* no bridges before that */

	if (leaf.waiting())
		return;
	while (leaf.pending()) {
		at = leaf.next_pending(at, range.end);
		if (range.end <= at)
			return;

		const IndexRange run = leaf.pending_run(at, range.end, at < exact ? 0 : kBridge);
		const Status status = push(leaf, run, What::AsItIs, kind, calls);

		/* Busy is not refused: the deferred flush comes back for it. */
		if (status.error() == Errc::Busy) {
			arm_flush();
			return;
		}
		if (status.ok()) {
			pushed(leaf, run);
		} else if (exact <= at && leaf.pending_run(at, run.end, 0).end < run.end) {
			exact = run.end;
			continue;
		} else {
			close_lost(leaf, run, kind, calls);
		}
		at = run.end;
	}
}

/*
 * Nobody can be told.  What does not close stays pending, and keeps the notes
 * of all that the platform may have there.
 */
void Window::close_lost(Leaf &leaf, IndexRange run, Patience::Kind kind, u32 &calls)
{
	leaf.lock.assert_held();
	for (TceIndex i = run.begin; i < run.end; i += 1) {
		if (!leaf.tce(i).live())
			continue;
		leaf.set_tce(i, Tce());
		park_.replaced(i);
	}
	tce_port_count(TCE_COUNT_KVM_LOST, static_cast<long>(run.count()));
	const Status status = push(leaf, run, What::Closed, kind, calls);

	if (status.ok()) {
		pushed(leaf, run);
		tce_port_log_for(charge_.log(), TCE_LOG_ENTRIES,
				 "hypervisor refuses entries at %llx, %llu are closed\n",
				 address(run.begin).raw, run.count());
		return;
	}
	log_unclosed(run);
	/* It may be busy only. */
	if (status.error() == Errc::Busy)
		arm_flush();
}

void Window::log_unclosed(IndexRange run)
{
	tce_port_log_for(charge_.log(), TCE_LOG_ENTRIES,
			 "hypervisor refuses to close %llu entries at %llx\n", run.count(),
			 address(run.begin).raw);
}

/*
 * The hypervisor may have something else there than the shadow: whoever comes
 * by pushes it again, but nobody comes just for that.
 */
void Window::mark_unsynced(Leaf &leaf, IndexRange run)
{
	leaf.lock.assert_held();

	for (TceIndex i = run.begin; i < run.end; i += 1)
		set_pending(leaf, i);
	if (!leaf.unsynced()) {
		leaf.set_unsynced(true);
		unsynced_leaves_.add_ordered(1);
	}
}

/* --- The flush ------------------------------------------------------------ */

/* It was taken from the list, and belongs there still. */
void Window::list_again(Leaf &leaf)
{
	leaf.set_listed(false);
	if (leaf.pending())
		dirty_.add(leaf);
}

/*
 * Publish what is pending in the dirty leaves.  Those where something is left
 * come back, linked by next_dirty, and still count as listed.
 */
Leaf *Window::flush_listed(u32 &calls)
{
	update_.assert_held();

	Leaf *left = nullptr;
	Steps steps(Steps::kLevels);

	for (Leaf *leaf = dirty_.take_all(); leaf;) {
		Leaf *next = leaf->next_dirty;

		steps.go(1);

		Guard entries(leaf->lock);

		publish_leaf(*leaf, { leaf->first(), leaf->end() }, Patience::Kind::Stubborn,
			     calls);
		if (leaf->pending()) {
			leaf->next_dirty = left;
			left = leaf;
		} else {
			leaf->set_listed(false);
		}
		leaf = next;
	}
	return left;
}

/*
 * A closed entry that stays pending has a claim: KVM was in the middle of a
 * map, or has broken one off and left it.  After a grace period all claims of
 * the leaves that are shut before were broken off.
 */
void Window::flush_claims(Leaf *left, u32 &calls)
{
	update_.assert_held();

	Leaf *claimed = nullptr;

	while (left) {
		Leaf *leaf = left;
		bool any = false;

		left = leaf->next_dirty;

		Guard entries(leaf->lock);

		for (TceIndex i = leaf->next_pending(leaf->first(), leaf->end()); i < leaf->end();
		     i = leaf->next_pending(i + 1, leaf->end()))
			any = any || leaf->is_claimed(i);
		leaf->set_shut(any);
		if (any) {
			leaf->next_dirty = claimed;
			claimed = leaf;
		} else {
			list_again(*leaf);
		}
	}
	if (claimed)
		tce_port_sync_users();
	while (claimed) {
		Leaf *leaf = claimed;

		claimed = leaf->next_dirty;

		Guard entries(leaf->lock);

		for (TceIndex i = leaf->first(); i < leaf->end(); i += 1) {
			if (leaf->is_claimed(i))
				leaf->set_user(i, park_.take_kept(i));
		}
		leaf->set_shut(false);
		publish_leaf(*leaf, { leaf->first(), leaf->end() }, Patience::Kind::Stubborn,
			     calls);
		list_again(*leaf);
	}
}

void Window::flush()
{
	u32 calls = 0;

	armed_.store_ordered(false);

	Guard update(update_);

	flush_claims(flush_listed(calls), calls);
	if (calls)
		tce_port_count(TCE_COUNT_DEFERRED_FLUSHES, 1);
	release_unsynced();
}

} /* namespace tce */

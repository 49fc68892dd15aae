// SPDX-License-Identifier: GPL-2.0-only
/*
 * A window's entries on their way to the platform, run by run; see window.hpp.
 *
 * Nothing in here sleeps while it holds push_, and for Patience::Kind::Atomic
 * nothing sleeps at all.
 */
#include "window.hpp"

namespace tce {

/*
 * KVM may never come to kill.  The flush takes the leaf's lock after it has
 * disarmed: either it sees the entry, or we see that it is disarmed.
 */
void Window::arm_flush()
{
	if (armed_.load_relaxed() || !live_.load_relaxed())
		return;
	armed_.store_relaxed(true);
	tce_port_flush_arm(flush_);
}

void Window::set_pending(Leaf &leaf, TceIndex index)
{
	if (leaf.is_pending(index))
		return;
	leaf.set_pending(index);
	pending_.add_ordered(1);
}

void Window::settle(Leaf &leaf, TceIndex index)
{
	if (!leaf.is_pending(index))
		return;
	leaf.clear_pending(index);
	pending_.sub_ordered(1);
}

/*
 * What the shadow says goes to the list; it is as good as published.  Closed:
 * nothing of it is live.
 */
Window::What Window::snapshot(Leaf &leaf, IndexRange run, What what)
{
	push_.assert_held();
	leaf.lock.assert_held();

	const Leaf::Slots slots(leaf, run);
	const u64 nr = run.count();
	Be64 *list = list_;
	u64 any = walked();

	/* What is not live is 0. */
	for (u64 n = 0; list && n < nr; n++) {
		const Be64 tce = slots.raw(n);

		list[n] = tce;
		any |= tce.to_cpu();
	}
	for (u64 n = 0; leaf.pending() && n < nr; n++) {
		if (what == What::AsItIs || !slots.tce(n).live())
			settle(leaf, run.begin + n);
	}
	return any ? what : What::Closed;
}

void Window::invalidate(IndexRange run, u32 &calls)
{
	push_.assert_held();

	for (Mirror *m = mirrors_; m; m = m->next) {
		tce_port_ioda_kill(m->ktable, offset() + run.begin.raw, run.count());
		calls++;
	}
}

/*
 * One attempt.  To close goes on in the other mirrors, whatever happens in one.
 * Once the groups are gone nobody takes it any more, but for hardware: that has
 * nothing to take.
 */
long Window::push_once(IndexRange run, What what, u32 &calls)
{
	push_.assert_held();
	if (walked()) {
		invalidate(run, calls);
		return papr::kSuccess;
	}

	const auto nr = static_cast<unsigned int>(run.count());
	long all = mirrors_ ? papr::kSuccess : papr::kHardware;

	for (Mirror *m = mirrors_; m; m = m->next) {
		const bool clear = what == What::Closed || m->mode == Mirror::Mode::Leaving;
		const long one = clear ? papr::clear_run(target(*m, run.begin), nr, calls) :
					 papr::put_run(target(*m, run.begin), list_, nr, calls);

		if (one == papr::kSuccess)
			continue;
		if (papr::is_busy(one))
			return one;
		if (m->mode != Mirror::Mode::Full) {
			m->failed = true;
			continue;
		}
		if (what == What::AsItIs)
			return one;
		if (all == papr::kSuccess)
			all = one;
	}
	return all;
}

/*
 * Push a run that the caller has reserved (Leaf::pushing()).  If it waits, and
 * can sleep, it lets go of push_ and says afterwards what the shadow says then.
 */
Status Window::push(Leaf &leaf, IndexRange run, What what, Patience::Kind kind, u32 &calls)
{
	push_.assert_held();

	Patience patience(kind, worn_out_);

	for (;;) {
		What now = what;
		{
			Guard entries(leaf.lock);

			now = snapshot(leaf, run, what);
		}
		const long status = push_once(run, now, calls);

		if (!papr::is_busy(status)) {
			worn_out_ = false;
			return papr::to_errc(status);
		}
		if (!patience.sleeps()) {
			if (!patience.wait(status))
				return Errc::Busy;
			continue;
		}
		push_.unlock();
		const bool again = patience.wait(status);

		push_.lock();
		if (!again) {
			worn_out_ = true;
			return Errc::Busy;
		}
	}
}

/*
 * The platform has the run as it was when it was taken out.  What is not
 * pending again needs nothing any more of what stood there before: those tokens
 * are dropped.  Where a closed entry has a claim KVM is about to leave a token:
 * somebody has to come back for it.
 */
void Window::pushed(Leaf &leaf, IndexRange run)
{
	push_.assert_held();

	u64 found = 0;
	{
		Guard entries(leaf.lock);

		leaf.set_pushing({});
		for (;;) {
			const Uaddr token = park_.take_due(run, [&](TceIndex i) TCE_NO_TSA {
				return !leaf.is_pending(i);
			});

			if (!token.raw)
				break;
			tokens_->at[found++] = token;
		}
		const Leaf::Slots slots(leaf, run);

		for (TceIndex i = run.begin; i < run.end; i += 1) {
			const Uaddr held = slots.user(i - run.begin);

			if (!held.raw || slots.tce(i - run.begin).live() || leaf.is_pending(i))
				continue;
			if (Claim::is(held)) {
				set_pending(leaf, i);
			} else {
				tokens_->at[found++] = held;
				leaf.set_user(i, Uaddr());
			}
		}
	}
	while (found)
		drop_note(tokens_->at[--found]);
}

/* Busy is not refused: the deferred flush comes back for it. */
void Window::give_up(Leaf &leaf, IndexRange run)
{
	push_.assert_held();

	Guard entries(leaf.lock);

	leaf.set_pushing({});
	mark_unsynced(leaf, run);
	arm_flush();
}

void Window::drop_note(Uaddr token)
{
	tce_port_mem_unmap_user(owner_.mm(), token.raw, page().size());
}

/*
 * What somebody else has reserved he publishes himself, and what else is
 * pending in the leaf.  The search begins at @near, where there most likely is
 * something, and goes once around.
 */
void Window::publish_leaf(Leaf &leaf, TceIndex near, Patience::Kind kind, u32 &calls)
{
	push_.assert_held();

	IndexRange rest = { near, leaf.end() };

	for (bool around = false;;) {
		IndexRange run;
		{
			Guard entries(leaf.lock);

			if (!leaf.pending() || !leaf.pushing().empty())
				return;
			run.begin = leaf.next_pending(rest.begin, rest.end);
			run.end = run.begin;
			while (run.end < rest.end && run.count() < kRun && leaf.is_pending(run.end))
				run.end += 1;
			leaf.set_pushing(run);
		}
		if (run.empty() && around)
			return;
		if (run.empty()) {
			around = true;
			rest = { leaf.first(), near };
			continue;
		}
		rest.begin = run.end;

		const Status status = push(leaf, run, What::AsItIs, kind, calls);

		if (status.error() == Errc::Busy) {
			give_up(leaf, run);
			return;
		}
		if (status.ok())
			pushed(leaf, run);
		else
			close_lost(leaf, run, kind, calls);
	}
}

void Window::publish_pending(IndexRange range, Patience::Kind kind, u32 &calls)
{
	range.end = TceIndex(min(range.end.raw, table_.whole().end.raw));

	Cursor cursor(table_, range);

	while (Leaf *leaf = cursor.next()) {
		/*
		 * Even if nothing is pending: somebody may be pushing what the
		 * caller wrote.
		 */
		Guard guard(push_);

		publish_leaf(*leaf, cursor.part().begin, kind, calls);
	}
}

/*
 * Nobody can be told.  What does not close stays pending, and keeps the notes
 * of all that the platform may have there.
 */
void Window::close_lost(Leaf &leaf, IndexRange run, Patience::Kind kind, u32 &calls)
{
	push_.assert_held();
	{
		Guard entries(leaf.lock);

		for (TceIndex i = run.begin; i < run.end; i += 1) {
			/* What KVM has written meanwhile is newer. */
			if (leaf.is_pending(i) || !leaf.tce(i).live())
				continue;
			leaf.set_tce(i, Tce());
			park_.replaced(i);
		}
	}
	tce_port_count(TCE_COUNT_KVM_LOST, static_cast<long>(run.count()));
	const Status status = push(leaf, run, What::Closed, kind, calls);

	if (status.ok()) {
		pushed(leaf, run);
		tce_port_log_for(charge_.log(), TCE_LOG_ENTRIES,
				 "hypervisor refuses entries at %llx, %llu are closed\n",
				 target({}, run.begin).first.raw, run.count());
		return;
	}
	log_unclosed(run);

	Guard entries(leaf.lock);

	leaf.set_pushing({});
	mark_unsynced(leaf, run);
	/* It may be busy only. */
	if (status.error() == Errc::Busy)
		arm_flush();
}

void Window::log_unclosed(IndexRange run)
{
	tce_port_log_for(charge_.log(), TCE_LOG_ENTRIES,
			 "hypervisor refuses to close %llu entries at %llx\n", run.count(),
			 target({}, run.begin).first.raw);
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
}

/*
 * A closed entry that stays pending has a claim: KVM was in the middle of a
 * map, or has broken one off and left it.
 */
void Window::flush_claims()
{
	update_.assert_held();

	Cursor cursor(table_, table_.whole());

	while (Leaf *leaf = cursor.next()) {
		const IndexRange part = cursor.part();
		bool claimed = false;
		{
			Guard entries(leaf->lock);

			for (TceIndex i = leaf->next_pending(part.begin, part.end); i < part.end;
			     i = leaf->next_pending(i + 1, part.end))
				claimed = claimed || leaf->is_claimed(i);
		}
		if (!claimed)
			continue;
		Guard guard(push_);
		u32 calls = 0;

		lock_still(*leaf, part);
		leaf->set_shut(false);
		leaf->lock.unlock();
		publish_leaf(*leaf, part.begin, Patience::Kind::Stubborn, calls);
	}
}

void Window::flush()
{
	u32 calls = 0;

	armed_.store_ordered(false);

	Guard update(update_);
	{
		/*
		 * Who is pushing has what he pushes marked as published
		 * already.
		 */
		Guard guard(push_);
	}
	if (!pending_.load_ordered())
		return;
	publish_pending(table_.whole(), Patience::Kind::Stubborn, calls);
	if (pending_.load_ordered())
		flush_claims();
	if (calls)
		tce_port_count(TCE_COUNT_DEFERRED_FLUSHES, 1);
	release_unsynced();
}

} /* namespace tce */

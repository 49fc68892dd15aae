/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The leaves of a window that have had a pending entry since the last flush.
 *
 * Whoever makes an entry pending lists its leaf, under the leaf's lock; a flush
 * takes the whole list and looks at nothing else.  So what a flush costs, and
 * UNREGISTER, which flushes, is what was changed, not what the window has.
 *
 * Leaves are pushed without a lock (an atomic exchange of the head), and taken
 * all at once by the one flush that runs at a time: no leaf is ever taken out
 * of the middle, and there is no ABA.
 */
#pragma once

#include "leaf.hpp"

namespace tce {

class DirtyLeaves : Pinned {
public:
	/* The caller has seen that it is not listed, and marks it so. */
	void add(Leaf &leaf) TCE_REQUIRES(leaf.lock)
	{
		leaf.lock.assert_held();

		Leaf *head = head_.load_relaxed();

		leaf.set_listed(true);
		leaf.next_dirty = head;
		while (!head_.replace_release(head, &leaf))
			leaf.next_dirty = head;
	}
	/*
	 * All of them, linked by next_dirty.  They count as listed until the
	 * caller, under each one's lock, says otherwise.
	 */
	[[nodiscard]] Leaf *take_all() { return head_.exchange_acquire(nullptr); }

private:
	Atomic<Leaf *> head_;
};

} /* namespace tce */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where tokens wait that KVM's next map of the same entry pushes out of the
 * user slot.
 *
 * A token is the user address in a slot: whoever takes it owes a note of the
 * memory there (tce_port_mem_unmap()), to be dropped when the platform has no
 * entry any more that the note was for.  KVM stores its new address over what
 * the slot holds, so the old token is parked before; it is *due* when the entry
 * itself is replaced, and can go after the next publish.
 *
 * There is little room: who finds none is sent to userspace.
 */
#pragma once

#include "locks.hpp"
#include "types.hpp"

namespace tce {

class Park : Pinned {
public:
	/*
	 * Guests seldom map over what they have mapped; a vCPU does it for one
	 * entry at a time.
	 */
	static constexpr unsigned int kCells = 64;

	enum class State {
		Kept, /* it is the token of what the entry says still */
		Due,  /* the entry is replaced: it goes after the next publish */
	};

	/* False: no room. */
	[[nodiscard]] bool put(TceIndex index, Uaddr token, State state) TCE_EXCLUDES(lock_)
	{
		Guard guard(lock_);

		for (Cell &cell : cells_) {
			if (!cell.token.raw) {
				cell = { index, token, state };
				used_.store_relaxed(used_.load_relaxed() + 1);
				return true;
			}
		}
		return false;
	}
	/* The entry is replaced. */
	void replaced(TceIndex index) TCE_EXCLUDES(lock_)
	{
		if (empty())
			return;
		Guard guard(lock_);

		for (Cell &cell : cells_) {
			if (cell.token.raw && cell.index == index)
				cell.state = State::Due;
		}
	}
	/* The token that is kept for the entry: 0 if there is none. */
	[[nodiscard]] Uaddr take_kept(TceIndex index) TCE_EXCLUDES(lock_)
	{
		return take_if(
			[&](const Cell &c) { return c.index == index && c.state == State::Kept; });
	}
	/* A due one of an entry in @run; 0: no more. */
	[[nodiscard]] Uaddr take_due(IndexRange run)
	{
		return take_if(
			[&](const Cell &c) { return c.state == State::Due && run.holds(c.index); });
	}
	/* The window is gone. */
	[[nodiscard]] Uaddr take_any()
	{
		return take_if([](const Cell &) { return true; });
	}
	/*
	 * Good where the caller holds the leaf's lock: its own entries come and
	 * go under that.
	 */
	[[nodiscard]] bool empty() const { return !used_.load_relaxed(); }

private:
	struct Cell {
		TceIndex index;
		Uaddr token;
		State state = State::Kept;
	};

	template <class Wanted> [[nodiscard]] Uaddr take_if(Wanted wanted) TCE_EXCLUDES(lock_)
	{
		if (empty())
			return Uaddr();
		Guard guard(lock_);

		for (Cell &cell : cells_) {
			if (!cell.token.raw || !wanted(cell))
				continue;
			used_.store_relaxed(used_.load_relaxed() - 1);
			return exchange(cell.token, Uaddr());
		}
		return Uaddr();
	}

	SpinLock lock_{ TCE_LOCK_PARK };
	Cell cells_[kCells] TCE_GUARDED_BY(lock_);
	Atomic<unsigned int> used_;
};

} /* namespace tce */

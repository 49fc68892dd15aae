// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whom a grace period waits for.
 *
 * Model
 *  - KVM is in a section from its first op of a hypercall to its last; it does
 *    not sleep there.
 *  - A thread that yields within a call of the engine goes on without having
 *    slept: what cond_resched() does on kernels that preempt lazily.  It counts
 *    from its first yield on until it sleeps (for a lock, or for a time) or
 *    holds no lock any more.
 *  - wait() waits for all that had begun before, and for none that begins
 *    later.
 *  - later() calls when wait() would have come back.
 */
#ifndef TCE_FAKE_USERS_HPP
#define TCE_FAKE_USERS_HPP

#include "base.hpp"

namespace fake {

class Users : public Part<Users> {
public:
	~Users();

	/* The calling thread. */
	void section_begins();
	void section_ends();
	void yields();
	void quiet();
	/* It may sleep until the next call with false. */
	void asleep(bool is);

	void wait();
	void later(tce_later *l, void (*fn)(tce_later *l));
	/* Call what can be called now, if the calling thread may. */
	void run_later();
	/* Free memory when a section that has begun cannot use it any more. */
	void free_later(void *p);

	/* Calls that have not been made. */
	u64 waiting() const;
	void check_balance() const;

private:
	struct Inside {
		const env_thread *who;
		u64 since;
		bool section;
		bool asleep;
	};
	struct Later;
	struct Block;

	void enter(bool section);
	void leave(bool section);
	/*
	 * Is somebody in a section, or, if @all, anywhere, since @stamp or
	 * before?
	 */
	bool anybody(u64 stamp, bool all) const;

	static constexpr u32 kMost = 64;
	Inside inside_[kMost] = {};
	u32 nr_ = 0;
	u64 clock_ = 0;
	Later *laters_ = nullptr;
	Block *blocks_ = nullptr;
};

template <> Users *Part<Users>::here;

} // namespace fake

#endif /* TCE_FAKE_USERS_HPP */

// SPDX-License-Identifier: GPL-2.0-only
/* port.h, lock.h: the locks, and who holds which. */
#ifndef TCE_FAKE_LOCK_HPP
#define TCE_FAKE_LOCK_HPP

#include "users.hpp"

namespace fake {

class Locks : public Part<Locks> {
public:
	s64 live_locks = 0;

	/*
	 * Called before a rwsem is locked for writing, where another thread may
	 * have it first; what it does itself calls nobody.
	 */
	void (*on_write_lock)(void *arg) = nullptr;
	void *write_lock_arg = nullptr;
	u32 locks_until_killed = 0; /* at the so many-th lock of a container; 0: never */
	bool writer_waits = false;  /* no reader gets a rwsem at once */

	void check_balance() const;
};

template <> Locks *Part<Locks>::here;

void lock_check_none_held(const char *what);

} // namespace fake

#endif /* TCE_FAKE_LOCK_HPP */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Locks, and who must hold which.
 *
 * The types wrap the port's locks and carry clang's thread-safety attributes,
 * which the host build turns into errors (-Wthread-safety); lockdep checks the
 * order at run time.  The order is that of enum tce_lock_class.
 */
#pragma once

#include "ktl.hpp"

#if defined(__clang__)
#define TCE_TSA(x) __attribute__((x))
#else
#define TCE_TSA(x)
#endif

#define TCE_CAPABILITY(name)	 TCE_TSA(capability(name))
#define TCE_SCOPED		 TCE_TSA(scoped_lockable)
#define TCE_GUARDED_BY(x)	 TCE_TSA(guarded_by(x))
#define TCE_PT_GUARDED_BY(x)	 TCE_TSA(pt_guarded_by(x))
#define TCE_REQUIRES(...)	 TCE_TSA(requires_capability(__VA_ARGS__))
#define TCE_REQUIRES_SHARED(...) TCE_TSA(requires_shared_capability(__VA_ARGS__))
#define TCE_EXCLUDES(...)	 TCE_TSA(locks_excluded(__VA_ARGS__))
#define TCE_ACQUIRE(...)	 TCE_TSA(acquire_capability(__VA_ARGS__))
#define TCE_ACQUIRE_SHARED(...)	 TCE_TSA(acquire_shared_capability(__VA_ARGS__))
#define TCE_RELEASE(...)	 TCE_TSA(release_capability(__VA_ARGS__))
#define TCE_RELEASE_GENERIC(...) TCE_TSA(release_generic_capability(__VA_ARGS__))
#define TCE_NO_TSA		 TCE_TSA(no_thread_safety_analysis)

namespace tce {

class TCE_CAPABILITY("mutex") Mutex : Pinned {
public:
	explicit Mutex(tce_lock_class cls) { tce_port_mutex_init(&m_, cls); }
	~Mutex() { tce_port_mutex_destroy(&m_); }
	void lock() TCE_ACQUIRE() { tce_port_mutex_lock(&m_); }
	/* False: the caller is being killed, and has it not. */
	[[nodiscard]] bool lock_killable() TCE_TSA(try_acquire_capability(true))
	{
		return !tce_port_mutex_lock_killable(&m_);
	}
	void unlock() TCE_RELEASE() { tce_port_mutex_unlock(&m_); }
	void assert_held() const TCE_TSA(assert_capability(this))
	{
		if constexpr (TCE_LOCKS_CHECKED)
			tce_port_mutex_assert_held(&m_);
	}

private:
	tce_mutex m_{};
};

class TCE_CAPABILITY("spinlock") SpinLock : Pinned {
public:
	explicit SpinLock(tce_lock_class cls) { tce_port_spin_init(&s_, cls); }
	void lock() TCE_ACQUIRE() { tce_port_spin_lock(&s_); }
	void unlock() TCE_RELEASE() { tce_port_spin_unlock(&s_); }
	void assert_held() const TCE_TSA(assert_capability(this))
	{
		if constexpr (TCE_LOCKS_CHECKED)
			tce_port_spin_assert_held(&s_);
	}

private:
	tce_spinlock s_{};
};

class TCE_CAPABILITY("rwsem") RwSem : Pinned {
public:
	explicit RwSem(tce_lock_class cls) { tce_port_rwsem_init(&s_, cls); }
	~RwSem() { tce_port_rwsem_destroy(&s_); }
	void lock() TCE_ACQUIRE() { tce_port_rwsem_write_lock(&s_); }
	void unlock() TCE_RELEASE() { tce_port_rwsem_write_unlock(&s_); }
	/* False: the caller is killed, and does not have it. */
	[[nodiscard]] bool lock_killable() TCE_TSA(try_acquire_capability(true))
	{
		return !tce_port_rwsem_write_lock_killable(&s_);
	}
	[[nodiscard]] bool lock_shared_killable() TCE_TSA(try_acquire_shared_capability(true))
	{
		return !tce_port_rwsem_read_lock_killable(&s_);
	}
	/* False: somebody would have to be waited for. */
	[[nodiscard]] bool try_lock_shared() TCE_TSA(try_acquire_shared_capability(true))
	{
		return tce_port_rwsem_read_trylock(&s_);
	}
	void unlock_shared() TCE_TSA(release_shared_capability())
	{
		tce_port_rwsem_read_unlock(&s_);
	}
	void assert_held() const TCE_TSA(assert_shared_capability(this))
	{
		if constexpr (TCE_LOCKS_CHECKED)
			tce_port_rwsem_assert_held(&s_);
	}
	void assert_held_write() const TCE_TSA(assert_capability(this))
	{
		if constexpr (TCE_LOCKS_CHECKED)
			tce_port_rwsem_assert_held_write(&s_);
	}

private:
	tce_rwsem s_{};
};

/* For a Guard: the lock is held already. */
struct Held {};

/*
 * Holds a Mutex or a SpinLock, or an RwSem for writing, to the end of the
 * scope.
 */
template <class Lock> class TCE_SCOPED Guard : Pinned {
public:
	explicit Guard(Lock &lock) TCE_ACQUIRE(lock) : lock_(lock) { lock_.lock(); }
	Guard(Lock &lock, Held) TCE_REQUIRES(lock) : lock_(lock) {}
	~Guard() TCE_RELEASE() { lock_.unlock(); }

private:
	Lock &lock_;
};

/* Holds an RwSem for reading to the end of the scope. */
class TCE_SCOPED ReadGuard : Pinned {
public:
	ReadGuard(RwSem &lock, Held) TCE_REQUIRES_SHARED(lock) : lock_(lock) {}
	~ReadGuard() TCE_RELEASE_GENERIC() { lock_.unlock_shared(); }

private:
	RwSem &lock_;
};

/* The port's one mutex of class TCE_LOCK_OWNERS. */
class TCE_CAPABILITY("mutex") OwnersMutex {
public:
	void lock() TCE_ACQUIRE() { tce_port_owners_lock(); }
	void unlock() TCE_RELEASE() { tce_port_owners_unlock(); }
};

} /* namespace tce */

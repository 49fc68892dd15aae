/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An owner: the address space that containers belong to, and what they share of it.
 *
 * KVM maps any memory that any container of the address space registered, into tables of any
 * of them, and drops its note that an entry names some memory (tce_port_mem_unmap()) as
 * soon as the entry is exchanged, before the change is published.  So memory may be
 * given back only when nothing is pending in any table of the owner, and nothing
 * can become pending meanwhile:
 *
 *	holding on -> flush every table that KVM has used -> give back -> holding off
 *
 * While holding is on, Window::exchange() waits.  It reads the flag under the leaf's lock, and the
 * flush takes every leaf's lock: what it does not see, sees the flag.
 *
 * There is one Owner an address space, as long as a container refers to it.
 */
#pragma once

#include "locks.hpp"
#include "region.hpp"

namespace tce {

class Window;

class Owner : Pinned {
public:
	/* The caller's; referenced.  NoMem. */
	static Result<Owner *> get_current();
	/* Drop a reference; the last one lets go of everything. */
	static void put(Owner *owner);

	[[nodiscard]] tce_mm *mm() const { return mm_; }
	[[nodiscard]] bool is_current() const { return tce_port_mm_is_current(mm_); }

	/* Windows announce themselves, and leave when their table is dead. */
	void add(Window &window) TCE_EXCLUDES(lock_);
	void remove(Window &window) TCE_EXCLUDES(lock_);
	/* A window has given back what it named. */
	void retry() TCE_EXCLUDES(lock_);

	/* Busy: entries name the memory; nothing has changed. */
	Status give_back(tce_mem *mem) TCE_EXCLUDES(lock_);
	/*
	 * The same for a container that closes, which has nobody to tell that memory is busy: what is
	 * (by way of KVM and another container's table) is kept and tried again later.
	 * @region is the owner's from now on.
	 */
	void give_back_later(Region *region) TCE_EXCLUDES(lock_);
	/*
	 * A page may be in a device's reach for good: memory that is busy stays pinned.  @all: nobody
	 * knows which page, so no memory is given back any more.
	 */
	void quarantine(bool all = false)
	{
		quarantined_.store_ordered(true);
		if (all)
			all_quarantined_.store_ordered(true);
	}

	[[nodiscard]] bool holding() const { return holding_.load_ordered(); }
	/* Until memory that is about to be given back has been. */
	void wait() TCE_EXCLUDES(lock_) { Guard guard(lock_); }

	explicit Owner(tce_mm *mm) : mm_(mm) {}
	~Owner();

private:
	Status give_back_locked(tce_mem *mem) TCE_REQUIRES(lock_);
	void retry_kept() TCE_REQUIRES(lock_);
	void force(Region &region);

	static OwnersMutex owners_lock;
	static Owner *owners TCE_GUARDED_BY(owners_lock);

	Mutex lock_{ TCE_LOCK_OWNER };
	tce_mm *const mm_;
	Window *windows_ TCE_GUARDED_BY(lock_) = nullptr;
	RegionIndex kept_ TCE_GUARDED_BY(lock_){ 1 };
	Atomic<bool> holding_;
	Atomic<bool> quarantined_;
	Atomic<bool> all_quarantined_;
	u64 references_ TCE_GUARDED_BY(owners_lock) = 1;
	Owner *next_ TCE_GUARDED_BY(owners_lock) = nullptr;
};

/* A reference for the length of a call. */
class OwnerRef : Pinned {
public:
	OwnerRef() = default;
	~OwnerRef() { Owner::put(owner_); }

	Status get_current()
	{
		owner_ = TCE_TRY(Owner::get_current());
		return {};
	}
	Owner *operator->() const { return owner_; }

private:
	Owner *owner_ = nullptr;
};

} /* namespace tce */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An owner: the address space that containers belong to, and what they share of
 * it.
 *
 * KVM maps any memory that any container of the address space registered, into
 * tables of any of them; nobody else's memory gets into the owner's tables, and
 * the owner's into nobody else's (Window::enter()).  Notes that entries name
 * some memory are dropped by us alone, and only after the publish
 * (window_kvm.cc).  So memory has a note for every entry that names it, and the
 * registry's answer that there is none can be relied on.  Before it is asked,
 * what KVM has closed and not published yet is published, so that it does not
 * count any more.
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

	/*
	 * Pin and charge @region's memory.  One at a time; killed while it
	 * waits for the others: Intr.
	 */
	Status pin(Region &region) TCE_EXCLUDES(register_);
	/*
	 * A container of the owner has this group: messages about the owner
	 * name it.
	 */
	void has_group(int group) TCE_EXCLUDES(lock_);

	/* Windows announce themselves, and leave when their table is dead. */
	void add(Window &window) TCE_EXCLUDES(lock_);
	void remove(Window &window) TCE_EXCLUDES(lock_);
	/* A window has given back what it named. */
	void retry() TCE_EXCLUDES(lock_);

	/* Busy: entries name the memory; nothing has changed. */
	Status give_back(tce_mem *mem) TCE_EXCLUDES(lock_);
	/*
	 * The same for a container that closes, which has nobody to tell that
	 * memory is busy: what is (by way of KVM and another container's table)
	 * is kept and tried again later. @region is the owner's from now on.
	 */
	void give_back_later(Region *region) TCE_EXCLUDES(lock_);
	/*
	 * A page may be in a device's reach for good: memory that is busy stays
	 * pinned.
	 */
	void quarantine_busy() { quarantined_.store_ordered(true); }
	/*
	 * The same, and nobody knows which page: no memory is given back any
	 * more.
	 */
	void quarantine_all()
	{
		quarantine_busy();
		all_quarantined_.store_ordered(true);
	}

	/*
	 * The registry takes small pages of some memory for huge ones: KVM,
	 * which relies on it, gets no slot any more in windows with pages
	 * larger than the system's.  MAP looks for itself.
	 */
	void distrust_large_pages() { distrusts_large_pages_.store_ordered(true); }
	[[nodiscard]] bool distrusts_large_pages() const
	{
		return distrusts_large_pages_.load_relaxed();
	}

	explicit Owner(tce_mm *mm) : mm_(mm) { tce_port_log_init(&log_); }
	~Owner();

private:
	static OwnersMutex owners_lock;

	static Owner *find_current() TCE_REQUIRES(owners_lock);
	Status give_back_locked(tce_mem *mem) TCE_REQUIRES(lock_);
	void retry_kept() TCE_REQUIRES(lock_);
	/* False: it stays pinned. */
	bool force(Region &region);

	static Owner *owners TCE_GUARDED_BY(owners_lock);

	/*
	 * Held over faults and pins, which take as long as the owner likes;
	 * nobody else's call ever waits for it, and nothing but a registration
	 * is held up by it.
	 */
	Mutex register_{ TCE_LOCK_REGISTER };
	Mutex lock_{ TCE_LOCK_OWNER };
	tce_mm *const mm_;
	Window *windows_ TCE_GUARDED_BY(lock_) = nullptr;
	RegionIndex kept_ TCE_GUARDED_BY(lock_){ 1 };
	Atomic<bool> distrusts_large_pages_;
	Atomic<bool> quarantined_;
	Atomic<bool> all_quarantined_;
	u64 references_ TCE_GUARDED_BY(owners_lock) = 1;
	Owner *next_ TCE_GUARDED_BY(owners_lock) = nullptr;
	tce_log_who log_ = {};
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

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What tables cost their owner.
 *
 * Levels are charged before they are made, 8 bytes an entry.  The sum of a
 * window is rounded down to system pages, and upper levels cost nothing where
 * it would be more than for all entries of the window, which is what the
 * in-tree driver charges at once:
 *
 *	leaves = 8 * entries of the leaves
 *	nodes  = 8 * entries of the levels above them; of a walked table as
 *	         many as the hardware has
 *	all    = 8 * entries of the window
 *	charged(window) == max(leaves, min(leaves + nodes, all))
 *			   / system page size, rounded down
 *
 * So limits computed by libvirt from "1/512 of the memory" are enough: a window
 * that is full costs that, one that is nearly empty much less.  Leaves that two
 * prepare at once are charged to both until one gives his up.
 *
 * What is kept is bounded by what is charged, however sparse the mappings are:
 *
 *	bytes(window) <= 9/4 * (charged(window) + 1) * system page size
 *			 + 64 KiB
 *
 * A leaf has its user view besides (8 bytes an entry), pending bits (1/8 byte)
 * and a head; a node that hardware reads has our pointers besides.  The nodes
 * of a full table are less than 1/128 of it.  The rest is the window itself,
 * and up to five levels that have few entries but a page each.  The allocator
 * may round all that up to twice as much; the port accounts it to the caller's
 * memory cgroup.
 *
 * A refused call leaves nothing behind.  But leaves that have been hung in
 * stay, and stay charged, when the hypervisor refuses what comes into them, or
 * when the caller is killed then.
 *
 * Registered memory is charged by the registry it shares with KVM
 * (tce_port_mem_get()).
 */
#pragma once

#include "locks.hpp"
#include "result.hpp"
#include "types.hpp"

namespace tce {

/* In bytes. */
struct TableCost {
	u64 leaves = 0;
	u64 nodes = 0;
};

class TableCharge : Pinned {
public:
	/* @entries: of the window. */
	TableCharge(tce_mm *mm, u64 entries) : mm_(mm), all_(entries * sizeof(u64)) {}
	~TableCharge() { TCE_ASSERT(!cost_.leaves && !cost_.nodes); }

	/* Before it is used: who is told when the limit is reached. */
	void report_to(tce_log_who *log) { log_ = log; }
	[[nodiscard]] tce_log_who *log() const { return log_; }

	/* NoMem: over the limit, nothing is charged. */
	Status grow(TableCost more) TCE_EXCLUDES(lock_);
	void shrink(TableCost less) TCE_EXCLUDES(lock_);
	/* Give everything back; what is freed later costs nothing any more. */
	void drop() TCE_EXCLUDES(lock_);

	/*
	 * For the administrator: system pages that are charged, and for how
	 * many bytes.  Without lock_, which waits for the owner's mmap_lock.
	 */
	[[nodiscard]] u64 charged() const { return shown_pages_.load_relaxed(); }
	[[nodiscard]] u64 bytes() const { return shown_bytes_.load_relaxed(); }

private:
	[[nodiscard]] u64 pages(TableCost cost) const
	{
		return max(cost.leaves, min(cost.leaves + cost.nodes, all_)) >>
		       tce_port_page_shift();
	}

	void show() TCE_REQUIRES(lock_)
	{
		shown_pages_.store_relaxed(pages(cost_));
		shown_bytes_.store_relaxed(cost_.leaves + cost_.nodes);
	}

	Mutex lock_{ TCE_LOCK_CHARGE };
	tce_mm *const mm_;
	tce_log_who *log_ = nullptr;
	const u64 all_;
	TableCost cost_ TCE_GUARDED_BY(lock_);
	bool dropped_ TCE_GUARDED_BY(lock_) = false;
	Atomic<u64> shown_pages_;
	Atomic<u64> shown_bytes_;
};

/*
 * What the pins of a v1 container cost its owner.
 *
 * ENABLE charges for every page of the default window, whatever will be mapped.
 * There can be more pins than that while MAP is under way: what it replaces is
 * let go only when the new pages are in place, and several threads may map at
 * once.  Those are charged besides, as long as there are more:
 *
 *	charged == window + system pages of (pins - window)
 */
class PinCharge : Pinned {
public:
	~PinCharge() { TCE_ASSERT(charged_ == 0); }

	/*
	 * ENABLE for so many IOMMU pages.  NoMem: over the limit, nothing is
	 * charged.
	 * @log: who is told then.
	 */
	Status allow(tce_mm *mm, u64 iommu_pages, tce_log_who *log) TCE_EXCLUDES(lock_);
	/* DISABLE: what is pinned all the same stays charged. */
	void disallow() TCE_EXCLUDES(lock_);
	/* Before so many more are pinned, and after they are not. */
	Status grow(u64 nr) TCE_EXCLUDES(lock_);
	void shrink(u64 nr) TCE_EXCLUDES(lock_);
	/* Nobody is left to be charged. */
	void drop() TCE_EXCLUDES(lock_);

	/* For the administrator: system pages; without lock_. */
	[[nodiscard]] u64 charged() const { return shown_.load_relaxed(); }

private:
	/* The default window's IOMMU pages. */
	static constexpr PageShift kPage{ PageShift::kMin };

	Status settle(u64 allowed, u64 pins) TCE_REQUIRES(lock_);

	Mutex lock_{ TCE_LOCK_CHARGE };
	tce_mm *mm_ TCE_GUARDED_BY(lock_) = nullptr;
	tce_log_who *log_ TCE_GUARDED_BY(lock_) = nullptr;
	u64 allowed_ TCE_GUARDED_BY(lock_) = 0;
	u64 pins_ TCE_GUARDED_BY(lock_) = 0;
	u64 charged_ TCE_GUARDED_BY(lock_) = 0; /* system pages */
	Atomic<u64> shown_;			/* the same */
};

} /* namespace tce */

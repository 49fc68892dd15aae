/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What tables cost their owner.
 *
 * Only leaf TCEs are charged, 8 bytes an entry, as leaves come into being, and the sum of a
 * window is rounded down to system pages:
 *
 *	charged(window) == floor(8 * entries of its leaves / system page size)
 *
 * So a window never costs more than the kernel's own driver charges for it at once
 * (8 bytes for every entry of the window), and limits computed by libvirt from
 * "1/512 of the memory" are enough.  What is not charged is bounded by what is: the user
 * view (8 bytes an entry), the pending bits (1/8 byte) and upper levels (1/512 of it); all
 * of it is accounted to the caller's memory cgroup by the port.
 *
 * Registered memory is charged by the registry it shares with KVM (tce_port_mem_get()).
 */
#pragma once

#include "locks.hpp"
#include "result.hpp"
#include "types.hpp"

namespace tce {

class TableCharge : Pinned {
public:
	explicit TableCharge(tce_mm *mm) : mm_(mm) {}
	~TableCharge() { TCE_ASSERT(bytes_ == 0); }

	/* NoMem: over the limit, nothing is charged. */
	Status grow(u64 bytes) TCE_EXCLUDES(lock_);
	void shrink(u64 bytes) TCE_EXCLUDES(lock_);
	/* Give everything back; what is freed later costs nothing any more. */
	void drop() TCE_EXCLUDES(lock_);

private:
	[[nodiscard]] static u64 pages(u64 bytes) { return bytes >> tce_port_page_shift(); }

	Mutex lock_{ TCE_LOCK_CHARGE };
	tce_mm *const mm_;
	u64 bytes_ TCE_GUARDED_BY(lock_) = 0;
	bool dropped_ TCE_GUARDED_BY(lock_) = false;
};

/*
 * What the pins of a v1 container cost its owner.
 *
 * ENABLE charges for every page of the default window, whatever will be mapped.  There
 * can be more pins than that while MAP is under way: what it replaces is let go only when the new
 * pages are in place, and several threads may map at once.  Those are charged besides, as long
 * as there are more:
 *
 *	charged == window + system pages of (pins - window)
 */
class PinCharge : Pinned {
public:
	~PinCharge() { TCE_ASSERT(charged_ == 0); }

	/* ENABLE for so many IOMMU pages.  NoMem: over the limit, nothing is charged. */
	Status allow(tce_mm *mm, u64 iommu_pages) TCE_EXCLUDES(lock_);
	/* DISABLE: what is pinned all the same stays charged. */
	void disallow() TCE_EXCLUDES(lock_);
	/* Before so many more are pinned, and after they are not. */
	Status grow(u64 nr) TCE_EXCLUDES(lock_);
	void shrink(u64 nr) TCE_EXCLUDES(lock_);
	/* Nobody is left to be charged. */
	void drop() TCE_EXCLUDES(lock_);

private:
	/* The default window's IOMMU pages. */
	static constexpr PageShift kPage{ PageShift::kMin };

	Status settle(u64 allowed, u64 pins) TCE_REQUIRES(lock_);

	Mutex lock_{ TCE_LOCK_CHARGE };
	tce_mm *mm_ TCE_GUARDED_BY(lock_) = nullptr;
	u64 allowed_ TCE_GUARDED_BY(lock_) = 0;
	u64 pins_ TCE_GUARDED_BY(lock_) = 0;
	u64 charged_ TCE_GUARDED_BY(lock_) = 0; /* system pages */
};

} /* namespace tce */

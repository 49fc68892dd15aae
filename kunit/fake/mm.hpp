// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes and their memory: what it costs, where it is, what of it is pinned.
 *
 * User memory has no storage.  A user address has a host physical address by
 * rule, distinct for distinct pages, so that a physical address tells whose
 * page it is.
 */
#ifndef TCE_FAKE_MM_HPP
#define TCE_FAKE_MM_HPP

#include "base.hpp"

/* The port's opaque types. */

struct tce_mem {
	fake::u32 magic;
	tce_mm *mm;
	tce_mem *next;
	fake::u64 ua;
	fake::u64 npages;
	fake::u64 used;
	fake::s64 mapped;    /* 1: nothing; 0: going away; as in mm_iommu */
	fake::u32 pageshift; /* of the largest page, or so the registry thinks */
};

struct tce_mm {
	fake::u32 index;
	fake::u64 refs;
	fake::u64 limit;
	fake::u64 locked_port; /* tce_port_charge() */
	fake::u64 locked_mem;  /* registered memory */
	tce_mem *mems;
	fake::u32 registering; /* calls of tce_port_mem_get() */
};

namespace fake {

inline constexpr u32 kMaxMms = 4;

class UserMemory : public Part<UserMemory> {
public:
	explicit UserMemory(u64 locked_limit);
	~UserMemory();

	tce_mm mm[kMaxMms] = {};
	Sparse pins; /* by system page: tce_port_pin() */
	u64 live_pins = 0;
	u64 dirtied = 0;
	/*
	 * Called where a callback of KVM's asks if its process is the owner,
	 * the one thing that it asks the port before it has found an entry.
	 */
	void (*on_asked)(void *arg) = nullptr;
	void *asked_arg = nullptr;

	/* --- What cases do to it --- */

	/*
	 * Memory of @mm looks physically contiguous in aligned blocks of 2^lg2.
	 */
	void make_contiguous(u64 start, u64 end, u32 lg2);
	/*
	 * All of it is in one piece, 2^@by behind where it is expected; the end
	 * comes first.  Once.
	 */
	void make_displaced(u64 start, u64 end, u32 by);
	void make_hole(u64 start, u64 end);
	/* One system page that is elsewhere than its neighbours suggest. */
	void make_odd(u64 vaddr);
	void make_read_only(u64 start, u64 end);
	/* Memory of @mm is of hugetlb pages of 2^lg2, and so contiguous. */
	void make_hugetlb(u64 start, u64 end, u32 lg2);

	/* --- What it answers --- */

	/* The calling thread's process. */
	tce_mm &current();
	u64 locked_vm(u32 which = 0) const { return mm[which].locked_port + mm[which].locked_mem; }
	u64 registered_pages(u32 which = 0) const { return mm[which].locked_mem; }
	u64 live_mems() const;
	tce_mem *mem_lookup(const tce_mm *m, u64 ua, u64 bytes) const;

	u64 hpa_of(const tce_mm *m, u64 vaddr) const;
	/* The inverse of hpa_of(). */
	bool locate(u64 hpa, u32 *which, u64 *vaddr) const;
	/*
	 * Is a block of 2^shift bytes that an entry names @mem's, or some of
	 * it?
	 */
	bool is_part_of(const tce_mem &mem, u64 hpa, u32 shift) const;

	bool block_is_contiguous(u64 vaddr, u32 shift) const;
	/* Does one hugetlb page hold the block? */
	bool block_is_huge(u64 vaddr, u32 shift) const;
	/*
	 * mm_iommu_do_alloc(): what the registry takes for the largest page of
	 * a region.
	 */
	u32 registry_shift(u64 vaddr, u64 npages) const;

	/* Is all of [hpa, hpa + bytes) pinned? */
	bool is_pinned(u64 hpa, u64 bytes) const;
	/* May a device write there? */
	bool is_writable(u64 hpa, u64 bytes) const;
	/* Can a process get at that user memory, and write to it? */
	bool accessible(u64 start, u64 bytes) const;
	bool writable(u64 start, u64 bytes) const;

	void check_balance() const;

private:
	bool page_is_odd(u64 vaddr) const;
	u32 block_lg2(u64 vaddr) const;

	struct Range {
		u64 start, end;
	};
	struct Blocks {
		u64 start, end;
		u32 lg2;
	};
	Blocks contiguous_[8] = {};
	u32 nr_contiguous_ = 0;
	Blocks displaced_ = {}; /* .lg2: by how much */
	Blocks huge_[4] = {};	/* hugetlb */
	u32 nr_huge_ = 0;
	Range holes_[8] = {};
	u32 nr_holes_ = 0;
	u64 odd_pages_[8] = {};
	u32 nr_odd_ = 0;
	Range read_only_[4] = {};
	u32 nr_read_only_ = 0;
};

template <> UserMemory *Part<UserMemory>::here;

/* The calling thread runs as process @which. */
void run_as(u32 which);

void check_mm(const tce_mm *m);

} // namespace fake

#endif /* TCE_FAKE_MM_HPP */

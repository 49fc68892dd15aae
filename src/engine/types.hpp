/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The engine's words, as types.
 *
 * Glossary
 *   TCE          translation control entry: 64 bits, maps one IOMMU page
 *   IOMMU page   what one TCE maps; its size is a property of the window
 *   system page  PAGE_SIZE of the kernel; what is pinned and charged
 *   window       a range of bus addresses of a PE with one page size (DMA
 *                window)
 *   table        what translates a window; here: a radix tree of 1..5 levels
 *   leaf         a bottom level of the table, holds TCEs
 *   walked       of a table: the hardware reads it (IODA2).  Else it is a
 *                shadow of the hypervisor's own (PAPR)
 *   LIOBN        logical I/O bus number: the hypervisor's handle of a window
 *   mirror       a group's part in a window: its LIOBN, or its walk of it
 *   region       user memory that a container registered (pinned, charged)
 *   charge       pages added to the owner's locked_vm
 *   note         one entry more names a region: the registry counts it as
 *                mapped (mm_iommu_mapped_inc()), and keeps its pages
 *   token        the user address that KVM stores beside an entry; stands for
 *                a note that the engine drops
 *   claim        what stands there while KVM is about to map the entry
 *   parked       of a token: pushed out of its place, its note waits for the
 *                publish; of a default window: closed and kept (papr_group.hpp)
 *   run          entries that are published by one call, 512 at most
 *   publish      make what was written to a table effective at the device; of
 *                KVM's it is called kill (iommu_table_ops::tce_kill)
 *   pending      of an entry: written, not published
 *   unsynced     of an entry: the platform may have something else than the
 *                table says, since it refused to publish it
 *   shut         of a leaf: KVM cannot begin a map there
 *   quarantine   pages that a device may reach for good: never unpinned
 *   in-tree driver  the kernel's vfio_iommu_spapr_tce, which this one replaces
 *
 * Ranges are half-open: [begin, end).
 */
#pragma once

#include "ktl.hpp"

namespace tce {

/* One number, one meaning: no implicit conversion in either direction. */
template <class Tag> struct Strong {
	u64 raw = 0;

	constexpr Strong() = default;
	constexpr explicit Strong(u64 value) : raw(value) {}

	friend constexpr bool operator==(Strong, Strong) = default;
	friend constexpr auto operator<=>(Strong a, Strong b) = delete;
	friend constexpr bool operator<(Strong a, Strong b) { return a.raw < b.raw; }
	friend constexpr bool operator<=(Strong a, Strong b) { return a.raw <= b.raw; }

	/*
	 * An address or index, plus a distance; and the distance of two of
	 * them.
	 */
	friend constexpr Strong operator+(Strong a, u64 distance)
	{
		return Strong(a.raw + distance);
	}
	friend constexpr u64 operator-(Strong a, Strong b) { return a.raw - b.raw; }
	constexpr Strong &operator+=(u64 distance)
	{
		raw += distance;
		return *this;
	}
};

using Iova = Strong<struct IovaTag>;	     /* bus address */
using Hpa = Strong<struct HpaTag>;	     /* host physical address */
using Uaddr = Strong<struct UaddrTag>;	     /* user address; never dereferenced here */
using TceIndex = Strong<struct TceIndexTag>; /* entry, counted from the window's first */

static_assert(Iova(4096) + 4096 == Iova(8192));
static_assert(Iova(8192) - Iova(4096) == 4096);
static_assert(TceIndex(1) < TceIndex(2) && !(TceIndex(2) < TceIndex(2)));
static_assert(TceIndex(2) <= TceIndex(2) && !(TceIndex(3) <= TceIndex(2)));
static_assert((Hpa(1) += 2) == Hpa(3));

/* log2 of an IOMMU page size. */
class PageShift {
public:
	/*
	 * 4K .. 16G: what ibm,query-pe-dma-windows can name (LoPAR), and IODA2.
	 */
	static constexpr unsigned int kMin = 12;
	static constexpr unsigned int kMax = 34;

	constexpr PageShift() = default;
	constexpr explicit PageShift(unsigned int lg2) : lg2_(lg2) {}

	[[nodiscard]] constexpr unsigned int lg2() const { return lg2_; }
	[[nodiscard]] constexpr u64 size() const { return 1ull << lg2_; }
	[[nodiscard]] constexpr u64 mask() const { return size() - 1; }
	[[nodiscard]] constexpr bool aligned(u64 x) const { return !(x & mask()); }
	[[nodiscard]] static constexpr bool valid(unsigned int lg2)
	{
		return lg2 >= kMin && lg2 <= kMax;
	}

private:
	unsigned int lg2_ = kMin;
};

static_assert(PageShift(16).size() == 65536 && PageShift(34).size() == 1ull << 34);
static_assert(PageShift(12).aligned(8192) && !PageShift(16).aligned(8192));
static_assert(!PageShift::valid(11) && PageShift::valid(12) && !PageShift::valid(0x8c));

/* Entries [begin, end) of a window. */
struct IndexRange {
	TceIndex begin;
	TceIndex end;

	[[nodiscard]] constexpr u64 count() const { return end - begin; }
	[[nodiscard]] constexpr bool empty() const { return end <= begin; }
	[[nodiscard]] constexpr bool holds(TceIndex i) const { return begin <= i && i < end; }
};

/* The most entries of a run: one list of H_PUT_TCE_INDIRECT, 4 KiB. */
inline constexpr unsigned int kRun = 512;

/*
 * What is known of entries that are to be closed, and what follows for memory
 * that they named.  Of two answers the larger one is that of both: max().
 */
enum class Entries {
	Clear,	  /* the platform has none of them */
	Unsynced, /* it may have some */
};
enum class Reach {
	None,	  /* no device gets there any more */
	Possible, /* one may: what is there stays pinned */
};

} /* namespace tce */

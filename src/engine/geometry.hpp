/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The shape of a table, computed from the shape of a window.
 *
 * A table has 1..5 levels.  Level 0 holds TCEs, the others point to the level
 * below.  All level pages are the same size, 2^level_bits entries, but for the
 * top one, which has only as many entries as the window needs; so does the only
 * level of a small window.  Nothing here depends on the system page size.
 */
#pragma once

#include "result.hpp"
#include "types.hpp"

namespace tce {

/*
 * How large a level page may be.
 *
 * 4 KiB (512 entries) is the smallest that IODA2 hardware walks and that is
 * worth having (opal_pci_map_pe_dma_window: table size "at least 4K").
 */
struct LevelLimits {
	unsigned int min_bits;
	unsigned int max_bits;
	/*
	 * True if a table may have more levels than are of use: hardware walks
	 * them.
	 */
	bool any_depth;
	/* Bits of a bus address that all levels together may tell apart. */
	unsigned int address_bits;
	/* log2 of the largest window. */
	unsigned int window_bits;
	/* log2 of the most entries that a window may have. */
	unsigned int entry_bits;
};

/*
 * PAPR: the table is our shadow of the hypervisor's, no hardware walks it.  64
 * KiB is the largest level page, so that a window of any size costs next to
 * nothing until it is used.
 *
 * Firmware is not asked for more than 2^31 entries, whatever it says that it
 * can do: QEMU's answers that 2^37 are possible, keeps the number in 32 bits
 * and dies of it, and so does the whole partition.  The hypervisor's table for
 * 2^31 entries takes 16 GiB; 8 TiB of 4K pages are that.
 */
inline constexpr LevelLimits kPaprLevels = { 9, 13, false, 128, 63, 31 };

/*
 * IODA2: the hardware walks it.  512 KiB is the largest level page, more would
 * often not be found in one piece.  Bit 59 of a bus address selects the window
 * (TVE), so the table's indices have to stay below it.  Bits 55 to 58 select
 * among more windows in another mode, and are said not to reach the table in
 * ours either (the kernel's own code stays below 2^55): no window is that
 * large.
 */
inline constexpr LevelLimits kIodaLevels = { 9, 16, true, 59, 55, 43 };

class Geometry {
public:
	/*
	 * POWERNV_IOMMU_MAX_LEVELS, asm/tce.h of the kernel; the TVE has 3 bits
	 * for it.
	 */
	static constexpr unsigned int kMaxLevels = 5;

	constexpr Geometry() = default;

	/*
	 * The shape for a window of @size bytes.  @levels is a hint: 0 means 1,
	 * and what @limits do not allow is brought to what they do.  Inval: the
	 * page size is not one that exists, or the size is not a power of two,
	 * or smaller than a page, or larger than 5 levels can hold or @limits
	 * allow.
	 */
	static constexpr Result<Geometry> make(unsigned int page_shift, u64 size, u32 levels,
					       LevelLimits limits);

	[[nodiscard]] constexpr PageShift page() const { return page_; }
	[[nodiscard]] constexpr u64 entries() const { return power(entries_lg2_); }
	[[nodiscard]] constexpr unsigned int entries_lg2() const { return entries_lg2_; }
	[[nodiscard]] constexpr u64 window_size() const { return entries() << page_.lg2(); }
	[[nodiscard]] constexpr unsigned int levels() const { return levels_; }
	[[nodiscard]] constexpr unsigned int level_bits() const { return level_bits_; }

	/* Entries of a page of @level. */
	[[nodiscard]] constexpr u64 level_entries(unsigned int level) const
	{
		const unsigned int below = level_bits_ * level;

		if (entries_lg2_ <= below)
			return 1;
		return power(min<unsigned int>(entries_lg2_ - below, level_bits_));
	}
	[[nodiscard]] constexpr u64 leaf_entries() const { return level_entries(0); }

	/* Entries of the window below one entry of @level. */
	[[nodiscard]] constexpr u64 reach(unsigned int level) const
	{
		return power(min<unsigned int>(level_bits_ * level, entries_lg2_));
	}

	/* Which entry of its page of @level leads to @index. */
	[[nodiscard]] constexpr u64 slot(unsigned int level, TceIndex index) const
	{
		return level_bits_ * level >= 64 ?
			       0 :
			       (index.raw >> (level_bits_ * level)) & (level_entries(level) - 1);
	}

	/*
	 * The first entry of the leaf that holds @index, and the first of the
	 * next.
	 */
	[[nodiscard]] constexpr TceIndex leaf_begin(TceIndex index) const
	{
		return TceIndex(index.raw & ~(leaf_entries() - 1));
	}
	[[nodiscard]] constexpr TceIndex leaf_end(TceIndex index) const
	{
		return leaf_begin(index) + leaf_entries();
	}

	/* Leaves that a range touches. */
	[[nodiscard]] constexpr u64 leaves(IndexRange range) const
	{
		if (range.empty())
			return 0;

		const TceIndex last(range.end.raw - 1);

		return ((leaf_begin(last) - leaf_begin(range.begin)) >>
			log2_floor(leaf_entries())) +
		       1;
	}

private:
	/*
	 * No window has 2^64 entries; the mask says so to the compiler, and to
	 * what reads with it.
	 */
	static constexpr u64 power(unsigned int lg2) { return 1ull << (lg2 & 63); }

	/* The top is the one that is small, not the leaves. */
	static constexpr unsigned int level_bits_for(unsigned int lg2, unsigned int levels,
						     LevelLimits limits)
	{
		const unsigned int least = levels > 1 ? limits.min_bits : min(lg2, limits.min_bits);

		return max(div_round_up(lg2, levels),
			   limits.any_depth ? least : min(lg2, limits.min_bits));
	}

	PageShift page_;
	u8 entries_lg2_ = 0;
	u8 level_bits_ = 0;
	u8 levels_ = 1;
};

constexpr Result<Geometry> Geometry::make(unsigned int page_shift, u64 size, u32 levels,
					  LevelLimits limits)
{
	if (!PageShift::valid(page_shift) || !is_power_of_two(size) ||
	    size < PageShift(page_shift).size())
		return Errc::Inval;

	const unsigned int lg2 = log2_floor(size) - page_shift;
	const unsigned int fewest = max(div_round_up(lg2, limits.max_bits), 1u);
	unsigned int most = limits.any_depth ? kMaxLevels : div_round_up(lg2, limits.min_bits);

	most = max(min(most, kMaxLevels), fewest);
	if (fewest > kMaxLevels)
		return Errc::Inval;

	unsigned int wanted = min(max(levels, fewest), most);
	unsigned int bits = level_bits_for(lg2, wanted, limits);

	while (wanted > fewest && bits * wanted + page_shift > limits.address_bits) {
		wanted--;
		bits = level_bits_for(lg2, wanted, limits);
	}
	if (lg2 + page_shift > limits.window_bits || lg2 > limits.entry_bits)
		return Errc::Inval;

	Geometry g;

	g.page_ = PageShift(page_shift);
	g.entries_lg2_ = static_cast<u8>(lg2);
	g.level_bits_ = static_cast<u8>(bits);
	/*
	 * A level less may do after rounding up; hardware gets what was asked
	 * for.
	 */
	if (!limits.any_depth)
		wanted = lg2 ? div_round_up(lg2, bits) : 1;
	g.levels_ = static_cast<u8>(wanted);
	return g;
}

namespace geometry_checks {

constexpr bool is(unsigned int shift, u64 size, u32 levels, unsigned int want_levels,
		  unsigned int want_bits, u64 want_top, LevelLimits limits = kPaprLevels)
{
	auto g = Geometry::make(shift, size, levels, limits);

	return g.ok() && g.value().levels() == want_levels && g.value().level_bits() == want_bits &&
	       g.value().level_entries(want_levels - 1) == want_top &&
	       g.value().window_size() == size;
}
constexpr bool refused(unsigned int shift, u64 size, LevelLimits limits = kPaprLevels)
{
	return Geometry::make(shift, size, 1, limits).error() == Errc::Inval;
}

static_assert(is(12, 1ull << 12, 1, 1, 0, 1));	 /* one entry */
static_assert(is(12, 1ull << 20, 5, 1, 8, 256)); /* too small for a second level */
static_assert(is(12, 1ull << 30, 0, 2, 9, 512)); /* the default window */
static_assert(is(12, 1ull << 30, 4, 2, 9, 512));
static_assert(is(16, 1ull << 40, 1, 2, 12, 4096));
static_assert(is(16, 1ull << 40, 3, 3, 9, 64));
static_assert(is(12, 1ull << 40, 1, 3, 10, 256));
static_assert(is(12, 1ull << 40, 255, 4, 9, 2));
static_assert(is(12, 1ull << 24, 2, 2, 9, 8));
static_assert(is(12, 1ull << 43, 1, 3, 11, 512));
static_assert(is(32, 1ull << 63, 5, 4, 9, 16));
static_assert(refused(12, 1ull << 44) && refused(31, 1ull << 63));
static_assert(is(34, 1ull << 34, 2, 1, 0, 1));
static_assert(is(30, 1ull << 40, 1, 1, 10, 1024));
static_assert(is(12, 1ull << 31, 1, 2, 10, 512, kIodaLevels));
static_assert(is(12, 1ull << 31, 4, 4, 9, 1, kIodaLevels));
static_assert(is(12, 1ull << 31, 5, 5, 9, 1, kIodaLevels));
static_assert(is(16, 1ull << 31, 5, 4, 9, 1, kIodaLevels)); /* 5 * 9 + 16 bits are too many */
static_assert(is(16, 1ull << 40, 3, 3, 9, 64, kIodaLevels));
static_assert(is(12, 1ull << 28, 1, 1, 16, 65536, kIodaLevels));
static_assert(is(16, 1ull << 16, 1, 1, 0, 1, kIodaLevels));
static_assert(is(16, 1ull << 17, 3, 3, 9, 1, kIodaLevels));
static_assert(is(12, 1ull << 55, 1, 3, 15, 8192, kIodaLevels));
static_assert(refused(12, 1ull << 56, kIodaLevels) && refused(30, 1ull << 56, kIodaLevels));
static_assert(refused(11, 1ull << 30) && refused(35, 1ull << 40) && refused(0x8c, 1ull << 30));
static_assert(refused(12, 0) && refused(12, 3ull << 20) && refused(16, 8192));

} /* namespace geometry_checks */

} /* namespace tce */

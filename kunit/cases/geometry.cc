// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shape of tables: every page size, every window size, every hint, against
 * the rule spelled out the slow way.  The same checks run in the compiler for a
 * sample.
 */
#include "params.hpp"

#include "geometry.hpp"

using namespace fake;
using tce::Geometry;
using tce::kIodaLevels;
using tce::kPaprLevels;
using tce::TceIndex;

namespace {

/* A table that no hardware walks, with levels of so many bits. */
constexpr tce::LevelLimits shadow(u32 least, u32 most)
{
	return { least, most, false, 128, 63, 63 };
}

/* The smallest n with n * bits >= lg2, by counting. */
constexpr u32 levels_of(u32 lg2, u32 bits)
{
	u32 n = 0;

	for (u32 have = 0; have < lg2; have += bits)
		n++;
	return n ? n : 1;
}

/*
 * What make() has to answer: the number of levels closest to the hint at which
 * every level page is within the limits, and level pages as even as that leaves
 * them.
 */
constexpr bool shape_is_right(u32 shift, u32 window_lg2, u32 hint, tce::LevelLimits limits)
{
	const u32 lg2 = window_lg2 - shift;
	const u32 fewest = levels_of(lg2, limits.max_bits);
	auto made = Geometry::make(shift, bit(window_lg2), hint, limits);

	if (fewest > Geometry::kMaxLevels || lg2 > limits.entry_bits)
		return made.error() == tce::Errc::Inval;
	if (!made.ok())
		return false;

	const Geometry &g = made.value();
	u32 wanted = hint < fewest ? fewest : hint > 9 ? 9 : hint;
	u64 product = 1;

	/*
	 * Not more levels than make pages of the smallest size, and not more
	 * than exist.
	 */
	while (wanted > fewest &&
	       (wanted > Geometry::kMaxLevels || wanted > levels_of(lg2, limits.min_bits)))
		wanted--;
	if (g.levels() > wanted || g.levels() < fewest)
		return false;
	/* Fewer than wanted only where the same level size takes no more. */
	if (g.levels() < wanted && levels_of(lg2, g.level_bits()) != g.levels())
		return false;
	/*
	 * Even, but no page but the top one is below the smallest that is worth
	 * having.
	 */
	const u32 even = (lg2 + wanted - 1) / wanted;
	const u32 least = lg2 < limits.min_bits ? lg2 : limits.min_bits;

	if (g.level_bits() != (even < least ? least : even))
		return false;

	for (u32 l = 0; l < g.levels(); l++) {
		if (g.level_entries(l) > bit(limits.max_bits) || g.level_entries(l) < 1)
			return false;
		if (g.levels() > 1 && g.level_entries(l) < 2)
			return false;
		product *= g.level_entries(l);
	}
	return product == bit(lg2) && g.entries() == bit(lg2) && g.entries_lg2() == lg2 &&
	       g.page().lg2() == shift && g.window_size() == bit(window_lg2);
}

/* The slots lead back to the index. */
constexpr bool slots_compose(const Geometry &g, u64 index)
{
	u64 sum = 0;

	for (u32 l = 0; l < g.levels(); l++) {
		const u64 slot = g.slot(l, TceIndex(index));

		if (slot >= g.level_entries(l))
			return false;
		sum += slot * g.reach(l);
	}

	const TceIndex begin = g.leaf_begin(TceIndex(index)), end = g.leaf_end(TceIndex(index));

	return sum == index && begin.raw <= index && index < end.raw &&
	       end - begin == g.leaf_entries() && begin.raw % g.leaf_entries() == 0;
}

constexpr u64 count_leaves(const Geometry &g, u64 begin, u64 end)
{
	u64 n = 0, last = ~0ull;

	for (u64 i = begin; i < end; i++) {
		if (i / g.leaf_entries() != last) {
			last = i / g.leaf_entries();
			n++;
		}
	}
	return n;
}

/* In the compiler, in the kernel build too. */
static_assert(shape_is_right(12, 12, 1, kPaprLevels));
static_assert(shape_is_right(12, 30, 0, kPaprLevels));
static_assert(shape_is_right(12, 30, 2, kPaprLevels));
static_assert(shape_is_right(12, 43, 255, kPaprLevels));
static_assert(shape_is_right(12, 44, 1, kPaprLevels));
static_assert(shape_is_right(16, 40, 3, kPaprLevels));
static_assert(shape_is_right(34, 63, 5, kPaprLevels));
static_assert(shape_is_right(12, 63, 1, shadow(9, 9)));

constexpr Geometry sample(u32 shift, u32 window, u32 levels)
{
	return Geometry::make(shift, bit(window), levels, kPaprLevels).value();
}

static_assert(slots_compose(sample(12, 40, 4), 0xabcdef1));
static_assert(slots_compose(sample(12, 40, 1), bit(28) - 1));
static_assert(sample(12, 30, 2).leaves({ TceIndex(511), TceIndex(513) }) == 2);
static_assert(sample(12, 30, 2).leaves({ TceIndex(512), TceIndex(512) }) == 0);

/*
 * The same for a table that hardware walks: as many levels as the hint says, as
 * long as their indices stay below bit 59, and no level page below 4 KiB where
 * there are several.
 */
constexpr bool walked_shape_is_right(u32 shift, u32 window_lg2, u32 hint)
{
	const u32 lg2 = window_lg2 - shift;
	const u32 fewest = levels_of(lg2, 16);
	auto made = Geometry::make(shift, bit(window_lg2), hint, kIodaLevels);

	if (window_lg2 > 55)
		return made.error() == tce::Errc::Inval;
	if (!made.ok())
		return false;

	const Geometry &g = made.value();
	u32 wanted = hint < fewest ? fewest : hint > 5 ? 5 : hint;
	u32 bits = 0;

	for (;; wanted--) {
		bits = (lg2 + wanted - 1) / wanted;
		if (wanted > 1 && bits < 9)
			bits = 9;
		if (wanted == fewest || wanted * bits + shift <= 59)
			break;
	}
	u64 product = 1;

	for (u32 l = 0; l < g.levels(); l++)
		product *= g.level_entries(l);
	return g.levels() == wanted && g.level_bits() == bits && bits <= 16 &&
	       wanted * bits + shift <= 59 && product == bit(lg2) && g.entries() == bit(lg2);
}

static_assert(walked_shape_is_right(12, 31, 5) && walked_shape_is_right(16, 40, 3));

} // namespace

TCE_CASE(geometry, every_walked_shape)
{
	const u32 shift = kIommuShifts[param];
	u32 wrong = 0;

	for (u32 window = shift; window < 64; window++) {
		for (u32 hint = 0; hint <= 7; hint++) {
			wrong += !walked_shape_is_right(shift, window, hint);
			if (window > 55)
				continue;

			const Geometry g =
				Geometry::make(shift, bit(window), hint, kIodaLevels).value();

			wrong += !slots_compose(g, 0);
			wrong += !slots_compose(g, g.entries() - 1);
			wrong += !slots_compose(g, g.entries() / 2);
		}
	}
	TCE_EXPECT_EQ(wrong, 0);
}

TCE_CASE(geometry, every_shape)
{
	const u32 shift = kIommuShifts[param];
	static constexpr u32 kHints[] = { 0, 1, 2, 3, 4, 5, 6, 64, 255, ~0u };
	static constexpr tce::LevelLimits kLimits[] = { kPaprLevels, shadow(9, 9), shadow(9, 16),
							shadow(3, 4) };
	u32 wrong = 0;

	for (const tce::LevelLimits &limits : kLimits) {
		for (u32 window = shift; window < 64; window++) {
			for (u32 hint : kHints)
				wrong += !shape_is_right(shift, window, hint, limits);
		}
	}
	TCE_EXPECT_EQ(wrong, 0);
}

TCE_CASE(geometry, slots)
{
	const Shape &s = kShapes[param];
	const Geometry g = sample(s.page_shift, s.window_shift, s.levels);
	Random random(param + 1);
	u32 wrong = 0;

	/*
	 * The first and the last entry below every entry of every level, and
	 * around.
	 */
	for (u32 l = 0; l < g.levels(); l++) {
		for (u64 i = 0; i < g.level_entries(l) && i < 64; i++) {
			const u64 at = i * g.reach(l);

			wrong += !slots_compose(g, at);
			wrong += !slots_compose(g, at + g.reach(l) - 1);
			if (at)
				wrong += !slots_compose(g, at - 1);
		}
	}
	wrong += !slots_compose(g, g.entries() - 1);
	for (u32 i = 0; i < 1000; i++)
		wrong += !slots_compose(g, random.below(g.entries()));
	TCE_EXPECT_EQ(wrong, 0);
}

TCE_CASE(geometry, leaf_count)
{
	const Shape &s = kShapes[param];
	const Geometry g = sample(s.page_shift, s.window_shift, s.levels);
	Random random(param + 77);
	u32 wrong = 0;

	for (u32 i = 0; i < 200; i++) {
		const u64 begin = random.below(g.entries());
		u64 length = random.below(4 * g.leaf_entries() + 1);

		if (length > g.entries() - begin)
			length = g.entries() - begin;

		const u64 end = begin + length;

		wrong += g.leaves({ TceIndex(begin), TceIndex(end) }) !=
			 (i < 20 ? count_leaves(g, begin, end) :
			  length ? (end - 1) / g.leaf_entries() - begin / g.leaf_entries() + 1 :
				   0);
	}
	TCE_EXPECT_EQ(wrong, 0);
}

TCE_CASE(geometry, refused)
{
	static constexpr struct {
		u32 shift;
		u64 size;
	} kBad[] = {
		{ 0,    bit(30)     },
		 { 11,   bit(30)     },
		    { 35,	  bit(40)	  },
		      { 63,   bit(63)	    },
		{ 64,   bit(30)     },
		 { 0x8c, bit(30)	 },
		    { ~0u,  bit(30)	   },
		      { 12,   0	      },
		{ 12,   1		},
		 { 12,   2048	    },
		    { 12,	  4097	       },
		      { 12,   3 * bit(20) },
		{ 12,   ~0ull	    },
		 { 16,   32768	     },
		    { 16,	  bit(15)	  },
		      { 34,   bit(33)	    },
	};

	for (const auto &bad : kBad) {
		for (u32 levels = 0; levels < 8; levels++) {
			TCE_EXPECT_EQ(
				Geometry::make(bad.shift, bad.size, levels, kPaprLevels).error(),
				tce::Errc::Inval);
		}
	}
	/* Larger than five levels of the smallest pages. */
	TCE_EXPECT_EQ(Geometry::make(12, bit(58), 5, shadow(9, 9)).error(), tce::Errc::Inval);
	TCE_EXPECT(Geometry::make(12, bit(57), 5, shadow(9, 9)).ok());
}

/* The audit's row 5 and the sizes that QEMU and DPDK ask for. */
TCE_CASE(geometry, small_top)
{
	for (u32 shift : kIommuShifts) {
		for (u32 window = shift; window <= 63; window++) {
			for (u32 hint = 0; hint <= 6; hint++) {
				auto made = Geometry::make(shift, bit(window), hint, kPaprLevels);

				if (!made.ok())
					continue;
				/*
				 * What a new table of that shape allocates at
				 * most: its top.
				 */
				TCE_EXPECT_LE(made.value().level_entries(made.value().levels() - 1),
					      bit(13));
			}
		}
	}
}

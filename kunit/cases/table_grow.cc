// SPDX-License-Identifier: GPL-2.0-only
/* The radix table by itself: several grow it at once; what it costs to keep. */
#include "bench.hpp"

using namespace fake;
using tce::Geometry;
using tce::IndexRange;
using tce::TceIndex;

namespace {

constexpr u32 kMany = 4;

/* Near a border of some level, so that several have levels in common. */
IndexRange some_range(const Geometry &g, Random &random)
{
	const u64 reach = g.reach(1 + static_cast<u32>(random.below(g.levels())));
	u64 begin = random.below(g.entries() / reach) * reach;

	if (begin && random.one_in(2))
		begin -= 1 + random.below(g.leaf_entries());

	const u64 end = begin + 1 + random.below(4 * g.leaf_entries());

	return { TceIndex(begin), TceIndex(end < g.entries() ? end : g.entries()) };
}

struct Cost {
	u64 leaves, bytes, pages;
};

Cost cost(const Bench &b)
{
	return { b.leaves(), b.bytes(), b.pages() };
}

/* One after the other. */
Cost grow_in_turn(const Geometry &g, bool walked, const IndexRange (&range)[kMany])
{
	Bench b(g, {}, { walked, -1 });

	for (const IndexRange &r : range)
		TCE_EXPECT_EQ(b.grow(r.begin.raw, r.end.raw), tce::Errc::Ok);
	return cost(b);
}

/*
 * All prepare, and hang in what they have in any order; some before the next
 * one looks.
 */
Cost grow_at_once(const Geometry &g, bool walked, const IndexRange (&range)[kMany], Random &random)
{
	Bench b(g, {}, { walked, -1 });
	const u64 first = random.below(kMany);
	{
		tce::PreparedLeaves refused(b.charge);
		tce::PreparedLeaves leaves[kMany] = { tce::PreparedLeaves(b.charge),
						      tce::PreparedLeaves(b.charge),
						      tce::PreparedLeaves(b.charge),
						      tce::PreparedLeaves(b.charge) };

		TCE_EXPECT(b.table.prepare(range[0], refused).ok());
		for (u32 i = 0; i < kMany; i++) {
			TCE_EXPECT(b.table.prepare(range[i], leaves[i]).ok());
			if (random.one_in(4))
				b.table.link(leaves[i]);
		}
		for (u32 i = 0; i < kMany; i++)
			b.table.link(leaves[(first + i) % kMany]);
	}
	for (const IndexRange &r : range) {
		for (TceIndex at = g.leaf_begin(r.begin); at < r.end; at += g.leaf_entries())
			TCE_EXPECT(b.table.leaf(at) && b.table.leaf(at)->first() == at);
	}
	return cost(b);
}

void check_many_prepare(const Geometry &g, bool walked, u64 seed)
{
	Random random(seed);

	for (u64 round = rounds(12, 2); round; round--) {
		IndexRange range[kMany];

		for (IndexRange &r : range)
			r = some_range(g, random);

		const Cost want = grow_in_turn(g, walked, range);
		const Cost got = grow_at_once(g, walked, range, random);

		TCE_EXPECT_EQ(got.leaves, want.leaves);
		TCE_EXPECT_EQ(got.bytes, want.bytes);
		TCE_EXPECT_EQ(got.pages, want.pages);
	}
}

/* However sparse: charge.hpp's bound, and never more than all entries cost. */
void check_bound(const Geometry &g, bool walked, u64 seed)
{
	for (const u32 page : kSystemShifts) {
		Config config;

		config.page_shift = page;

		Bench b(g, config, { walked, -1 });
		Random random(seed);
		const u64 apart = g.reach(g.levels() > 2 ? 2 : 1);

		TCE_EXPECT(!walked || b.table.make_root(b.charge).ok());
		for (u64 i = 0; i < rounds(300, 120) && b.bytes() < bit(24); i++) {
			const u64 at = i < 100 ? i * apart % g.entries() :
						 random.below(g.entries());

			TCE_ASSERT_EQ(b.grow(at, at + 1), tce::Errc::Ok);
			TCE_EXPECT_LE(b.bytes(), (9 * (b.pages() + 1) << page) / 4 + 64 * 1024);
			TCE_EXPECT_LE(b.pages(), g.entries() * 8 >> page);
		}

		/* Others run while they go. */
		const u64 leaves = b.leaves();

		b.w.reset_counts();
		b.table.clear();
		TCE_EXPECT_LE(leaves / tce::Steps::kLevels, b.w.yields);
		TCE_EXPECT_EQ(b.leaves(), 0);
	}
}

} // namespace

/*
 * What is there then is what one after the other would have made, and costs
 * that.
 */
TCE_CASE(table, many_prepare)
{
	check_many_prepare(shape(param), false, param + 19);
}

TCE_CASE(table, many_prepare_walked)
{
	check_many_prepare(walked_shape(param), true, param + 29);
}

TCE_CASE(table, bound)
{
	check_bound(shape(param), false, param + 39);
}

TCE_CASE(table, bound_walked)
{
	check_bound(walked_shape(param), true, param + 49);
}

/* What several leaves have above them is made once. */
TCE_CASE(table, one_node_each)
{
	/*
	 * 512 leaves of 512 entries below each node, and one node above these.
	 */
	Bench b(Geometry::make(16, bit(40), 3, tce::kPaprLevels).value());
	const u64 allocs = b.w.total_allocs;

	TCE_ASSERT_EQ(b.grow(510 * 512, 514 * 512), tce::Errc::Ok);
	/* A leaf takes two pieces of memory. */
	TCE_EXPECT_EQ(b.w.total_allocs - allocs, 2 * 4 + 2 + 1);
}

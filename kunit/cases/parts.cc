// SPDX-License-Identifier: GPL-2.0-only
/* Small parts of the engine by themselves. */
#include "case.hpp"
#include "leaf.hpp"
#include "park.hpp"
#include "steps.hpp"

using namespace fake;
using tce::IndexRange;
using tce::Leaf;
using tce::TceIndex;
using tce::Uaddr;

namespace {

/* A world without anything, for locks and for the time that passes. */
struct Alone {
	World &w = *make<World>(Config());

	Alone() = default;
	~Alone() { unmake(&w); }
	Alone(const Alone &) = delete;
	Alone &operator=(const Alone &) = delete;
};

} // namespace

/*
 * Tokens come back for their entry, and those that are due when it is
 * published.
 */
TCE_CASE(parts, park)
{
	using State = tce::Park::State;

	Alone alone;
	tce::Park park;
	const tce::IndexRange all = { TceIndex(0), TceIndex(9) };
	const tce::IndexRange others = { TceIndex(5), TceIndex(9) };

	TCE_EXPECT(park.empty());
	TCE_EXPECT_EQ(park.take_kept(TceIndex(1)).raw, 0);
	for (u64 i = 1; i <= 3; i++)
		TCE_EXPECT(park.put(TceIndex(i), Uaddr(i << 12), State::Kept));
	TCE_EXPECT_EQ(park.take_kept(TceIndex(3)).raw, 0x3000);
	park.replaced(TceIndex(1));
	TCE_EXPECT_EQ(park.take_kept(TceIndex(1)).raw, 0);
	TCE_EXPECT_EQ(park.take_due(others).raw, 0);
	TCE_EXPECT_EQ(park.take_due(all).raw, 0x1000);
	TCE_EXPECT_EQ(park.take_due(all).raw, 0);
	TCE_EXPECT(!park.empty());
	TCE_EXPECT_EQ(park.take_any().raw, 0x2000);
	TCE_EXPECT(park.empty());
	/* There is as much room as before. */
	for (u64 i = 0; i < tce::Park::kCells; i++)
		TCE_EXPECT(park.put(TceIndex(i), Uaddr((i + 1) << 12), State::Due));
	TCE_EXPECT(!park.put(TceIndex(0), Uaddr(0x1000), State::Due));
	while (!park.empty())
		TCE_ASSERT_EQ(park.take_any().raw != 0, true);
}

/*
 * So many, not one more, before others may run; and only then a signal is
 * looked for.
 */
TCE_CASE(parts, steps)
{
	Alone alone;
	tce::Steps steps(4);

	for (u32 i = 0; i < 4; i++)
		steps.go(1);
	TCE_EXPECT_EQ(alone.w.yields, 0);
	steps.go(1);
	TCE_EXPECT_EQ(alone.w.yields, 1);
	steps.go(3);
	TCE_EXPECT_EQ(alone.w.yields, 1);
	steps.go(4);
	TCE_EXPECT_EQ(alone.w.yields, 2);
	env_self()->killed = true;
	TCE_EXPECT_EQ(steps.try_go(0).error(), tce::Errc::Ok);
	TCE_EXPECT_EQ(alone.w.yields, 2);
	TCE_EXPECT_EQ(steps.try_go(1).error(), tce::Errc::Intr);
	TCE_EXPECT_EQ(alone.w.yields, 3);
	TCE_EXPECT_EQ(steps.try_go(3).error(), tce::Errc::Ok);
	env_self()->killed = false;
}

namespace {

bool is(IndexRange run, u64 begin, u64 end)
{
	return run.begin == TceIndex(begin) && run.end == TceIndex(end);
}

} // namespace

/* Runs of what is pending, with and without bridges over what is not. */
TCE_CASE(parts, pending_runs)
{
	constexpr u64 kFirst = 4096, kEntries = 2048;
	static constexpr u64 kPending[] = { 1, 2, 5, 6, 62, 66, 70, 600, 601 };
	const auto at = [](u64 i) { return TceIndex(kFirst + i); };
	Alone alone;
	Leaf *leaf = Leaf::make(TceIndex(kFirst), kEntries, 0, -1);

	TCE_REQUIRE(leaf);
	{
		const tce::Guard entries(leaf->lock);
		const TceIndex end = leaf->end();

		for (u64 i : kPending)
			leaf->set_pending(at(i));
		TCE_EXPECT(is(leaf->pending_run(at(1), end, 0), kFirst + 1, kFirst + 3));
		TCE_EXPECT(is(leaf->pending_run(at(1), end, 1), kFirst + 1, kFirst + 3));
		TCE_EXPECT(is(leaf->pending_run(at(1), end, 2), kFirst + 1, kFirst + 7));
		TCE_EXPECT(is(leaf->pending_run(at(1), at(6), 2), kFirst + 1, kFirst + 6));
		TCE_EXPECT(is(leaf->pending_run(at(62), end, 3), kFirst + 62, kFirst + 71));
		TCE_EXPECT(is(leaf->pending_run(at(62), end, 2), kFirst + 62, kFirst + 63));
		TCE_EXPECT(is(leaf->pending_run(at(1), end, 999), kFirst + 1, kFirst + 71));
		for (u64 i = 600; i < 1400; i++)
			leaf->set_pending(at(i));
		TCE_EXPECT(is(leaf->pending_run(at(600), end, 0), kFirst + 600, kFirst + 1112));
		leaf->clear_pending(IndexRange{ at(610), at(1122) });
		TCE_EXPECT_EQ(leaf->pending(), 7 + 10 + (1400 - 1122));
		TCE_EXPECT(leaf->next_pending(at(610), end) == at(1122));
		leaf->clear_pending(IndexRange{ at(0), at(512) });
		leaf->clear_pending(IndexRange{ at(600), at(1111) });
		leaf->clear_pending(IndexRange{ at(1100), at(1400) });
		TCE_EXPECT_EQ(leaf->pending(), 0);
	}
	tce::destroy_object(leaf);
}

// SPDX-License-Identifier: GPL-2.0-only
/* Small parts of the engine by themselves. */
#include "case.hpp"
#include "park.hpp"
#include "steps.hpp"

using namespace fake;
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
	const auto yes = [](TceIndex) { return true; };
	const auto no = [](TceIndex) { return false; };

	TCE_EXPECT(park.empty());
	TCE_EXPECT_EQ(park.take_kept(TceIndex(1)).raw, 0);
	for (u64 i = 1; i <= 3; i++)
		TCE_EXPECT(park.put(TceIndex(i), Uaddr(i << 12), State::Kept));
	TCE_EXPECT_EQ(park.take_kept(TceIndex(3)).raw, 0x3000);
	park.replaced(TceIndex(1));
	TCE_EXPECT_EQ(park.take_kept(TceIndex(1)).raw, 0);
	TCE_EXPECT_EQ(park.take_due(others, yes).raw, 0);
	TCE_EXPECT_EQ(park.take_due(all, no).raw, 0);
	TCE_EXPECT_EQ(park.take_due(all, yes).raw, 0x1000);
	TCE_EXPECT_EQ(park.take_due(all, yes).raw, 0);
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

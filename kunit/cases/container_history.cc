// SPDX-License-Identifier: GPL-2.0-only
/* What hardware would see between any two stores of MAP and UNMAP. */
#include "params.hpp"
#include "recorder.hpp"
#include "rig.hpp"

using namespace fake;
using tce::Geometry;

namespace {

constexpr u64 kSpan = 48; /* entries, on both sides of a leaf's border */

class History {
public:
	History(const Geometry &g, bool walked) : now_(g, walked), then_(g, walked) {}

	/* Tell where the hardware starts. */
	void make_root(u64 level)
	{
		now_.make_root(level);
		then_.make_root(level);
	}
	/*
	 * After each new store an entry is what it was, what it is to be, or
	 * closed.
	 */
	void check(const Recorder &rec, u64 first)
	{
		u64 before[kSpan];

		for (u64 i = 0; i < kSpan; i++)
			before[i] = now_.look(first + i).tce;
		for (u32 i = seen_; i < rec.count(); i++)
			then_.apply(rec.at(i));
		for (; seen_ < rec.count(); seen_++) {
			now_.apply(rec.at(seen_));
			for (u64 i = 0; i < kSpan; i++) {
				const View::Seen seen = now_.look(first + i);

				TCE_EXPECT(!seen.broken);
				TCE_EXPECT(!seen.tce || seen.tce == before[i] ||
					   seen.tce == then_.look(first + i).tce);
			}
		}
	}
	bool live(u64 index) const { return now_.look(index).tce; }
	u32 events() const { return seen_; }

private:
	View now_, then_;
	u32 seen_ = 0;
};

} // namespace

TCE_CASE(container, history)
{
	Rig r(with_host(param));
	Random random(param + 7);
	const bool walked = r.w.config.platform == TCE_PLATFORM_IODA2;
	const Geometry g =
		Geometry::make(12, kGiB, 2, walked ? tce::kIodaLevels : tce::kPaprLevels).value();
	const u64 first = g.leaf_entries() - kSpan / 2;
	Recorder rec(20000);
	History history(g, walked);
	u64 user[kSpan] = {};

	TCE_ASSERT_EQ(r.reg(kUser, kMiB), 0);
	TCE_ASSERT_EQ(r.create(12, kGiB, 2), 0);
	if (walked) {
		TCE_ASSERT_EQ(rec.at(0).kind, Event::Born);
		history.make_root(rec.at(0).at);
	}
	for (u32 round = 0; round < 30; round++) {
		const u64 begin = random.below(kSpan);
		const u64 count = 1 + random.below(kSpan - begin);
		const u64 iova = r.start + ((first + begin) << 12);
		const u64 from = random.one_in(3) ? 0 : kUser + (random.below(64) << 12);

		TCE_EXPECT_EQ(from ? r.map(from, iova, count << 12) : r.unmap(iova, count << 12),
			      0);
		for (u64 i = 0; i < count; i++)
			user[begin + i] = from ? from + (i << 12) : 0;
		history.check(rec, first);
		for (u64 i = 0; i < kSpan; i++)
			TCE_EXPECT_EQ(history.live(first + i), user[i] != 0);
	}
	TCE_EXPECT_LT(kSpan, history.events());
}

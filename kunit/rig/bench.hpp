// SPDX-License-Identifier: GPL-2.0-only
/* A radix table by itself, whose every store is written down. */
#ifndef TCE_CASES_BENCH_HPP
#define TCE_CASES_BENCH_HPP

#include "params.hpp"
#include "recorder.hpp"

namespace fake {

/* A table in a world of its own. */
class Bench {
public:
	explicit Bench(const tce::Geometry &g, const Config &config = {}, tce::Walk walk = {})
		: w(*make<World>(config)),
		  mm(tce_port_mm_get()),
		  charge(*new(Place{ env_alloc(sizeof(tce::TableCharge), 8) })
				 tce::TableCharge(mm, g.entries())),
		  table(*new(Place{ env_alloc(sizeof(tce::Table), 8) }) tce::Table(g, walk))
	{
	}
	~Bench()
	{
		unmake(&table);
		charge.drop();
		unmake(&charge);
		tce_port_mm_put(mm);
		unmake(&w);
	}
	Bench(const Bench &) = delete;
	Bench &operator=(const Bench &) = delete;

	/* Makes the leaves of [begin, end). */
	tce::Errc grow(u64 begin, u64 end)
	{
		tce::PreparedLeaves leaves(charge);
		const tce::Status status =
			table.prepare({ tce::TceIndex(begin), tce::TceIndex(end) }, leaves);

		if (status.ok())
			table.link(leaves);
		return status.error();
	}
	void set(u64 index, u64 hpa, u64 user = 0)
	{
		tce::Leaf *leaf = table.leaf(tce::TceIndex(index));

		TCE_REQUIRE(leaf);
		tce::Guard guard(leaf->lock);

		leaf->set(tce::TceIndex(index),
			  { tce::Tce(tce::Hpa(hpa), tce::Perm(hpa ? 3 : 0)), tce::Uaddr(user) });
	}
	u64 tce(u64 index)
	{
		tce::Leaf *leaf = table.leaf(tce::TceIndex(index));

		if (!leaf)
			return 0;
		tce::Guard guard(leaf->lock);

		return leaf->tce(tce::TceIndex(index)).raw();
	}
	/* What it costs to keep, and what is paid for it. */
	u64 bytes() const { return w.live_bytes + w.ioda.live_bytes; }
	u64 pages() const { return w.locked_vm(); }
	u64 leaves() const { return static_cast<u64>(w.counters[TCE_COUNT_LEAVES]); }

	World &w;
	tce_mm *mm;
	tce::TableCharge &charge;
	tce::Table &table;
};

inline tce::Geometry shape(unsigned int param)
{
	const Shape &s = kShapes[param];

	return tce::Geometry::make(s.page_shift, bit(s.window_shift), s.levels, tce::kPaprLevels)
		.value();
}

inline tce::Geometry walked_shape(unsigned int param)
{
	const Shape &s = kWalkedShapes[param];

	return tce::Geometry::make(s.page_shift, bit(s.window_shift), s.levels, tce::kIodaLevels)
		.value();
}

/*
 * What a level of each kind costs, but not more than all entries of the window.
 */
inline u64 one_of_each(const tce::Geometry &g)
{
	u64 sum = 0;

	for (u32 level = 0; level < g.levels(); level++)
		sum += g.level_entries(level) * 8;
	return sum < g.entries() * 8 ? sum : g.entries() * 8;
}

} // namespace fake

#endif /* TCE_CASES_BENCH_HPP */

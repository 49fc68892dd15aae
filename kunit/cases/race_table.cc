// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table by itself, which others read without a lock while it grows.
 * Readers call nothing of the port: its locks would put in order what the table
 * has to.
 */
#include "race.hpp"

#include "table.hpp"

using namespace fake;
using namespace fake::threads;
using tce::Geometry;
using tce::TceIndex;

namespace {

/* What a thread of a race was started with. */
template <class T> T &as(Race &x)
{
	/* NOLINTNEXTLINE(cppcoreguidelines-pro-type-static-cast-downcast): no virtual function */
	return static_cast<T &>(x);
}

struct TableRace : Race {
	tce::TableCharge *charge;
	tce::Table *table;
};

tce::Table &table_of(Race &x)
{
	return *as<TableRace>(x).table;
}

/* Leaves that are made, below two nodes of three levels. */
constexpr u64 kFirst = 512 - 20, kEnd = 512 + 20;

void grow(Race &x, u64 first, u64 end)
{
	tce::Table &table = table_of(x);

	for (u64 i = first; i < end; i++) {
		const TceIndex at(i * table.geometry().leaf_entries());
		tce::PreparedLeaves leaves(*as<TableRace>(x).charge);

		if (!table.prepare({ at, at + 1 }, leaves).ok())
			x.bad(1);
		table.link(leaves);
	}
}

/* What can be found is whole. */
void look(Race &x)
{
	tce::Table &table = table_of(x);
	const u64 entries = table.geometry().leaf_entries();

	while (!x.stopped()) {
		for (u64 i = kFirst; i < kEnd; i++) {
			const TceIndex at(i * entries + 1);
			tce::Leaf *leaf = table.leaf(at);

			if (leaf && (leaf->first() + 1 != at || leaf->entries() != entries))
				x.bad(2);
			leaf = table.next_leaf({ at, table.whole().end });
			if (leaf && !(at < leaf->end()))
				x.bad(3);
		}
		env_yield();
	}
}

} // namespace

TCE_CASE(race, table_grows)
{
	static constexpr tce::Walk kWalks[] = {
		{ false, -1 },
		       { true,  -1 }
	};

	for (u64 i = 0; i < 2 * rounds(50); i++) {
		const tce::Walk walk = kWalks[i % 2];
		const tce::LevelLimits limits = walk.by_hardware ? tce::kIodaLevels :
								   tce::kPaprLevels;
		World &w = *make<World>(Config());
		tce_mm *mm = tce_port_mm_get();
		{
			tce::TableCharge charge(mm, 2 * kGiB >> 12);
			tce::Table table(Geometry::make(12, 2 * kGiB, 3, limits).take(), walk);
			TableRace race = {
				{ nullptr, nullptr, nullptr, 1, 0, 0, 0, 0 },
				      &charge, &table
			};

			if (walk.by_hardware)
				TCE_EXPECT(table.make_root(charge).ok());
			run(race, { [](Race &x) { grow(x, kFirst, kEnd); },
				    [](Race &x) { grow(x, kFirst, kEnd); }, look });
			charge.drop();
		}
		tce_port_mm_put(mm);
		unmake(&w);
	}
}

namespace {

/* A level that hardware walks, and the entry that leads there. */
struct LevelRace : Race {
	tce::Be64 entry;
	u64 level;
};

} // namespace

/* The device sees a level after all that was stored there. */
TCE_CASE(race, level_is_whole)
{
	for (u64 i = 0; i < rounds(200); i++) {
		World &w = *make<World>(Config());
		LevelRace race = {};

		race.n = 1;
		run(race, { [](Race &x) {
				   auto &level = as<LevelRace>(x);

				   level.level = 5;
				   tce::Memory::store_link(&level.entry, tce::Be64::from_cpu(1));
			   },
			    [](Race &x) {
				    auto &level = as<LevelRace>(x);
				    tce::Be64 seen;

				    /*
				     * As a device reads: nothing before,
				     * everything after.
				     */
				    do
					    __atomic_load(&level.entry, &seen, __ATOMIC_ACQUIRE);
				    while (seen.is_zero());
				    if (level.level != 5)
					    x.bad(1);
			    } });
		unmake(&w);
	}
}

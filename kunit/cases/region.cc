// SPDX-License-Identifier: GPL-2.0-only
/* The index of registered memory, against a list. */
#include "params.hpp"

#include "region.hpp"

using namespace fake;
using tce::Region;
using tce::RegionIndex;
using tce::Uaddr;

namespace {

constexpr u32 kMax = 256;

struct Model {
	Region *all[kMax] = {};
	u32 count = 0;

	Region *find(u64 at) const
	{
		for (u32 i = 0; i < count; i++) {
			if (all[i]->start().raw <= at && at - all[i]->start().raw < all[i]->size())
				return all[i];
		}
		return nullptr;
	}
	bool overlaps(u64 start, u64 size) const
	{
		for (u32 i = 0; i < count; i++) {
			const u64 s = all[i]->start().raw;

			if (s <= start ? start - s < all[i]->size() : s - start < size)
				return true;
		}
		return false;
	}
};

/*
 * Regions on the host, memory from the port: no world is needed but for locks.
 */
class Bench {
public:
	Bench() : w(*make<World>(Config{})) {}
	~Bench() { unmake(&w); }
	Bench(const Bench &) = delete;
	Bench &operator=(const Bench &) = delete;

	World &w;
};

Region *add(RegionIndex &index, u64 start, u64 size)
{
	auto *region =
		tce::make_object<Region>(Uaddr(start), size, static_cast<tce_mem *>(nullptr));

	index.insert(*region);
	return region;
}

void drop(RegionIndex &index, Region *region)
{
	index.erase(*region);
	tce::destroy_object(region);
}

} // namespace

TCE_CASE(region, borders)
{
	Bench b;
	RegionIndex index(1);
	Region *low = add(index, 0x1000, 0x1000);
	Region *high = add(index, 0x3000, 0x2000);

	TCE_EXPECT(!index.find(Uaddr(0)) && !index.find(Uaddr(0xfff)));
	TCE_EXPECT_EQ(index.find(Uaddr(0x1000)), low);
	TCE_EXPECT_EQ(index.find(Uaddr(0x1fff)), low);
	TCE_EXPECT(!index.find(Uaddr(0x2000)) && !index.find(Uaddr(0x2fff)));
	TCE_EXPECT_EQ(index.find(Uaddr(0x3000)), high);
	TCE_EXPECT_EQ(index.find(Uaddr(0x4fff)), high);
	TCE_EXPECT_EQ(RegionIndex::after(*low), high);
	TCE_EXPECT(!RegionIndex::after(*high));
	TCE_EXPECT(!index.find(Uaddr(0x5000)) && !index.find(Uaddr(~0ull)));
	TCE_EXPECT_EQ(index.find_exact(Uaddr(0x3000), 0x2000), high);
	TCE_EXPECT(!index.find_exact(Uaddr(0x3000), 0x1000));
	TCE_EXPECT(!index.find_exact(Uaddr(0x4000), 0x1000));
	TCE_EXPECT(index.overlaps(Uaddr(0), 0x1001));
	TCE_EXPECT(!index.overlaps(Uaddr(0), 0x1000));
	TCE_EXPECT(!index.overlaps(Uaddr(0x2000), 0x1000));
	TCE_EXPECT(index.overlaps(Uaddr(0x2000), 0x1001));
	TCE_EXPECT(index.overlaps(Uaddr(0x4fff), 1));
	TCE_EXPECT(!index.overlaps(Uaddr(0x5000), 0x1000));
	TCE_EXPECT(index.overlaps(Uaddr(0), ~0ull));
	TCE_EXPECT_EQ(index.count(), 2);
	drop(index, low);
	TCE_EXPECT(!index.find(Uaddr(0x1000)));
	TCE_EXPECT_EQ(index.first(), high);
	drop(index, high);
	TCE_EXPECT(index.empty());
}

TCE_CASE(region, end_of_addresses)
{
	Bench b;
	RegionIndex index(1);
	/*
	 * start + size is 2^64 - 4096: the highest end that REGISTER lets
	 * through.
	 */
	Region *last = add(index, 0 - 8192ull, 4096);

	TCE_EXPECT_EQ(index.find(Uaddr(0 - 4097ull)), last);
	TCE_EXPECT(!index.find(Uaddr(0 - 4096ull)));
	TCE_EXPECT(index.overlaps(Uaddr(0 - 8192ull), 8191));
	drop(index, last);
}

TCE_CASE(region, random)
{
	Bench b;
	const u64 seed = env_knob(ENV_SEED) ? env_knob(ENV_SEED) : env_entropy();
	Random random(seed + param);
	RegionIndex index(random.next());
	auto &model = *make<Model>();
	const u64 rounds = 200 * env_knob(ENV_EFFORT);

	log("seed %llu", seed);
	for (u64 i = 0; i < rounds; i++) {
		const u64 start = random.below(4096) * 4096;
		const u64 size = (1 + random.below(16)) * 4096;
		const u64 at = random.below(4096 * 4096);

		TCE_EXPECT_EQ(index.find(Uaddr(at)), model.find(at));
		TCE_EXPECT_EQ(index.overlaps(Uaddr(start), size), model.overlaps(start, size));
		if (model.count < kMax && !model.overlaps(start, size) && random.one_in(2)) {
			model.all[model.count++] = add(index, start, size);
		} else if (model.count && random.one_in(2)) {
			const u32 victim = static_cast<u32>(random.below(model.count));
			Region *region = model.all[victim];

			TCE_EXPECT_EQ(index.find_exact(region->start(), region->size()), region);
			model.all[victim] = model.all[--model.count];
			drop(index, region);
		}
		TCE_EXPECT_EQ(index.count(), model.count);
	}
	while (model.count)
		drop(index, model.all[--model.count]);
	TCE_EXPECT(index.empty());
	unmake(&model);
}

/* As many as DPDK registers, in the orders in which a tree would suffer. */
TCE_CASE(region, many)
{
	Bench b;
	const u64 n = 16384 * env_knob(ENV_EFFORT) / 100 + 16;

	for (u32 order = 0; order < 2; order++) {
		RegionIndex index(7);

		for (u64 i = 0; i < n; i++)
			add(index, (order ? n - i : i + 1) * 65536, 65536);
		TCE_EXPECT_EQ(index.count(), n);
		for (u64 i = 1; i <= n; i++) {
			const Region *r = index.find(Uaddr(i * 65536 + 4096));

			TCE_REQUIRE(r && r->start().raw == i * 65536);
		}
		while (Region *r = index.first())
			drop(index, r);
	}
}

TCE_CASE(region, cursor)
{
	Bench b;
	RegionIndex index(3);
	Region *one = add(index, 0x10000, 0x10000);
	Region *two = add(index, 0x20000, 0x10000);
	tce::RegionCursor cursor(index);

	TCE_EXPECT_EQ(cursor.at(Uaddr(0x10000)), one);
	TCE_EXPECT_EQ(cursor.at(Uaddr(0x1f000)), one);
	TCE_EXPECT_EQ(cursor.at(Uaddr(0x20000)), two);
	TCE_EXPECT(!cursor.at(Uaddr(0x30000)));
	TCE_EXPECT_EQ(cursor.at(Uaddr(0x10000)), one);
	drop(index, one);
	drop(index, two);
}

/* The seed would have the first region stand higher than any may. */
TCE_CASE(region, tallest)
{
	Bench b;
	RegionIndex index(2653551);
	Region *tall = add(index, 0x2000, 0x1000);
	Region *low = add(index, 0x1000, 0x1000);

	TCE_EXPECT_EQ(index.find(Uaddr(0x2fff)), tall);
	TCE_EXPECT_EQ(index.find(Uaddr(0x1fff)), low);
	drop(index, tall);
	TCE_EXPECT(!index.find(Uaddr(0x2000)));
	TCE_EXPECT_EQ(index.find(Uaddr(0x1000)), low);
	drop(index, low);
	TCE_EXPECT(index.empty());
}

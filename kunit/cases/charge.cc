// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an owner is charged: at any moment the pages that are registered, plus
 * for each window the entries of the levels that it has, 8 bytes each, but no
 * more than for all of its TCEs, in whole system pages.
 */
#include "params.hpp"
#include "rig.hpp"

#include "charge.hpp"
#include "geometry.hpp"

using namespace fake;
using tce::Geometry;
using tce::TceIndex;

namespace {

/* One window's part of f(state): the levels that were ever touched. */
class Touched {
public:
	Touched(u32 page_shift, u64 size, u32 levels)
		: geometry_(Geometry::make(page_shift, size, levels, tce::kPaprLevels).value())
	{
	}

	void touch(u64 offset, u64 bytes)
	{
		const u64 first = offset >> geometry_.page().lg2();
		const u64 last = (offset + bytes - 1) >> geometry_.page().lg2();

		for (u32 level = 0; level < geometry_.levels(); level++) {
			const u64 reach = geometry_.reach(level + 1);

			for (u64 i = first / reach; i <= last / reach; i++)
				touched_[level].set(i, 1);
		}
	}
	u64 pages() const
	{
		u64 sum = 0;

		for (u32 level = 0; level < geometry_.levels(); level++)
			sum += touched_[level].used() * geometry_.level_entries(level) * 8;
		if (sum > geometry_.entries() * 8)
			sum = geometry_.entries() * 8;
		return sum >> world->config.page_shift;
	}

private:
	Geometry geometry_;
	Sparse touched_[Geometry::kMaxLevels];
};

} // namespace

TCE_CASE(charge, arithmetic)
{
	Config config = with_system_pages(param);

	config.locked_limit = 10;

	World &w = *make<World>(config);
	tce_mm *mm = tce_port_mm_get();
	const u64 page = bit(config.page_shift);
	{
		tce::TableCharge charge(mm, 12 * page / 8);
		u64 bytes = 0;

		/* Rounded down over the sum, not over each part. */
		for (u32 i = 0; i < 8; i++) {
			const tce::TableCost leaf = { page / 4, 0 }, node = { 0, page / 4 };

			TCE_EXPECT(charge.grow(i & 1 ? leaf : node).ok());
			bytes += page / 4;
			TCE_EXPECT_EQ(w.locked_vm(), bytes / page);
		}
		TCE_EXPECT_EQ(charge.grow({ 9 * page, 0 }).error(), tce::Errc::NoMem);
		TCE_EXPECT_EQ(w.locked_vm(), 2);
		TCE_EXPECT(charge.grow({ 4 * page, 4 * page }).ok());
		TCE_EXPECT(charge.grow({ page - 1, 0 }).ok());
		TCE_EXPECT_EQ(charge.grow({ 1, 0 }).error(), tce::Errc::NoMem);
		TCE_EXPECT_EQ(charge.grow({ 0, 1 }).error(), tce::Errc::NoMem);
		charge.shrink({ page - 1, 0 });
		charge.shrink({ 0, page / 4 });
		TCE_EXPECT_EQ(w.locked_vm(), 9);
		charge.drop();
		TCE_EXPECT_EQ(w.locked_vm(), 0);
		TCE_EXPECT_EQ(charge.grow({ page, 0 }).error(), tce::Errc::NoDev);
		charge.shrink({ page, page });
		TCE_EXPECT_EQ(w.locked_vm(), 0);
	}
	tce_port_mm_put(mm);
	unmake(&w);
}

/*
 * Upper levels are free where the whole would cost more than all TCEs; leaves
 * never are.
 */
TCE_CASE(charge, no_more_than_all)
{
	World &w = *make<World>(with_system_pages(param));
	tce_mm *mm = tce_port_mm_get();
	const u64 page = bit(w.config.page_shift);
	{
		tce::TableCharge charge(mm, 4 * page / 8);

		TCE_EXPECT(charge.grow({ page, 2 * page }).ok());
		TCE_EXPECT_EQ(w.locked_vm(), 3);
		TCE_EXPECT(charge.grow({ 0, 2 * page }).ok());
		TCE_EXPECT_EQ(w.locked_vm(), 4);
		TCE_EXPECT(charge.grow({ 3 * page, 0 }).ok());
		TCE_EXPECT_EQ(w.locked_vm(), 4);
		/* Two at once prepare the same. */
		TCE_EXPECT(charge.grow({ 2 * page, page }).ok());
		TCE_EXPECT_EQ(w.locked_vm(), 6);
		charge.shrink({ 2 * page, page });
		TCE_EXPECT_EQ(w.locked_vm(), 4);
		charge.shrink({ 3 * page, 3 * page });
		TCE_EXPECT_EQ(w.locked_vm(), 2);
		charge.shrink({ 0, page });
		TCE_EXPECT_EQ(w.locked_vm(), 1);
		charge.drop();
		TCE_EXPECT_EQ(w.locked_vm(), 0);
	}
	tce_port_mm_put(mm);
	unmake(&w);
}

TCE_CASE(charge, follows_state)
{
	Rig r(with_system_pages(param));
	const u32 shift = r.w.config.page_shift;
	const u64 page = bit(shift);
	Touched small(12, kGiB, 1), large(shift, kTiB, 3);
	Random random(11);
	u64 registered = 0;

	TCE_ASSERT_EQ(r.reg(kUser, 2048 * page), 0);
	registered = 2048;
	TCE_ASSERT_EQ(r.create(shift, kTiB, 3), 0);
	TCE_EXPECT_EQ(r.w.locked_vm(), registered);
	for (u32 i = 0; i < 60; i++) {
		const u64 bytes = (1 + random.below(1500)) * page;

		if (random.one_in(2)) {
			const u64 at = random.below(kGiB - bytes) & ~(page - 1);

			TCE_EXPECT_EQ(r.map(kUser, at, bytes), 0);
			small.touch(at, bytes);
		} else {
			const u64 at = random.below(kTiB - bytes) & ~(page - 1);

			TCE_EXPECT_EQ(r.map(kUser, kDdwStart + at, bytes), 0);
			large.touch(at, bytes);
		}
		if (random.one_in(4))
			TCE_EXPECT_EQ(r.unmap(0, kGiB), 0);
		TCE_EXPECT_EQ(r.w.locked_vm(), registered + small.pages() + large.pages());
	}
	TCE_EXPECT_EQ(r.remove(kDdwStart), 0);
	TCE_EXPECT_EQ(r.w.locked_vm(), registered + small.pages());
	TCE_EXPECT_EQ(r.remove(0), 0);
	TCE_EXPECT_EQ(r.w.locked_vm(), registered);
	TCE_EXPECT_EQ(r.unreg(kUser, 2048 * page), 0);
	TCE_EXPECT_EQ(r.w.locked_vm(), 0);
}

/* libvirt allows a table of 1/512 of the memory, so that has to do. */
TCE_CASE(charge, at_most_libvirts_formula)
{
	Rig r(with_system_pages(param));

	TCE_ASSERT_EQ(r.reg(kUser, kGiB), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, kGiB), 0);
	TCE_EXPECT_LE((r.w.locked_vm() - r.w.registered_pages()) << r.w.config.page_shift,
		      kGiB / 512);
}

/* Over the limit: refused as a whole, and what is there goes on. */
TCE_CASE(charge, limit)
{
	Config config;

	config.locked_limit = 1024 + 5;

	Rig r(config);

	TCE_ASSERT_EQ(r.reg(kUser, 1024 * 4096), 0);
	/* Two leaves and what is above them, then two leaves. */
	TCE_EXPECT_EQ(r.map(kUser, 0, 1024 * 4096), 0);
	TCE_EXPECT_EQ(r.w.locked_vm(), 1027);
	TCE_EXPECT_EQ(r.map(kUser, kGiB / 2, 1024 * 4096), 0);
	TCE_EXPECT_EQ(r.w.locked_vm(), 1029);
	TCE_EXPECT_EQ(r.map(kUser, kGiB / 4 + 256 * 4096, 1024 * 4096), err::kNoMem);
	TCE_EXPECT_EQ(r.w.locked_vm(), 1029);
	TCE_EXPECT(r.closed(kGiB / 4, kGiB / 4));
	TCE_EXPECT(r.reaches(0, kUser) && r.reaches(kGiB / 2, kUser));
	/* Where the leaves are there already it costs nothing. */
	TCE_EXPECT_EQ(r.map(kUser, 512 * 4096, 512 * 4096), 0);
	TCE_EXPECT_EQ(r.create(12, kTiB), 0);
	TCE_EXPECT_EQ(r.remove(0), 0);
	TCE_EXPECT_EQ(r.w.locked_vm(), 1024);
}

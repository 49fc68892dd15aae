// SPDX-License-Identifier: GPL-2.0-only
/*
 * What one call may take: time between two chances for others, and memory that
 * it leaves behind. The fake fails a case where too much is looked up or noted
 * in one go.
 */
#include "params.hpp"
#include "rig.hpp"

using namespace fake;

namespace {

/* Memory that a window of any page size takes. */
constexpr u64 kBase = bit(42);

Config with_everything(Config config)
{
	config.fw.pgsizes |= bit(24) | bit(30) | bit(34);
	return config;
}

/*
 * Bytes that the world keeps for the engine; what tables cost of them is
 * charge.hpp's matter.
 */
u64 kept(const Rig &r)
{
	return r.w.live_bytes + r.w.ioda.live_bytes;
}

u64 charged(const Rig &r)
{
	return r.w.locked_vm() - r.w.registered_pages();
}

bool within_bound(const Rig &r, u64 bytes_before)
{
	return TCE_EXPECT_LE(kept(r) - bytes_before,
			     (9 * (charged(r) + 1) << r.w.config.page_shift) / 4 + 64 * kKiB);
}

/* MAP of everything, killed at the @nth look for a signal. */
void killed_at(Rig &r, u64 nth, u64 bytes)
{
	const u64 locked = r.w.locked_vm(), before = kept(r), live = r.w.live_tces();

	r.w.reset_counts();
	r.w.fail_nth(nth, site_bit(Site::Killed), true);
	TCE_EXPECT_EQ(r.map(kBase, kDdwStart, bytes), err::kIntr);
	r.w.fail_never();
	/* At once: what is undone takes a fraction of what was done. */
	TCE_EXPECT_LE(nth, r.w.yields);
	TCE_EXPECT_LE(r.w.yields, nth + nth / 32 + 2);
	TCE_EXPECT_EQ(r.w.locked_vm(), locked);
	TCE_EXPECT_EQ(r.w.live_tces(), live);
	TCE_EXPECT_EQ(kept(r), before);
}

/*
 * Millions of steps: where everything takes ten times as long, on one kind of
 * host only.
 */
bool for_long(unsigned int param)
{
	return !param || env_knob(ENV_EFFORT) >= 10;
}

} // namespace

/*
 * Of each size of IOMMU pages, at any moment before the first of 4 TiB is
 * mapped.
 */
TCE_CASE(bounds, map_of_4_tib_is_killed)
{
	Rig r(with_everything(with_host(param)));
	const u64 bytes = 4 * kTiB;
	static const u32 shifts[] = { 12, 16, 24, 30, 34 };

	r.w.make_contiguous(kBase, kBase + bytes, 34);
	TCE_ASSERT_EQ(r.reg(kBase, bytes), 0);
	for (u32 shift : shifts) {
		if (!(r.w.groups[0].caps.pgsizes & bit(shift)))
			continue;

		const bool large = shift > r.w.config.page_shift;
		const u64 many = large ? bytes >> r.w.config.page_shift >> 20 : 100;

		TCE_ASSERT_EQ(r.create(shift, bytes, 4), 0);
		TCE_ASSERT_EQ(r.start, kDdwStart);
		const u64 nths[] = { 1, 2, many };

		for (u64 nth : nths)
			killed_at(r, nth, bytes);
		/* Nothing is noted. */
		TCE_EXPECT_EQ(r.unreg(kBase, bytes), 0);
		TCE_ASSERT_EQ(r.reg(kBase, bytes), 0);
		TCE_ASSERT_EQ(r.remove(kDdwStart), 0);
	}
}

/*
 * And what is not killed comes through, in steps, with the largest pages as
 * well.
 */
TCE_CASE(bounds, steps)
{
	if (!for_long(param))
		return;

	Rig r(with_everything(with_host(param)));
	const u64 bytes = 32 * kGiB;
	static const u32 shifts[] = { 16, 24, 30, 34 };

	r.w.make_contiguous(kBase, kBase + bytes, 34);
	TCE_ASSERT_EQ(r.reg(kBase, bytes), 0);
	for (u32 shift : shifts) {
		if (!(r.w.groups[0].caps.pgsizes & bit(shift)))
			continue;

		const u64 part = bytes >> shift > bit(16) ? bit(16) << shift : bytes;

		TCE_ASSERT_EQ(r.create(shift, bytes), 0);
		r.w.reset_counts();
		TCE_EXPECT_EQ(r.map(kBase, kDdwStart, part), 0);
		if (shift > r.w.config.page_shift)
			TCE_EXPECT_LE(part >> r.w.config.page_shift >> 16, r.w.yields);
		TCE_EXPECT(r.reaches(kDdwStart + part - 1, kBase + part - 1));
		TCE_EXPECT_EQ(r.w.live_tces(), part >> shift);
		/* Over itself: what is replaced is given back in steps. */
		TCE_EXPECT_EQ(r.map(kBase, kDdwStart, part), 0);
		TCE_EXPECT_EQ(r.unmap(kDdwStart, part), 0);
		TCE_EXPECT_EQ(r.unreg(kBase, bytes), 0);
		TCE_ASSERT_EQ(r.reg(kBase, bytes), 0);
		TCE_EXPECT_EQ(r.map(kBase, kDdwStart, part), 0);
		TCE_ASSERT_EQ(r.remove(kDdwStart), 0);
	}
}

/*
 * The largest pages are one block, or are not: looked at in parts, that shows
 * as well.
 */
TCE_CASE(bounds, one_block)
{
	if (!for_long(param))
		return;

	Config config = with_everything(with_host(param));
	const u64 size = bit(34);

	Rig r(config);

	r.w.make_contiguous(kBase, kBase + 4 * size, 34);
	/* The second half of it is not where the first one goes on. */
	r.w.make_contiguous(kBase + 4 * size + size / 2, kBase + 5 * size, 32);
	r.w.make_contiguous(kBase + 4 * size, kBase + 6 * size, 34);
	r.w.make_contiguous(kBase + 6 * size, kBase + 8 * size, 27);
	r.w.make_odd(kBase + 2 * size + size / 2 + bit(config.page_shift));
	r.w.make_displaced(kBase + 8 * size, kBase + 12 * size, 28);
	TCE_ASSERT_EQ(r.reg(kBase, 12 * size), 0);
	if (!(r.w.groups[0].caps.pgsizes & size))
		return;
	TCE_ASSERT_EQ(r.create(34, 16 * size), 0);
	TCE_EXPECT_EQ(r.map(kBase, kDdwStart, 2 * size), 0);
	TCE_EXPECT_EQ(r.map(kBase + size, kDdwStart, 2 * size), err::kPerm);
	TCE_EXPECT_EQ(r.map(kBase + 3 * size, kDdwStart, size), 0);
	TCE_EXPECT_EQ(r.map(kBase + 3 * size, kDdwStart, 2 * size), err::kPerm);
	/* Every block of a step by itself is as it should be. */
	TCE_EXPECT_EQ(r.map(kBase + 4 * size, kDdwStart, size), err::kPerm);
	TCE_EXPECT_EQ(r.map(kBase + 6 * size, kDdwStart, size), err::kPerm);
	/* One block, which begins where no such page can. */
	TCE_EXPECT_EQ(r.map(kBase + 8 * size, kDdwStart, size), err::kPerm);
	TCE_EXPECT(r.reaches(kDdwStart, kBase + 3 * size));
	TCE_EXPECT(r.reaches(kDdwStart + size, kBase + size));
}

/* Many regions: each has its note while MAP goes on, and none is left. */
TCE_CASE(bounds, many_regions)
{
	if (!for_long(param))
		return;

	Rig r(with_host(param));
	const u64 page = bit(r.w.config.page_shift);
	const u64 n = 3000;

	for (u64 i = 0; i < n; i++)
		TCE_ASSERT_EQ(r.reg(kUser + i * page, page), 0);
	for (u64 nth = 1; nth < 4; nth++) {
		r.w.fail_nth(nth, site_bit(Site::MemMap));
		TCE_EXPECT_EQ(r.map(kUser, 0, n * page), err::kNxio);
		r.w.fail_never();
	}
	TCE_EXPECT_EQ(r.map(kUser, 0, n * page), 0);
	for (u64 i = 0; i < n; i += 100)
		TCE_EXPECT_EQ(r.unreg(kUser + i * page, page), err::kBusy);
	TCE_EXPECT_EQ(r.unmap(0, n * page), 0);
	for (u64 i = 0; i < n; i++)
		TCE_ASSERT_EQ(r.unreg(kUser + i * page, page), 0);
}

/*
 * Two pages' worth of levels, and no more: of each MAP that is refused nothing
 * stays.
 */
TCE_CASE(bounds, refused_maps)
{
	if (!for_long(param))
		return;

	Rig r(with_host(param));
	const u64 page = bit(r.w.config.page_shift);
	const u64 empty = kept(r);
	Random random(param + 3);
	u64 refused = 0;

	TCE_ASSERT_EQ(r.reg(kUser, 64 * page), 0);
	TCE_ASSERT_EQ(r.create(12, 4 * kTiB, 4), 0);
	r.w.mm[0].limit = r.w.locked_vm() + 2;
	for (u64 i = 0; i < 20000; i += stride()) {
		const u64 bytes = (1 + random.below(64)) * page;
		const u64 at = kDdwStart + (random.below(4 * kTiB - bytes) & ~(page - 1));
		const u64 before = kept(r), locked = r.w.locked_vm();
		const int rc = r.map(kUser, at, bytes);

		if (!rc)
			continue;
		refused++;
		TCE_EXPECT_EQ(rc, err::kNoMem);
		TCE_EXPECT_EQ(kept(r), before);
		TCE_EXPECT_EQ(r.w.locked_vm(), locked);
	}
	TCE_EXPECT_LE(1000, refused * stride());
	TCE_EXPECT(within_bound(r, empty));
}

/* One page here and one there, as far apart as can be. */
TCE_CASE(bounds, sparse_maps)
{
	if (!for_long(param))
		return;

	Rig r(with_host(param));
	const u64 page = bit(r.w.config.page_shift);

	static const u64 aparts[] = { kTiB, kGiB, 64 * kMiB };

	TCE_ASSERT_EQ(r.reg(kUser, page), 0);
	for (u32 levels = 1; levels <= 5; levels++) {
		const u64 before = kept(r);

		TCE_ASSERT_EQ(r.create(12, 4 * kTiB, levels), 0);
		for (u64 apart : aparts) {
			for (u64 i = 0; i < 80 && i < 4 * kTiB / apart && kept(r) < bit(24); i++) {
				TCE_EXPECT_EQ(r.map(kUser, kDdwStart + i * apart, page), 0);
				if (!within_bound(r, before))
					return;
			}
		}
		TCE_EXPECT_LE(charged(r), 4 * kTiB / 4096 * 8 >> r.w.config.page_shift);
		TCE_ASSERT_EQ(r.remove(kDdwStart), 0);
		TCE_EXPECT_EQ(charged(r), 0);
		TCE_EXPECT_EQ(kept(r), before);
	}
}

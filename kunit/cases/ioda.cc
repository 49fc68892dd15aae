// SPDX-License-Identifier: GPL-2.0-only
/*
 * PowerNV: tables that hardware walks.  Every depth, every border; and that
 * nothing is given back before hardware has forgotten it: the fake reads all
 * there is after each call and goes on using it until it is told otherwise.
 */
#include "params.hpp"
#include "rig.hpp"
#include "snapshot.hpp"

#include "geometry.hpp"

using namespace fake;
using tce::Geometry;

namespace {

constexpr u64 kRam = bit(40);

Geometry geometry_of(const Shape &s)
{
	return Geometry::make(s.page_shift, bit(s.window_shift), s.levels, tce::kIodaLevels).value();
}

/* Entry @i and nothing on either side of it. */
void check_alone(Rig &r, u64 at, const Geometry &g, u64 i)
{
	const u64 page = g.page().size();

	TCE_EXPECT_EQ(r.map(kRam, at + i * page, page), 0);
	TCE_EXPECT(r.reaches(at + i * page, kRam));
	TCE_EXPECT(r.reaches(at + i * page + page - 4096, kRam + page - 4096));
	if (i)
		TCE_EXPECT_EQ(r.w.tce_at(0, at + (i - 1) * page), 0);
	/* Behind the window's end too. */
	TCE_EXPECT_EQ(r.w.tce_at(0, at + (i + 1) * page), 0);
	TCE_EXPECT_EQ(r.w.live_tces(), 1);
	TCE_EXPECT_EQ(r.unmap(at + i * page, page), 0);
	TCE_EXPECT_EQ(r.w.tce_at(0, at + i * page), 0);
	TCE_EXPECT_EQ(r.w.live_tces(), 0);
}

/* Kills for a run of entries that begins there. */
u64 runs(const Geometry &g, u64 first, u64 nr)
{
	u64 n = 0;

	for (u64 i = first; i < first + nr; n++) {
		const u64 leaf_end = g.leaf_end(tce::TceIndex(i)).raw;

		i = i + 512 < leaf_end ? i + 512 : leaf_end;
	}
	return n;
}

} // namespace

/* The first, the last and a middle entry below entries of every level. */
TCE_CASE(ioda, every_border)
{
	const Shape &s = kWalkedShapes[param];
	const Geometry g = geometry_of(s);
	Rig r(with_powernv());

	r.w.make_contiguous(kRam, kRam + bit(36), 34);
	TCE_ASSERT_EQ(r.reg(kRam, g.page().size() < 65536 ? 65536 : g.page().size()), 0);
	TCE_ASSERT_EQ(r.create(s.page_shift, bit(s.window_shift), s.levels), 0);
	TCE_ASSERT_EQ(r.start, kDdwStart);

	const HwWindow &w = r.w.ioda.win[0][1];

	TCE_EXPECT_EQ(w.shape.levels, g.levels());
	TCE_EXPECT_EQ(w.shape.entries, g.entries());
	TCE_EXPECT_LE(4096, w.shape.level_bytes);
	for (u32 level = 0; level < g.levels(); level++) {
		const u64 top = g.level_entries(level) - 1;
		const u64 slots[] = { 0, 1, top / 2, top };
		u64 done = ~0ull;

		for (u64 slot : slots) {
			const u64 first = slot * g.reach(level), n = g.reach(level);

			if (slot == done || slot > top || first >= g.entries())
				continue;
			done = slot;
			check_alone(r, kDdwStart, g, first);
			if (n > 2)
				check_alone(r, kDdwStart, g, first + n / 2);
			if (n > 1)
				check_alone(r, kDdwStart, g, first + n - 1);
		}
	}
	/* All hardware could tell apart that is no part of the window. */
	for (u64 i = g.entries(); i < w.reach(); i = i * 2)
		TCE_EXPECT_EQ(r.w.tce_at(0, kDdwStart + i * g.page().size()), 0);
}

/* 1 TiB of 64K pages with 3 levels: a 64K-page kernel refuses it. */
TCE_CASE(ioda, window_1t)
{
	Rig r(with_powernv(1, kSystemShifts[param]));

	r.w.make_contiguous(kRam, kRam + bit(36), 34);
	TCE_ASSERT_EQ(r.reg(kRam, kGiB), 0);
	TCE_ASSERT_EQ(r.create(16, kTiB, 3), 0);

	const u64 locked = r.w.locked_vm();
	const HwWindow &w = r.w.ioda.win[0][1];

	TCE_EXPECT_EQ(locked, r.w.registered_pages() + (4096 >> r.w.config.page_shift));
	TCE_EXPECT_EQ(w.shape.levels, 3);
	TCE_EXPECT_EQ(w.shape.level_bytes, 4096);
	TCE_EXPECT_EQ(r.w.ioda.live_levels, 1);
	TCE_EXPECT_EQ(r.map(kRam, kDdwStart + kTiB - kGiB, kGiB), 0);
	TCE_EXPECT(r.reaches(kDdwStart + kTiB - 65536, kRam + kGiB - 65536));
	/* 32 leaves, a middle level, and the top that was there before. */
	TCE_EXPECT_EQ(r.w.ioda.live_levels, 34);
	TCE_EXPECT_EQ(r.w.locked_vm() - r.w.registered_pages(), 34 * 4096 >> r.w.config.page_shift);
	TCE_EXPECT_EQ(r.unmap(kDdwStart, kTiB), 0);
	TCE_EXPECT_EQ(r.unreg(kRam, kGiB), 0);
}

/*
 * A window keeps its size, however small; what the level page holds besides is
 * closed.
 */
TCE_CASE(ioda, small_window)
{
	for (u32 lg2 = 12; lg2 <= 22; lg2++) {
		for (u32 levels = 1; levels <= 5; levels += 2) {
			Rig r(with_powernv());
			const u64 end = kDdwStart + bit(lg2);

			TCE_ASSERT_EQ(r.reg(kUser, 8 * kMiB), 0);
			TCE_ASSERT_EQ(r.create(12, bit(lg2), levels), 0);
			TCE_EXPECT_EQ(r.w.groups[0].slot[1]->shape.entries, bit(lg2 - 12));
			TCE_EXPECT_EQ(r.w.ioda.win[0][1].shape.levels, levels);
			TCE_EXPECT_EQ(r.map(kUser, kDdwStart, bit(lg2)), 0);
			TCE_EXPECT(r.reaches(end - 4096, kUser + bit(lg2) - 4096));
			TCE_EXPECT_EQ(r.w.tce_at(0, end), 0);
			TCE_EXPECT_EQ(r.w.live_tces(), bit(lg2 - 12));
			TCE_EXPECT_EQ(r.map(kUser, end - 4096, 8192), err::kInval);
			TCE_EXPECT_EQ(r.map(kUser, end, 4096), err::kNxio);
			TCE_EXPECT_EQ(r.unmap(end, 4096), err::kNxio);
			TCE_EXPECT_EQ(r.unmap(kDdwStart, 2 * bit(lg2)), err::kInval);
			TCE_EXPECT_EQ(r.w.live_tces(), bit(lg2 - 12));
		}
	}
}

TCE_CASE(ioda, arguments)
{
	static constexpr u32 kHints[] = { 0, 1, 2, 3, 4, 5, 6, 255, ~0u };
	Rig r(with_powernv());
	tce_info info = {};

	TCE_EXPECT_EQ(r.info(&info), 0);
	TCE_EXPECT_EQ(info.dma32_start, 0);
	TCE_EXPECT_EQ(info.dma32_size, bit(31));
	TCE_EXPECT_EQ(info.levels, 5);
	TCE_EXPECT_EQ(info.max_windows, 2);
	TCE_EXPECT_EQ(info.pgsizes, r.w.config.fw.pgsizes);
	/* A page size that exists, but not here; sizes that reach too far. */
	TCE_EXPECT_EQ(r.create(24, kTiB), err::kInval);
	TCE_EXPECT_EQ(r.create(12, bit(56)), err::kInval);
	TCE_EXPECT_EQ(r.create(30, bit(59)), err::kInval);
	TCE_EXPECT_EQ(r.create(12, 3 * kGiB), err::kInval);
	TCE_EXPECT_EQ(r.create(16, 4096), err::kInval);
	TCE_EXPECT_EQ(r.create(12, 0), err::kInval);
	TCE_EXPECT_EQ(r.w.ioda.sets + r.w.ioda.live_levels, 0);
	for (u32 levels : kHints) {
		TCE_ASSERT_EQ(r.create(12, bit(31), levels), 0);
		TCE_EXPECT_EQ(r.w.ioda.win[0][1].shape.levels, levels < 2 ? 2 :
							       levels > 5 ? 5 :
									    levels);
		TCE_EXPECT_EQ(r.remove(kDdwStart), 0);
	}
}

/* Devices that use old entries, against every way to get rid of them. */
TCE_CASE(ioda, published)
{
	Rig r(with_powernv(1, kSystemShifts[param]));
	const u64 page = bit(r.w.config.page_shift), size = 16 * kMiB;
	const u64 n = size / page;

	TCE_ASSERT_EQ(r.reg(kRam, size), 0);
	TCE_ASSERT_EQ(r.reg(2 * kRam, size), 0);
	TCE_ASSERT_EQ(r.create(r.w.config.page_shift, 64 * kGiB, 3), 0);

	const HwWindow &w = r.w.ioda.win[0][1];
	const Geometry g =
		Geometry::make(r.w.config.page_shift, 64 * kGiB, 3, tce::kIodaLevels).value();
	const u64 at = kDdwStart + 100 * page;

	r.w.strict_notes = true;
	r.w.reset_counts();
	TCE_EXPECT_EQ(r.map(kRam, at, size), 0);
	TCE_EXPECT_EQ(r.w.ioda.kills, runs(g, 100, n));
	TCE_EXPECT_EQ(r.w.ioda.killed_entries, n);
	TCE_EXPECT_EQ(w.cache.used(), n);
	/* Over it: hardware must not go on with the old pages. */
	TCE_EXPECT_EQ(r.map(2 * kRam, at, size / 2), 0);
	TCE_EXPECT(r.reaches(at, 2 * kRam));
	TCE_EXPECT(r.reaches(at + size / 2 - page, 2 * kRam + size / 2 - page));
	TCE_EXPECT(r.reaches(at + size / 2, kRam + size / 2));
	TCE_EXPECT_EQ(r.map(kRam, at, page, TCE_MAP_READ), 0);
	TCE_EXPECT(r.reaches(at, kRam, TCE_PERM_READ));
	/* Write alone is not something that hardware takes. */
	TCE_EXPECT_EQ(r.map(kRam, at + page, page, TCE_MAP_WRITE), 0);
	TCE_EXPECT(r.reaches(at + page, kRam));
	TCE_EXPECT_EQ(r.unreg(kRam, size), err::kBusy);
	r.w.reset_counts();
	TCE_EXPECT_EQ(r.unmap(at + size / 4, size / 2), 0);
	TCE_EXPECT_EQ(r.w.ioda.kills, runs(g, 100 + n / 4, n / 2));
	TCE_EXPECT(r.closed(at + size / 4, size / 2));
	/* What is not mapped costs nothing, whatever its size. */
	r.w.reset_counts();
	TCE_EXPECT_EQ(r.unmap(at + size / 4, size / 2), 0);
	TCE_EXPECT_EQ(r.unmap(kDdwStart + kGiB, 63 * kGiB), 0);
	TCE_EXPECT_EQ(r.w.ioda.kills, 0);
	TCE_EXPECT_EQ(r.unmap(kDdwStart, 64 * kGiB), 0);
	TCE_EXPECT_EQ(r.w.live_tces(), 0);
	TCE_EXPECT_EQ(r.unreg(kRam, size), 0);
	TCE_EXPECT_EQ(r.unreg(2 * kRam, size), 0);
}

/* A kill finds the new entries in the table already. */
TCE_CASE(ioda, stored_before_kill)
{
	static constexpr u64 kPages = 600;
	struct Look {
		Rig *r;
		bool want;
		u32 wrong = 0, kills = 0;
	};
	Rig r(with_powernv());
	Look look = { &r, true };

	TCE_ASSERT_EQ(r.reg(kRam, kPages * 4096), 0);
	TCE_ASSERT_EQ(r.create(12, kGiB, 2), 0);
	r.w.ioda.on_kill_arg = &look;
	r.w.ioda.on_kill = [](void *arg, u64 first, u64 nr) {
		auto *l = static_cast<Look *>(arg);
		const Ioda &ioda = l->r->w.ioda;

		l->kills++;
		for (u64 i = first; i < first + nr; i++)
			l->wrong += tce_live(ioda.walk(ioda.win[0][1], i)) != l->want;
	};
	TCE_EXPECT_EQ(r.map(kRam, kDdwStart + 4096, kPages * 4096), 0);
	look.want = false;
	TCE_EXPECT_EQ(r.unmap(kDdwStart, kGiB), 0);
	TCE_EXPECT_EQ(look.wrong, 0);
	TCE_EXPECT_LE(4, look.kills);
}

/*
 * A window goes as a whole: no entry is killed on its own, and memory goes with
 * it.
 */
TCE_CASE(ioda, remove_kills_nothing)
{
	Rig r(with_powernv(2));

	TCE_ASSERT_EQ(r.reg(kRam, 64 * kMiB), 0);
	for (u32 i = 0; i < 2; i++) {
		TCE_ASSERT_EQ(r.create(12, 64 * kGiB, 3), 0);
		TCE_ASSERT_EQ(r.map(kRam, kDdwStart + kGiB - 8 * kMiB, 64 * kMiB), 0);
		TCE_ASSERT_EQ(r.map(kRam, 0, 64 * kMiB), 0);
		r.w.reset_counts();
		r.w.strict_notes = true;
		TCE_EXPECT_EQ(r.remove(kDdwStart), 0);
		TCE_EXPECT_EQ(r.w.ioda.unsets, 2);
		TCE_EXPECT_EQ(r.w.ioda.kills, 0);
		TCE_EXPECT_EQ(r.unreg(kRam, 64 * kMiB), err::kBusy);
		if (i)
			TCE_EXPECT_EQ(r.remove(0), 0);
		else
			TCE_EXPECT_EQ(r.unmap(0, bit(31)), 0);
	}
	TCE_EXPECT_EQ(r.unreg(kRam, 64 * kMiB), 0);
}

/* Cost of what is mapped sparsely, and that memory follows. */
TCE_CASE(ioda, levels_on_demand)
{
	Rig r(with_powernv());

	TCE_ASSERT_EQ(r.reg(kUser, 65536), 0);
	TCE_ASSERT_EQ(r.create(12, bit(55), 5), 0);
	TCE_EXPECT_EQ(r.w.ioda.live_levels, 1);

	const u64 bytes = r.w.ioda.win[0][1].shape.level_bytes;

	for (u32 i = 0; i < 40; i++)
		TCE_EXPECT_EQ(r.map(kUser, kDdwStart + i * bit(49), 4096), 0);
	/* Nothing is shared but the top, and the level below it. */
	TCE_EXPECT_LE(r.w.ioda.live_levels, 1 + 40 * 4);
	TCE_EXPECT_EQ(r.w.ioda.live_bytes, r.w.ioda.live_levels * bytes);
	TCE_EXPECT_EQ(r.w.live_tces(), 40);
	TCE_EXPECT_EQ(r.remove(kDdwStart), 0);
	TCE_EXPECT_EQ(r.w.ioda.live_levels, 0);
	TCE_EXPECT_EQ(r.w.locked_vm(), 65536 >> 12);
}

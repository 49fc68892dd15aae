// SPDX-License-Identifier: GPL-2.0-only
/*
 * PowerNV: windows and groups come and go, and firmware says no when they do.
 */
#include "params.hpp"
#include "rig.hpp"
#include "snapshot.hpp"

using namespace fake;

namespace {

constexpr u64 kRam = bit(40);
constexpr u64 kSize = 4 * kMiB;

u64 kills(const Rig &r)
{
	return r.w.ioda.kills;
}

} // namespace

/*
 * Both windows, the default one included, in any order; two addresses, for
 * ever.
 */
TCE_CASE(ioda, addresses)
{
	Rig r(with_powernv(1, kSystemShifts[param]));
	const u64 page = bit(r.w.config.page_shift);

	r.w.make_contiguous(kRam, kRam + kGiB, 21);
	TCE_ASSERT_EQ(r.reg(kRam, 64 * kMiB), 0);
	/* The default window is userspace's until it gives it up. */
	TCE_ASSERT_EQ(r.create(16, kTiB), 0);
	TCE_EXPECT_EQ(r.start, kDdwStart);
	TCE_EXPECT_EQ(r.create(16, kTiB), err::kNoSpc);
	TCE_ASSERT_EQ(r.map(kRam, bit(31) - page, page), 0);
	TCE_EXPECT(r.reaches(bit(31) - page, kRam));
	TCE_EXPECT_EQ(r.remove(0), 0);
	TCE_EXPECT_EQ(r.w.live_tces(), 0);
	TCE_EXPECT_EQ(r.map(kRam, 0, page), err::kNxio);
	/* DPDK's: a large one at 0. */
	TCE_ASSERT_EQ(r.create(21, 16 * kTiB, 2), 0);
	TCE_EXPECT_EQ(r.start, 0);
	TCE_EXPECT_EQ(r.map(kRam, 16 * kTiB - 64 * kMiB, 64 * kMiB), 0);
	TCE_EXPECT(r.reaches(16 * kTiB - page, kRam + 64 * kMiB - page));
	TCE_EXPECT_EQ(r.remove(kDdwStart), 0);
	TCE_EXPECT(r.reaches(16 * kTiB - page, kRam + 64 * kMiB - page));
	TCE_ASSERT_EQ(r.create(16, kGiB, 5), 0);
	TCE_EXPECT_EQ(r.start, kDdwStart);
	TCE_EXPECT_EQ(r.remove(0), 0);
	TCE_EXPECT_EQ(r.remove(0), err::kInval);
	TCE_ASSERT_EQ(r.create(12, bit(31)), 0);
	TCE_EXPECT_EQ(r.start, 0);
	TCE_EXPECT_EQ(r.create(12, kGiB), err::kNoSpc);
	TCE_EXPECT_EQ(r.w.hcall_total() + r.w.ddw_calls[0] + r.w.ddw_calls[1], 0);
}

/* One table for two PEs; it is no larger for it. */
TCE_CASE(ioda, two_groups)
{
	Rig r(with_powernv(2), 1, false);

	TCE_ASSERT_EQ(r.attach(0), 0);
	TCE_ASSERT_EQ(r.reg(kRam, kSize), 0);
	TCE_ASSERT_EQ(r.create(12, kGiB, 3), 0);
	TCE_ASSERT_EQ(r.map(kRam, kDdwStart, kSize), 0);
	TCE_ASSERT_EQ(r.map(kRam, kSize, kSize), 0);

	const u64 levels = r.w.ioda.live_levels, locked = r.w.locked_vm();

	/* It gets what is mapped, at once. */
	TCE_ASSERT_EQ(r.attach(1), 0);
	TCE_EXPECT_EQ(r.w.ioda.live_levels, levels);
	TCE_EXPECT_EQ(r.w.locked_vm(), locked);
	TCE_EXPECT_EQ(r.w.ioda.win[1][0].table->table, r.w.ioda.win[0][0].table->table);
	TCE_EXPECT_EQ(r.w.groups[1].slot[1]->table, r.w.groups[0].slot[1]->table);
	for (u32 g = 0; g < 2; g++) {
		TCE_EXPECT(r.reaches(kDdwStart + 4096, kRam + 4096, 3, g));
		TCE_EXPECT(r.reaches(kSize, kRam, 3, g));
	}
	r.w.strict_notes = true;
	TCE_EXPECT_EQ(r.unmap(kDdwStart, kSize / 2), 0);
	for (u32 g = 0; g < 2; g++)
		TCE_EXPECT(r.closed(kDdwStart, kSize / 2, g));
	/* Detaching one leaves the other's DMA alone, whichever it is. */
	r.detach(param);
	TCE_EXPECT(r.closed(0, ~0ull, param));
	TCE_EXPECT(r.reaches(kDdwStart + kSize / 2, kRam + kSize / 2, 3, 1 - param));
	TCE_EXPECT_EQ(r.map(kRam, kDdwStart, 4096), 0);
	TCE_EXPECT(r.reaches(kDdwStart, kRam, 3, 1 - param));
	TCE_ASSERT_EQ(r.attach(param), 0);
	TCE_EXPECT(r.reaches(kDdwStart, kRam, 3, param));
	TCE_EXPECT_EQ(r.remove(kDdwStart), 0);
	TCE_EXPECT_EQ(r.remove(0), 0);
	TCE_EXPECT_EQ(r.unreg(kRam, kSize), 0);
}

/* A group whose windows would mean something else stays out. */
TCE_CASE(ioda, different_groups)
{
	Config config = with_powernv(3);
	Rig r(config, 1, false);

	TCE_ASSERT_EQ(r.attach(0), 0);
	TCE_EXPECT_EQ(r.attach(0), err::kBusy);
	r.w.groups[1].caps.second_start = bit(58);
	TCE_EXPECT_EQ(r.attach(1), err::kPerm);
	r.w.groups[1].caps.second_start = config.fw.ddw_start;
	r.w.groups[1].caps.default_size = bit(30);
	TCE_EXPECT_EQ(r.attach(1), err::kPerm);
	r.w.groups[1].caps.default_size = bit(31);
	r.w.groups[1].caps.platform = TCE_PLATFORM_PAPR;
	TCE_EXPECT_EQ(r.attach(1), err::kPerm);
	r.w.groups[1].caps.platform = TCE_PLATFORM_IODA2;
	r.w.groups[1].caps.pgsizes = bit(12) | bit(16);
	TCE_EXPECT_EQ(r.attach(1), 0);
	TCE_EXPECT_EQ(r.attach(2), 0);
	TCE_EXPECT_EQ(r.create(21, kTiB), err::kInval);
	TCE_EXPECT_EQ(r.create(16, kTiB), 0);
}

/* A joiner that lacks the page size of a window that is there. */
TCE_CASE(ioda, joiner_without_page_size)
{
	Rig r(with_powernv(2), 1, false);

	r.w.groups[1].caps.pgsizes = bit(12);
	TCE_ASSERT_EQ(r.attach(0), 0);
	TCE_ASSERT_EQ(r.create(16, kTiB), 0);

	Snapshot before, after;

	before.take(r.w);
	TCE_EXPECT_EQ(r.attach(1), err::kPerm);
	after.take(r.w);
	TCE_EXPECT(before == after);
	TCE_EXPECT_EQ(r.remove(kDdwStart), 0);
	TCE_EXPECT_EQ(r.attach(1), 0);
}

/*
 * set_window fails at one of two groups: the other one's is undone, and nothing
 * is left.
 */
TCE_CASE(ioda, set_refused)
{
	Rig r(with_powernv(2));

	TCE_ASSERT_EQ(r.reg(kRam, kSize), 0);
	TCE_ASSERT_EQ(r.map(kRam, 0, kSize), 0);

	const u64 levels = r.w.ioda.live_levels, locked = r.w.locked_vm();
	const u64 blocks = r.w.live_blocks;
	Snapshot before, after;

	before.take(r.w);
	for (u32 levels_wanted = 1; levels_wanted <= 5; levels_wanted += 2) {
		r.w.fail_nth(1 + param, site_bit(Site::IodaSet));
		TCE_EXPECT_EQ(r.create(12, 256 * kMiB, levels_wanted), err::kIo);
		TCE_EXPECT_EQ(r.w.injected(), 1);
		r.w.fail_never();
		after.take(r.w);
		TCE_EXPECT(before == after);
		TCE_EXPECT_EQ(r.w.ioda.live_levels, levels);
		TCE_EXPECT_EQ(r.w.live_blocks, blocks);
		TCE_EXPECT_EQ(r.w.locked_vm(), locked);
		TCE_EXPECT_EQ(r.create(12, 256 * kMiB, levels_wanted), 0);
		TCE_EXPECT_EQ(r.map(kRam, kDdwStart, kSize), 0);
		TCE_EXPECT(r.reaches(kDdwStart, kRam, 3, 1));
		TCE_EXPECT_EQ(r.remove(kDdwStart), 0);
	}
}

/* The same for the table that the default window gets with its first MAP. */
TCE_CASE(ioda, set_of_default_refused)
{
	Rig r(with_powernv(2));

	TCE_ASSERT_EQ(r.reg(kRam, kSize), 0);
	for (u32 i = 0; i < 2; i++) {
		r.w.fail_nth(1 + param, site_bit(Site::IodaSet));
		TCE_EXPECT_EQ(r.map(kRam, 0, kSize), err::kIo);
		r.w.fail_never();
		TCE_EXPECT_EQ(r.w.ioda.live_levels, 0);
		TCE_EXPECT_EQ(r.unmap(0, kSize), 0);
	}
	TCE_EXPECT_EQ(r.map(kRam, 0, kSize), 0);
	TCE_EXPECT(r.reaches(0, kRam, 3, 1));
}

/* The default window gets its table for a MAP that can go on. */
TCE_CASE(ioda, refused_first_map)
{
	static constexpr struct {
		u64 vaddr, iova, bytes;
		int rc;
	} kBad[] = {
		{ kRam,		0,	   0,	      err::kInval },
		{ kRam,		1,	   4096,	 err::kInval },
		{ kRam + 1,	    0,	       4096,	     err::kInval },
		{ kRam,		0,	   0 - 4096ull, err::kInval },
		{ 0 - 4096ull,  0,	  8192,	err::kInval },
		{ kRam,		kDdwStart, 4096,	 err::kNxio  },
		{ kRam + kSize, 0,	   4096,	 err::kInval },
	};
	Rig r(with_powernv());

	TCE_ASSERT_EQ(r.reg(kRam, kSize), 0);
	for (const auto &bad : kBad) {
		TCE_EXPECT_EQ(r.map(bad.vaddr, bad.iova, bad.bytes), bad.rc);
		TCE_EXPECT_EQ(r.w.live_ktables + r.w.ioda.live_levels, 0);
	}
	TCE_EXPECT_EQ(r.map(kRam, 0, kSize), 0);
	TCE_EXPECT_EQ(r.w.live_ktables, 1);
}

/* A joiner for whom the second window cannot be set gets none. */
TCE_CASE(ioda, join_refused)
{
	Rig r(with_powernv(2), 1, false);

	TCE_ASSERT_EQ(r.attach(0), 0);
	TCE_ASSERT_EQ(r.reg(kRam, kSize), 0);
	TCE_ASSERT_EQ(r.map(kRam, 0, kSize), 0);
	TCE_ASSERT_EQ(r.create(12, kGiB), 0);
	TCE_ASSERT_EQ(r.map(kRam, kDdwStart, kSize), 0);

	Snapshot before, after;

	before.take(r.w);
	r.w.fail_nth(1 + param, site_bit(Site::IodaSet));
	TCE_EXPECT_EQ(r.attach(1), err::kIo);
	r.w.fail_never();
	after.take(r.w);
	TCE_EXPECT(before == after);
	TCE_EXPECT_EQ(r.attach(1), 0);
	TCE_EXPECT(r.reaches(kDdwStart, kRam, 3, 1));
}

/*
 * Firmware does not let go of a table: its entries are closed one by one, so
 * memory can be given back.  The table itself stays for good.
 */
TCE_CASE(ioda, unset_refused)
{
	Rig r(with_powernv(2));
	Ioda &ioda = r.w.ioda;

	TCE_ASSERT_EQ(r.reg(kRam, kSize), 0);
	for (u32 i = 0; i < 3; i++) {
		TCE_ASSERT_EQ(r.create(12, kGiB, 1 + 2 * i), 0);
		TCE_EXPECT_EQ(r.start, kDdwStart);
		TCE_ASSERT_EQ(r.map(kRam, kDdwStart + kMiB, kSize), 0);
		r.w.reset_counts();
		r.w.strict_notes = true;
		/* Both refuse, or one of them. */
		r.w.fail_nth(param == 2 ? 2 : 1, site_bit(Site::IodaUnset), param == 0);
		TCE_EXPECT_EQ(r.remove(kDdwStart), 0);
		r.w.fail_never();
		TCE_EXPECT_LE(kSize / 4096 / 512, kills(r));
		TCE_EXPECT_EQ(r.w.live_tces(), 0);
		/* Whoever came last is asked first. */
		TCE_EXPECT(ioda.win[param == 2 ? 0 : 1][1].stuck);
		TCE_EXPECT(!r.w.groups[0].slot[1] && !r.w.groups[1].slot[1]);
		TCE_EXPECT_EQ(r.unreg(kRam, kSize), 0);
		TCE_EXPECT_EQ(r.reg(kRam, kSize), 0);
	}
	TCE_EXPECT_EQ(r.w.counters[TCE_COUNT_QUARANTINED], 0);
	r.finish();
	TCE_EXPECT_EQ(r.w.registered_pages(), 0);
	ioda.forget_stuck();
}

/*
 * What the hardware walks on stays as long as the group is there, whatever else
 * is removed.
 */
TCE_CASE(ioda, unset_refused_stays)
{
	Rig r(with_powernv());
	Ioda &ioda = r.w.ioda;

	TCE_ASSERT_EQ(r.reg(kRam, kSize), 0);
	TCE_ASSERT_EQ(r.create(12, kGiB, 3), 0);
	TCE_ASSERT_EQ(r.map(kRam, kDdwStart, kSize), 0);
	r.w.fail_nth(1, site_bit(Site::IodaUnset));
	TCE_EXPECT_EQ(r.remove(kDdwStart), 0);
	r.w.fail_never();
	TCE_ASSERT_EQ(ioda.win[0][1].stuck, true);

	const u64 levels = ioda.live_levels;

	for (u32 i = 0; i < 2; i++) {
		TCE_ASSERT_EQ(r.map(kRam, 0, kSize), 0);
		TCE_EXPECT_LT(levels, ioda.live_levels);
		TCE_EXPECT_EQ(r.remove(0), 0);
		TCE_EXPECT_EQ(ioda.live_levels, levels);
		TCE_EXPECT_EQ(r.create(12, kGiB), 0);
		TCE_EXPECT_EQ(r.start, 0);
	}
	r.finish();
	ioda.forget_stuck();
}

/*
 * The group goes, firmware does not let go, others use the table: nothing of it
 * is safe.
 */
TCE_CASE(ioda, unset_refused_at_detach)
{
	Rig r(with_powernv(2));

	TCE_ASSERT_EQ(r.reg(kRam, kSize), 0);
	TCE_ASSERT_EQ(r.create(12, kGiB), 0);
	TCE_ASSERT_EQ(r.map(kRam, kDdwStart, kSize), 0);
	r.w.fail_nth(1, site_bit(Site::IodaUnset));
	r.detach(1);
	r.w.fail_never();
	TCE_EXPECT(r.w.ioda.win[1][1].stuck);
	TCE_EXPECT(r.reaches(kDdwStart, kRam, 3, 0));
	/* Closing an entry closes it for both. */
	TCE_EXPECT_EQ(r.unmap(kDdwStart, kSize / 2), 0);
	TCE_EXPECT(r.closed(kDdwStart, kSize / 2, 0));
	TCE_EXPECT(r.closed(kDdwStart, kSize / 2, 1));
	if (param)
		TCE_EXPECT_EQ(r.remove(kDdwStart), 0);
	r.finish();
	/* What it can still reach is still pinned: the fake has looked. */
	r.w.skip_balance = true;
	TCE_EXPECT_EQ(r.w.live_blocks + r.w.ioda.live_levels > 0, true);
	r.w.ioda.forget_stuck();
	r.w.users.run_later();
	TCE_EXPECT_EQ(r.w.live_blocks + r.w.ioda.live_levels + r.w.live_ktables, 0);
}

/*
 * set_window fails at the second group, and then the first one's cannot be
 * unset.
 */
TCE_CASE(ioda, set_and_unset_refused)
{
	Rig r(with_powernv(2));

	TCE_ASSERT_EQ(r.reg(kRam, kSize), 0);
	for (u32 i = 0; i < 2; i++) {
		r.w.fail_nth(2, kIodaSites, true);
		TCE_EXPECT_EQ(r.create(12, kGiB, 2), err::kIo);
		r.w.fail_never();
		TCE_EXPECT(r.w.ioda.win[1][1].stuck);
		TCE_EXPECT_EQ(r.w.live_tces(), 0);
	}
	TCE_EXPECT_EQ(r.create(12, kGiB, 2), 0);
	TCE_EXPECT_EQ(r.map(kRam, kDdwStart, kSize), 0);
	TCE_EXPECT(r.reaches(kDdwStart, kRam));
	TCE_EXPECT_EQ(r.remove(kDdwStart), 0);
	TCE_EXPECT_EQ(r.unreg(kRam, kSize), 0);
	r.finish();
	r.w.ioda.forget_stuck();
}

/* The process is gone: another one closes what is left. */
TCE_CASE(ioda, owner_dies)
{
	Rig r(with_powernv(2));

	TCE_ASSERT_EQ(r.reg(kRam, kSize), 0);
	TCE_ASSERT_EQ(r.create(12, kGiB, 4), 0);
	TCE_ASSERT_EQ(r.map(kRam, kDdwStart, kSize), 0);
	TCE_ASSERT_EQ(r.map(kRam, 0, kSize), 0);
	run_as(1);
	TCE_EXPECT_EQ(r.map(kRam, 0, kSize), err::kPerm);
	TCE_EXPECT_EQ(r.remove(0), err::kPerm);
	r.finish();
	TCE_EXPECT_EQ(r.w.locked_vm(), 0);
}

/* The limit is reached in the middle of everything. */
TCE_CASE(ioda, limit)
{
	Config config = with_powernv();

	config.locked_limit = 1024 + 8;

	Rig r(config);

	TCE_ASSERT_EQ(r.reg(kRam, 4 * kMiB), 0);
	/*
	 * A table in one piece is charged when it is made: 64 KiB, more than is
	 * left.
	 */
	TCE_EXPECT_EQ(r.create(12, 32 * kMiB, 1), err::kNoMem);
	TCE_EXPECT_EQ(r.w.locked_vm(), 1024);
	TCE_EXPECT_EQ(r.create(12, 16 * kMiB, 1), 0);
	TCE_EXPECT_EQ(r.w.locked_vm(), 1024 + 8);
	TCE_EXPECT_EQ(r.map(kRam, 0, 4096), err::kNoMem);
	TCE_EXPECT_EQ(r.map(kRam, kDdwStart, 4 * kMiB), 0);
	TCE_EXPECT_EQ(r.remove(kDdwStart), 0);
	TCE_EXPECT_EQ(r.w.locked_vm(), 1024);
	/*
	 * With levels it is charged as it is used: the top, and leaves of 4
	 * KiB.
	 */
	TCE_EXPECT_EQ(r.create(12, 32 * kMiB, 2), 0);
	TCE_EXPECT_EQ(r.map(kRam, kDdwStart + 14 * kMiB, 4 * kMiB), 0);
	TCE_EXPECT_EQ(r.w.locked_vm(), 1024 + 2 + 1);
	TCE_EXPECT_EQ(r.unreg(kRam, 4 * kMiB), err::kBusy);
}

/* All levels are near the device. */
TCE_CASE(ioda, near)
{
	Rig r(with_powernv(2), 1, false);

	TCE_ASSERT_EQ(r.attach(1), 0);
	TCE_ASSERT_EQ(r.reg(kRam, 64 * kKiB), 0);
	TCE_ASSERT_EQ(r.create(12, kTiB, 4), 0);
	TCE_ASSERT_EQ(r.map(kRam, r.start, 64 * kKiB), 0);
	TCE_EXPECT_LE(4, r.w.ioda.live_levels);
	TCE_EXPECT_EQ(r.w.ioda.nodes, bit(2));
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * PowerNV: windows that come to nothing under KVM, groups that leave one of two
 * windows behind.
 */
#include "params.hpp"
#include "rig.hpp"

using namespace fake;

namespace {

constexpr u64 kRam = bit(40);
constexpr u64 kSize = 4 * kMiB;

} // namespace

/* Levels are where the group that has the window is. */
TCE_CASE(ioda, node)
{
	Rig r(with_powernv(3), 1, false);

	TCE_ASSERT_EQ(r.attach(2), 0);
	TCE_ASSERT_EQ(r.reg(kRam, kSize), 0);
	TCE_ASSERT_EQ(r.create(12, kGiB, 3), 0);
	TCE_ASSERT_EQ(r.map(kRam, kDdwStart, kSize), 0);
	TCE_EXPECT_EQ(r.w.ioda.nodes, 1u << (2 + 1));
	r.detach(2);
	r.w.ioda.nodes = 0;
	r.w.groups[1].caps.node = -1;
	TCE_ASSERT_EQ(r.attach(1), 0);
	TCE_ASSERT_EQ(r.map(kRam, 0, kSize), 0);
	TCE_EXPECT_EQ(r.w.ioda.nodes, 1);
}

/*
 * Firmware lets go of one of a group's windows only: whichever it is, nothing
 * is safe.
 */
TCE_CASE(ioda, one_unset_refused_at_detach)
{
	Rig r(with_powernv(2));

	TCE_ASSERT_EQ(r.reg(kRam, kSize), 0);
	TCE_ASSERT_EQ(r.create(12, kGiB), 0);
	TCE_ASSERT_EQ(r.map(kRam, 0, kSize), 0);
	TCE_ASSERT_EQ(r.map(kRam, kDdwStart, kSize), 0);
	r.w.fail_nth(1 + param, site_bit(Site::IodaUnset));
	r.detach(1);
	r.w.fail_never();
	TCE_EXPECT_EQ(r.w.ioda.win[1][0].stuck, !param);
	TCE_EXPECT_EQ(r.w.ioda.win[1][1].stuck, !!param);
	TCE_EXPECT(r.reaches(0, kRam, 3, 0) && r.reaches(kDdwStart, kRam, 3, 0));
	TCE_EXPECT_EQ(r.remove(0), 0);
	TCE_EXPECT_EQ(r.remove(kDdwStart), 0);
	TCE_EXPECT(!r.closed(param ? kDdwStart : 0, kSize, 1));
	TCE_EXPECT_EQ(r.unreg(kRam, kSize), err::kBusy);
	r.finish();
	TCE_EXPECT_EQ(r.w.registered_pages(), kSize >> r.w.config.page_shift);
	r.w.skip_balance = true;
	r.w.ioda.forget_stuck();
	r.w.users.run_later();
	TCE_EXPECT_EQ(r.w.live_blocks + r.w.ioda.live_levels + r.w.live_ktables, 0);
}

namespace {

/* KVM finds a window in the first group while the others do not have it yet. */
struct Early {
	Rig &r;
	Kvm kvm;
	GuestTable table;

	static void moment(void *arg, bool spinning)
	{
		Early &e = *static_cast<Early *>(arg);

		if (spinning || e.table.nr_tables || !e.r.w.groups[2].slot[1])
			return;
		TCE_EXPECT_EQ(e.kvm.attach(e.table, 2), 0);
		TCE_EXPECT_EQ(e.kvm.do_map(e.table.tables[0], kDdwStart >> 12, kRam,
					   TCE_PERM_READ | TCE_PERM_WRITE),
			      h::kSuccess);
	}
};

} // namespace

/*
 * The second of three groups cannot have the window, in which KVM is already:
 * it is as dead as one that was removed.  What it maps stays pinned if the
 * first group cannot let go of it.
 */
TCE_CASE(ioda, set_refused_under_kvm)
{
	Rig r(with_powernv(3));
	Early early = {
		r, { &r.w.mm[0], kRam },
		 {}
	};

	early.table.offset = kDdwStart >> 12;
	early.table.size = kMiB >> 12;
	TCE_ASSERT_EQ(r.reg(kRam, kSize), 0);
	r.w.fail_nth(2, kIodaSites, param);
	r.w.moment_arg = &early;
	r.w.on_moment = Early::moment;
	TCE_EXPECT_EQ(r.create(12, kMiB, 1), err::kIo);
	r.w.on_moment = nullptr;
	r.w.fail_never();
	TCE_REQUIRE(early.table.nr_tables == 1);
	TCE_EXPECT_LE(1, r.w.syncs);
	for (const tce_port_group &group : r.w.groups)
		TCE_EXPECT(!group.slot[1]);

	/* KVM has its table still, and nothing in it. */
	tce_table *t = early.table.tables[0]->table;
	const s64 kills = r.w.counters[TCE_COUNT_KVM_KILLS];

	early.kvm.kill(early.table.tables[0], kDdwStart >> 12);
	TCE_EXPECT_EQ(r.w.counters[TCE_COUNT_KVM_KILLS], kills);
	TCE_EXPECT(!tce_table_useraddr(t, kDdwStart >> 12, 1));
	TCE_EXPECT_EQ(r.w.armed(), 0);
	TCE_EXPECT_EQ(r.w.live_ktables, 1);
	TCE_EXPECT_EQ(r.w.ioda.live_levels, param);
	TCE_EXPECT_EQ(r.w.device_reaches(r.w.hpa_of(&r.w.mm[0], kRam), 4096), !!param);
	TCE_EXPECT_EQ(r.unreg(kRam, kSize), param ? err::kBusy : 0);
	early.kvm.release(early.table);
	TCE_EXPECT_EQ(early.kvm.warns, 0);
	if (!param)
		return;
	r.finish();
	r.w.skip_balance = true;
	r.w.ioda.forget_stuck();
	r.w.users.run_later();
	TCE_EXPECT_EQ(r.w.live_blocks + r.w.ioda.live_levels + r.w.live_ktables, 0);
}

// SPDX-License-Identifier: GPL-2.0-only
/* In-kernel KVM: tables that are gone, and a hypervisor that says no. */
#include "guest.hpp"
#include "params.hpp"

using namespace fake;
using namespace fake::guest;

/* --- Tables that are gone ------------------------------------------------- */

/*
 * KVM holds on to the table of a window that was removed.  The next owner's
 * window has its LIOBN: nothing of the guest's gets there.
 */
TCE_CASE(kvm, dead_table)
{
	Guest g(12, 12, with_firmware(param));
	tce_table *t = g.ktable()->table;
	const u64 at = g.index(0);
	u64 hpa = 0;
	u32 perm = TCE_PERM_NONE;

	TCE_EXPECT_EQ(g.put(1, kBoth), h::kSuccess);
	TCE_EXPECT_EQ(g.r.remove(g.at), 0);
	TCE_ASSERT_EQ(g.r.create(12, 64 * kGiB), 0);
	TCE_EXPECT_EQ(g.r.start, g.at);
	g.r.w.reset_counts();
	TCE_EXPECT_EQ(g.put_in_kernel(1, kBoth), h::kTooHard);
	TCE_EXPECT_EQ(g.put_in_kernel(2, kBoth), h::kTooHard);
	TCE_EXPECT_EQ(g.put_in_kernel(1, 0), h::kSuccess);
	TCE_EXPECT_EQ(g.kvm.h_stuff_tce(g.table, g.at, 0, 100), h::kSuccess);
	TCE_EXPECT(!tce_table_useraddr(t, at + 1, 0) && !tce_table_useraddr(t, at + 1, 1));
	TCE_EXPECT_EQ(tce_table_xchg(t, at + 1, &hpa, &perm), 0);
	TCE_EXPECT(!hpa && !perm);
	perm = kBoth;
	/* KVM would warn of an error; it changes nothing. */
	TCE_EXPECT_EQ(tce_table_xchg(t, at + 1, &hpa, &perm), 0);
	TCE_EXPECT(!hpa && !perm);
	tce_table_kill(t, at, 64);
	tce_table_flush(t);
	g.r.w.run_deferred();
	TCE_EXPECT_EQ(g.r.w.hcall_total(), 0);
	TCE_EXPECT_EQ(g.r.w.live_tces(), 0);
	TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
	/* The container goes first, KVM long after. */
	if (param & 1) {
		g.r.finish();
		TCE_EXPECT_EQ(g.put_in_kernel(1, 0), h::kSuccess);
		TCE_EXPECT_EQ(g.put_in_kernel(1, kBoth), h::kTooHard);
	}
}

TCE_CASE(kvm, dead_with_its_container)
{
	Guest g(12, 12, with_firmware(param));

	TCE_EXPECT_EQ(g.put(1, kBoth), h::kSuccess);
	g.r.finish();
	TCE_EXPECT_EQ(g.r.w.registered_pages(), 0);
	TCE_EXPECT_EQ(g.r.w.live_tces(), 0);
	TCE_EXPECT_EQ(g.r.w.mm[0].locked_port, 0);
	TCE_EXPECT_EQ(g.put_in_kernel(1, kBoth), h::kTooHard);
	TCE_EXPECT_EQ(g.put_in_kernel(1, 0), h::kSuccess);
}

/* --- The hypervisor says no ----------------------------------------------- */

/*
 * kill cannot fail: the entries are closed, counted, and the notes kept for the
 * end.
 */
TCE_CASE(kvm, publish_refused)
{
	Guest g(12, 12);
	const u64 at = g.index(0);

	TCE_EXPECT_EQ(g.put(0, kBoth), h::kSuccess);
	for (u64 i = 1; i < 9; i++)
		TCE_EXPECT_EQ(g.kvm.do_map(g.ktable(), at + i, kRam + i * 4096, kBoth),
			      h::kSuccess);
	g.r.w.fail_nth(1, kHcallSites, false, h::kHardware, param ? 3 : 0);
	tce_table_kill(g.ktable()->table, at + 1, 8);
	TCE_EXPECT_EQ(g.r.w.injected(), 1);
	g.r.w.fail_never();
	TCE_EXPECT_EQ(g.r.w.counters[TCE_COUNT_KVM_LOST], 8);
	TCE_EXPECT_LE(1, g.r.w.logs);
	TCE_EXPECT(g.reaches(0, 0));
	TCE_EXPECT_EQ(g.r.w.live_tces(), 1);
	if (param == 0) {
		TCE_EXPECT_EQ(g.r.remove(g.at), 0);
		TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
		return;
	}
	/*
	 * The guest goes on, its table still works.  KVM stores over the user
	 * address of an entry that it takes for empty, so that note is back
	 * only with the owner.
	 */
	TCE_EXPECT_EQ(g.put(3, 0x9000 | kBoth), h::kSuccess);
	TCE_EXPECT(g.reaches(3, 0x9000));
	TCE_EXPECT_EQ(g.put(3, 0), h::kSuccess);
	TCE_EXPECT_EQ(g.r.remove(g.at), 0);
	g.r.finish();
	TCE_EXPECT_EQ(g.r.w.registered_pages(), 0);
}

/*
 * It does not even close them: they count as mapped, and nothing is given back.
 */
TCE_CASE(kvm, close_refused)
{
	Guest g(12, 12);
	const u64 at = g.index(0);

	TCE_EXPECT_EQ(g.put(1, kBoth), h::kSuccess);
	TCE_EXPECT_EQ(g.kvm.do_unmap(g.ktable(), at + 1), h::kSuccess);
	g.r.w.fail_nth(1, kHcallSites, true);
	tce_table_kill(g.ktable()->table, at + 1, 1);
	/* The device gets there, so the memory stays. */
	TCE_EXPECT_EQ(g.r.w.live_tces(), 1);
	if (param == 0)
		TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), err::kBusy);
	g.r.w.fail_never();
	if (param == 0) {
		TCE_EXPECT_EQ(g.r.remove(g.at), 0);
		TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
	}
}

/*
 * A TCE without rights: KVM notes the memory and sets nothing.  The note goes
 * with the kill.
 */
TCE_CASE(kvm, tce_without_rights)
{
	Guest g(12, 12);
	u64 list[4] = { 0x1000, 0x2000, 0x3000 | kBoth, 0x4000 };

	TCE_EXPECT_EQ(g.kvm.h_put_tce_indirect(g.table, g.at, list, 4), h::kSuccess);
	TCE_EXPECT_EQ(g.r.w.live_tces(), 1);
	TCE_EXPECT_EQ(g.put(2, 0), h::kSuccess);
	if (param == 0) {
		TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
		return;
	}
	/*
	 * Mapped over by the ioctl, or by KVM: the notes are not taken for live
	 * ones.
	 */
	TCE_ASSERT_EQ(g.r.reg(kUser, kMiB), 0);
	TCE_EXPECT_EQ(g.r.map(kUser, g.at, 2 * 4096), 0);
	TCE_EXPECT_EQ(g.put(3, 0x4000 | kBoth), h::kSuccess);
	TCE_EXPECT_EQ(g.r.unmap(g.at, kMiB), 0);
	TCE_EXPECT_EQ(g.r.unreg(kUser, kMiB), 0);
	TCE_EXPECT_EQ(g.r.remove(g.at), 0);
	g.r.finish();
	TCE_EXPECT_EQ(g.r.w.registered_pages(), 0);
}

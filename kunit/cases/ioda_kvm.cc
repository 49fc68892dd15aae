// SPDX-License-Identifier: GPL-2.0-only
/*
 * PowerNV: in-kernel KVM on tables that hardware walks.  What KVM stores is in
 * the table at once; what it stored over may be used until it is killed, and
 * KVM has dropped its note of that memory long before.
 */
#include "guest.hpp"
#include "params.hpp"

using namespace fake;

namespace {

using guest::kBoth;
using guest::kRam;
using guest::kRamSize;

/* Devices use every entry in between. */
class Guest : public guest::Guest {
public:
	explicit Guest(u32 shift, u32 guest_shift, const Config &config, u32 levels = 3,
		       u32 containers = 1)
		: guest::Guest(shift, guest_shift, config, containers, levels)
	{
	}

	long put(u64 n, u64 tce)
	{
		const long rc = guest::Guest::put(n, tce);

		r.w.ioda.snoop();
		return rc;
	}
};

} // namespace

TCE_CASE(ioda, kvm_puts)
{
	const u32 shift = param ? 16 : 12;
	Guest g(shift, 24, with_powernv(2, shift));
	const u64 n = bit(24 - shift), most = n / 512 ? n / 512 : 1;

	TCE_EXPECT_EQ(g.put(3, kBoth), h::kSuccess);
	/* For each of the two groups. */
	TCE_EXPECT_LE(g.r.w.ioda.kills, 2 * (most + 1));
	TCE_EXPECT_EQ(g.r.w.ioda.killed_entries, 2 * n);
	TCE_EXPECT_EQ(g.r.w.live_tces(), 2 * n);
	TCE_EXPECT(g.reaches(3, 0));
	TCE_EXPECT(g.r.reaches(g.at + 4 * bit(24) - 4096, kRam + bit(24) - 4096, 3, 1));
	g.r.w.reset_counts();
	/* Too many at once over live ones: cleared by KVM, mapped by QEMU. */
	TCE_EXPECT_EQ(g.put(3, bit(24) | kBoth), h::kSuccess);
	TCE_EXPECT_LE(g.r.w.ioda.killed_entries, 6 * n);
	TCE_EXPECT(g.reaches(3, bit(24)));
	TCE_EXPECT_EQ(g.put(3, 2 * bit(24) | TCE_PERM_WRITE), h::kSuccess);
	TCE_EXPECT(g.reaches(3, 2 * bit(24)));
	TCE_EXPECT_EQ(g.put(3, TCE_PERM_READ), h::kSuccess);
	TCE_EXPECT(g.r.reaches(g.at + 3 * bit(24), kRam, TCE_PERM_READ));
	TCE_EXPECT_EQ(g.put(3, 0), h::kSuccess);
	/*
	 * KVM itself gives hardware both rights, too, where the device is to
	 * write.
	 */
	TCE_EXPECT_EQ(g.put_in_kernel(5, bit(24) | TCE_PERM_WRITE), h::kSuccess);
	TCE_EXPECT(g.reaches(5, bit(24)));
	TCE_EXPECT_EQ(g.put(5, 0), h::kSuccess);
	TCE_EXPECT_EQ(g.r.w.live_tces(), 0);
	g.r.w.reset_counts();
	TCE_EXPECT_EQ(g.put(4, 0), h::kSuccess);
	TCE_EXPECT_EQ(g.r.w.ioda.kills, 0);
	g.r.w.run_deferred();
	TCE_EXPECT_EQ(g.r.w.ioda.kills, 0);
	TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
}

TCE_CASE(ioda, kvm_lists)
{
	Guest g(12, 12, with_powernv(1, kSystemShifts[param]), 1 + 2 * param);
	u64 list[64];

	for (u64 i = 0; i < 64; i++)
		list[i] = i * 4096 | (i % 3 ? kBoth : TCE_PERM_READ);
	TCE_EXPECT_EQ(g.kvm.h_put_tce_indirect(g.table, g.at + 500 * 4096, list, 64), h::kSuccess);
	g.r.w.ioda.snoop();
	for (u64 i = 0; i < 64; i++) {
		TCE_EXPECT(g.r.reaches(g.at + (500 + i) * 4096, kRam + i * 4096,
				       i % 3 ? kBoth : TCE_PERM_READ));
	}
	TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), err::kBusy);
	TCE_EXPECT_EQ(g.kvm.h_stuff_tce(g.table, g.at, 0, 1024), h::kSuccess);
	TCE_EXPECT_EQ(g.r.w.live_tces(), 0);
	TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
}

/* KVM stores over entries and never kills them: UNREGISTER does. */
TCE_CASE(ioda, kvm_stale_then_unregister)
{
	Guest g(12, 12, with_powernv(1, kSystemShifts[param]));
	constexpr u64 kOther = bit(41);

	TCE_ASSERT_EQ(g.r.reg(kOther, kRamSize), 0);
	TCE_ASSERT_EQ(g.r.map(kOther, g.at, 8 * 65536), 0);
	for (u64 i = 0; i < 8 * 16; i++) {
		/* Half of them to another page, half of them closed. */
		if (i % 2)
			TCE_EXPECT_EQ(g.kvm.do_map(g.ktable(), g.index(i), kRam + i * 4096, kBoth),
				      h::kSuccess);
		else
			TCE_EXPECT_EQ(g.kvm.do_unmap(g.ktable(), g.index(i)), h::kSuccess);
	}
	/* Hardware still has the old ones, and no note tells of it. */
	TCE_EXPECT_EQ(g.r.w.live_tces(), 64 + 128);
	TCE_EXPECT_EQ(g.r.unreg(kOther, kRamSize), 0);
	TCE_EXPECT_EQ(g.r.w.live_tces(), 64);
	TCE_EXPECT(g.reaches(1, 4096));
	TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), err::kBusy);
	TCE_EXPECT_EQ(g.r.unmap(g.at, kMiB), 0);
	TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
}

/* ... or the deferred flush, or UNMAP, REMOVE, detach, close. */
TCE_CASE(ioda, kvm_stale_then)
{
	for (u32 how = 0; how < 5; how++) {
		Guest g(12, 12, with_powernv(1, kSystemShifts[param]));

		for (u64 i = 0; i < 8; i++)
			TCE_EXPECT_EQ(g.put(i, i * 4096 | kBoth), h::kSuccess);
		for (u64 i = 0; i < 8; i++)
			TCE_EXPECT_EQ(g.kvm.do_unmap(g.ktable(), g.index(i)), h::kSuccess);
		TCE_EXPECT_EQ(g.r.w.live_tces(), 8);
		switch (how) {
		case 0:
			TCE_EXPECT_EQ(g.r.w.run_deferred(), 1);
			break;
		case 1:
			TCE_EXPECT_EQ(g.r.unmap(g.at, 64 * kGiB), 0);
			break;
		case 2:
			TCE_EXPECT_EQ(g.r.remove(g.at), 0);
			break;
		case 3:
			g.r.detach(0);
			break;
		case 4:
			g.r.finish();
			break;
		}
		TCE_EXPECT_EQ(g.r.w.live_tces(), 0);
		if (how < 4)
			TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
	}
}

/* KVM's error path closes entries without a note and without a kill. */
TCE_CASE(ioda, kvm_error_path)
{
	Guest g(12, 16, with_powernv());

	TCE_ASSERT_EQ(g.r.map(kRam, g.at, 16 * 65536), 0);
	g.kvm.clear_tce(g.table, g.ktable(), (g.at >> 16) + 3);
	TCE_EXPECT(!g.r.closed(g.at + 3 * 65536, 65536));
	if (param)
		g.r.w.run_deferred();
	TCE_EXPECT_EQ(g.r.unmap(g.at, 64 * kGiB), 0);
	TCE_EXPECT(g.r.closed(g.at, 64 * kGiB));
	/* KVM forgets the notes, we do not. */
	TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
}

/* A table that is gone takes nothing more, and outlives its container. */
TCE_CASE(ioda, kvm_dead_table)
{
	Guest g(12, 12, with_powernv(2));
	u64 hpa = 0;
	u32 perm = 0;

	TCE_EXPECT_EQ(g.put(5, kBoth), h::kSuccess);
	if (param)
		g.r.finish();
	else
		TCE_EXPECT_EQ(g.r.remove(g.at), 0);
	TCE_EXPECT_EQ(g.r.w.live_ktables, 1);
	/* It is empty. */
	TCE_EXPECT_EQ(g.r.w.ioda.live_levels, 0);
	tce_table_kill(g.ktable()->table, g.index(0), 64);
	TCE_EXPECT_EQ(tce_table_xchg(g.ktable()->table, g.index(5), &hpa, &perm), 0);
	hpa = g.r.w.hpa_of(&g.r.w.mm[0], kRam);
	perm = kBoth;
	TCE_EXPECT_EQ(tce_table_xchg(g.ktable()->table, g.index(5), &hpa, &perm), 0);
	TCE_EXPECT(!hpa && !perm);
	TCE_EXPECT(!tce_table_useraddr(g.ktable()->table, g.index(5), 1));
	if (!param)
		TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
	g.kvm.release(g.table);
	TCE_EXPECT_EQ(g.r.w.live_ktables, 0);
	TCE_EXPECT_EQ(g.r.w.ioda.live_levels, 0);
}

/* Firmware does not let go of a window that KVM uses. */
TCE_CASE(ioda, kvm_unset_refused)
{
	Guest g(12, 12, with_powernv());

	for (u64 i = 0; i < 600; i++)
		TCE_EXPECT_EQ(g.put(i, i * 4096 | kBoth), h::kSuccess);
	for (u64 i = 0; i < 600; i += 2)
		TCE_EXPECT_EQ(g.kvm.do_unmap(g.ktable(), g.index(i)), h::kSuccess);
	g.r.w.fail_nth(1, site_bit(Site::IodaUnset), true);
	if (param)
		g.r.finish();
	else
		TCE_EXPECT_EQ(g.r.remove(g.at), 0);
	g.r.w.fail_never();
	TCE_EXPECT_EQ(g.r.w.live_tces(), 0);
	if (!param)
		TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
	g.r.finish();
	TCE_EXPECT_EQ(g.r.w.registered_pages(), 0);
	g.kvm.release(g.table);
	g.r.w.ioda.forget_stuck();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs that are refused, and what that costs: no call is made that cannot help
 * any more, and nothing that was kept to be on the safe side stays longer than
 * there is a doubt.
 */
#include "guest.hpp"
#include "params.hpp"

using namespace fake;
using guest::kBoth;

namespace {

constexpr u64 kRun = 512;
constexpr u64 kOther = 4 * kUser;
constexpr u64 kThird = 8 * kUser;

Config two_groups()
{
	Config config;

	config.groups = 2;
	return config;
}

void half_a_push(World &w, u32 apply)
{
	w.script({ kAllOps, 0, 1, h::kHardware, apply, false });
	w.script({ kAllOps, 0, ~0ull, h::kHardware, 0, false });
}

} // namespace

/* A group that is refused the first run is not asked to take the others. */
TCE_CASE(group, refused_once_is_enough)
{
	Rig r(two_groups());

	r.detach(1);
	TCE_ASSERT_EQ(r.reg(kUser, 4 * kRun * 4096), 0);
	TCE_ASSERT_EQ(r.create(12, kGiB), 0);
	TCE_ASSERT_EQ(r.map(kUser, r.start, 4 * kRun * 4096), 0);
	r.w.reset_counts();
	r.w.script({ op_bit(Op::PutIndirect), 0, 1, h::kHardware, 0, false });
	TCE_EXPECT_EQ(r.attach(1), err::kIo);
	r.w.no_scripts();
	TCE_EXPECT_EQ(r.w.hcall_calls(Op::PutIndirect), 1);
	TCE_ASSERT_EQ(r.attach(1), 0);
	/* The same for MAP. */
	r.w.reset_counts();
	r.w.script({ op_bit(Op::PutIndirect), 0, 1, h::kHardware, 0, false });
	TCE_EXPECT_EQ(r.map(kUser, r.start + kGiB / 2, 16 * 4096), err::kIo);
	r.w.no_scripts();
	TCE_EXPECT_EQ(r.w.hcall_calls(Op::PutIndirect), 1);
	TCE_EXPECT_EQ(r.w.hcall_calls(Op::Stuff), 2);
	/* UNMAP of what is closed already costs nothing. */
	r.w.reset_counts();
	TCE_EXPECT_EQ(r.unmap(r.start + kGiB / 2, kMiB), 0);
	TCE_EXPECT_EQ(r.w.hcall_total(), 0);
}

namespace {

/*
 * Entries that are closed before the firmware is asked to remove their window.
 */
struct Closed {
	World *w;
	u64 nr = 0;

	static void watch(void *arg, const FwWindow &, u64, u64, u64 tce)
	{
		auto &c = *static_cast<Closed *>(arg);

		c.nr += !tce && !c.w->ddw_calls[2];
	}
};

} // namespace

/*
 * A group that leaves, and does not close one run: all the others are closed.
 */
TCE_CASE(group, leaver_closes_the_rest)
{
	for (u64 skip = 0; skip <= 4; skip++) {
		Rig r(two_groups());
		Closed closed = { &r.w };

		TCE_ASSERT_EQ(r.reg(kUser, 4 * kRun * 4096), 0);
		TCE_ASSERT_EQ(r.create(12, kGiB), 0);
		TCE_ASSERT_EQ(r.map(kUser, r.start, 4 * kRun * 4096), 0);
		r.w.reset_counts();
		r.w.script({ op_bit(Op::Stuff), skip, 1, h::kHardware, 0, false });
		r.w.watch_arg = &closed;
		r.w.watch = Closed::watch;
		r.detach(1);
		r.w.watch = nullptr;
		r.w.no_scripts();
		TCE_EXPECT_EQ(closed.nr, skip < 4 ? 3 * kRun : 4 * kRun);
	}
}

/* Groups that come and go let others run after each leaf. */
TCE_CASE(group, yields)
{
	constexpr u64 kLeaves = 12, kApart = 8192 * 4096;
	u64 yields[2][2] = {};

	for (u32 many = 0; many < 2; many++) {
		Rig r(two_groups());

		r.detach(1);
		TCE_ASSERT_EQ(r.reg(kUser, 4096 * 16), 0);
		TCE_ASSERT_EQ(r.create(12, kGiB), 0);
		for (u64 i = 0; i < (many ? kLeaves : 1); i++)
			TCE_ASSERT_EQ(r.map(kUser, r.start + i * kApart, 4096), 0);
		r.w.reset_counts();
		TCE_ASSERT_EQ(r.attach(1), 0);
		yields[many][0] = r.w.yields;
		r.w.reset_counts();
		r.detach(1);
		yields[many][1] = r.w.yields;
	}
	TCE_EXPECT_LE(yields[0][0] + kLeaves - 1, yields[1][0]);
	TCE_EXPECT_LE(yields[0][1] + kLeaves - 1, yields[1][1]);
}

/* Who is killed while the hypervisor is busy does not wait for it. */
TCE_CASE(doubt, killed_while_busy)
{
	for (u32 unmap = 0; unmap < 2; unmap++) {
		Rig r;

		TCE_ASSERT_EQ(r.reg(kUser, kMiB), 0);
		TCE_ASSERT_EQ(r.create(12, kGiB), 0);
		TCE_ASSERT_EQ(r.map(kUser, r.start, 16 * 4096), 0);
		if (!unmap)
			TCE_EXPECT_EQ(r.unmap(r.start, 16 * 4096), 0);
		r.w.script({ op_bit(Op::PutIndirect) | op_bit(Op::Stuff), 0, 5, h::kLongBusy10Msec,
			     0, false });
		r.w.moment_arg = &r.w;
		r.w.on_moment = [](void *arg, bool spinning) {
			World &w = *static_cast<World *>(arg);

			if (spinning && !w.waits && !w.inject_state.nth)
				w.fail_nth(1, site_bit(Site::Killed));
		};
		r.w.reset_counts();
		TCE_EXPECT_NE(
			unmap ? r.unmap(r.start, 16 * 4096) : r.map(kUser, r.start, 16 * 4096), 0);
		r.w.on_moment = nullptr;
		TCE_EXPECT_EQ(r.w.injected(), 1);
		r.w.fail_never();
		r.w.no_scripts();
		TCE_EXPECT_EQ(r.unmap(r.start, kMiB), 0);
		TCE_EXPECT_EQ(r.unreg(kUser, kMiB), 0);
	}
}

/*
 * UNMAP that is refused: of what the hypervisor has there is no doubt, nothing
 * is pushed, nothing lost.
 */
TCE_CASE(doubt, none_of_live_entries)
{
	guest::Guest g(12, 12, with_system_pages(param));
	World &w = g.r.w;

	TCE_EXPECT_EQ(g.put_in_kernel(3, 0x5000 | kBoth), h::kSuccess);
	w.reset_counts();
	w.script({ kAllOps, 0, ~0ull, h::kHardware, 0, false });
	TCE_EXPECT_EQ(g.r.unmap(g.at, kMiB), err::kIo);
	w.no_scripts();
	TCE_EXPECT_EQ(w.hcall_total(), 1);
	TCE_EXPECT_EQ(w.counters[TCE_COUNT_KVM_LOST], 0);
	TCE_EXPECT_EQ(w.logs_of[TCE_LOG_ENTRIES], 0);
	TCE_EXPECT(g.reaches(3, 0x5000));
	TCE_EXPECT_EQ(g.r.unmap(g.at, kMiB), 0);
	TCE_EXPECT_EQ(g.r.unreg(guest::kRam, guest::kRamSize), 0);
}

/*
 * PowerNV's largest leaf is of many steps, for UNMAP and for REMOVE: the fake
 * counts what is done in one go.
 */
TCE_CASE(bounds, largest_leaf)
{
	Config config = with_powernv();

	config.page_shift = 12;

	Rig r(config);
	constexpr u64 kSize = 256 * kMiB;

	TCE_ASSERT_EQ(r.reg(bit(36), kSize), 0);
	TCE_ASSERT_EQ(r.create(12, kSize), 0);
	for (u32 i = 0; i < 2; i++) {
		TCE_ASSERT_EQ(r.map(bit(36), r.start, kSize), 0);
		TCE_EXPECT_EQ(i ? r.remove(r.start) : r.unmap(r.start, kSize), 0);
	}
	TCE_EXPECT_EQ(r.unreg(bit(36), kSize), 0);
}

/* The doubt ends with the next MAP of the same entries. */
TCE_CASE(doubt, ends_with_a_map)
{
	Rig r;

	TCE_ASSERT_EQ(r.create(12, kGiB), 0);
	TCE_ASSERT_EQ(r.reg(kUser, kMiB), 0);
	TCE_ASSERT_EQ(r.reg(kOther, kMiB), 0);
	TCE_ASSERT_EQ(r.reg(kThird, kMiB), 0);
	TCE_ASSERT_EQ(r.map(kUser, r.start, 16 * 4096), 0);
	half_a_push(r.w, 7);
	TCE_EXPECT_EQ(r.map(kOther, r.start, 16 * 4096), err::kIo);
	r.w.no_scripts();
	TCE_EXPECT_EQ(r.unreg(kOther, kMiB), err::kBusy);
	TCE_EXPECT_EQ(r.map(kThird, r.start, 16 * 4096), 0);
	TCE_EXPECT_EQ(r.unreg(kOther, kMiB), 0);
	TCE_EXPECT_EQ(r.unreg(kUser, kMiB), 0);
	TCE_EXPECT_EQ(r.unreg(kThird, kMiB), err::kBusy);
}

/*
 * ... or with the flush, where KVM is; entries that were pending twice are so
 * no more.
 */
TCE_CASE(doubt, ends_with_a_flush)
{
	guest::Guest g(12, 12, with_system_pages(param));
	World &w = g.r.w;

	TCE_ASSERT_EQ(g.r.reg(kOther, kMiB), 0);
	for (u64 i = 0; i < 2; i++)
		TCE_EXPECT_EQ(g.kvm.do_map(g.ktable(), g.index(40), guest::kRam + i * 4096, kBoth),
			      h::kSuccess);
	g.kvm.kill(g.ktable(), g.index(40));
	TCE_ASSERT_EQ(g.r.map(guest::kRam, g.at, 16 * 4096), 0);
	half_a_push(w, 7);
	TCE_EXPECT_EQ(g.r.map(kOther, g.at, 16 * 4096), err::kIo);
	TCE_EXPECT_EQ(g.r.unreg(kOther, kMiB), err::kBusy);
	w.no_scripts();
	/* To give back memory is to flush. */
	TCE_EXPECT_EQ(g.r.unreg(kOther, kMiB), 0);
	TCE_EXPECT_EQ(g.r.unmap(g.at, kMiB), 0);
	TCE_EXPECT_EQ(g.r.unreg(guest::kRam, guest::kRamSize), 0);
}

/* Memory at address 0 is not what stands behind entries that are empty. */
TCE_CASE(doubt, memory_at_zero)
{
	Rig r(with_host(param));

	TCE_ASSERT_EQ(r.create(12, kGiB), 0);
	TCE_ASSERT_EQ(r.reg(0, kMiB), 0);
	TCE_ASSERT_EQ(r.reg(kUser, kMiB), 0);
	TCE_ASSERT_EQ(r.map(kUser, r.start, 65536), 0);
	TCE_ASSERT_EQ(r.map(kUser, r.start + 4 * 65536, 65536), 0);
	TCE_ASSERT_EQ(r.map(65536, r.start + 8 * 65536, 65536), 0);
	TCE_EXPECT_EQ(r.unreg(0, kMiB), err::kBusy);
	TCE_EXPECT_EQ(r.unmap(r.start, 8 * 65536), 0);
	TCE_EXPECT_EQ(r.unreg(0, kMiB), err::kBusy);
	TCE_EXPECT_EQ(r.unmap(r.start, kGiB), 0);
	TCE_EXPECT_EQ(r.unreg(0, kMiB), 0);
	TCE_EXPECT_EQ(r.unreg(kUser, kMiB), 0);
}

/* Where the registry told a lie of huge pages KVM still maps small ones. */
TCE_CASE(kvm, small_after_a_lie)
{
	constexpr u64 kMem = bit(42), kHuge = bit(25), kSize = bit(26), kOdd = kHuge + 5 * 65536;
	Rig r(with_host(param));
	Kvm kvm(&r.w.mm[0], kMem);
	GuestTable table;

	r.w.make_hugetlb(kMem, kMem + kHuge, 24);
	r.w.make_contiguous(kMem + kHuge, kMem + kSize, 24);
	r.w.make_odd(kMem + kOdd);
	/* The lie is told here. */
	TCE_ASSERT_EQ(r.reg(kMem, kSize), 0);
	TCE_ASSERT_EQ(r.create(12, kGiB), 0);
	table.offset = r.start >> 12;
	table.size = kGiB >> 12;
	TCE_ASSERT_EQ(kvm.attach(table, 0), 0);
	TCE_ASSERT_EQ(r.map(kMem, r.start, 65536), 0);
	TCE_EXPECT_EQ(kvm.h_put_tce(table, r.start, 0x3000 | kBoth), h::kSuccess);
	TCE_EXPECT(r.reaches(r.start, kMem + 0x3000));
	kvm.release(table);
}

/*
 * A v1 table, should KVM get hold of it all the same: it gets no slot, and
 * clears nothing.
 */
TCE_CASE(v1, no_kvm_whatever)
{
	Config config = with_host(param);

	config.version = TCE_V1;

	Rig r(config);

	TCE_ASSERT_EQ(r.enable(), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, 65536), 0);
	for (const tce_ktable *k = r.w.ktables; k; k = k->next) {
		u64 hpa = 0;
		u32 perm = TCE_PERM_NONE;

		TCE_EXPECT(!tce_table_useraddr(k->table, 0, 1));
		TCE_EXPECT_EQ(tce_table_xchg(k->table, 0, &hpa, &perm), 0);
		tce_table_kill(k->table, 0, 1);
		TCE_EXPECT(r.reaches(0, kUser));
	}
	TCE_EXPECT(r.w.ktables);
	TCE_EXPECT_EQ(r.unmap(0, 65536), 0);
}

/* v1: pages that the hypervisor may have after all stay pinned. */
TCE_CASE(v1, pages_in_doubt)
{
	for (u32 before = 0; before < 2; before++) {
		Config config = with_system_pages(param);

		config.version = TCE_V1;

		Rig r(config);

		TCE_ASSERT_EQ(r.enable(), 0);
		if (before)
			TCE_ASSERT_EQ(r.map(kUser, 0, 16 * 4096), 0);
		half_a_push(r.w, 7);
		TCE_EXPECT_EQ(r.map(kOther, 0, 16 * 4096), err::kIo);
		r.w.no_scripts();
		TCE_EXPECT(r.w.is_pinned(r.w.hpa_of(&r.w.mm[0], kOther), 4096));
		TCE_EXPECT_EQ(r.w.counters[TCE_COUNT_QUARANTINED], 16);
		TCE_EXPECT_EQ(r.unmap(0, 16 * 4096), 0);
		TCE_EXPECT_EQ(r.w.live_tces(), 0);
		r.w.skip_balance = true;
	}
}

/*
 * What nobody knows of is published bit by bit: what was kept for it goes with
 * the last one, and so it does the next time.
 */
TCE_CASE(doubt, ends_bit_by_bit)
{
	constexpr u64 kPages = 16;
	Rig r(with_system_pages(param));
	World &w = r.w;

	TCE_ASSERT_EQ(r.reg(kUser, kMiB), 0);
	TCE_ASSERT_EQ(r.reg(kThird, kMiB), 0);
	for (u32 round = 0; round < 3; round++) {
		TCE_ASSERT_EQ(r.map(kUser, 0, kPages * 4096), 0);
		w.script({ kAllOps, 0, ~0ull, h::kHardware, 0, false });
		TCE_EXPECT_EQ(r.map(kThird, 0, kPages * 4096), err::kIo);
		w.no_scripts();
		TCE_EXPECT_EQ(r.unreg(kThird, kMiB), err::kBusy);
		TCE_EXPECT_EQ(r.map(kUser, 0, 5 * 4096), 0);
		TCE_EXPECT_EQ(r.unreg(kThird, kMiB), err::kBusy);
		TCE_EXPECT_EQ(r.map(kUser + 5 * 4096, 5 * 4096, (kPages - 5) * 4096), 0);
		TCE_EXPECT_EQ(r.unreg(kThird, kMiB), 0);
		TCE_EXPECT_EQ(r.reg(kThird, kMiB), 0);
		TCE_EXPECT_EQ(r.unmap(0, kPages * 4096), 0);
	}
}

/* The same with one entry, which a vCPU's kill publishes. */
TCE_CASE(doubt, ends_with_a_kill)
{
	using guest::kRam;
	guest::Guest g(12, 12, with_system_pages(param));
	World &w = g.r.w;

	TCE_ASSERT_EQ(g.r.reg(kThird, kMiB), 0);
	TCE_EXPECT_EQ(g.put_in_kernel(9, 0x9000 | kBoth), h::kSuccess);
	for (u32 round = 0; round < 2; round++) {
		TCE_ASSERT_EQ(g.r.map(kRam, g.address(3), 4096), 0);
		w.script({ kAllOps, 0, ~0ull, h::kHardware, 0, false });
		TCE_EXPECT_EQ(g.r.map(kThird, g.address(3), 4096), err::kIo);
		TCE_EXPECT_EQ(g.r.unreg(kThird, kMiB), err::kBusy);
		w.no_scripts();
		g.kvm.kill(g.ktable(), g.index(3));
		TCE_EXPECT_EQ(g.r.map(kRam, g.address(4), 4096), 0);
		TCE_EXPECT_EQ(g.r.unreg(kThird, kMiB), 0);
		TCE_EXPECT_EQ(g.r.reg(kThird, kMiB), 0);
	}
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * In-kernel KVM on our tables: the guest's hypercalls as book3s_64_vio.c
 * handles them, its error paths, and what may not depend on its manners.
 */
#include "guest.hpp"
#include "params.hpp"

using namespace fake;
using namespace fake::guest;

/* A guest's TCE of 16 MiB: one hypercall for 256 of 64K, 8 for 4096 of 4K. */
TCE_CASE(kvm, hypercalls)
{
	const u32 shift = param ? 16 : 12;
	const u64 most = param ? 1 : 8;
	Guest g(shift, 24);

	TCE_EXPECT_EQ(g.put(3, kBoth), h::kSuccess);
	TCE_EXPECT_EQ(g.r.w.hcall_total(), most);
	TCE_EXPECT_EQ(g.r.w.live_tces(), bit(24 - shift));
	TCE_EXPECT(g.reaches(3, 0));
	TCE_EXPECT(g.r.reaches(g.at + 4 * bit(24) - bit(shift), kRam + bit(24) - bit(shift)));
	TCE_EXPECT_EQ(g.r.w.counters[TCE_COUNT_KVM_HCALLS], most);

	/* Another page in its place, and nothing. */
	g.r.w.reset_counts();
	TCE_EXPECT_EQ(g.put(3, bit(24) | kBoth), h::kSuccess);
	/*
	 * 4096 entries over live ones are too many at once for KVM: cleared
	 * there, mapped by QEMU.
	 */
	TCE_EXPECT_EQ(g.r.w.hcall_total(), 2 * most);
	TCE_EXPECT_EQ(g.ioctls, 1);
	TCE_EXPECT(g.reaches(3, bit(24)));
	g.r.w.reset_counts();
	TCE_EXPECT_EQ(g.put(3, 0), h::kSuccess);
	TCE_EXPECT_EQ(g.r.w.hcall_total(), most);
	TCE_EXPECT_EQ(g.r.w.live_tces(), 0);
	/* What was never there costs nothing. */
	g.r.w.reset_counts();
	TCE_EXPECT_EQ(g.put(4, 0), h::kSuccess);
	TCE_EXPECT_EQ(g.r.w.hcall_total(), 0);
	/* Everything was published, so the deferred flush finds nothing. */
	g.r.w.run_deferred();
	TCE_EXPECT_EQ(g.r.w.hcall_total(), 0);
	TCE_EXPECT_EQ(g.r.w.counters[TCE_COUNT_DEFERRED_FLUSHES], 0);
	TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
}

/*
 * What a device may have written to is dirty when KVM takes it away, and
 * nothing else is.
 */
TCE_CASE(kvm, dirty)
{
	Guest g(12, 12);
	const u64 dirtied = g.r.w.dirtied;
	const auto kills = g.r.w.counters[TCE_COUNT_KVM_KILLS];

	TCE_EXPECT_EQ(g.put_in_kernel(1, TCE_PERM_READ), h::kSuccess);
	TCE_EXPECT_EQ(g.put_in_kernel(2, 0x1000 | TCE_PERM_WRITE), h::kSuccess);
	TCE_EXPECT_EQ(g.put_in_kernel(3, 0x2000 | kBoth), h::kSuccess);
	TCE_EXPECT_EQ(g.put_in_kernel(1, 0), h::kSuccess);
	TCE_EXPECT_EQ(g.r.w.dirtied, dirtied);
	TCE_EXPECT_EQ(g.put_in_kernel(2, 0), h::kSuccess);
	TCE_EXPECT_EQ(g.r.w.dirtied, dirtied + 1);
	/* Another page in its place, which is only read. */
	TCE_EXPECT_EQ(g.put_in_kernel(3, 0x4000 | TCE_PERM_READ), h::kSuccess);
	TCE_EXPECT_EQ(g.r.w.dirtied, dirtied + 2);
	TCE_EXPECT_EQ(g.put_in_kernel(3, 0), h::kSuccess);
	TCE_EXPECT_EQ(g.r.w.dirtied, dirtied + 2);
	TCE_EXPECT_EQ(g.r.w.counters[TCE_COUNT_KVM_KILLS], kills + 7);
	TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
}

/* What the hypervisor did not close for KVM counts as closed already. */
TCE_CASE(kvm, counts)
{
	Guest g(12, 12);

	TCE_EXPECT_EQ(g.put_in_kernel(1, 0x1000 | kBoth), h::kSuccess);
	g.r.w.script({ kAllOps, 0, ~0ull, h::kHardware, 0, false });
	TCE_EXPECT_EQ(g.put_in_kernel(1, 0), h::kSuccess);
	g.r.w.no_scripts();

	const auto unmapped = g.r.w.counters[TCE_COUNT_TCES_UNMAPPED];

	TCE_EXPECT_EQ(g.r.unmap(g.address(1), 4096), 0);
	TCE_EXPECT_EQ(g.r.w.live_tces(), 0);
	TCE_EXPECT_EQ(g.r.w.counters[TCE_COUNT_TCES_UNMAPPED], unmapped);
	TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
}

TCE_CASE(kvm, lists)
{
	Guest g(12, 12, with_system_pages(param));
	u64 list[64];

	for (u64 i = 0; i < 64; i++)
		list[i] = i * 4096 | (i % 3 ? kBoth : TCE_PERM_READ);
	TCE_EXPECT_EQ(g.kvm.h_put_tce_indirect(g.table, g.at + 500 * 4096, list, 64), h::kSuccess);
	for (u64 i = 0; i < 64; i++) {
		TCE_EXPECT(g.r.reaches(g.at + (500 + i) * 4096, kRam + i * 4096,
				       i % 3 ? kBoth : TCE_PERM_READ));
	}
	TCE_EXPECT_LE(g.r.w.hcall_total(), 64);
	TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), err::kBusy);
	TCE_EXPECT_EQ(g.kvm.h_stuff_tce(g.table, g.at, 0, 1024), h::kSuccess);
	TCE_EXPECT_EQ(g.r.w.live_tces(), 0);
	TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
}

/* What KVM passes on from a guest that asks for nonsense. */
TCE_CASE(kvm, arguments)
{
	Guest g(16, 24);
	tce_table *t = g.ktable()->table;
	const u64 first = g.index(0), entries = g.ktable()->shape.entries;
	u64 hpa = 0;
	u32 perm = 0;
	Atomic atomic;

	static const u64 kDistance[] = { 0, 1, 1u << 20, bit(44) };

	for (u64 d : kDistance) {
		hpa = 0;
		perm = kBoth;
		TCE_EXPECT_EQ(tce_table_xchg(t, first + entries + d, &hpa, &perm), err::kInval);
		TCE_EXPECT_EQ(tce_table_xchg(t, first - 1 - d, &hpa, &perm), err::kInval);
		TCE_EXPECT(!tce_table_useraddr(t, first + entries + d, 0));
		TCE_EXPECT(!tce_table_useraddr(t, first - 1 - d, 0));
	}
	/* No level yet: closing is fine, a user address there is none. */
	const u64 empty = first + entries / 2;

	hpa = 0x1234000;
	perm = 0;
	TCE_EXPECT_EQ(tce_table_xchg(t, empty, &hpa, &perm), 0);
	TCE_EXPECT(!hpa && !perm);
	TCE_EXPECT(!tce_table_useraddr(t, empty, 0) && !tce_table_useraddr(t, empty, 1));
	perm = kBoth;
	hpa = 0;
	TCE_EXPECT_EQ(tce_table_xchg(t, empty, &hpa, &perm), err::kNoMem);
	/* A map by somebody who did not ask for the slot. */
	TCE_EXPECT_EQ(tce_table_xchg(t, first, &hpa, &perm), err::kBusy);
	/* KVM never has to drop a note, so there is no slot for that. */
	TCE_EXPECT(!tce_table_useraddr(t, first, 0));
	TCE_EXPECT_EQ(g.r.w.hcall_total(), 0);
}

TCE_CASE(kvm, kill_ranges)
{
	Guest g(12, 12);
	tce_table *t = g.ktable()->table;
	const u64 first = g.index(0), entries = g.ktable()->shape.entries;

	const auto kills = g.r.w.counters[TCE_COUNT_KVM_KILLS];

	TCE_EXPECT_EQ(g.kvm.do_map(g.ktable(), first + 600, kRam, kBoth), h::kSuccess);
	/* Nothing of these is its range, and none is trouble. */
	tce_table_kill(t, first, 0);
	tce_table_kill(t, first + entries, 1);
	tce_table_kill(t, first - 1, 1);
	tce_table_kill(t, ~0ull, ~0ull);
	TCE_EXPECT_EQ(g.r.w.hcall_total(), 0);
	TCE_EXPECT_EQ(g.r.w.counters[TCE_COUNT_KVM_KILLS], kills);
	tce_table_kill(t, first + 600, ~0ull);
	TCE_EXPECT_EQ(g.r.w.counters[TCE_COUNT_KVM_KILLS], kills + 1);
	TCE_EXPECT(g.reaches(600, 0));
	tce_table_kill(t, first, 1);
	TCE_EXPECT_EQ(g.r.w.hcall_calls(Op::Stuff), 0);
	TCE_EXPECT_EQ(g.kvm.do_unmap(g.ktable(), first + 600), h::kSuccess);
	tce_table_kill(t, first, ~0ull);
	TCE_EXPECT_EQ(g.r.w.live_tces(), 0);
}

/* Memory that has no level and cannot get one: the guest goes to userspace. */
TCE_CASE(kvm, no_memory)
{
	Guest g(12, 24);

	for (u64 nth = 1; nth < 20; nth++) {
		g.r.w.fail_nth(nth, kAllocSites | site_bit(Site::Charge));

		const long rc = g.put(nth, kBoth);
		const u64 fired = g.r.w.injected();

		g.r.w.fail_never();
		TCE_EXPECT_EQ(rc, fired ? h::kTooHard : h::kSuccess);
		g.r.w.run_deferred();
		TCE_EXPECT_EQ(g.r.w.live_tces(), fired ? 0 : 4096);
		if (!fired)
			break;
	}
	TCE_EXPECT_EQ(g.put(2, kBoth), h::kSuccess);
	TCE_EXPECT_EQ(g.r.remove(g.at), 0);
	TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
}

/* --- The three traps ------------------------------------------------------ */

/*
 * Trap 1: KVM fails half-way, clears what it set and says nothing.  What is
 * pending gets there without help; the notes it lost come back with the window.
 */
TCE_CASE(kvm, error_path_without_kill)
{
	Guest g(12, 24);

	/* The guest's page is only half registered. */
	TCE_ASSERT_EQ(g.r.unreg(kRam, kRamSize), 0);
	TCE_ASSERT_EQ(g.r.reg(kRam, 9 * kMiB), 0);
	TCE_EXPECT_EQ(g.put(0, kBoth), h::kTooHard);
	TCE_EXPECT_NE(g.r.w.live_tces(), 0);
	TCE_EXPECT_EQ(g.r.w.armed(), 1);
	if (param) {
		g.r.w.run_deferred();
		TCE_EXPECT_EQ(g.r.w.live_tces(), 0);
		TCE_EXPECT_EQ(g.r.w.counters[TCE_COUNT_DEFERRED_FLUSHES], 1);
	}
	/* KVM has forgotten the notes of 9 MiB, we have not. */
	TCE_EXPECT_EQ(g.r.unreg(kRam, 9 * kMiB), 0);
	TCE_EXPECT_EQ(g.r.w.live_tces(), 0);
}

/* The same, and the container goes with it. */
TCE_CASE(kvm, error_path_then_close)
{
	Guest g(12, 24);

	TCE_ASSERT_EQ(g.r.unreg(kRam, kRamSize), 0);
	TCE_ASSERT_EQ(g.r.reg(kRam, 9 * kMiB), 0);
	TCE_EXPECT_EQ(g.put(0, kBoth), h::kTooHard);
	if (param)
		g.kvm.release(g.table);
	g.r.finish();
	TCE_EXPECT_EQ(g.r.w.live_tces(), 0);
	TCE_EXPECT_EQ(g.r.w.registered_pages(), 0);
}

/*
 * Trap 2: KVM drops its note right after the exchange.  The memory is not given
 * back, in whatever container, before the entry is closed.
 */
TCE_CASE(kvm, pending_then_unregister)
{
	Config config = with_system_pages(param);

	config.groups = 2;
	Rig r(config, 2, false);
	Kvm kvm(&r.w.mm[0], kRam);
	GuestTable table;

	table.size = kGiB >> 12;
	TCE_ASSERT_EQ(r.attach(0, 0), 0);
	TCE_ASSERT_EQ(r.attach(1, 1), 0);
	TCE_ASSERT_EQ(r.reg(kRam, kRamSize, 1), 0);
	TCE_ASSERT_EQ(r.reg(kUser, kMiB, 0), 0);
	TCE_ASSERT_EQ(r.remove(0), 0);
	TCE_ASSERT_EQ(r.create(12, kGiB), 0);
	TCE_ASSERT_EQ(kvm.attach(table, 0), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, 65536), 0);
	TCE_ASSERT_EQ(r.unmap(0, 65536), 0);

	/*
	 * The guest of the first container uses memory that the second
	 * registered.
	 */
	TCE_EXPECT_EQ(kvm.h_put_tce(table, 0x7000, 0x3000 | kBoth), h::kSuccess);
	TCE_EXPECT(r.reaches(0x7000, kRam + 0x3000));
	TCE_EXPECT_EQ(kvm.do_unmap(table.tables[0], 7), h::kSuccess);
	TCE_EXPECT(r.reaches(0x7000, kRam + 0x3000));
	TCE_EXPECT_EQ(r.unreg(kRam, kRamSize, 1), 0);
	TCE_EXPECT_EQ(r.w.live_tces(), 0);

	/* And with the whole container, and with one that closes. */
	TCE_ASSERT_EQ(r.reg(kRam, kRamSize, 1), 0);
	TCE_EXPECT_EQ(kvm.h_put_tce(table, 0x7000, 0x3000 | kBoth), h::kSuccess);
	TCE_EXPECT_EQ(kvm.do_unmap(table.tables[0], 7), h::kSuccess);
	r.detach(1);
	r.close(1);
	TCE_EXPECT_EQ(r.w.live_tces(), 0);
	TCE_EXPECT_EQ(r.w.registered_pages(), kMiB >> config.page_shift);
	kvm.release(table);
	TCE_EXPECT_EQ(kvm.warns, 0);
}

/*
 * A replaced entry: the old memory goes although the new one is not published.
 */
TCE_CASE(kvm, replaced_then_unregister)
{
	Guest g(12, 12, with_system_pages(param));
	const u64 at = g.index(9);

	TCE_ASSERT_EQ(g.r.reg(kUser, kMiB), 0);
	TCE_EXPECT_EQ(g.r.map(kUser, g.at + 9 * 4096, 4096), 0);
	TCE_EXPECT_EQ(g.kvm.do_map(g.ktable(), at, kRam, kBoth), h::kSuccess);
	TCE_EXPECT_EQ(g.r.unreg(kUser, kMiB), 0);
	TCE_EXPECT(g.reaches(9, 0));
	TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), err::kBusy);
	tce_table_kill(g.ktable()->table, at, 1);
	TCE_EXPECT(g.reaches(9, 0));
}

/*
 * A window of one container, memory of another: the container that registered
 * it goes while the entry is live.  The memory stays until the entry goes.
 */
TCE_CASE(kvm, memory_outlives_its_container)
{
	Config config = with_system_pages(param);

	config.groups = 2;
	Rig r(config, 2, false);
	Kvm kvm(&r.w.mm[0], kRam);
	GuestTable table;

	table.size = kGiB >> 12;
	TCE_ASSERT_EQ(r.attach(0, 0), 0);
	TCE_ASSERT_EQ(r.attach(1, 1), 0);
	TCE_ASSERT_EQ(r.reg(kRam, kRamSize, 1), 0);
	TCE_ASSERT_EQ(r.reg(kUser, kMiB, 0), 0);
	TCE_ASSERT_EQ(r.remove(0), 0);
	TCE_ASSERT_EQ(r.create(12, kGiB), 0);
	TCE_ASSERT_EQ(kvm.attach(table, 0), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, 65536), 0);
	TCE_ASSERT_EQ(r.unmap(0, 65536), 0);
	TCE_EXPECT_EQ(kvm.h_put_tce(table, 0x8000, 0x4000 | kBoth), h::kSuccess);
	TCE_EXPECT_EQ(r.w.mem_lookup(&r.w.mm[0], kRam, kRamSize)->mapped, 2);
	/* An ioctl finds the note, too. */
	TCE_EXPECT_EQ(r.unmap(0x8000, 4096), 0);
	TCE_EXPECT_EQ(r.w.mem_lookup(&r.w.mm[0], kRam, kRamSize)->mapped, 1);
	TCE_EXPECT_EQ(kvm.h_put_tce(table, 0x7000, 0x3000 | kBoth), h::kSuccess);
	TCE_EXPECT_EQ(r.unreg(kRam, kRamSize, 1), err::kBusy);
	r.detach(1);
	r.close(1);
	TCE_EXPECT(r.reaches(0x7000, kRam + 0x3000));
	TCE_EXPECT_EQ(kvm.h_put_tce(table, 0x7000, 0), h::kSuccess);
	TCE_EXPECT_EQ(r.w.live_tces(), 0);
	kvm.release(table);
	r.finish();
	TCE_EXPECT_EQ(r.w.registered_pages(), 0);
}

/* Trap 3: what another vCPU wrote in between is what gets published. */
TCE_CASE(kvm, other_writers)
{
	Guest g(12, 12);
	const u64 at = g.index(700);
	tce_table *t = g.ktable()->table;

	TCE_EXPECT_EQ(g.kvm.do_map(g.ktable(), at, kRam, kBoth), h::kSuccess);
	TCE_EXPECT_EQ(g.kvm.do_map(g.ktable(), at + 1, kRam + 4096, kBoth), h::kSuccess);
	TCE_EXPECT_EQ(g.kvm.do_map(g.ktable(), at, kRam + 0x9000, TCE_PERM_READ), h::kSuccess);
	/* Another vCPU's entry far away in the same leaf, not killed yet. */
	TCE_EXPECT_EQ(g.kvm.do_map(g.ktable(), at + 200, kRam + 0x5000, kBoth), h::kSuccess);
	tce_table_kill(t, at, 2);
	TCE_EXPECT(g.r.reaches(g.at + 700 * 4096, kRam + 0x9000, TCE_PERM_READ));
	TCE_EXPECT(g.reaches(701, 4096));
	/* Set and cleared before anybody published: nothing is left. */
	TCE_EXPECT_EQ(g.kvm.do_map(g.ktable(), at + 5, kRam, kBoth), h::kSuccess);
	TCE_EXPECT_EQ(g.kvm.do_unmap(g.ktable(), at + 5), h::kSuccess);
	g.r.w.run_deferred();
	TCE_EXPECT(!g.r.w.tce_at(0, g.at + 705 * 4096));
	TCE_EXPECT(g.reaches(900, 0x5000));
	TCE_EXPECT_EQ(g.r.w.live_tces(), 3);
}

/* --- Together with the ioctls --------------------------------------------- */

TCE_CASE(kvm, and_ioctls)
{
	Guest g(12, 12, with_system_pages(param));

	TCE_ASSERT_EQ(g.r.reg(kUser, kMiB), 0);
	/* Each replaces and clears what the other has set. */
	TCE_EXPECT_EQ(g.put(1, 0x1000 | kBoth), h::kSuccess);
	TCE_EXPECT_EQ(g.r.map(kUser, g.at, 16 * 4096), 0);
	TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
	TCE_ASSERT_EQ(g.r.reg(kRam, kRamSize), 0);
	TCE_EXPECT_EQ(g.put(1, 0x2000 | kBoth), h::kSuccess);
	TCE_EXPECT_EQ(g.put(2, 0), h::kSuccess);
	TCE_EXPECT(g.reaches(1, 0x2000));
	TCE_EXPECT(!g.r.w.tce_at(0, g.at + 0x2000));
	TCE_EXPECT_EQ(g.r.unmap(g.at + 0x1000, 4096), 0);
	TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
	TCE_EXPECT_EQ(g.r.unreg(kUser, kMiB), err::kBusy);
	TCE_EXPECT_EQ(g.r.unmap(g.at, kMiB), 0);
	TCE_EXPECT_EQ(g.r.unreg(kUser, kMiB), 0);
}

/* What KVM wrote and did not publish yet, when an ioctl comes along. */
TCE_CASE(kvm, pending_and_ioctls)
{
	Guest g(12, 12, with_system_pages(param));
	const u64 at = g.index(0);

	TCE_ASSERT_EQ(g.r.reg(kUser, kMiB), 0);
	/* UNMAP over a pending map. */
	TCE_EXPECT_EQ(g.kvm.do_map(g.ktable(), at + 3, kRam, kBoth), h::kSuccess);
	TCE_EXPECT_EQ(g.r.unmap(g.at, kMiB), 0);
	g.r.w.run_deferred();
	TCE_EXPECT_EQ(g.r.w.live_tces(), 0);
	TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
	TCE_ASSERT_EQ(g.r.reg(kRam, kRamSize), 0);
	/* UNMAP over a pending unmap: the answer 0 means that it is closed. */
	TCE_EXPECT_EQ(g.put(4, kBoth), h::kSuccess);
	TCE_EXPECT_EQ(g.kvm.do_unmap(g.ktable(), at + 4), h::kSuccess);
	TCE_EXPECT(g.reaches(4, 0));
	TCE_EXPECT_EQ(g.r.unmap(g.at, kMiB), 0);
	TCE_EXPECT_EQ(g.r.w.live_tces(), 0);
	/* MAP over a pending map, and over a pending unmap. */
	TCE_EXPECT_EQ(g.kvm.do_map(g.ktable(), at + 5, kRam, kBoth), h::kSuccess);
	TCE_EXPECT_EQ(g.r.map(kUser, g.at + 5 * 4096, 4096), 0);
	TCE_EXPECT_EQ(g.kvm.do_unmap(g.ktable(), at + 5), h::kSuccess);
	TCE_EXPECT_EQ(g.r.map(kUser, g.at + 5 * 4096, 4096), 0);
	tce_table_kill(g.ktable()->table, at + 5, 1);
	g.r.w.run_deferred();
	TCE_EXPECT(g.r.reaches(g.at + 5 * 4096, kUser));
	TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
	TCE_EXPECT_EQ(g.r.unreg(kUser, kMiB), err::kBusy);
}

/* Pending entries when windows and groups go: no flush has run. */
TCE_CASE(kvm, pending_at_the_end)
{
	for (u32 way = 0; way < 4; way++) {
		Config config = with_system_pages(param);

		config.groups = 2;
		Guest g(12, 12, config);
		const u64 at = g.index(0);

		TCE_EXPECT_EQ(g.put(1, kBoth), h::kSuccess);
		TCE_EXPECT_EQ(g.put(2, 0x1000 | kBoth), h::kSuccess);
		TCE_EXPECT_EQ(g.kvm.do_map(g.ktable(), at + 1, kRam + 0x5000, kBoth), h::kSuccess);
		TCE_EXPECT_EQ(g.kvm.do_unmap(g.ktable(), at + 2), h::kSuccess);
		TCE_EXPECT_EQ(g.kvm.do_map(g.ktable(), at + 900, kRam, kBoth), h::kSuccess);
		switch (way) {
		case 0:
			TCE_EXPECT_EQ(g.r.remove(g.at), 0);
			TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
			break;
		case 1:
			g.r.detach(1);
			TCE_EXPECT(g.r.closed(0, ~0ull, 1));
			g.r.w.run_deferred();
			TCE_EXPECT(g.reaches(1, 0x5000) && g.reaches(900, 0));
			TCE_EXPECT(!g.r.w.tce_at(0, g.at + 0x2000));
			TCE_EXPECT(g.r.closed(0, ~0ull, 1));
			break;
		case 2:
			g.r.detach(0);
			g.r.detach(1);
			TCE_EXPECT_EQ(g.r.w.live_tces(), 0);
			TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
			break;
		case 3:
			g.r.finish();
			TCE_EXPECT_EQ(g.r.w.registered_pages(), 0);
			break;
		}
	}
}

/* A group comes while entries are pending: it gets what the others get. */
TCE_CASE(kvm, pending_and_late_joiner)
{
	Config config = with_system_pages(param);

	config.groups = 2;
	Guest g(12, 12, config);
	const u64 at = g.index(0);

	g.r.detach(1);
	TCE_EXPECT_EQ(g.put(1, kBoth), h::kSuccess);
	TCE_EXPECT_EQ(g.put(2, kBoth), h::kSuccess);
	TCE_EXPECT_EQ(g.kvm.do_map(g.ktable(), at + 1, kRam + 0x5000, kBoth), h::kSuccess);
	TCE_EXPECT_EQ(g.kvm.do_unmap(g.ktable(), at + 2), h::kSuccess);
	TCE_ASSERT_EQ(g.r.attach(1), 0);
	tce_table_kill(g.ktable()->table, at, 3);
	for (u32 group = 0; group < 2; group++) {
		TCE_EXPECT(g.r.reaches(g.at + 0x1000, kRam + 0x5000, kBoth, group));
		TCE_EXPECT(!g.r.w.tce_at(group, g.at + 0x2000));
	}
}

/*
 * Each group of a container has a table of its own for KVM, all of one window:
 * KVM does everything once for each, and only the first time it makes a
 * difference.
 */
TCE_CASE(kvm, groups)
{
	Config config;

	config.groups = 2;
	Guest g(16, 24, config);

	TCE_EXPECT_EQ(g.kvm.attach(g.table, 1), 0);
	TCE_EXPECT_EQ(g.table.nr_tables, 2);
	g.r.w.reset_counts();
	TCE_EXPECT_EQ(g.put(0, kBoth), h::kSuccess);
	TCE_EXPECT_EQ(g.r.w.hcall_total(), 2);
	TCE_EXPECT(g.r.reaches(g.at, kRam, kBoth, 0) && g.r.reaches(g.at, kRam, kBoth, 1));
	g.r.detach(0);
	TCE_EXPECT_EQ(g.put(1, kBoth), h::kSuccess);
	TCE_EXPECT(g.r.reaches(g.at + bit(24), kRam, kBoth, 1));
}

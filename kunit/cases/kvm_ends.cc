// SPDX-License-Identifier: GPL-2.0-only
/*
 * Windows that end badly under KVM: what the hypervisor may have is kept as
 * long as the window is there, however it came about, and given back when it is
 * not; and figures that somebody looks at.
 */
#include "guest.hpp"
#include "vcpus.hpp"

using namespace fake;
using guest::Guest;
using guest::kBoth;
using guest::kRam;
using guest::kRamSize;

namespace {

constexpr u64 kPages = 16;

enum class Left : u32 { Live, Cleared, Replaced, New, BrokenOff, InDoubt, Count };

/* Brings it about; returns what is quarantined when nothing can be closed. */
u64 leave(Vcpus &v, Left left)
{
	switch (left) {
	case Left::Live:
		TCE_EXPECT_EQ(v.act(1, VcpuOp::Put, 0), h::kSuccess);
		return 1;
	case Left::Cleared:
		TCE_EXPECT_EQ(v.act(1, VcpuOp::Put, 0), h::kSuccess);
		TCE_EXPECT_EQ(v.act(1, VcpuOp::Unmap, 0), h::kSuccess);
		return 1;
	case Left::Replaced:
		TCE_EXPECT_EQ(v.act(1, VcpuOp::Put, 0), h::kSuccess);
		TCE_EXPECT_EQ(v.act(1, VcpuOp::Map, 1), h::kSuccess);
		return 2;
	case Left::New:
		TCE_EXPECT_EQ(v.act(1, VcpuOp::Map, 1), h::kSuccess);
		return 1;
	case Left::BrokenOff:
		TCE_EXPECT_EQ(v.act(1, VcpuOp::Put, 0), h::kSuccess);
		TCE_EXPECT_EQ(v.act(1, VcpuOp::MapNoMemory, 1), h::kTooHard);
		return 1;
	case Left::InDoubt:
		TCE_EXPECT_EQ(v.act(1, VcpuOp::Put, 0), h::kSuccess);
		v.r.w.script({ kAllOps, 0, 1, h::kHardware, 7, false });
		v.r.w.script({ kAllOps, 0, ~0ull, h::kHardware, 0, false });
		TCE_EXPECT_EQ(v.r.map(Vcpus::kMem[2], 0, kPages * 4096), err::kIo);
		v.r.w.no_scripts();
		/* Some of the old, and all of the new. */
		return 1 + kPages;
	default:
		return 0;
	}
}

void unregister(Vcpus &v, const char *what)
{
	for (u32 i = 0; i < Vcpus::kMems; i++) {
		const bool busy = v.named(i);
		const int rc = v.r.unreg(Vcpus::kMem[i], Vcpus::kSize);

		if (busy && rc != err::kBusy)
			FAKE_FAIL("%s: memory %u, which a device reaches, is given back: %d", what,
				  i, rc);
	}
}

} // namespace

/*
 * No entry is closed, but the firmware removes the window: everything is back.
 */
TCE_CASE(kvm, removed_with_entries)
{
	for (u32 i = 0; i < static_cast<u32>(Left::Count); i++) {
		Vcpus v(with_system_pages(param));

		leave(v, static_cast<Left>(i));
		v.r.w.script({ kAllOps, 0, ~0ull, h::kHardware, 0, false });
		TCE_EXPECT_EQ(v.r.remove(0), 0);
		v.r.w.no_scripts();
		TCE_EXPECT_EQ(v.r.w.live_tces(), 0);
		TCE_EXPECT_EQ(v.r.w.counters[TCE_COUNT_QUARANTINED], 0);
		for (u64 mem : Vcpus::kMem)
			TCE_EXPECT_EQ(v.r.unreg(mem, Vcpus::kSize), 0);
	}
}

/*
 * Nor does the firmware remove it: what it names stays, and its owner is told
 * how much that is.
 */
TCE_CASE(kvm, stays_with_entries)
{
	for (u32 i = 0; i < static_cast<u32>(Left::Count); i++) {
		/* Until the group goes back, or for good. */
		for (u32 for_good = 0; for_good < 2; for_good++) {
			Vcpus v(with_system_pages(param));
			World &w = v.r.w;
			char what[32];
			const u64 expected = leave(v, static_cast<Left>(i));

			env_snprintf(what, sizeof(what), "left %u, for good %u", i, for_good);
			w.script({ kAllOps, 0, ~0ull, h::kHardware, 0, false });
			w.fail_nth(1, kDdwSites, true);
			TCE_EXPECT_EQ(v.r.remove(0), 0);
			unregister(v, what);
			/* Nobody takes what is pushed now. */
			w.no_scripts();
			unregister(v, what);
			w.script({ kAllOps, 0, ~0ull, h::kHardware, 0, false });
			if (!for_good)
				w.fail_never();
			v.r.finish();
			w.fail_never();
			w.no_scripts();
			TCE_EXPECT_EQ(w.counters[TCE_COUNT_QUARANTINED], for_good ? expected : 0);
			if (!for_good)
				TCE_EXPECT_EQ(w.registered_pages(), 0);
			w.skip_balance = for_good;
		}
	}
}

/* A window that KVM never came to ends without a grace period. */
TCE_CASE(kvm, nobody_is_waited_for)
{
	Config config = with_host(param);

	config.groups = 1;

	Rig r(config);

	TCE_ASSERT_EQ(r.create(12, kGiB), 0);
	TCE_ASSERT_EQ(r.reg(kUser, kMiB), 0);
	TCE_ASSERT_EQ(r.map(kUser, r.start, kMiB), 0);
	TCE_EXPECT_EQ(r.unmap(r.start, 4096), 0);
	TCE_EXPECT_EQ(r.remove(r.start), 0);
	r.finish();
	TCE_EXPECT_EQ(r.w.syncs, 0);
}

/* After the grace period nobody gets in any more. */
TCE_CASE(kvm, nobody_comes_late)
{
	Guest g(12, 12, with_host(param));
	World &w = g.r.w;

	TCE_EXPECT_EQ(g.put_in_kernel(3, 0x5000 | kBoth), h::kSuccess);
	w.reset_counts();
	w.moment_arg = &g;
	w.on_moment = [](void *arg, bool spinning) {
		Guest &all = *static_cast<Guest *>(arg);

		if (!spinning && all.r.w.syncs)
			TCE_EXPECT(!tce_table_useraddr(all.ktable()->table, all.index(3), 1));
	};
	TCE_EXPECT_EQ(g.r.remove(g.at), 0);
	w.on_moment = nullptr;
	TCE_EXPECT_EQ(w.syncs, 1);
}

/* Its last reference goes while somebody is about to call it. */
TCE_CASE(kvm, released_under_a_call)
{
	for (u32 op = 0; op < 2; op++) {
		Guest g(12, 12, with_host(param));
		tce_ktable *k = g.ktable();

		TCE_EXPECT_EQ(g.put_in_kernel(3, 0x5000 | kBoth), h::kSuccess);
		const u64 index = g.index(3);

		TCE_EXPECT_EQ(g.r.remove(g.at), 0);
		g.kvm.hook_arg = &g;
		g.kvm.hook = [](void *arg, Kvm::Point at) {
			Guest &all = *static_cast<Guest *>(arg);

			if (at != Kvm::Point::BeforeExchange && at != Kvm::Point::BeforeKill)
				return;
			all.kvm.release(all.table);
			TCE_EXPECT_EQ(all.r.w.users.waiting(), 1);
		};
		if (op)
			g.kvm.kill(k, index);
		else
			TCE_EXPECT_EQ(g.kvm.do_unmap(k, index), h::kSuccess);
		g.kvm.hook = nullptr;
		g.r.w.run_deferred();
		TCE_EXPECT_EQ(g.r.w.users.waiting(), 0);
	}
}

/*
 * Busy for ever while the window goes: nothing is left that would come back for
 * it.
 */
TCE_CASE(kvm, busy_at_the_end)
{
	Guest g(12, 12, with_system_pages(param));
	World &w = g.r.w;

	for (u64 i = 3; i < 5; i++)
		TCE_EXPECT_EQ(g.kvm.do_map(g.ktable(), g.index(i), kRam + i * 4096, kBoth),
			      h::kSuccess);
	/* Pending for good, and no flush comes for it. */
	w.script({ kAllOps, 0, ~0ull, h::kHardware, 0, false });
	w.run_deferred();
	w.no_scripts();
	TCE_EXPECT_EQ(w.armed(), 0);
	w.script({ kAllOps, 0, ~0ull, h::kBusy, 0, false });
	TCE_EXPECT_EQ(g.r.remove(g.at), 0);
	w.no_scripts();
	TCE_EXPECT_EQ(w.armed(), 0);
	TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
}

/* --- Figures -------------------------------------------------------------- */

TCE_CASE(kvm, figures)
{
	Guest g(12, 12, with_host(param));
	World &w = g.r.w;
	const auto &n = w.counters;
	Kvm foreign(&w.mm[1], kRam);

	g.touch(0, 32);
	w.arms = 0;
	for (u64 i = 0; i < 16; i++)
		TCE_EXPECT_EQ(g.put_in_kernel(i, i * 4096 | kBoth), h::kSuccess);
	TCE_EXPECT_EQ(n[TCE_COUNT_KVM_UPDATES], 16);
	TCE_EXPECT_EQ(n[TCE_COUNT_KVM_KILLS], 16);
	TCE_EXPECT_EQ(n[TCE_COUNT_KVM_HCALLS], 16);
	/* Once is enough, until it has begun. */
	TCE_EXPECT_EQ(w.arms, 1);
	TCE_EXPECT_EQ(w.armed(), 1);
	w.run_deferred();
	TCE_EXPECT_EQ(n[TCE_COUNT_DEFERRED_FLUSHES], 0);
	TCE_EXPECT_EQ(g.kvm.do_unmap(g.ktable(), g.index(3)), h::kSuccess);
	TCE_EXPECT_EQ(w.arms, 2);
	w.run_deferred();
	TCE_EXPECT_EQ(n[TCE_COUNT_DEFERRED_FLUSHES], 1);
	/* Whom it does not concern. */
	foreign.kill(g.ktable(), g.index(3));
	TCE_EXPECT_EQ(n[TCE_COUNT_KVM_KILLS], 16);
	TCE_EXPECT_EQ(g.r.remove(g.at), 0);
	g.kvm.kill(g.ktable(), g.index(3));
	TCE_EXPECT_EQ(n[TCE_COUNT_KVM_KILLS], 16);
	TCE_EXPECT_EQ(n[TCE_COUNT_KVM_UPDATES], 17);
}

/*
 * A kill publishes its own leaf, with all that is pending there, and no other
 * one.
 */
TCE_CASE(kvm, kill_of_one_leaf)
{
	static constexpr u64 kFar = 20000;
	static constexpr u64 kEntries[] = { 3, kFar };
	Guest g(12, 12, with_host(param));
	World &w = g.r.w;

	w.strict_notes = true;
	for (u64 i : kEntries) {
		TCE_ASSERT_EQ(g.by_ioctl(i, 0x1000 | kBoth), h::kSuccess);
		/* Replaced: a token waits for the publish. */
		TCE_EXPECT_EQ(g.kvm.do_map(g.ktable(), g.index(i), kRam + 0x3000, kBoth),
			      h::kSuccess);
	}
	w.reset_counts();
	g.kvm.kill(g.ktable(), g.index(3));
	TCE_EXPECT_EQ(w.hcall_total() + w.ioda.kills, 1);
	TCE_EXPECT(g.reaches(3, 0x3000));
	g.kvm.kill(g.ktable(), g.index(kFar));
	TCE_EXPECT_EQ(w.hcall_total() + w.ioda.kills, 2);
	TCE_EXPECT(g.reaches(kFar, 0x3000));
	TCE_EXPECT_EQ(g.put_in_kernel(3, 0), h::kSuccess);
	TCE_EXPECT_EQ(g.put_in_kernel(kFar, 0), h::kSuccess);
	TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
}

/*
 * A kill publishes what it names, nothing else; the flush takes the rest, and
 * over a small gap in one call.
 */
TCE_CASE(kvm, kill_names_its_own)
{
	static constexpr u64 kEntries[] = { 0, 2, 40, 41, 511 };
	Guest g(12, 12, with_host(param));
	World &w = g.r.w;

	w.strict_notes = true;
	for (u64 i : kEntries)
		TCE_ASSERT_EQ(g.by_ioctl(i, 0x1000 | kBoth), h::kSuccess);
	for (u64 i : kEntries)
		TCE_EXPECT_EQ(g.kvm.do_map(g.ktable(), g.index(i), kRam + 0x3000, kBoth),
			      h::kSuccess);
	w.reset_counts();
	g.kvm.kill(g.ktable(), g.index(41));
	TCE_EXPECT_EQ(w.hcall_total() + w.ioda.kills, 1);
	TCE_EXPECT(g.reaches(41, 0x3000));
	w.reset_counts();
	w.run_deferred();
	/* 0 and 2, 40, 511. */
	TCE_EXPECT_EQ(w.hcall_total() + w.ioda.kills, 3);
	for (u64 i : kEntries) {
		TCE_EXPECT(g.reaches(i, 0x3000));
		TCE_EXPECT_EQ(g.put_in_kernel(i, 0), h::kSuccess);
	}
	TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
}

/*
 * A run with published entries between the pending ones is refused: it goes
 * again without those, and of them none is closed.
 */
TCE_CASE(kvm, refused_with_what_is_between)
{
	for (u32 again = 0; again < 2; again++) {
		Guest g(12, 12, with_system_pages(param));
		World &w = g.r.w;

		w.strict_notes = true;
		for (u64 i = 3; i < 6; i++)
			TCE_ASSERT_EQ(g.by_ioctl(i, 0x1000 | kBoth), h::kSuccess);
		for (u64 i = 3; i < 6; i += 2)
			TCE_EXPECT_EQ(g.kvm.do_map(g.ktable(), g.index(i), kRam + 0x3000, kBoth),
				      h::kSuccess);
		w.reset_counts();
		w.script({ op_bit(Op::PutIndirect), 0, 1, h::kHardware, 0, false });
		if (again)
			w.script({ op_bit(Op::Put), 0, 1, h::kHardware, 0, false });
		w.run_deferred();
		w.no_scripts();
		TCE_EXPECT_EQ(w.counters[TCE_COUNT_KVM_LOST], again);
		TCE_EXPECT(g.reaches(4, 0x1000));
		TCE_EXPECT_EQ(g.reaches(3, 0x3000), !again);
		TCE_EXPECT(g.reaches(5, 0x3000));
		for (u64 i = 3; i < 6; i++)
			TCE_EXPECT_EQ(g.put_in_kernel(i, 0), h::kSuccess);
		TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
	}
}

/*
 * Busy for as long as one try lasts: the flush comes again; refused: it does
 * not.
 */
TCE_CASE(kvm, flush_comes_again)
{
	for (u32 closes = 0; closes < 2; closes++) {
		Guest g(12, 12, with_system_pages(param));
		World &w = g.r.w;

		w.strict_notes = true;
		for (u64 i = 3; i < 5; i++)
			TCE_EXPECT_EQ(g.kvm.do_map(g.ktable(), g.index(i), kRam + i * 4096, kBoth),
				      h::kSuccess);
		if (closes)
			w.script({ op_bit(Op::PutIndirect), 0, 1, h::kHardware, 0, false });
		w.script({ op_bit(closes ? Op::Stuff : Op::PutIndirect), 0, 7, h::kLongBusy100Sec,
			   0, false });
		TCE_EXPECT_EQ(w.run_deferred(), 2);
		w.no_scripts();
		TCE_EXPECT_EQ(w.armed(), 0);
		TCE_EXPECT_EQ(w.live_tces(), closes ? 0 : 2);
		TCE_EXPECT_EQ(w.counters[TCE_COUNT_KVM_LOST], closes ? 2 : 0);
		TCE_EXPECT_EQ(g.r.unmap(g.at, kMiB), 0);
		TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
	}

	Guest g(12, 12, with_system_pages(param));
	World &w = g.r.w;

	for (u64 i = 3; i < 5; i++)
		TCE_EXPECT_EQ(g.kvm.do_map(g.ktable(), g.index(i), kRam + i * 4096, kBoth),
			      h::kSuccess);
	w.flushes->armed = false;
	w.script({ kAllOps, 0, ~0ull, h::kHardware, 0, false });
	tce_table_flush(g.ktable()->table);
	TCE_EXPECT_EQ(w.armed(), 0);
	w.no_scripts();
	/* KVM goes on there. */
	TCE_EXPECT_EQ(g.put_in_kernel(7, 0x7000 | kBoth), h::kSuccess);
	TCE_EXPECT(g.reaches(7, 0x7000));
	w.run_deferred();
	TCE_EXPECT_EQ(w.live_tces(), 1);
	TCE_EXPECT_EQ(g.put_in_kernel(7, 0), h::kSuccess);
	TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
}

/* A kill waits a little for a hypervisor that is busy a few times. */
TCE_CASE(kvm, busy_a_few_times)
{
	Guest g(12, 12, with_system_pages(param));
	World &w = g.r.w;

	g.touch(0, 8);
	w.script({ kAllOps, 0, 3, h::kLongBusy1Msec, 0, false });
	TCE_EXPECT_EQ(g.put_in_kernel(3, 0x5000 | kBoth), h::kSuccess);
	w.no_scripts();
	TCE_EXPECT(g.reaches(3, 0x5000));
}

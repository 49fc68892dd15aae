// SPDX-License-Identifier: GPL-2.0-only
/*
 * Notes of entries that KVM maps and then leaves alone: each goes when what it
 * was for is published, no sooner and no later.
 */
#include "guest.hpp"
#include "vcpus.hpp"

using namespace fake;
using guest::kBoth;

/*
 * A map without rights changes no entry, but leaves a note: the deferred flush
 * takes it back.
 */
TCE_CASE(kvm, no_rights_without_kill)
{
	Vcpus v(with_host(param));

	TCE_EXPECT_EQ(v.r.w.armed(), 0);
	TCE_EXPECT_EQ(v.act(1, VcpuOp::MapNoRights, 1), h::kSuccess);
	TCE_EXPECT_EQ(v.r.w.armed(), 1);
	v.settle("a map without rights and without a kill");
	v.finish("a map without rights and without a kill");
}

/* Two maps are broken off: each entry gets its own token back. */
TCE_CASE(kvm, broken_off_beside_another)
{
	constexpr u64 kOne = 5, kTwo = 9;
	const char *what = "one of two maps that were broken off is unmapped";
	Vcpus v(with_host(param));

	TCE_EXPECT_EQ(v.act(1, VcpuOp::Put, 0, kOne), h::kSuccess);
	TCE_EXPECT_EQ(v.act(1, VcpuOp::Put, 1, kTwo), h::kSuccess);
	TCE_EXPECT_EQ(v.act(1, VcpuOp::MapNoMemory, 0, kTwo), h::kTooHard);
	TCE_EXPECT_EQ(v.act(1, VcpuOp::MapNoMemory, 0, kOne), h::kTooHard);
	TCE_EXPECT_EQ(v.r.unmap(kOne * 4096, 4096), 0);
	TCE_EXPECT(v.r.reaches(kTwo * 4096, Vcpus::kMem[1] + kTwo * 4096));
	v.settle(what);
	v.unregister(what);
	v.finish(what);
}

namespace {

/*
 * A MAP over what KVM has is refused, and so is what was there: it is closed,
 * and nothing is noted any more.
 */
void closed_by_map(Vcpus &v)
{
	v.r.w.script(
		{ op_bit(Op::Put) | op_bit(Op::PutIndirect), 0, ~0ull, h::kHardware, 0, false });
	TCE_EXPECT_EQ(v.r.map(Vcpus::kMem[2], 0, 16 * 4096), err::kIo);
	v.r.w.no_scripts();
	TCE_EXPECT_EQ(v.r.w.live_tces(), 0);
	for (u64 mem : Vcpus::kMem)
		TCE_EXPECT_EQ(v.r.unreg(mem, Vcpus::kSize), 0);
}

} // namespace

/*
 * KVM has replaced an entry and not killed it yet, a MAP over it is refused,
 * and so is what was there: the entry is closed, and with it all notes are
 * back, the first one's too.
 */
TCE_CASE(kvm, closed_over_replaced)
{
	Vcpus v(with_system_pages(param));

	TCE_EXPECT_EQ(v.act(1, VcpuOp::Put, 0), h::kSuccess);
	TCE_EXPECT_EQ(v.act(1, VcpuOp::Map, 1), h::kSuccess);
	closed_by_map(v);
}

/*
 * A MAP over KVM's entries is refused, and what was there as well: the entries
 * are closed, and what they named is nobody's any more.
 */
TCE_CASE(kvm, closed_over_live)
{
	Vcpus v(with_system_pages(param));

	TCE_EXPECT_EQ(v.act(1, VcpuOp::Put, 0), h::kSuccess);
	TCE_EXPECT_EQ(v.r.map(Vcpus::kMem[1], 7 * 4096, 4096), 0);
	closed_by_map(v);
}

namespace {

/* At the nth moment of a wait a vCPU replaces an entry that is on its way. */
struct Replaced {
	Vcpus *v;
	u64 nth;
	u64 seen = 0;

	bool come() const { return seen >= nth; }
	static void at_moment(void *arg, bool spinning)
	{
		Replaced &r = *static_cast<Replaced *>(arg);

		if (!spinning && r.v->r.w.waits && ++r.seen == r.nth)
			TCE_EXPECT_EQ(r.v->act(2, VcpuOp::Map, 2), h::kSuccess);
	}
};

} // namespace

/*
 * What the hypervisor refuses is closed, although a vCPU has written something
 * else there while it was too busy to close; that comes with its own kill.
 */
TCE_CASE(kvm, replaced_while_it_closes)
{
	constexpr u64 kAt = Vcpus::kEntry * 4096;
	const char *what = "replaced while it closes";
	u64 came = 0;

	for (u64 nth = 1;; nth++) {
		Vcpus v(with_system_pages(param));
		Replaced replaced = { &v, nth };

		TCE_EXPECT_EQ(v.act(1, VcpuOp::Put, 0), h::kSuccess);
		TCE_EXPECT_EQ(v.act(1, VcpuOp::Map, 1), h::kSuccess);
		/* One alone would be closed by the call that sets it. */
		TCE_EXPECT_EQ(v.act(1, VcpuOp::Map, 1, Vcpus::kEntry + 1), h::kSuccess);
		v.r.w.script({ op_bit(Op::Put) | op_bit(Op::PutIndirect), 0, ~0ull, h::kHardware, 0,
			       false });
		v.r.w.script({ op_bit(Op::Stuff), 0, 1, h::kLongBusy1Msec, 0, false });
		v.r.w.moment_arg = &replaced;
		v.r.w.on_moment = Replaced::at_moment;
		tce_table_flush(v.table.tables[0]->table);
		v.r.w.on_moment = nullptr;
		TCE_EXPECT_EQ(v.r.w.counters[TCE_COUNT_KVM_LOST], 2);
		TCE_EXPECT_EQ(v.r.w.live_tces(), 0);
		v.r.w.no_scripts();
		v.act(2, VcpuOp::Kill, 2);
		came += v.r.reaches(kAt, Vcpus::kMem[2] + kAt);
		v.settle(what);
		v.unregister(what);
		v.finish(what);
		if (!replaced.come())
			break;
	}
	TCE_EXPECT_LE(1, came);
}

/* A window's very last entry, alone: whoever publishes gets as far. */
TCE_CASE(kvm, last_entry_alone)
{
	Vcpus v(with_host(param));
	const u64 entries = v.table.size, last = entries - 1, at = last * 4096;
	tce_ktable *k = v.table.tables[0];

	/* As many as KVM, or whoever is in its place, may say. */
	const u64 kills[] = { 1, 2, 512, entries, entries + 1, ~0ull - last, ~0ull };

	TCE_ASSERT_EQ(v.r.map(Vcpus::kMem[0], at, 4096), 0);
	TCE_ASSERT_EQ(v.r.unmap(at, 4096), 0);
	for (u64 nr : kills) {
		TCE_EXPECT_EQ(v.kvm.do_map(k, last, Vcpus::kMem[1], kBoth), h::kSuccess);
		v.kvm.kill(k, last, nr);
		TCE_EXPECT(v.r.reaches(at, Vcpus::kMem[1]));
		TCE_EXPECT_EQ(v.kvm.do_unmap(k, last), h::kSuccess);
		v.kvm.kill(k, last, nr);
		v.r.w.ioda.snoop();
		TCE_EXPECT(v.r.closed(at, 4096));
	}
	/* Nobody kills. */
	TCE_EXPECT_EQ(v.kvm.do_map(k, last, Vcpus::kMem[1], kBoth), h::kSuccess);
	v.r.w.run_deferred();
	TCE_EXPECT(v.r.reaches(at, Vcpus::kMem[1]));
	TCE_EXPECT_EQ(v.kvm.do_unmap(k, last), h::kSuccess);
	/* Who asks for the memory does it. */
	TCE_EXPECT_EQ(v.r.unreg(Vcpus::kMem[1], Vcpus::kSize), 0);
	TCE_EXPECT(v.r.closed(at, 4096));
}

/*
 * Memory that its container had to leave behind, since another one's window
 * named it, goes with that window: its owner may go on for long.
 */
TCE_CASE(kvm, kept_memory_goes_with_the_window)
{
	using guest::kRam;
	using guest::kRamSize;
	Config config = with_host(param);

	config.groups = 2;
	Rig r(config, 2, false);
	Kvm kvm(&r.w.mm[0], kRam);
	GuestTable table;
	const u64 own = kMiB >> config.page_shift;

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
	TCE_EXPECT_EQ(kvm.h_put_tce(table, 0x7000, 0x3000 | kBoth), h::kSuccess);
	r.detach(1);
	r.close(1);
	TCE_EXPECT_EQ(r.w.registered_pages(), (kRamSize >> config.page_shift) + own);
	TCE_EXPECT_EQ(r.remove(0), 0);
	TCE_EXPECT_EQ(r.w.registered_pages(), own);
	kvm.release(table);
	TCE_EXPECT_EQ(kvm.warns, 0);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * In-kernel KVM of another process on our tables: KVM takes any VFIO group's
 * file, and whoever has inherited one can have his guest write to the owner's
 * window.  He gets nothing, takes nothing away, and nothing of his is ever
 * named by it.
 */
#include "guest.hpp"
#include "params.hpp"

using namespace fake;
using guest::kBoth;
using guest::kRam;
using guest::kRamSize;

namespace {

constexpr u64 kTheirs = bit(41);

/*
 * Process 0 has group 0 and a window with a guest; process 1 has group 1,
 * memory, and a guest too.
 */
class Two {
public:
	explicit Two(unsigned int param) : g(12, 12, config_of(param), 2), b(&g.r.w.mm[1], kTheirs)
	{
		Rig &r = g.r;

		r.w.strict_notes = true;
		r.detach(1);
		TCE_EXPECT_EQ(r.attach(1, 1), 0);
		run_as(1);
		TCE_EXPECT_EQ(r.reg(kTheirs, kRamSize, 1), 0);
		run_as(0);
		/* Entries 0 to 9 of the guest of process 0. */
		for (u64 i = 0; i < 10; i++)
			TCE_EXPECT_EQ(g.put(i, i * 4096 | kBoth), h::kSuccess);
		table.page_shift = g.table.page_shift;
		table.offset = g.table.offset;
		table.size = g.table.size;
		TCE_EXPECT_EQ(b.attach(table, 0), 0);
		live = r.w.live_tces();
	}
	~Two()
	{
		b.release(table);
		run_as(0);
	}
	Two(const Two &) = delete;
	Two &operator=(const Two &) = delete;

	static Config config_of(unsigned int param)
	{
		Config config = with_host(param);

		config.groups = 2;
		return config;
	}

	/* Everything is as process 0 has left it. */
	void check()
	{
		g.r.w.run_deferred();
		g.r.w.ioda.snoop();
		TCE_EXPECT_EQ(b.warns, 0);
		TCE_EXPECT_EQ(g.r.w.live_tces(), live);
		for (u64 i = 0; i < 10; i++)
			TCE_EXPECT(g.reaches(i, i * 4096));
		TCE_EXPECT_EQ(notes(0, kRam), 10);
		if (g.r.c[1])
			TCE_EXPECT_EQ(notes(1, kTheirs), 0);
	}
	s64 notes(u32 mm, u64 ua) const
	{
		Guard guard;
		const tce_mem *mem = g.r.w.mem_lookup(&g.r.w.mm[mm], ua, 4096);

		return mem ? mem->mapped - 1 : -1;
	}

	guest::Guest g;
	Kvm b;
	GuestTable table;
	u64 live = 0;
};

} // namespace

/* Maps go to userspace of the other process, which has no container there. */
TCE_CASE(kvm, foreign_maps)
{
	Two t(param);
	u64 list[20];

	for (u64 i = 0; i < 20; i++)
		list[i] = i * 4096 | (i % 3 ? kBoth : 0);
	/* Live entries, and one where nothing is. */
	TCE_EXPECT_EQ(t.b.h_put_tce(t.table, t.g.address(3), 0x7000 | kBoth), h::kTooHard);
	TCE_EXPECT_EQ(t.b.h_put_tce(t.table, t.g.address(15), 0x7000 | kBoth), h::kTooHard);
	TCE_EXPECT_EQ(t.b.h_put_tce(t.table, t.g.address(kMiB), 0x7000 | kBoth), h::kTooHard);
	TCE_EXPECT_EQ(t.b.h_put_tce_indirect(t.table, t.g.address(5), list, 20), h::kTooHard);
	TCE_EXPECT_EQ(t.b.do_map(t.table.tables[0], t.g.index(3), kTheirs, kBoth), h::kTooHard);
	TCE_EXPECT_EQ(t.b.do_map(t.table.tables[0], t.g.index(3), kTheirs, 0), h::kTooHard);
	t.b.kill(t.table.tables[0], t.g.index(0), 20);
	t.check();
	run_as(1);
	TCE_EXPECT_EQ(t.g.r.unreg(kTheirs, kRamSize, 1), 0);
	TCE_EXPECT_EQ(t.g.r.reg(kTheirs, kRamSize, 1), 0);
}

/* The same user address is something else in each process. */
TCE_CASE(kvm, foreign_same_addresses)
{
	Two t(param);

	run_as(1);
	TCE_ASSERT_EQ(t.g.r.reg(kRam, kRamSize, 1), 0);
	run_as(0);
	TCE_EXPECT_EQ(t.b.do_map(t.table.tables[0], t.g.index(3), kRam, kBoth), h::kTooHard);
	TCE_EXPECT_EQ(t.b.do_unmap(t.table.tables[0], t.g.index(3)), h::kSuccess);
	t.check();
	TCE_EXPECT_EQ(t.notes(1, kRam), 0);
	/* Taken back by its owner, with his note. */
	TCE_EXPECT_EQ(t.g.r.unmap(t.g.at, kMiB), 0);
	TCE_EXPECT_EQ(t.notes(0, kRam), 0);
	TCE_EXPECT_EQ(t.notes(1, kRam), 0);
	TCE_EXPECT_EQ(t.g.r.unreg(kRam, kRamSize), 0);
}

/* Clears find nothing there: no splat, and no entry less. */
TCE_CASE(kvm, foreign_clears)
{
	Two t(param);

	TCE_EXPECT_EQ(t.b.h_put_tce(t.table, t.g.address(3), 0), h::kSuccess);
	TCE_EXPECT_EQ(t.b.h_stuff_tce(t.table, t.g.address(0), 0, 1000), h::kSuccess);
	t.b.clear_tce(t.table, t.table.tables[0], t.g.address(4) >> t.table.page_shift);
	t.b.kill(t.table.tables[0], t.g.index(0), 1000);
	t.check();
	/* Nor where a vCPU of the owner's is in the middle of something. */
	t.g.kvm.hook = [](void *arg, Kvm::Point) {
		Two &two = *static_cast<Two *>(arg);
		const Vcpu other(2);

		TCE_EXPECT_EQ(two.b.do_unmap(two.table.tables[0], two.g.index(20)), h::kSuccess);
		TCE_EXPECT_EQ(two.b.do_map(two.table.tables[0], two.g.index(20), kTheirs, kBoth),
			      h::kTooHard);
		two.b.kill(two.table.tables[0], two.g.index(20));
	};
	t.g.kvm.hook_arg = &t;
	TCE_EXPECT_EQ(t.g.put_in_kernel(20, 0x14000 | kBoth), h::kSuccess);
	TCE_EXPECT_EQ(t.g.put_in_kernel(20, 0), h::kSuccess);
	t.g.kvm.hook = nullptr;
	t.check();
}

/* The other process goes, with its memory: nothing of that was ever named. */
TCE_CASE(kvm, foreign_exits)
{
	Two t(param);

	for (u64 i = 0; i < 20; i++)
		t.b.h_put_tce(t.table, t.g.address(i), i * 4096 | kBoth);
	t.b.h_put_tce(t.table, t.g.address(3), 0x3000 | kBoth);
	run_as(1);
	t.g.r.detach(1);
	t.g.r.close(1);
	run_as(0);
	TCE_EXPECT_EQ(t.g.r.w.registered_pages(1), 0);
	t.check();
	/* A guest of it may go on a little longer. */
	TCE_EXPECT_EQ(t.b.h_put_tce(t.table, t.g.address(3), 0), h::kSuccess);
	TCE_EXPECT_EQ(t.b.h_put_tce(t.table, t.g.address(3), 0x3000 | kBoth), h::kTooHard);
	t.check();
}

/*
 * The owner goes; the other process keeps the table, which costs nobody
 * anything.
 */
TCE_CASE(kvm, foreign_keeps_table)
{
	Two t(param);

	t.g.kvm.release(t.g.table);
	t.g.r.detach(0);
	t.g.r.close(0);
	TCE_EXPECT_EQ(t.g.r.w.registered_pages(0), 0);
	TCE_EXPECT_EQ(t.g.r.w.locked_vm(0), 0);
	TCE_EXPECT_EQ(t.g.r.w.live_tces(), 0);
	TCE_EXPECT_EQ(t.g.r.w.counters[TCE_COUNT_LEAVES], 0);
	TCE_EXPECT_EQ(t.b.h_put_tce(t.table, t.g.at, 0x3000 | kBoth), h::kTooHard);
	TCE_EXPECT_EQ(t.b.h_put_tce(t.table, t.g.at, 0), h::kSuccess);
	TCE_EXPECT_EQ(t.notes(1, kTheirs), 0);
	t.b.release(t.table);
	t.g.r.w.run_deferred();
	TCE_EXPECT_EQ(t.g.r.w.live_ktables, 0);
}

/* What the owner may do, he still may. */
TCE_CASE(kvm, foreign_does_not_block)
{
	Two t(param);

	/* Wherever the other one has tried something. */
	for (u64 i = 0; i < 30; i++) {
		t.b.h_put_tce(t.table, t.g.address(i), 0x7000 | kBoth);
		t.b.h_put_tce(t.table, t.g.address(i), 0);
	}
	for (u64 i = 0; i < 30; i++)
		TCE_EXPECT_EQ(t.g.put_in_kernel(i, (i + 1) * 4096 | kBoth), h::kSuccess);
	for (u64 i = 0; i < 30; i++)
		TCE_EXPECT(t.g.reaches(i, (i + 1) * 4096));
	TCE_EXPECT_EQ(t.g.kvm.h_stuff_tce(t.g.table, t.g.at, 0, 30), h::kSuccess);
	TCE_EXPECT_EQ(t.g.r.w.live_tces(), 0);
	TCE_EXPECT_EQ(t.g.r.unreg(kRam, kRamSize), 0);
}

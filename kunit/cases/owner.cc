// SPDX-License-Identifier: GPL-2.0-only
/*
 * What containers of one process share: the owner, its windows, memory that
 * outlives a container.
 */
#include "params.hpp"
#include "rig.hpp"

#include "owner.hpp"

using namespace fake;

namespace {

constexpr u64 kBoth = TCE_PERM_READ | TCE_PERM_WRITE;
constexpr u64 kMem[4] = { bit(36), bit(37), bit(38), bit(39) };
constexpr u64 kPages = kMiB / 4096;

Config with_groups(u32 groups)
{
	Config config;

	config.groups = groups;
	config.fw.default_size = 8 * kMiB;
	return config;
}

} // namespace

/*
 * One for each process, in whatever order they come, and no memory is needed to
 * find it.
 */
TCE_CASE(owner, one_for_each_process)
{
	Rig r(with_groups(1), 3, false);

	TCE_ASSERT_EQ(r.attach(0, 2), 0);
	TCE_ASSERT_EQ(r.reg(kUser, 4096, 0), 0);
	run_as(1);
	TCE_ASSERT_EQ(r.reg(kUser, 4096, 1), 0);
	run_as(0);

	const u64 allocs = r.w.total_allocs;

	TCE_EXPECT_EQ(r.remove(0, 2), 0);
	TCE_EXPECT_EQ(r.w.total_allocs, allocs);
	TCE_EXPECT_EQ(r.w.mm[0].refs, 1);
	TCE_EXPECT_EQ(r.w.mm[1].refs, 1);
}

/* Two threads of a process are the first at the same time. */
TCE_CASE(owner, two_at_once)
{
	World &w = *make<World>(Config());
	tce::Owner *other = nullptr;

	w.on_moment = [](void *arg, bool) {
		auto *found = static_cast<tce::Owner **>(arg);

		if (!*found)
			*found = tce::Owner::get_current().value();
	};
	w.moment_arg = static_cast<void *>(&other);

	tce::Owner *mine = tce::Owner::get_current().value();

	w.on_moment = nullptr;
	TCE_EXPECT(mine);
	TCE_EXPECT_EQ(mine, other);
	TCE_EXPECT_EQ(w.mm[0].refs, 1);
	tce::Owner::put(mine);
	TCE_EXPECT_EQ(w.mm[0].refs, 1);
	tce::Owner::put(other);
	TCE_EXPECT_EQ(w.mm[0].refs, 0);
	unmake(&w);
}

/*
 * Before memory is given back each window publishes what KVM has closed, not
 * only the newest one.
 */
TCE_CASE(owner, every_window_is_flushed)
{
	Rig r(with_groups(1));
	Kvm kvm(&r.w.mm[0], 0);
	GuestTable tables[2];

	TCE_ASSERT_EQ(r.create(12, kGiB), 0);
	tables[0].size = 8 * kMiB >> 12;
	tables[1].size = kGiB >> 12;
	tables[1].offset = r.start >> 12;
	for (u32 i = 0; i < 2; i++) {
		TCE_ASSERT_EQ(r.reg(kMem[i], kMiB), 0);
		TCE_ASSERT_EQ(r.map(kMem[i], tables[i].offset << 12, 4096), 0);
		TCE_ASSERT_EQ(kvm.attach(tables[i], 0), 0);
	}
	for (GuestTable &t : tables)
		kvm.clear_tce(t, t.tables[0], t.offset);
	for (u32 i = 0; i < 2; i++)
		TCE_EXPECT_EQ(r.unreg(kMem[i], kMiB), 0);
	for (GuestTable &t : tables)
		kvm.release(t);
	TCE_EXPECT_EQ(kvm.warns, 0);
}

/*
 * Memory of a container that is gone, in a window of another one: all of it
 * goes when that window does, or when a third container closes after KVM has
 * let go of it.
 */
TCE_CASE(owner, kept_memory_goes)
{
	for (u32 how = 0; how < 2; how++) {
		Rig r(with_groups(1), 3, false);
		Kvm kvm(&r.w.mm[0], 0);
		GuestTable table;

		table.size = 8 * kMiB >> 12;
		TCE_ASSERT_EQ(r.attach(0, 1), 0);
		for (u32 i = 0; i < 4; i++)
			TCE_ASSERT_EQ(r.reg(kMem[i], kMiB, i < 2 ? 0 : i - 1), 0);
		TCE_ASSERT_EQ(r.map(kMem[2], 0, 4096, kRw, 1), 0);
		TCE_ASSERT_EQ(kvm.attach(table, 0), 0);
		for (u64 i = 0; i < 2; i++)
			TCE_EXPECT_EQ(kvm.h_put_tce(table, (1 + i) * 4096, kMem[i] | kBoth),
				      h::kSuccess);
		r.close(0);
		TCE_EXPECT_EQ(r.w.registered_pages(), 4 * kPages);
		if (how) {
			TCE_EXPECT_EQ(r.remove(0, 1), 0);
			TCE_EXPECT_EQ(r.w.registered_pages(), 2 * kPages);
		} else {
			for (u64 i = 0; i < 2; i++)
				TCE_EXPECT_EQ(kvm.h_put_tce(table, (1 + i) * 4096, 0), h::kSuccess);
			r.close(2);
			TCE_EXPECT_EQ(r.w.registered_pages(), kPages);
		}
		kvm.release(table);
		TCE_EXPECT_EQ(kvm.warns, 0);
	}
}

/*
 * As long as some of it stays pinned the address space stays, whatever else is
 * given back.
 */
TCE_CASE(owner, some_stays)
{
	Rig r(with_groups(2), 2, false);

	TCE_ASSERT_EQ(r.attach(0, 0), 0);
	TCE_ASSERT_EQ(r.attach(1, 1), 0);
	TCE_ASSERT_EQ(r.reg(kMem[0], kMiB), 0);
	TCE_ASSERT_EQ(r.reg(kMem[1], kMiB), 0);
	TCE_ASSERT_EQ(r.create(12, kGiB), 0);
	TCE_ASSERT_EQ(r.map(kMem[0], r.start, 4096), 0);
	/* The other container keeps the owner. */
	TCE_ASSERT_EQ(r.remove(0, 1), 0);

	tce_mem *busy = r.w.mem_lookup(&r.w.mm[0], kMem[1], 4096);

	busy->mapped += 5;
	r.w.fail_nth(1, kHcallSites | kDdwSites, true);
	r.detach(0);
	r.close(0);
	r.w.fail_never();
	TCE_EXPECT_EQ(r.w.registered_pages(), 2 * kPages);
	busy->mapped -= 5;
	r.finish();
	TCE_EXPECT_EQ(r.w.registered_pages(), kPages);
	TCE_EXPECT_EQ(r.w.mm[0].refs, 1);
	r.w.skip_balance = true;
}

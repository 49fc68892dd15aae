// SPDX-License-Identifier: GPL-2.0-only
/*
 * In-kernel KVM at the edges: entries behind the end of a table, tables that
 * are gone, what KVM loses, firmware that is busy.
 */
#include "guest.hpp"
#include "params.hpp"

using namespace fake;
using namespace fake::guest;

namespace {

/* States of a window as a guest may find it. */
enum State : u32 { Fresh, Live, Removed, Replaced, Detached, Closed, Foreign, States };

const char *name_of(State s)
{
	static const char *const names[States] = { "fresh",    "live",	 "removed", "replaced",
						   "detached", "closed", "foreign" };

	return names[s];
}

/*
 * Brings a guest's window there; entries 0 to 9 were mapped in all but a fresh
 * one.
 */
void reach(Guest &g, State s)
{
	for (u64 i = 0; s != Fresh && i < 10; i++)
		TCE_EXPECT_EQ(g.put(i, i * 4096 | kBoth), h::kSuccess);
	switch (s) {
	case Removed:
		TCE_EXPECT_EQ(g.r.remove(g.at), 0);
		break;
	case Replaced:
		TCE_EXPECT_EQ(g.r.remove(g.at), 0);
		TCE_EXPECT_EQ(g.r.create(12, 64 * kGiB), 0);
		break;
	case Detached:
		g.r.detach(0);
		break;
	case Closed:
		g.r.finish();
		break;
	default:
		break;
	}
}

u64 window_entries(const Guest &g)
{
	return g.table.size << (g.table.page_shift - g.ktable()->shape.page_shift);
}

} // namespace

int tce_params_window_states(unsigned int i, char *buf, unsigned long bytes)
{
	if (i >= 2 * States)
		return 0;
	if (buf)
		env_snprintf(buf, bytes, "%s_%s", i % 2 ? "powernv" : "papr",
			     name_of(static_cast<State>(i / 2)));
	return 1;
}

namespace {

Config host_of(unsigned int param)
{
	return param % 2 ? with_powernv() : Config{};
}

State state_of(unsigned int param)
{
	return static_cast<State>(param / 2);
}

/* As the process that is meant. */
class Caller {
public:
	Caller(Guest &g, State s)
		: foreign_(&g.r.w.mm[1], kRam), kvm(s == Foreign ? foreign_ : g.kvm)
	{
	}
	Caller(const Caller &) = delete;
	Caller &operator=(const Caller &) = delete;

private:
	Kvm foreign_;

public:
	Kvm &kvm;
};

} // namespace

/*
 * Linux 6.12 does not look at the number of entries: our error is all that
 * keeps KVM from storing the guest's value behind its own table, whatever has
 * become of the window.  It costs a warning.
 */
TCE_CASE(kvm, behind_the_end)
{
	static const u64 kNear[] = { 1, 2, 512 };
	Guest g(12, 12, host_of(param));

	reach(g, state_of(param));
	const u64 live = g.r.w.live_tces();
	for (u64 near : kNear) {
		for (u64 nr = near + 1; nr < near + 3000; nr += 701) {
			Caller c(g, state_of(param));
			const u64 ioba = g.address(g.table.size - near);

			c.kvm.warns = 0;
			TCE_EXPECT_EQ(c.kvm.h_stuff_tce(g.table, ioba, 0x41414140, nr),
				      h::kTooHard);
			TCE_EXPECT_EQ(c.kvm.overruns, 0);
			TCE_EXPECT_EQ(c.kvm.warns, 1);
			c.kvm.warns = 0;
		}
	}
	TCE_EXPECT_EQ(g.r.w.live_tces(), live);
	g.r.w.run_deferred();
}

namespace {

/* A guest's list: too large for the kernel's stack. */
struct List {
	u64 tce[512];
};

} // namespace

/* The same with a list; the guest's vCPU goes to userspace with it. */
TCE_CASE(kvm, list_behind_the_end)
{
	Guest g(12, 12, host_of(param));
	Caller c(g, state_of(param));
	List &list = *make<List>();

	for (u64 rights = 0; rights < 2; rights++) {
		for (u64 i = 0; i < 512; i++)
			list.tce[i] = i * 4096 | (rights ? kBoth : 0);
		if (!rights)
			reach(g, state_of(param));

		const u64 ioba = g.address(g.table.size - 3);

		TCE_EXPECT_EQ(c.kvm.h_put_tce_indirect(g.table, ioba, list.tce, 512), h::kTooHard);
		TCE_EXPECT_EQ(c.kvm.overruns, 0);
		TCE_EXPECT_EQ(c.kvm.warns, 0);
	}
	if (g.r.c[0] && g.r.attached(0) >= 0)
		TCE_EXPECT_EQ(g.r.unmap(kDdwStart, 64 * kGiB),
			      state_of(param) == Removed ? err::kNxio : 0);
	g.r.w.run_deferred();
	if (g.r.c[0])
		TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
	unmake(&list);
}

/* Directly: outside is an error in every state, inside never is for a clear. */
TCE_CASE(kvm, exchanges_in_every_state)
{
	Guest g(12, 12, host_of(param));
	const State s = state_of(param);

	reach(g, s);
	run_as(s == Foreign);

	tce_table *t = g.ktable()->table;
	const u64 first = g.index(0), entries = window_entries(g);
	static const u64 kDistance[] = { 0, 1, 1u << 20, bit(44) };
	static const u64 kInside[] = { 0, 5, 9, 511, 512, 10000 };
	Atomic atomic;

	for (u64 d : kDistance) {
		const u64 outside[] = { first + entries + d, first - 1 - d };

		for (u64 at : outside) {
			for (u32 rights = 0; rights <= kBoth; rights += kBoth) {
				u64 hpa = 0;
				u32 perm = rights;

				TCE_EXPECT_EQ(tce_table_xchg(t, at, &hpa, &perm), err::kInval);
			}
			TCE_EXPECT(!tce_table_useraddr(t, at, 0));
			TCE_EXPECT(!tce_table_useraddr(t, at, 1));
			tce_table_kill(t, at, 1);
		}
	}
	for (u64 i : kInside) {
		u64 hpa = 0x1234000;
		u32 perm = TCE_PERM_NONE;

		TCE_EXPECT_EQ(tce_table_xchg(t, first + i, &hpa, &perm), 0);
		TCE_EXPECT_EQ(perm, TCE_PERM_NONE);
		TCE_EXPECT(!tce_table_useraddr(t, first + i, 0));
		if (s >= Removed)
			TCE_EXPECT(!tce_table_useraddr(t, first + i, 1));
		tce_table_kill(t, first + i, 1);
	}
	tce_table_kill(t, first, ~0ull);
	tce_table_kill(t, ~0ull, ~0ull);
	run_as(0);
	if (s == Foreign)
		TCE_EXPECT_EQ(g.r.w.live_tces(), 10);
	else
		g.r.w.ioda.snoop();
}

/* Whatever a guest clears within its table: no splat, and nothing is left. */
TCE_CASE(kvm, clears_never_warn)
{
	Guest g(12, 16, host_of(param));
	const State s = state_of(param);

	reach(g, s);

	Caller c(g, s);

	TCE_EXPECT_EQ(c.kvm.h_stuff_tce(g.table, g.at, 0, 1000), h::kSuccess);
	TCE_EXPECT_EQ(c.kvm.h_put_tce(g.table, g.address(3), 0), h::kSuccess);
	TCE_EXPECT_EQ(c.kvm.h_put_tce(g.table, g.address(g.table.size - 1), 0), h::kSuccess);
	c.kvm.clear_tce(g.table, g.ktable(), g.address(2) >> 16);
	TCE_EXPECT_EQ(c.kvm.warns, 0);
	g.r.w.run_deferred();
	if (s != Foreign && s != Replaced)
		TCE_EXPECT_EQ(g.r.w.live_tces(), 0);
}

/* --- Who keeps what ------------------------------------------------------- */

/*
 * A window that is gone leaves nothing behind but an empty table, whoever holds
 * on to that.
 */
TCE_CASE(kvm, empty_tables)
{
	Guest g(12, 12, with_host(param));
	static constexpr u32 kTimes = 20;
	GuestTable *kept[kTimes];
	const u64 before = g.r.w.locked_vm();
	u64 bytes = 0;

	TCE_EXPECT_EQ(g.put(0, kBoth), h::kSuccess);
	g.kvm.release(g.table);
	TCE_EXPECT_EQ(g.r.remove(g.at), 0);
	g.r.w.run_deferred();
	for (u32 i = 0; i < kTimes; i++) {
		TCE_ASSERT_EQ(g.r.create(12, 64 * kGiB), 0);
		kept[i] = make<GuestTable>();
		kept[i]->offset = g.r.start >> 12;
		kept[i]->size = 64 * kGiB >> 12;
		TCE_ASSERT_EQ(g.kvm.attach(*kept[i], 0), 0);
		TCE_EXPECT_EQ(g.r.map(kRam, g.r.start, 16 * kMiB), 0);
		TCE_EXPECT_EQ(g.kvm.h_put_tce(*kept[i], g.r.start, kBoth), h::kSuccess);
		TCE_EXPECT_EQ(g.r.remove(g.r.start), 0);
		g.r.w.run_deferred();
		TCE_EXPECT_EQ(g.r.w.counters[TCE_COUNT_LEAVES], 0);
		TCE_EXPECT_EQ(g.r.w.ioda.live_levels, 0);
		TCE_EXPECT_LE(g.r.w.locked_vm(), before);
		if (i == 0)
			bytes = g.r.w.live_bytes;
	}
	/* What stays is small and of the same size each time. */
	TCE_EXPECT_LE(g.r.w.live_bytes, bytes + kTimes * 8 * kKiB);
	TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
	for (GuestTable *table : kept) {
		TCE_EXPECT_EQ(g.kvm.h_put_tce(*table, kDdwStart, 0), h::kSuccess);
		TCE_EXPECT_EQ(g.kvm.h_put_tce(*table, kDdwStart, kBoth), h::kTooHard);
		g.kvm.release(*table);
		unmake(table);
	}
	g.r.w.run_deferred();
	TCE_EXPECT_EQ(g.r.w.live_ktables, 0);
}

/* Two groups in a container, and KVM told of both: it loses no reference. */
TCE_CASE(kvm, two_groups_lose_nothing)
{
	Config config = with_host(param);

	config.groups = 3;

	Guest g(12, 12, config);

	TCE_EXPECT_EQ(g.kvm.attach(g.table, 1), 0);
	TCE_EXPECT_EQ(g.kvm.attach(g.table, 2), 0);
	TCE_EXPECT_EQ(g.table.nr_tables, 3);
	TCE_EXPECT_EQ(g.put(1, kBoth), h::kSuccess);
	TCE_EXPECT_EQ(g.put_in_kernel(1, 0x1000 | kBoth), h::kSuccess);
	for (u32 group = 0; group < 3; group++)
		TCE_EXPECT(g.r.reaches(g.address(1), kRam + 0x1000, kBoth, group));
	g.kvm.detach_group(g.table, 1);
	TCE_EXPECT_EQ(g.table.nr_tables, 2);
	TCE_EXPECT_EQ(g.put_in_kernel(1, 0x2000 | kBoth), h::kSuccess);
	for (u32 group = 0; group < 3; group++)
		TCE_EXPECT(g.r.reaches(g.address(1), kRam + 0x2000, kBoth, group));
	g.kvm.release(g.table);
	g.r.finish();
	g.r.w.run_deferred();
	TCE_EXPECT_EQ(g.r.w.give_up_lost(), 0);
	TCE_EXPECT_EQ(g.r.w.live_ktables, 0);
}

/*
 * Told of the same group twice, KVM loses one all the same: all that it keeps
 * is the empty table.
 */
TCE_CASE(kvm, told_twice)
{
	Guest g(12, 12, with_host(param));

	TCE_EXPECT_EQ(g.kvm.attach(g.table, 0), 0);
	TCE_EXPECT_EQ(g.table.nr_tables, 1);
	TCE_EXPECT_EQ(g.put(1, kBoth), h::kSuccess);
	g.kvm.release(g.table);
	g.r.finish();
	g.r.w.run_deferred();
	TCE_EXPECT_EQ(g.r.w.counters[TCE_COUNT_LEAVES], 0);
	TCE_EXPECT_EQ(g.r.w.ioda.live_levels, 0);
	TCE_EXPECT_EQ(g.r.w.registered_pages(), 0);
	TCE_EXPECT_EQ(g.r.w.mm[0].locked_port, 0);
	TCE_EXPECT_EQ(g.r.w.live_tces(), 0);
	TCE_EXPECT_EQ(g.r.w.give_up_lost(), 1);
	g.r.w.run_deferred();
}

/* --- Notes ---------------------------------------------------------------- */

/* TCEs without rights take notes and set nothing: no note stays. */
TCE_CASE(kvm, notes_without_rights)
{
	Guest g(12, 12, with_host(param));
	List &list = *make<List>();

	g.r.w.strict_notes = true;
	g.touch(0, 512);
	for (u64 i = 0; i < 512; i++)
		list.tce[i] = i * 4096;
	for (u32 round = 0; round < 10; round++)
		TCE_EXPECT_EQ(g.kvm.h_put_tce_indirect(g.table, g.at, list.tce, 512), h::kSuccess);
	TCE_EXPECT_EQ(g.r.w.live_tces(), 0);
	TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
	/* Over what is live: it goes, with its notes. */
	TCE_ASSERT_EQ(g.r.reg(kRam, kRamSize), 0);
	TCE_ASSERT_EQ(g.r.map(kRam, g.at, 512 * 4096), 0);
	TCE_EXPECT_EQ(g.kvm.h_put_tce_indirect(g.table, g.at, list.tce, 512), h::kSuccess);
	TCE_EXPECT_EQ(g.r.w.live_tces(), 0);
	TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
	unmake(&list);
}

/*
 * The end of a process does not take longer the more notes were lost, however
 * that was.
 */
TCE_CASE(kvm, lost_notes)
{
	Config config = with_host(param);

	config.groups = 1;

	Guest g(12, 12, config);

	TCE_EXPECT_EQ(g.put(1, kBoth), h::kSuccess);
	TCE_EXPECT_EQ(g.put(1, 0), h::kSuccess);
	{
		Guard guard;

		g.r.w.mem_lookup(&g.r.w.mm[0], kRam, 4096)->mapped += 1 << 20;
	}
	TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), err::kBusy);
	g.r.w.reset_counts();
	g.r.finish();
	TCE_EXPECT_EQ(g.r.w.registered_pages(), 0);
	TCE_EXPECT_LE(g.r.w.yields, 1000);
	TCE_EXPECT_LE(g.r.w.mem_puts, 1000);
}

/* --- Busy firmware -------------------------------------------------------- */

/* Busy for a while: nothing is lost, and nobody sleeps. */
TCE_CASE(kvm, busy)
{
	static const u64 kTimes[] = { 1, 5, 150 };
	static const long kStatus[] = { h::kBusy, h::kLongBusy1Msec };
	Guest g(12, 12, with_system_pages(param));

	g.r.w.strict_notes = true;
	g.touch(0, 40);
	for (u64 times : kTimes) {
		for (long status : kStatus) {
			g.r.w.script({ kAllOps, 0, times, status, 0, false });
			TCE_EXPECT_EQ(g.put_in_kernel(3, 0x5000 | kBoth), h::kSuccess);
			g.r.w.no_scripts();
			g.r.w.run_deferred();
			TCE_EXPECT(g.reaches(3, 0x5000));
			g.r.w.script({ kAllOps, 0, times, status, 0, false });
			TCE_EXPECT_EQ(g.put_in_kernel(3, 0), h::kSuccess);
			g.r.w.no_scripts();
			g.r.w.run_deferred();
			TCE_EXPECT_EQ(g.r.w.live_tces(), 0);
		}
	}
	TCE_EXPECT_EQ(g.r.w.counters[TCE_COUNT_KVM_LOST], 0);
	TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
}

/* Busy for ever: the vCPU goes on soon, and the entries come later. */
TCE_CASE(kvm, busy_for_ever)
{
	Guest g(12, 12, with_system_pages(param));

	g.r.w.strict_notes = true;
	g.touch(0, 40);
	TCE_EXPECT_EQ(g.put_in_kernel(1, 0x1000 | kBoth), h::kSuccess);
	g.r.w.reset_counts();
	g.r.w.script({ kAllOps, 0, ~0ull, h::kBusy, 0, false });
	TCE_EXPECT_EQ(g.put_in_kernel(1, 0x2000 | kBoth), h::kSuccess);
	TCE_EXPECT_EQ(g.put_in_kernel(2, 0x3000 | kBoth), h::kSuccess);
	TCE_EXPECT_EQ(g.r.w.waits, 0);
	/* A second of a vCPU's time each at the very most. */
	TCE_EXPECT_LE(g.r.w.delayed_us, 2000000);
	TCE_EXPECT_LE(1, g.r.w.armed());
	g.r.w.no_scripts();
	g.r.w.run_deferred();
	TCE_EXPECT(g.reaches(1, 0x2000) && g.reaches(2, 0x3000));
	TCE_EXPECT_EQ(g.put_in_kernel(1, 0), h::kSuccess);
	TCE_EXPECT_EQ(g.put_in_kernel(2, 0), h::kSuccess);
	TCE_EXPECT_EQ(g.r.w.counters[TCE_COUNT_KVM_LOST], 0);
	TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
}

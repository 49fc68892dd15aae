// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two vCPUs on one entry.  KVM has no lock there, and its own steps are not
 * made for that: what it notes, and what it drops, must be right all the same.
 */
#include "guest.hpp"
#include "vcpus.hpp"

using namespace fake;

namespace {

enum Before : u32 { Empty, ByMap, ByKvm, ByKvmPending, Claimed, Befores };

const char *name_of(Before b)
{
	static const char *const names[Befores] = { "nothing", "MAP's", "KVM's", "KVM's, pending",
						    "a broken off map" };

	return names[b];
}

struct Other {
	Vcpus *v;
	VcpuOp op;
	Kvm::Point at;
	bool done;
};

void other_vcpu(void *arg, Kvm::Point at)
{
	Other &o = *static_cast<Other *>(arg);

	if (at != o.at || o.done)
		return;
	o.done = true;
	o.v->act(2, o.op, 2);
}

void play(const Config &config, Before before, VcpuOp one, VcpuOp two, Kvm::Point at)
{
	Vcpus v(config);
	Other other = { &v, two, at, false };
	char what[128];

	env_snprintf(what, sizeof(what), "%s, at point %u %s, over %s, %s", name_of(one),
		     static_cast<u32>(at), name_of(two), name_of(before),
		     config.platform == TCE_PLATFORM_PAPR ? "PAPR" : "PowerNV");
	if (before == ByMap)
		TCE_EXPECT_EQ(v.r.map(Vcpus::kMem[0], 0, 16 * 4096), 0);
	if (before == ByKvm)
		TCE_EXPECT_EQ(v.act(3, VcpuOp::Put, 0), h::kSuccess);
	if (before == ByKvmPending)
		TCE_EXPECT_EQ(v.act(3, VcpuOp::Map, 0), h::kSuccess);
	if (before == Claimed)
		TCE_EXPECT_EQ(v.act(3, VcpuOp::MapNoMemory, 0), h::kTooHard);

	v.kvm.hook = other_vcpu;
	v.kvm.hook_arg = &other;
	v.act(1, one, 1);
	v.kvm.hook = nullptr;

	/*
	 * Memory is not given back while anything is in doubt; then all is
	 * quiet.
	 */
	for (u64 mem : Vcpus::kMem) {
		if (!v.r.unreg(mem, Vcpus::kSize))
			TCE_EXPECT_EQ(v.r.reg(mem, Vcpus::kSize), 0);
	}
	v.settle(what);
	v.unregister(what);
	v.finish(what);
}

} // namespace

int tce_params_vcpu_ops(unsigned int i, char *buf, unsigned long bytes)
{
	if (i >= static_cast<u32>(VcpuOp::Count))
		return 0;
	if (buf)
		env_snprintf(buf, bytes, "%s", name_of(static_cast<VcpuOp>(i)));
	return 1;
}

/* Every pair, at every point, over everything. */
TCE_CASE(kvm, two_vcpus)
{
	Trials trials(param);
	Config config[2] = { {}, with_powernv(2) };

	for (const Config &c : config) {
		for (u32 before = 0; before < Befores; before++) {
			for (u32 two = 0; two < static_cast<u32>(VcpuOp::Count); two++) {
				for (u32 at = 0; at < static_cast<u32>(Kvm::Point::Count); at++) {
					if (!trials.next())
						continue;
					play(c, static_cast<Before>(before),
					     static_cast<VcpuOp>(param), static_cast<VcpuOp>(two),
					     static_cast<Kvm::Point>(at));
				}
			}
		}
	}
}

/*
 * One has taken the old entry out and is about to drop its note; the other maps
 * a page there, which is then the one whose note goes.
 */
TCE_CASE(kvm, unmap_and_map)
{
	Vcpus v(with_system_pages(param));

	TCE_EXPECT_EQ(v.act(1, VcpuOp::Put, 0), h::kSuccess);
	v.kvm.hook = [](void *arg, Kvm::Point at) {
		Vcpus &all = *static_cast<Vcpus *>(arg);

		if (at != Kvm::Point::Exchanged)
			return;
		all.kvm.hook = nullptr;
		TCE_EXPECT_EQ(all.act(2, VcpuOp::Put, 1), h::kSuccess);
	};
	v.kvm.hook_arg = &v;
	TCE_EXPECT_EQ(v.act(1, VcpuOp::PutNothing, 0), h::kSuccess);
	v.settle("unmap and map");
	TCE_EXPECT(v.r.reaches(Vcpus::kEntry * 4096, Vcpus::kMem[1] + Vcpus::kEntry * 4096));
	TCE_EXPECT_EQ(v.r.unreg(Vcpus::kMem[1], Vcpus::kSize), err::kBusy);
	TCE_EXPECT_EQ(v.r.unreg(Vcpus::kMem[0], Vcpus::kSize), 0);
	TCE_EXPECT_EQ(v.act(2, VcpuOp::PutNothing, 0), h::kSuccess);
	TCE_EXPECT_EQ(v.r.unreg(Vcpus::kMem[1], Vcpus::kSize), 0);
}

/* Two map the same entry: one of them does, and goes on to do so. */
TCE_CASE(kvm, map_and_map)
{
	Vcpus v(with_system_pages(param));

	v.kvm.hook = [](void *arg, Kvm::Point at) {
		Vcpus &all = *static_cast<Vcpus *>(arg);

		if (at != Kvm::Point::BeforeStore)
			return;
		all.kvm.hook = nullptr;
		/* Too hard for now: userspace does it, after us. */
		TCE_EXPECT_EQ(all.act(2, VcpuOp::Put, 1), h::kTooHard);
	};
	v.kvm.hook_arg = &v;
	TCE_EXPECT_EQ(v.act(1, VcpuOp::Put, 0), h::kSuccess);
	v.settle("map and map");
	TCE_EXPECT_EQ(v.act(2, VcpuOp::Put, 1), h::kSuccess);
	TCE_EXPECT(v.r.reaches(Vcpus::kEntry * 4096, Vcpus::kMem[1] + Vcpus::kEntry * 4096));
	v.settle("map and map");
	v.unregister("map and map");
}

/*
 * A map that broke off with the slot in its hands: nobody is kept out for good.
 */
TCE_CASE(kvm, broken_off)
{
	Vcpus v(with_system_pages(param));
	const u64 at = Vcpus::kEntry * 4096;

	TCE_EXPECT_EQ(v.act(1, VcpuOp::MapNoMemory, 0), h::kTooHard);
	v.settle("broken off");
	/*
	 * The same vCPU, another one by way of userspace, which is QEMU's MAP.
	 */
	TCE_EXPECT_EQ(v.act(1, VcpuOp::Put, 0), h::kSuccess);
	TCE_EXPECT_EQ(v.act(1, VcpuOp::MapNoMemory, 0), h::kTooHard);
	TCE_EXPECT(v.r.reaches(at, Vcpus::kMem[0] + at));
	v.settle("over a live one");
	TCE_EXPECT_EQ(v.r.unreg(Vcpus::kMem[0], Vcpus::kSize), err::kBusy);
	TCE_EXPECT_EQ(v.r.map(Vcpus::kMem[1], at, 4096), 0);
	TCE_EXPECT_EQ(v.r.unreg(Vcpus::kMem[0], Vcpus::kSize), 0);
	TCE_EXPECT_EQ(v.act(2, VcpuOp::Put, 2), h::kSuccess);
	TCE_EXPECT_EQ(v.act(2, VcpuOp::PutNothing, 2), h::kSuccess);
	TCE_EXPECT_EQ(v.act(1, VcpuOp::MapNoMemory, 0), h::kTooHard);
	TCE_EXPECT_EQ(v.r.unmap(0, Vcpus::kWindow), 0);
	TCE_EXPECT_EQ(v.act(2, VcpuOp::Put, 2), h::kSuccess);
	TCE_EXPECT_EQ(v.r.reg(Vcpus::kMem[0], Vcpus::kSize), 0);
	v.settle("broken off");
	v.unregister("broken off");
}

/* More live entries replaced without a kill than there is room to remember. */
TCE_CASE(kvm, many_replaced)
{
	guest::Guest g(12, 12, with_host(param));
	u64 done = 0;

	g.r.w.strict_notes = true;
	g.touch(0);
	TCE_ASSERT_EQ(g.r.reg(bit(41), kMiB), 0);
	TCE_ASSERT_EQ(g.r.map(bit(41), g.at, 200 * 4096), 0);
	for (u64 i = 0; i < 200; i++) {
		const long rc =
			g.kvm.do_map(g.ktable(), g.index(i), guest::kRam + i * 4096, guest::kBoth);

		TCE_EXPECT(rc == h::kSuccess || rc == h::kTooHard);
		done += rc == h::kSuccess;
	}
	TCE_EXPECT_LE(32, done);
	TCE_EXPECT_EQ(g.r.unreg(bit(41), kMiB), done < 200 ? err::kBusy : 0);
	g.kvm.kill(g.ktable(), g.index(0), 200);
	/* There is room again. */
	for (u64 i = 0; i < 200; i++)
		TCE_EXPECT_EQ(g.put_in_kernel(i, i * 4096 | guest::kBoth), h::kSuccess);
	TCE_EXPECT_EQ(g.r.unreg(bit(41), kMiB), 0);
	TCE_EXPECT_EQ(g.kvm.h_stuff_tce(g.table, g.at, 0, 200), h::kSuccess);
	TCE_EXPECT_EQ(g.r.unreg(guest::kRam, guest::kRamSize), 0);
}

/*
 * One guest's table stands for both groups' of the container, which are one
 * window.
 */
TCE_CASE(kvm, two_tables_of_one_window)
{
	Config config = with_host(param);

	config.groups = 2;

	Vcpus v(config);

	TCE_EXPECT_EQ(v.table.nr_tables, 2);
	for (u32 i = 0; i < 3; i++) {
		TCE_EXPECT_EQ(v.act(1, VcpuOp::Put, i), h::kSuccess);
		v.settle("put");
		TCE_EXPECT_EQ(v.named(i), 1);
		TCE_EXPECT_EQ(v.act(1, VcpuOp::Put, i), h::kSuccess);
		v.settle("the same again");
		TCE_EXPECT_EQ(v.named(i), 1);
		TCE_EXPECT_EQ(v.act(2, VcpuOp::PutIndirect, i), h::kSuccess);
		v.settle("put indirect");
		v.unregister("two tables");
	}
	TCE_EXPECT_EQ(v.act(1, VcpuOp::Stuff, 0), h::kSuccess);
	v.settle("stuff");
	TCE_EXPECT_EQ(v.r.w.live_tces(), 0);
	/* One group goes; the other one's table is the guest's as before. */
	v.kvm.detach_group(v.table, 0);
	v.r.detach(0);
	TCE_EXPECT_EQ(v.table.nr_tables, 1);
	TCE_EXPECT_EQ(v.act(1, VcpuOp::Put, 1), h::kSuccess);
	TCE_EXPECT(v.r.reaches(Vcpus::kEntry * 4096, Vcpus::kMem[1] + Vcpus::kEntry * 4096,
			       Vcpus::kBoth, 1));
	TCE_EXPECT_EQ(v.act(1, VcpuOp::Stuff, 0), h::kSuccess);
	v.kvm.release(v.table);
	v.r.w.run_deferred();
	TCE_EXPECT_EQ(v.r.unreg(Vcpus::kMem[1], Vcpus::kSize), 0);
}

/* Who asks for a slot where a MAP waits for a claim to end gets none. */
TCE_CASE(kvm, shut_while_it_waits)
{
	struct Asks {
		Vcpus v;
		void *slot;
		u32 times;
	} a = { Vcpus(with_host(param)), nullptr, 0 };
	World &w = a.v.r.w;

	/* A map that was broken off, of which the claim is left. */
	TCE_EXPECT_EQ(a.v.act(1, VcpuOp::MapNoMemory, 0), h::kTooHard);
	w.moment_arg = &a;
	w.on_moment = [](void *arg, bool spinning) {
		auto &asks = *static_cast<Asks *>(arg);
		const Vcpu me(2);

		/* The last one before the grace period is over counts. */
		if (spinning || asks.v.r.w.syncs)
			return;
		asks.slot = tce_table_useraddr(asks.v.table.tables[0]->table, Vcpus::kEntry + 1, 1);
		asks.times++;
	};
	TCE_EXPECT_EQ(a.v.r.map(Vcpus::kMem[1], 0, 16 * 4096), 0);
	w.on_moment = nullptr;
	TCE_EXPECT_LE(1, a.times);
	TCE_EXPECT_EQ(w.syncs, 1);
	TCE_EXPECT(!a.slot);
	TCE_EXPECT_EQ(a.v.r.unmap(0, 16 * 4096), 0);
	a.v.finish("shut");
}

/*
 * What the flush has taken out, and a busy hypervisor has not: nothing of it is
 * let go.
 */
TCE_CASE(kvm, map_over_what_is_being_flushed)
{
	struct Maps {
		Vcpus v;
		bool done;
	} m = { Vcpus(with_system_pages(param)), false };
	World &w = m.v.r.w;

	TCE_EXPECT_EQ(m.v.act(1, VcpuOp::Put, 0), h::kSuccess);
	TCE_EXPECT_EQ(m.v.act(1, VcpuOp::Unmap, 0), h::kSuccess);
	w.reset_counts();
	w.script({ kAllOps, 0, 1, h::kLongBusy1Msec, 0, false });
	w.moment_arg = &m;
	w.on_moment = [](void *arg, bool spinning) {
		auto &maps = *static_cast<Maps *>(arg);

		if (spinning || maps.done || !maps.v.r.w.hcall_total())
			return;
		maps.done = true;
		TCE_EXPECT_EQ(maps.v.act(2, VcpuOp::Map, 1), h::kSuccess);
		maps.v.act(2, VcpuOp::Kill, 1);
	};
	w.run_deferred();
	w.on_moment = nullptr;
	TCE_EXPECT(m.done);
	m.v.settle("flushed");
	TCE_EXPECT_EQ(m.v.named(0), 0);
	TCE_EXPECT_EQ(m.v.named(1), 1);
	m.v.finish("flushed");
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * An ioctl in the middle of one of its calls to the port, and a vCPU at that
 * very moment: the reverse of interleave.cc.  Whatever comes out of it,
 *  - no device reaches a page that lost its pin (the fake watches that);
 *  - when all is quiet every memory has as many notes as entries name it;
 *  - at the end everything is back.
 */
#include "vcpus.hpp"

using namespace fake;

namespace {

enum class Ioctl : u32 {
	Map,
	MapMany,
	Unmap,
	UnmapAll,
	UnregOld,
	UnregGuest,
	Leave,
	Join,
	Flush,
	Remove,
	Detach,
	Count
};
enum class Before : u32 { Nothing, ByMap, ByKvm, ByKvmPending, Claimed, Count };

const char *name_of(Ioctl i)
{
	static const char *const names[] = { "map",	  "map_many",	 "unmap", "unmap_all",
					     "unreg_old", "unreg_guest", "leave", "join",
					     "flush",	  "remove",	 "detach" };

	static_assert(sizeof(names) / sizeof(names[0]) == static_cast<u32>(Ioctl::Count));
	return names[static_cast<u32>(i)];
}

constexpr u64 kIova = Vcpus::kEntry * 4096;

/* The nth moment is the vCPU's. */
struct Moment {
	Vcpus *v;
	VcpuOp op;
	u64 nth;
	u64 seen = 0;
	bool come = false;
};

void at_moment(void *arg, bool spinning)
{
	Moment &m = *static_cast<Moment *>(arg);

	/* It may be the leaf's: the vCPU would wait. */
	if (spinning)
		return;
	if (++m.seen != m.nth)
		return;
	m.come = true;
	m.v->act(2, m.op, 2);
}

void act(Vcpus &v, Ioctl ioctl)
{
	switch (ioctl) {
	case Ioctl::Map:
		v.r.map(Vcpus::kMem[1] + kIova, kIova, 4096);
		break;
	case Ioctl::MapMany:
		v.r.map(Vcpus::kMem[1], 0, 16 * 4096);
		break;
	case Ioctl::Unmap:
		v.r.unmap(kIova, 4096);
		break;
	case Ioctl::UnmapAll:
		v.r.unmap(0, Vcpus::kWindow);
		break;
	case Ioctl::UnregOld:
		v.r.unreg(Vcpus::kMem[0], Vcpus::kSize);
		break;
	case Ioctl::UnregGuest:
		v.r.unreg(Vcpus::kMem[2], Vcpus::kSize);
		break;
	case Ioctl::Leave:
		v.r.detach(1);
		break;
	case Ioctl::Join:
		v.r.attach(1);
		break;
	case Ioctl::Flush:
		v.r.w.run_deferred();
		break;
	case Ioctl::Remove:
		v.r.remove(0);
		break;
	case Ioctl::Detach:
		v.r.detach(1);
		v.r.detach(0);
		break;
	case Ioctl::Count:
		break;
	}
}

/* False: there is no such moment. */
bool play(const Config &config, Before before, Ioctl ioctl, VcpuOp op, u64 nth)
{
	Vcpus v(config);
	Moment moment = { &v, op, nth };
	char what[128];

	env_snprintf(what, sizeof(what), "%s, at moment %llu %s, over %u, %s", name_of(ioctl), nth,
		     name_of(op), static_cast<u32>(before),
		     config.platform == TCE_PLATFORM_PAPR ? "PAPR" : "PowerNV");
	if (ioctl == Ioctl::Join)
		v.r.detach(1);
	if (before == Before::ByMap)
		TCE_EXPECT_EQ(v.r.map(Vcpus::kMem[0], 0, 16 * 4096), 0);
	if (before == Before::ByKvm)
		TCE_EXPECT_EQ(v.act(3, VcpuOp::Put, 0), h::kSuccess);
	if (before == Before::ByKvmPending)
		TCE_EXPECT_EQ(v.act(3, VcpuOp::Map, 0), h::kSuccess);
	if (before == Before::Claimed)
		TCE_EXPECT_EQ(v.act(3, VcpuOp::MapNoMemory, 0), h::kTooHard);

	v.r.w.moment_arg = &moment;
	v.r.w.on_moment = at_moment;
	act(v, ioctl);
	v.r.w.on_moment = nullptr;

	for (u64 mem : Vcpus::kMem) {
		/* Or the ioctl was that. */
		if (v.r.unreg(mem, Vcpus::kSize) != err::kBusy)
			TCE_EXPECT_EQ(v.r.reg(mem, Vcpus::kSize), 0);
	}
	switch (ioctl) {
	case Ioctl::Remove:
	case Ioctl::Detach:
		v.r.w.run_deferred();
		TCE_EXPECT_EQ(v.r.w.live_tces(), 0);
		for (u64 mem : Vcpus::kMem) {
			if (const int rc = v.r.unreg(mem, Vcpus::kSize))
				FAKE_FAIL("%s: memory stays: %d", what, rc);
		}
		break;
	case Ioctl::Leave:
		TCE_EXPECT(v.r.closed(0, ~0ull, 1));
		TCE_EXPECT_EQ(v.r.attach(1), 0);
		[[fallthrough]];
	default:
		v.settle(what);
		v.unregister(what);
		v.finish(what);
	}
	return moment.come;
}

} // namespace

/*
 * At every moment of every ioctl, over everything; where there is no time for
 * all, of some.
 */
TCE_CASE(interleave, ioctl_with)
{
	Trials trials(param);
	Config config[2] = { {}, with_powernv(2) };
	u64 moments = 0;

	config[0].groups = 2;
	for (const Config &c : config) {
		for (u32 ioctl = 0; ioctl < static_cast<u32>(Ioctl::Count); ioctl++) {
			for (u32 before = 0; before < static_cast<u32>(Before::Count); before++) {
				u64 nth = 1;

				if (!trials.next())
					continue;
				while (play(c, static_cast<Before>(before),
					    static_cast<Ioctl>(ioctl), static_cast<VcpuOp>(param),
					    nth))
					nth++;
				moments += nth - 1;
			}
		}
	}
	/* Some for each ioctl. */
	TCE_EXPECT_LE(2 * 2 * static_cast<u64>(Ioctl::Count), moments * stride());
}

// SPDX-License-Identifier: GPL-2.0-only
/* Several vCPUs on the entries of one window. */
#include "vcpus.hpp"

namespace fake {

const char *name_of(VcpuOp op)
{
	static const char *const names[] = { "map",   "map_no_rights", "map_no_memory",
					     "unmap", "clear",	       "kill",
					     "put",   "put_nothing",   "put_indirect",
					     "stuff" };

	static_assert(sizeof(names) / sizeof(names[0]) == static_cast<u32>(VcpuOp::Count));
	return op < VcpuOp::Count ? names[static_cast<u32>(op)] : "?";
}

namespace {

Config with_window(Config config)
{
	config.fw.default_size = Vcpus::kWindow;
	return config;
}

} // namespace

Vcpus::Vcpus(const Config &config) : r(with_window(config)), kvm(&r.w.mm[0], 0)
{
	r.w.strict_notes = true;
	for (u64 mem : kMem)
		TCE_EXPECT_EQ(r.reg(mem, kSize), 0);
	/* The first leaf is there. */
	TCE_EXPECT_EQ(r.map(kMem[0], 0, 16 * 4096), 0);
	TCE_EXPECT_EQ(r.unmap(0, 16 * 4096), 0);
	table.size = kWindow >> 12;
	for (u32 g = 0; g < config.groups; g++)
		TCE_EXPECT_EQ(kvm.attach(table, g), 0);
}

Vcpus::~Vcpus()
{
	kvm.release(table);
}

long Vcpus::act(u32 vcpu, VcpuOp op, u32 mem, u64 entry)
{
	const Vcpu me(vcpu);
	const u64 ua = kMem[mem] + entry * 4096;
	tce_ktable *k = table.tables[(vcpu + entry) % table.nr_tables];
	u64 list[4];

	for (u64 i = 0; i < 4; i++)
		list[i] = (ua + i * 4096) | (i == 1 ? 0 : kBoth);
	switch (op) {
	case VcpuOp::Map:
		return kvm.do_map(k, entry, ua, kBoth);
	case VcpuOp::MapNoRights:
		return kvm.do_map(k, entry, ua, 0);
	case VcpuOp::MapNoMemory:
		return kvm.do_map(k, entry, bit(39), kBoth);
	case VcpuOp::Unmap:
		return kvm.do_unmap(k, entry);
	case VcpuOp::Clear:
		kvm.clear_tce(table, k, entry);
		break;
	case VcpuOp::Kill:
		kvm.kill(k, entry);
		break;
	case VcpuOp::Put:
		return kvm.h_put_tce(table, entry * 4096, ua | kBoth);
	case VcpuOp::PutNothing:
		return kvm.h_put_tce(table, entry * 4096, 0);
	case VcpuOp::PutIndirect:
		return kvm.h_put_tce_indirect(table, entry * 4096, list, 4);
	case VcpuOp::Stuff:
		return kvm.h_stuff_tce(table, entry * 4096, 0, 4);
	case VcpuOp::Count:
		break;
	}
	return h::kSuccess;
}

u64 Vcpus::named(u32 mem) const
{
	Guard g;
	const tce_mem *m = r.w.mem_lookup(&r.w.mm[0], kMem[mem], 4096);

	return m ? r.w.entries_naming_mem(*m) : 0;
}

void Vcpus::settle(const char *what)
{
	r.w.run_deferred();
	r.w.ioda.snoop();
	if (r.w.armed())
		FAKE_FAIL("%s: a flush is armed after the flush", what);
	for (u32 i = 0; i < kMems; i++) {
		const u64 n = named(i);
		s64 notes = 0;
		{
			Guard g;
			const tce_mem *m = r.w.mem_lookup(&r.w.mm[0], kMem[i], 4096);

			if (!m)
				continue;
			notes = m->mapped - 1;
		}
		if (notes != static_cast<s64>(n))
			FAKE_FAIL("%s: memory %u has %lld notes, %llu entries name it", what, i,
				  notes, n);
	}
	if (kvm.warns)
		FAKE_FAIL("%s: KVM warns %u times", what, kvm.warns);
	kvm.warns = 0;
}

void Vcpus::unregister(const char *what)
{
	for (u32 i = 0; i < kMems; i++) {
		const bool busy = named(i);
		const int rc = r.unreg(kMem[i], kSize);

		if (rc != (busy ? err::kBusy : 0))
			FAKE_FAIL("%s: memory %u, %s, is unregistered: %d", what, i,
				  busy ? "named" : "free", rc);
		if (!rc)
			TCE_EXPECT_EQ(r.reg(kMem[i], kSize), 0);
	}
}

void Vcpus::finish(const char *what)
{
	TCE_EXPECT_EQ(r.remove(0), 0);
	r.w.run_deferred();
	for (u64 mem : kMem) {
		const int rc = r.unreg(mem, kSize);

		if (rc)
			FAKE_FAIL("%s: memory stays: %d", what, rc);
	}
	if (r.w.counters[TCE_COUNT_LEAVES])
		FAKE_FAIL("%s: %lld leaves stay", what, r.w.counters[TCE_COUNT_LEAVES]);
}

} // namespace fake

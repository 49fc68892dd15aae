// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM in the middle of one entry, and an ioctl at that very moment.
 *
 * KVM asks for the slot, notes the memory, exchanges the entry, stores to the
 * slot, kills: steps without a lock.  At each of them another thread does each
 * thing that userspace can do.  It may be made to wait, or not.  Whatever comes
 * out of it,
 *  - no device reaches a page that lost its pin (the fake watches that);
 *  - every memory has as many notes as live entries name it;
 *  - nothing that is freed is used, and KVM does not warn;
 *  - at the end everything is back.
 */
#include "params.hpp"
#include "rig.hpp"

using namespace fake;

namespace {

constexpr u64 kBoth = TCE_PERM_READ | TCE_PERM_WRITE;
constexpr u64 kOld = bit(37);	/* what the entry names at first */
constexpr u64 kGuest = bit(38); /* what KVM maps */
constexpr u64 kNew = bit(39);	/* what MAP maps */
constexpr u64 kIova = 5 * 4096;
constexpr u64 kSize = kMiB;

enum Ioctl : u32 {
	Map,
	MapOld,
	Unmap,
	UnmapAll,
	Remove,
	RemoveCreate,
	UnregOld,
	UnregGuest,
	UnregNew,
	Detach,
	DetachOther,
	Close,
	Flush,
	Kill,
	FileDel,
	RemoveFileDel,
	CloseFileDel,
	Ioctls
};
enum Before : u32 { Empty, ByMap, ByKvm, ByKvmPending, Befores };
enum KvmOp : u32 { DoMap, DoUnmap, Put, PutNothing, PutNoRights, KvmOps };

constexpr u32 kPoints = static_cast<u32>(Kvm::Point::Count);

const char *name_of(Ioctl i)
{
	static const char *const names[Ioctls] = {
		"map",
		"map_old",
		"unmap",
		"unmap_all",
		"remove",
		"remove_create",
		"unreg_old",
		"unreg_guest",
		"unreg_new",
		"detach",
		"detach_other",
		"close",
		"flush",
		"kill",
		"file_del",
		"remove_file_del",
		"close_file_del",
	};

	return names[i];
}

struct Scene {
	Rig *r;
	Kvm *kvm;
	GuestTable *table;
	Ioctl ioctl;
	Kvm::Point point;
	bool started = false;
	env_task *task = nullptr;
	int done = 0;
};

void act(Scene &s)
{
	Rig &r = *s.r;

	run_as(0);
	switch (s.ioctl) {
	case Map:
		r.map(kNew, 0, 16 * 4096);
		break;
	case MapOld:
		r.map(kOld, 0, 16 * 4096);
		break;
	case Unmap:
		r.unmap(kIova, 4096);
		break;
	case UnmapAll:
		r.unmap(0, 8 * kMiB);
		break;
	case Remove:
		r.remove(0);
		break;
	case RemoveCreate:
		r.remove(0);
		r.create(12, 8 * kMiB);
		r.map(kNew, 0, 16 * 4096);
		break;
	case UnregOld:
		r.unreg(kOld, kSize);
		break;
	case UnregGuest:
		r.unreg(kGuest, kSize);
		break;
	case UnregNew:
		r.unreg(kNew, kSize);
		break;
	case Detach:
		r.detach(1);
		r.detach(0);
		break;
	case DetachOther:
		r.detach(1);
		break;
	case Close:
		r.finish();
		break;
	case Flush:
		tce_table_flush(s.table->tables[0]->table);
		break;
	case Kill:
		s.kvm->kill(s.table->tables[0], 0, 16);
		break;
	case CloseFileDel:
		s.kvm->release(*s.table);
		r.finish();
		break;
	case RemoveFileDel:
		s.kvm->release(*s.table);
		r.remove(0);
		break;
	case FileDel:
		s.kvm->release(*s.table);
		break;
	case Ioctls:
		break;
	}
	__atomic_store_n(&s.done, 1, __ATOMIC_RELEASE);
}

void act_in_thread(void *arg)
{
	act(*static_cast<Scene *>(arg));
}

/*
 * KVM is in the middle: the other thread gets its time, and is let go when it
 * waits.
 */
void at_point(void *arg, Kvm::Point at)
{
	Scene &s = *static_cast<Scene *>(arg);

	if (at != s.point || s.started)
		return;
	s.started = true;
	s.task = env_task_start(act_in_thread, &s);
	if (!s.task)
		return;

	const u64 until = env_nsecs() + 3 * 1000 * 1000;

	while (!__atomic_load_n(&s.done, __ATOMIC_ACQUIRE) && env_nsecs() < until)
		env_yield();
}

/* Entries of any group that name the memory. */
u64 named(const World &w, const tce_mem *mem)
{
	u64 most = 0;

	for (u32 g = 0; g < w.config.groups; g++) {
		u64 n = 0;

		for (const FwWindow &window : w.groups[g].win) {
			window.tces.for_each([&](u64, u64 tce) {
				for (u64 i = 0; i < mem->npages; i++) {
					const u64 ua = mem->ua + (i << w.config.page_shift);

					n += w.hpa_of(mem->mm, ua) == (tce & ~0xfffull);
				}
			});
		}
		most = n > most ? n : most;
	}
	return most;
}

void check_notes(const World &w, const char *what)
{
	for (const tce_mem *mem = w.mm[0].mems; mem; mem = mem->next) {
		const u64 n = named(w, mem);

		if (static_cast<u64>(mem->mapped - 1) != n) {
			FAKE_FAIL("%s: memory 0x%llx has %lld notes, %llu entries name it", what,
				  mem->ua, mem->mapped - 1, n);
		}
	}
}

void play(Ioctl ioctl, Before before, KvmOp op, Kvm::Point point)
{
	Config config;

	config.groups = 2;
	config.fw.default_size = 8 * kMiB;

	Rig r(config);
	Kvm kvm(&r.w.mm[0], 0);
	GuestTable table;
	Scene s = { &r, &kvm, &table, ioctl, point };
	char what[96];

	env_snprintf(what, sizeof(what), "%s while KVM %ss over %s, point %u", name_of(ioctl),
		     op == DoMap      ? "map" :
		     op == DoUnmap    ? "unmap" :
		     op == Put	      ? "put" :
		     op == PutNothing ? "put nothing" :
					"put no right",
		     before == Empty ? "nothing" :
		     before == ByMap ? "MAP's" :
		     before == ByKvm ? "its own" :
				       "its own, pending",
		     static_cast<u32>(point));
	TCE_REQUIRE(!r.reg(kOld, kSize) && !r.reg(kGuest, kSize) && !r.reg(kNew, kSize));
	TCE_REQUIRE(!r.map(kOld, 100 * 4096, 4096));
	table.size = 8 * kMiB >> 12;
	TCE_REQUIRE(!kvm.attach(table, 0));
	r.w.strict_notes = true;

	tce_ktable *k = table.tables[0];
	const u64 entry = kIova >> 12;
	const u64 list[1] = { kGuest + kIova };

	if (before == ByMap)
		TCE_EXPECT_EQ(r.map(kOld + kIova, kIova, 4096), 0);
	if (before == ByKvm || before == ByKvmPending)
		TCE_EXPECT_EQ(kvm.do_map(k, entry, kOld + kIova, kBoth), h::kSuccess);
	if (before == ByKvm)
		kvm.kill(k, entry);

	kvm.hook = at_point;
	kvm.hook_arg = &s;
	if (op == DoMap)
		kvm.do_map(k, entry, kGuest + kIova, kBoth);
	else if (op == DoUnmap)
		kvm.do_unmap(k, entry);
	else if (op == PutNoRights)
		kvm.h_put_tce_indirect(table, kIova, list, 1);
	else
		kvm.h_put_tce(table, kIova, op == Put ? (kGuest + kIova) | kBoth : 0);
	kvm.hook = nullptr;
	if (s.task)
		env_task_join(s.task);

	/* KVM publishes after the sequence; then all is quiet. */
	if (table.nr_tables)
		kvm.kill(k, entry);
	r.w.run_deferred();
	check_notes(r.w, what);
	/* Memory that is in a device's reach is busy: the fake cries if not. */
	if (r.c[0]) {
		r.unreg(kGuest, kSize);
		r.unreg(kOld, kSize);
		r.unreg(kNew, kSize);
	}
	r.w.run_deferred();
	kvm.release(table);
	r.finish();
	if (r.w.registered_pages())
		FAKE_FAIL("%s: %llu pages stay registered", what, r.w.registered_pages());
	if (kvm.warns)
		FAKE_FAIL("%s: KVM warns %u times", what, kvm.warns);
}

} // namespace

int tce_params_interleavings(unsigned int i, char *buf, unsigned long bytes)
{
	if (i >= Ioctls)
		return 0;
	if (buf)
		env_snprintf(buf, bytes, "%s", name_of(static_cast<Ioctl>(i)));
	return 1;
}

TCE_CASE(interleave, kvm_with)
{
	Trials trials(param);

	for (u32 before = 0; before < Befores; before++) {
		for (u32 op = 0; op < KvmOps; op++) {
			for (u32 point = 0; point < kPoints; point++) {
				if (!trials.next())
					continue;
				play(static_cast<Ioctl>(param), static_cast<Before>(before),
				     static_cast<KvmOp>(op), static_cast<Kvm::Point>(point));
			}
		}
	}
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pushes, and a vCPU while somebody waits for a hypervisor that is busy: what
 * is pushed again, and when notes go.
 */
#include "vcpus.hpp"

using namespace fake;
using Does = VcpuOp;

namespace {

constexpr u64 kAt = Vcpus::kEntry;
constexpr u64 kFar = 30; /* in the same leaf, in no run of kAt's */
constexpr u64 kPages = 16;

enum class Who : u32 { Flush, Map, Unmap };

/* At the nth moment of somebody's wait a vCPU does something. */
struct During {
	Vcpus *v;
	u64 nth;
	Does op;
	u64 entry = kAt;
	u64 seen = 0;
	bool come = false;
	long answer = 0;
	u64 calls = 0; /* hypercalls of the vCPU */

	void begin()
	{
		v->r.w.moment_arg = this;
		v->r.w.on_moment = at_moment;
	}
	void end() const
	{
		v->r.w.on_moment = nullptr;
		v->r.w.no_scripts();
	}

private:
	static void at_moment(void *arg, bool spinning)
	{
		During &d = *static_cast<During *>(arg);
		World &w = d.v->r.w;

		if (d.come || spinning || !w.waits || ++d.seen != d.nth)
			return;
		d.come = true;

		const u64 before = w.hcall_total();

		d.answer = d.v->act(2, d.op, 2, d.entry);
		d.calls = w.hcall_total() - before;
	}
};

void act(Vcpus &v, Who who)
{
	switch (who) {
	case Who::Flush:
		tce_table_flush(v.table.tables[0]->table);
		break;
	case Who::Map:
		v.r.map(Vcpus::kMem[1], 0, kPages * 4096);
		break;
	case Who::Unmap:
		v.r.unmap(0, kPages * 4096);
		break;
	}
}

s64 notes_of(Vcpus &v, u32 mem)
{
	Guard g;

	return v.r.w.mem_lookup(&v.r.w.mm[0], Vcpus::kMem[mem], 4096)->mapped - 1;
}

} // namespace

/*
 * The deferred flush waits with an entry, and a vCPU changes it at that moment:
 * its notes wait.
 */
TCE_CASE(kvm, changed_under_way)
{
	static constexpr Does kOps[] = { Does::Map, Does::MapNoRights, Does::MapNoMemory,
					 Does::Unmap, Does::Clear };

	for (u32 cleared = 0; cleared < 2; cleared++) {
		for (Does op : kOps) {
			for (u64 nth = 1;; nth++) {
				Vcpus v(with_system_pages(param));
				During d = { &v, nth, op };

				TCE_EXPECT_EQ(v.act(1, Does::Put, 0), h::kSuccess);
				TCE_EXPECT_EQ(v.act(1, cleared ? Does::Unmap : Does::Map, 1),
					      h::kSuccess);
				v.r.w.reset_counts();
				v.r.w.script({ kAllOps, 0, 1, h::kLongBusy1Msec, 0, false });
				d.begin();
				act(v, Who::Flush);
				d.end();
				v.settle(name_of(op));
				v.unregister(name_of(op));
				v.finish(name_of(op));
				if (!d.come)
					break;
			}
		}
	}
}

/*
 * What a vCPU writes while somebody waits goes with the run, and if that is
 * refused it is closed with it; the kill that comes for it finds nothing to do.
 */
TCE_CASE(kvm, newer_than_what_is_refused)
{
	const char *what = "newer than what is refused";
	Vcpus v(with_system_pages(param));
	During d = { &v, 1, Does::Map };
	World &w = v.r.w;

	TCE_EXPECT_EQ(v.act(1, Does::Map, 1), h::kSuccess);
	w.reset_counts();
	w.script({ kAllOps, 0, 1, h::kLongBusy1Msec, 0, false });
	w.script({ kAllOps, 0, 1, h::kHardware, 0, false });
	d.begin();
	act(v, Who::Flush);
	d.end();
	TCE_EXPECT(d.come);
	TCE_EXPECT_EQ(w.counters[TCE_COUNT_KVM_LOST], 1);
	w.reset_counts();
	v.act(2, Does::Kill, 2);
	TCE_EXPECT_EQ(w.hcall_total(), 0);
	TCE_EXPECT(v.r.closed(kAt * 4096, 4096));
	TCE_EXPECT_EQ(notes_of(v, 1) + notes_of(v, 2), 0);
	v.settle(what);
	v.unregister(what);
	v.finish(what);
}

/* What was published after a wait is not published again. */
TCE_CASE(kvm, waited_is_settled)
{
	Vcpus v(with_system_pages(param));
	World &w = v.r.w;

	TCE_EXPECT_EQ(v.act(1, Does::Map, 1), h::kSuccess);
	w.script({ kAllOps, 0, 1, h::kLongBusy1Msec, 0, false });
	act(v, Who::Flush);
	TCE_EXPECT_LE(1, w.waits);
	w.reset_counts();
	act(v, Who::Flush);
	v.act(1, Does::Kill, 1);
	TCE_EXPECT_EQ(w.hcall_total(), 0);
	v.settle("settled after a wait");
	v.unregister("settled after a wait");
	v.finish("settled after a wait");
}

/*
 * While MAP and UNMAP are at work KVM finds no slot in that leaf, and its kills
 * leave the work to them.
 */
TCE_CASE(kvm, leaf_is_taken)
{
	static constexpr Does kOps[] = { Does::Put, Does::PutNothing };
	static constexpr u64 kEntries[] = { kAt, kFar };

	for (u32 unmap = 0; unmap < 2; unmap++) {
		for (Does op : kOps) {
			for (u64 entry : kEntries) {
				Vcpus v(with_system_pages(param));
				During d = { &v, 1, op, entry };

				TCE_EXPECT_EQ(v.act(1, Does::Put, 0), h::kSuccess);
				TCE_EXPECT_EQ(v.act(1, Does::Put, 0, kFar), h::kSuccess);
				v.r.w.reset_counts();
				v.r.w.script({ kAllOps, 0, 1, h::kLongBusy1Msec, 0, false });
				d.begin();
				act(v, unmap ? Who::Unmap : Who::Map);
				d.end();
				TCE_EXPECT(d.come);
				TCE_EXPECT_EQ(d.calls, 0);
				TCE_EXPECT_EQ(d.answer,
					      op == Does::Put ? h::kTooHard : h::kSuccess);
				if (op == Does::PutNothing)
					TCE_EXPECT(v.r.closed(entry * 4096, 4096));
				v.settle(name_of(op));
				v.unregister(name_of(op));
				v.finish(name_of(op));
			}
		}
	}
}

/*
 * Who has waited says what is true then, whatever else was pushed in the
 * meantime.
 */
TCE_CASE(kvm, list_is_written_anew)
{
	Rig r(with_system_pages(param));
	Kvm kvm(&r.w.mm[0], bit(36));
	GuestTable table;
	struct Other {
		Rig *r;
		Kvm *kvm;
		GuestTable *table;
		bool come = false;
	} other = { &r, &kvm, &table };
	constexpr u64 kOther = 20000; /* a leaf of its own */

	TCE_ASSERT_EQ(r.reg(bit(36), kMiB), 0);
	TCE_ASSERT_EQ(r.reg(kUser, kMiB), 0);
	TCE_ASSERT_EQ(r.create(12, kGiB), 0);
	table.offset = r.start >> 12;
	table.size = kGiB >> 12;
	TCE_ASSERT_EQ(kvm.attach(table, 0), 0);
	TCE_ASSERT_EQ(r.map(kUser, r.start + kOther * 4096, 16 * 4096), 0);
	r.w.reset_counts();
	r.w.script({ kAllOps, 0, 1, h::kLongBusy1Msec, 0, false });
	r.w.moment_arg = &other;
	r.w.on_moment = [](void *arg, bool spinning) {
		Other &o = *static_cast<Other *>(arg);
		u64 list[4];

		if (spinning || o.come || !o.r->w.waits)
			return;
		o.come = true;
		for (u64 i = 0; i < 4; i++)
			list[i] = i * 4096 | Vcpus::kBoth;
		TCE_EXPECT_EQ(o.kvm->h_put_tce_indirect(*o.table, o.r->start + kOther * 4096, list,
							4),
			      h::kSuccess);
		/* All of them at once: KVM alone does one by one. */
		for (u64 i = 0; i < 4; i++)
			TCE_EXPECT_EQ(o.kvm->do_map(o.table->tables[0],
						    (o.r->start >> 12) + kOther + i,
						    bit(36) + (i + 8) * 4096, Vcpus::kBoth),
				      h::kSuccess);
		o.kvm->kill(o.table->tables[0], (o.r->start >> 12) + kOther, 4);
	};
	TCE_EXPECT_EQ(r.map(kUser, r.start, 16 * 4096), 0);
	r.w.on_moment = nullptr;
	TCE_EXPECT(other.come);
	for (u64 i = 0; i < 16; i++) {
		TCE_EXPECT(r.reaches(r.start + i * 4096, kUser + i * 4096));
		TCE_EXPECT(r.reaches(r.start + (kOther + i) * 4096,
				     (i < 4 ? bit(36) + 8 * 4096 : kUser) + i * 4096));
	}
	kvm.release(table);
}

/*
 * What a vCPU has cleared while a MAP was under way that is refused stays so.
 */
TCE_CASE(kvm, cleared_under_a_refused_map)
{
	/*
	 * What is refused: the new entries; the old ones, too; to close them,
	 * too.
	 */
	for (u32 hard = 0; hard < 3; hard++) {
		for (u32 by_kvm = 0; by_kvm < 2; by_kvm++) {
			Vcpus v(with_system_pages(param));
			During d = { &v, 1, Does::Unmap };
			World &w = v.r.w;
			const char *what = "cleared under a refused MAP";

			if (by_kvm)
				TCE_EXPECT_EQ(v.act(1, Does::Put, 0), h::kSuccess);
			else
				TCE_EXPECT_EQ(v.r.map(Vcpus::kMem[0], 0, kPages * 4096), 0);
			w.script({ kAllOps, 0, 1, h::kLongBusy1Msec, 0, false });
			w.script({ hard < 2 ? op_bit(Op::PutIndirect) : kAllOps, 0,
				   hard ? ~0ull : 1, h::kHardware, 0, false });
			d.begin();
			TCE_EXPECT_EQ(v.r.map(Vcpus::kMem[1], 0, kPages * 4096), err::kIo);
			d.end();
			TCE_EXPECT(d.come);
			TCE_EXPECT_EQ(v.r.unreg(Vcpus::kMem[2], Vcpus::kSize), 0);
			TCE_EXPECT_EQ(v.r.reg(Vcpus::kMem[2], Vcpus::kSize), 0);
			TCE_EXPECT(v.r.closed(kAt * 4096, 4096));
			/* The first run is as it was. */
			if (!hard && !by_kvm)
				TCE_EXPECT_EQ(w.live_tces(), kPages - 1);
			if (hard < 2)
				TCE_EXPECT_EQ(w.logs_of[TCE_LOG_ENTRIES], 0);
			v.settle(what);
			v.unregister(what);
			v.finish(what);
		}
	}
}

/*
 * A claim that was broken off goes with the flush, and others get the slot
 * again; that costs once.
 */
TCE_CASE(kvm, broken_off_goes_with_the_flush)
{
	const char *what = "broken off, cleared, flushed";
	Vcpus v(with_host(param));
	World &w = v.r.w;

	TCE_EXPECT_EQ(v.act(1, Does::Put, 0), h::kSuccess);
	TCE_EXPECT_EQ(v.act(1, Does::MapNoMemory, 1), h::kTooHard);
	TCE_EXPECT_EQ(v.act(2, Does::PutNothing, 0), h::kSuccess);
	TCE_EXPECT_EQ(v.act(2, Does::Put, 1), h::kTooHard);
	w.run_deferred();
	w.reset_counts();
	tce_table_flush(v.table.tables[0]->table);
	TCE_EXPECT_EQ(w.hcall_total() + w.ioda.kills + w.syncs, 0);
	TCE_EXPECT_EQ(v.act(2, Does::Put, 1), h::kSuccess);
	v.settle(what);
	v.unregister(what);
	v.finish(what);
}

/*
 * The same entry again, before anything is published: the first one's note goes
 * with the publish.
 */
TCE_CASE(kvm, same_again)
{
	for (u32 kill = 0; kill < 2; kill++) {
		Vcpus v(with_host(param));

		TCE_EXPECT_EQ(v.act(1, Does::Map, 1), h::kSuccess);
		TCE_EXPECT_EQ(v.act(1, Does::Map, 1), h::kSuccess);
		if (kill)
			v.act(1, Does::Kill, 1);
		v.settle("the same again");
		TCE_EXPECT_EQ(notes_of(v, 1), 1);
		/* Published: at once. */
		TCE_EXPECT_EQ(v.act(2, Does::Map, 1), h::kSuccess);
		TCE_EXPECT_EQ(notes_of(v, 1), 1);
		v.unregister("the same again");
		v.finish("the same again");
	}
}

/*
 * An entry is told to be replaced, with another one's token parked: that one is
 * not due.
 */
TCE_CASE(kvm, replaced_beside_a_parked_one)
{
	Vcpus v(with_host(param));

	TCE_EXPECT_EQ(v.act(1, Does::Put, 1), h::kSuccess);
	v.kvm.hook_arg = &v;
	v.kvm.hook = [](void *arg, Kvm::Point at) {
		Vcpus &all = *static_cast<Vcpus *>(arg);

		if (at != Kvm::Point::HaveSlot)
			return;
		all.kvm.hook = nullptr;
		TCE_EXPECT_EQ(all.act(2, Does::Put, 2, kFar), h::kSuccess);
	};
	TCE_EXPECT_EQ(v.act(1, Does::Map, 1), h::kSuccess);
	TCE_EXPECT_EQ(notes_of(v, 1), 1);
	v.settle("replaced beside a parked one");
	v.unregister("replaced beside a parked one");
	v.finish("replaced beside a parked one");
}

/*
 * Closed since it was refused: the note goes at once, though another vCPU is in
 * the middle of it.
 */
TCE_CASE(kvm, lost_under_a_claim)
{
	Vcpus v(with_system_pages(param));

	TCE_EXPECT_EQ(v.act(1, Does::Map, 1), h::kSuccess);
	TCE_EXPECT_EQ(v.act(2, Does::MapNoMemory, 2), h::kTooHard);
	v.r.w.script({ kAllOps, 0, 1, h::kHardware, 0, false });
	v.act(1, Does::Kill, 1);
	v.r.w.no_scripts();
	TCE_EXPECT_EQ(v.r.w.counters[TCE_COUNT_KVM_LOST], 1);
	TCE_EXPECT_EQ(notes_of(v, 1), 0);
	v.settle("lost under a claim");
	v.unregister("lost under a claim");
	v.finish("lost under a claim");
}

/* UNMAP of what KVM has cleared is refused: what was there is not forgotten. */
TCE_CASE(kvm, unmap_of_cleared_refused)
{
	const char *what = "UNMAP of a cleared entry is refused";
	Vcpus v(with_system_pages(param));

	TCE_EXPECT_EQ(v.act(1, Does::Put, 0), h::kSuccess);
	TCE_EXPECT_EQ(v.act(1, Does::Unmap, 0), h::kSuccess);
	v.r.w.script({ kAllOps, 0, ~0ull, h::kHardware, 0, false });
	TCE_EXPECT_EQ(v.r.unmap(0, kPages * 4096), err::kIo);
	v.r.w.no_scripts();
	TCE_EXPECT_EQ(notes_of(v, 0), 1);
	/* KVM goes on in that leaf. */
	TCE_EXPECT_EQ(v.act(1, Does::Put, 1, kFar), h::kSuccess);
	TCE_EXPECT(v.r.reaches(kFar * 4096, Vcpus::kMem[1] + kFar * 4096));
	v.settle(what);
	v.unregister(what);
	v.finish(what);
}

/*
 * An entry was replaced, and a map of it broken off, before anything is
 * published: both tokens come back.
 */
TCE_CASE(kvm, broken_off_over_replaced)
{
	for (u32 map = 0; map < 2; map++) {
		const char *what = "broken off over what was replaced";
		Vcpus v(with_host(param));

		TCE_EXPECT_EQ(v.act(1, Does::Put, 0), h::kSuccess);
		TCE_EXPECT_EQ(v.act(1, Does::Map, 1), h::kSuccess);
		TCE_EXPECT_EQ(v.act(2, Does::MapNoMemory, 2), h::kTooHard);
		act(v, map ? Who::Map : Who::Unmap);
		v.settle(what);
		v.unregister(what);
		v.finish(what);
	}
}

// SPDX-License-Identifier: GPL-2.0-only
/* Threads, some of which are vCPUs. */
#include "params.hpp"
#include "race.hpp"

using namespace fake;
using namespace fake::threads;

/*
 * Two vCPUs, two containers, the deferred work: memory comes and goes under
 * them.
 */
TCE_CASE(race, kvm_and_unregister)
{
	Rig r(small(2), 2, false);
	Kvm kvm(&r.w.mm[0], 0);
	GuestTable table;
	Race race = { &r, &kvm, &table, rounds(1500), 0, 0, 0, 0 };

	table.size = 8 * kMiB >> 12;
	TCE_ASSERT_EQ(r.attach(0, 0), 0);
	TCE_ASSERT_EQ(r.attach(1, 1), 0);
	TCE_ASSERT_EQ(r.remove(0), 0);
	TCE_ASSERT_EQ(r.create(12, 8 * kMiB), 0);
	TCE_ASSERT_EQ(kvm.attach(table, 0), 0);
	/* The levels are there. */
	TCE_ASSERT_EQ(r.reg(kA, kBytes), 0);
	TCE_ASSERT_EQ(r.map(kA, 0, kBytes), 0);
	TCE_ASSERT_EQ(r.unmap(0, kBytes), 0);
	TCE_ASSERT_EQ(r.unreg(kA, kBytes), 0);
	run(race, { [](Race &x) {
			   for (u64 i = 0; i < x.n; i++, env_yield()) {
				   const u32 c = i % 2;

				   x.allow(reg(x, kA, kBytes, c), err::kBusy);
				   x.allow(reg(x, kB, kBytes, !c), err::kBusy);
				   x.allow(unreg(x, kA, kBytes, c), err::kBusy);
				   x.allow(unreg(x, kB, kBytes, !c), err::kBusy);
			   }
		   },
		    [](Race &x) {
			    u64 i = 0;

			    while (x.goes_on()) {
				    x.kvm->h_put_tce(*x.table, i % 256 * 4096,
						     (kA + i % 512 * 4096) | kRights);
				    x.kvm->h_put_tce(*x.table, (i + 128) % 256 * 4096, 0);
				    i++;
			    }
			    x.kvm->h_stuff_tce(*x.table, 0, 0, 256);
		    },
		    [](Race &x) {
			    u64 i = 0;

			    while (x.goes_on()) {
				    x.kvm->do_map(x.table->tables[0], 256 + i % 256,
						  kB + i % 512 * 4096, kRights);
				    x.kvm->do_unmap(x.table->tables[0], 256 + (i + 77) % 256);
				    i++;
			    }
			    x.kvm->h_stuff_tce(*x.table, 256 * 4096, 0, 256);
		    },
		    flusher });
	r.w.run_deferred();
	TCE_EXPECT_EQ(r.w.live_tces(), 0);
	for (u32 c = 0; c < 2; c++) {
		const int a = r.unreg(kA, kBytes, c), b = r.unreg(kB, kBytes, c);

		TCE_EXPECT(a == 0 || a == err::kNoEnt);
		TCE_EXPECT(b == 0 || b == err::kNoEnt);
	}
	kvm.release(table);
	TCE_EXPECT_EQ(kvm.warns, 0);
}

/* The window goes under the vCPUs, and another one comes with its LIOBN. */
TCE_CASE(race, kvm_and_windows)
{
	Rig r(small());
	Race race = { &r, nullptr, nullptr, rounds(300), 0, 0, 0, 0 };

	TCE_ASSERT_EQ(r.reg(kA, kBytes), 0);
	TCE_ASSERT_EQ(r.remove(0), 0);
	run(race, { [](Race &x) {
			   for (u64 i = 0; i < x.n; i++, env_yield()) {
				   Kvm kvm(&x.r->w.mm[0], 0);
				   GuestTable table;

				   /*
				    * The table goes away while another thread
				    * uses it, and then ours.
				    */
				   x.allow(create(x, 12, 8 * kMiB), 0);
				   x.allow(map(x, kA, 0, kBytes), 0);
				   x.allow(map(x, kA, kBytes, kBytes), 0);
				   table.size = 8 * kMiB >> 12;
				   if (!kvm.attach(table, 0)) {
					   kvm.h_put_tce(table, 4096, kA | kRights);
					   kvm.do_map(table.tables[0], 9, kA, kRights);
				   }
				   x.allow(remove(x, 0), 0);
				   kvm.h_put_tce(table, 4096, kA | kRights);
				   kvm.h_put_tce(table, 4096, 0);
				   kvm.release(table);
			   }
		   },
		    [](Race &x) {
			    u64 i = 0;

			    while (x.goes_on()) {
				    Kvm kvm(&x.r->w.mm[0], 0);
				    GuestTable table;

				    table.size = 8 * kMiB >> 12;
				    if (kvm.attach(table, 0)) {
					    env_yield();
					    continue;
				    }
				    for (u32 n = 0; n < 20; n++, i++) {
					    kvm.h_put_tce(table, (20 + i % 600) * 4096,
							  (kA + i % 512 * 4096) | kRights);
					    kvm.do_map(table.tables[0], 700 + i % 100, kA, kRights);
				    }
				    kvm.release(table);
			    }
		    },
		    flusher });
	TCE_EXPECT_EQ(r.w.live_tces(), 0);
	TCE_EXPECT_EQ(r.unreg(kA, kBytes), 0);
}

/* Ioctls and vCPUs on the same entries. */
TCE_CASE(race, kvm_and_ioctls)
{
	Rig r(small());
	Kvm kvm(&r.w.mm[0], 0);
	GuestTable table;
	Race race = { &r, &kvm, &table, rounds(100), 0, 0, 0, 0 };

	TCE_ASSERT_EQ(r.reg(kA, kBytes), 0);
	TCE_ASSERT_EQ(r.reg(kB, kBytes), 0);
	TCE_ASSERT_EQ(r.map(kA, 1024 * 4096, 4096), 0);
	TCE_ASSERT_EQ(r.map(kB, 1025 * 4096, 4096), 0);
	table.size = 8 * kMiB >> 12;
	TCE_ASSERT_EQ(kvm.attach(table, 0), 0);
	run(race, { [](Race &x) {
			   for (u64 i = 0; i < x.n; i++, env_yield()) {
				   x.allow(map(x, kB, i % 16 * 4096, 4 * 4096), 0);
				   x.allow(unmap(x, i % 8 * 4096, 8 * 4096), 0);
			   }
		   },
		    [](Race &x) {
			    u64 i = 0;

			    while (x.goes_on()) {
				    x.kvm->h_put_tce(*x.table, i % 16 * 4096,
						     (kA + i % 512 * 4096) | kRights);
				    x.kvm->h_put_tce(*x.table, (i + 8) % 16 * 4096, 0);
				    i++;
			    }
		    },
		    [](Race &x) {
			    /* Both are mapped elsewhere, for good. */
			    while (x.goes_on()) {
				    if (unreg(x, kA, kBytes) != err::kBusy ||
					unreg(x, kB, kBytes) != err::kBusy)
					    x.bad(1);
			    }
		    },
		    flusher });
	TCE_EXPECT(r.reaches(1024 * 4096, kA) && r.reaches(1025 * 4096, kB));
	kvm.release(table);
	TCE_EXPECT_EQ(kvm.warns, 0);
	r.w.run_deferred();
	check_exact(r.w, kA);
	check_exact(r.w, kB);
	TCE_EXPECT_EQ(r.remove(0), 0);
}

/* Three vCPUs and an ioctl on the same four entries; memory comes and goes. */
TCE_CASE(race, kvm_same_entries)
{
	Rig r(small());
	Kvm kvm(&r.w.mm[0], 0);
	GuestTable table;
	Race race = { &r, &kvm, &table, rounds(400), 0, 0, 0, 0 };

	r.w.strict_notes = true;
	TCE_ASSERT_EQ(r.reg(kA, kBytes), 0);
	TCE_ASSERT_EQ(r.reg(kB, kBytes), 0);
	TCE_ASSERT_EQ(r.map(kA, 0, 65536), 0);
	table.size = 8 * kMiB >> 12;
	TCE_ASSERT_EQ(kvm.attach(table, 0), 0);
	run(race, { [](Race &x) {
			   for (u64 i = 0; i < x.n; i++, env_yield()) {
				   const u64 mem = i % 2 ? kA : kB;

				   x.allow(unreg(x, mem, kBytes), err::kBusy);
				   x.allow(reg(x, mem, kBytes), err::kBusy);
				   if (i % 8 == 0)
					   x.allow(unmap(x, 0, 65536), 0);
				   if (i % 8 == 4)
					   x.allow(map(x, kA, i % 4 * 4096, 4096), 0, err::kInval);
			   }
		   },
		    [](Race &x) {
			    for (u64 i = 0; x.goes_on(); i++) {
				    x.kvm->h_put_tce(*x.table, i % 4 * 4096, kA | kRights);
				    x.kvm->h_put_tce(*x.table, (i + 2) % 4 * 4096, 0);
			    }
		    },
		    [](Race &x) {
			    for (u64 i = 0; x.goes_on(); i++) {
				    x.kvm->h_put_tce(*x.table, i % 4 * 4096, kB | kRights);
				    x.kvm->h_stuff_tce(*x.table, (i + 1) % 4 * 4096, 0, 1);
			    }
		    },
		    [](Race &x) {
			    const u64 list[4] = { kA, kB | kRights, kB, kA | TCE_PERM_READ };

			    for (u64 i = 0; x.goes_on(); i++) {
				    x.kvm->h_put_tce_indirect(*x.table, 0, list, 4);
				    x.kvm->do_unmap(x.table->tables[0], i % 4);
			    }
		    },
		    flusher });
	r.w.run_deferred();
	check_exact(r.w, kA);
	check_exact(r.w, kB);
	TCE_EXPECT_EQ(kvm.warns, 0);
	TCE_EXPECT_EQ(kvm.h_stuff_tce(table, 0, 0, 4), h::kSuccess);
	TCE_EXPECT_EQ(r.w.live_tces(), 0);
	TCE_EXPECT_EQ(r.unreg(kA, kBytes), 0);
	TCE_EXPECT_EQ(r.unreg(kB, kBytes), 0);
	kvm.release(table);
}

/* Groups come and go while everything else goes on. */
TCE_CASE(race, groups)
{
	Rig r(small(2), 1, false);
	Kvm kvm(&r.w.mm[0], 0);
	GuestTable table;
	Race race = { &r, &kvm, &table, rounds(60), 0, 0, 0, 0 };

	TCE_ASSERT_EQ(r.attach(0), 0);
	TCE_ASSERT_EQ(r.reg(kA, kBytes), 0);
	TCE_ASSERT_EQ(r.map(kA, 4 * kMiB, 64 * 4096), 0);
	table.size = 8 * kMiB >> 12;
	TCE_ASSERT_EQ(r.map(kA, 5 * kMiB, kMiB), 0);
	TCE_ASSERT_EQ(r.unmap(5 * kMiB, kMiB), 0);
	TCE_ASSERT_EQ(kvm.attach(table, 0), 0);
	run(race, { [](Race &x) {
			   World &w = x.r->w;

			   for (u64 i = 0; i < x.n; i++, env_yield()) {
				   x.allow(tce_container_attach(x.r->c[0], &w.groups[1],
								&w.groups[1].caps),
					   0);
				   if (!x.r->reaches(4 * kMiB, kA, kRights, 1))
					   x.bad(1);
				   tce_container_detach(x.r->c[0], &w.groups[1]);
			   }
		   },
		    [](Race &x) {
			    while (x.goes_on()) {
				    x.allow(map(x, kA, 0, kBytes), 0);
				    x.allow(unmap(x, 0, kMiB), 0);
			    }
		    },
		    [](Race &x) {
			    u64 i = 0;

			    while (x.goes_on()) {
				    x.kvm->h_put_tce(*x.table, 5 * kMiB + i % 256 * 4096,
						     kA | kRights);
				    x.kvm->h_put_tce(*x.table, 5 * kMiB + (i + 99) % 256 * 4096, 0);
				    i++;
			    }
		    },
		    flusher });
	TCE_EXPECT(r.reaches(4 * kMiB, kA));
	kvm.release(table);
}

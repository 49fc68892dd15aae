// SPDX-License-Identifier: GPL-2.0-only
/*
 * Real threads, real locks: what userspace, its vCPUs and the deferred work do at the
 * same time.  On the host under the thread sanitizer too.
 *
 * Two vCPUs never write the same entry: that race is KVM's own.
 */
#include "params.hpp"
#include "rig.hpp"

using namespace fake;

namespace {

constexpr u64 kA = bit(32);
constexpr u64 kB = bit(33);
constexpr u64 kBytes = 512 * 4096;
constexpr u32 kRights = TCE_PERM_READ | TCE_PERM_WRITE;

u64 rounds(u64 usual)
{
	const u64 n = usual * env_knob(ENV_EFFORT) / 100;

	return n ? n : 1;
}

/* What the threads of a case share. */
struct Race {
	Rig *r;
	Kvm *kvm;
	GuestTable *table;
	u64 n;
	int stop;
	int wrong;
	u32 here;
	u32 all;

	bool stopped() const { return __atomic_load_n(&stop, __ATOMIC_ACQUIRE); }
	void end() { __atomic_store_n(&stop, 1, __ATOMIC_RELEASE); }

	void bad(int what) { __atomic_store_n(&wrong, what, __ATOMIC_RELAXED); }
	/* A call may have answered one of these. */
	void allow(int rc, int a, int b = 0, int c = 0)
	{
		if (rc && rc != a && rc != b && rc != c)
			bad(rc);
	}
};

struct Worker {
	void (*fn)(Race &race);
	Race *race;
	env_task *task;
};

void work(void *arg)
{
	Worker &w = *static_cast<Worker *>(arg);

	run_as(0);
	/* Nobody begins before everybody is there. */
	__atomic_fetch_add(&w.race->here, 1, __ATOMIC_ACQ_REL);
	while (!w.race->stopped() && __atomic_load_n(&w.race->here, __ATOMIC_ACQUIRE) < w.race->all)
		env_yield();
	w.fn(*w.race);
	lock_check_none_held("the end of a thread");
}

/* Run all at once, the first one being the one that says when to end. */
template <u32 kN> bool run(Race &race, void (*const (&fns)[kN])(Race &race))
{
	Worker workers[kN] = {};
	bool threads = true;

	race.all = kN;
	for (u32 i = 0; i < kN; i++) {
		workers[i] = { fns[i], &race, nullptr };
		workers[i].task = env_task_start(work, &workers[i]);
		threads = threads && workers[i].task;
	}
	if (!threads)
		race.end();
	for (u32 i = 0; i < kN; i++) {
		if (workers[i].task)
			env_task_join(workers[i].task);
		if (i == 0)
			race.end();
	}
	TCE_EXPECT_EQ(race.wrong, 0);
	return threads;
}

Config small(u32 groups = 1)
{
	Config config;

	config.groups = groups;
	config.fw.default_size = 8 * kMiB;
	return config;
}

/* Threads call the engine itself: the rig's own checks are for one thread. */
int map(Race &x, u64 user, u64 iova, u64 bytes, u32 c = 0)
{
	return tce_container_map(x.r->c[c], kRw, user, iova, bytes);
}

int unmap(Race &x, u64 iova, u64 bytes, u32 c = 0)
{
	return tce_container_unmap(x.r->c[c], 0, iova, bytes);
}

int reg(Race &x, u64 user, u64 bytes, u32 c = 0)
{
	return tce_container_register(x.r->c[c], 0, user, bytes);
}

int unreg(Race &x, u64 user, u64 bytes, u32 c = 0)
{
	return tce_container_unregister(x.r->c[c], 0, user, bytes);
}

int create(Race &x, u32 shift, u64 size, u32 c = 0)
{
	u64 start;

	return tce_container_create_window(x.r->c[c], 0, shift, size, 1, &start);
}

int remove(Race &x, u64 at, u32 c = 0)
{
	return tce_container_remove_window(x.r->c[c], 0, at);
}

/* The kernel's work queue. */
void flusher(Race &x)
{
	while (!x.stopped()) {
		x.r->w.run_deferred();
		env_yield();
	}
}

/* No memory has fewer notes than there are live entries. */
void check_exact(const World &w, u64 start)
{
	const tce_mem *mem = w.mem_lookup(&w.mm[0], start, 4096);
	u64 n = 0;

	if (!mem)
		return;
	for (const FwWindow &window : w.groups[0].win) {
		window.tces.for_each([&](u64, u64 tce) {
			for (u64 i = 0; i < mem->npages; i++)
				n += w.hpa_of(mem->mm, mem->ua + i * 4096) == (tce & ~0xfffull);
		});
	}
	TCE_EXPECT_EQ(mem->mapped - 1, n);
}

} // namespace

/* The audit's row 16 (A6): notes and entries do not come apart. */
TCE_CASE(race, map_and_unmap)
{
	Rig r(small());
	Race race = { &r, nullptr, nullptr, rounds(200), 0, 0, 0, 0 };

	TCE_ASSERT_EQ(r.reg(kA, kBytes), 0);
	TCE_ASSERT_EQ(r.reg(kB, kBytes), 0);
	TCE_ASSERT_EQ(r.map(kB, 4 * kMiB, 4096), 0);
	run(race, { [](Race &x) {
			   for (u64 i = 0; i < x.n; i++) {
				   x.allow(map(x, kA, 0, 4096 * 8), 0);
				   x.allow(map(x, kB, 0, 4096 * 8), 0);
			   }
		   },
		    [](Race &x) {
			    while (!x.stopped())
				    x.allow(unmap(x, 0, 4096 * 8), 0);
		    },
		    [](Race &x) {
			    while (!x.stopped()) {
				    const int rc = unreg(x, kB, kBytes);

				    if (rc != err::kBusy)
					    x.bad(rc ? rc : 1);
			    }
		    } });
	TCE_EXPECT_EQ(r.map(kA, 0, 4096 * 8), 0);
	check_exact(r.w, kA);
	check_exact(r.w, kB);
	TCE_EXPECT_EQ(r.unmap(0, 8 * kMiB), 0);
	TCE_EXPECT_EQ(r.unreg(kA, kBytes), 0);
	TCE_EXPECT_EQ(r.unreg(kB, kBytes), 0);
}

/* Two MAP of different memory at the same place: one of them wins every entry. */
TCE_CASE(race, map_and_map)
{
	Rig r(small());
	Race race = { &r, nullptr, nullptr, rounds(200), 0, 0, 0, 0 };

	TCE_ASSERT_EQ(r.reg(kA, kBytes), 0);
	TCE_ASSERT_EQ(r.reg(kB, kBytes), 0);
	run(race, { [](Race &x) {
			   for (u64 i = 0; i < x.n; i++)
				   x.allow(map(x, kA, 300 * 4096, kBytes), 0);
		   },
		    [](Race &x) {
			    while (!x.stopped())
				    x.allow(map(x, kB, 400 * 4096, kBytes), 0);
		    },
		    [](Race &x) {
			    while (!x.stopped())
				    x.allow(map(x, kB, 100 * 4096, kBytes), 0);
		    } });
	check_exact(r.w, kA);
	check_exact(r.w, kB);
}

/* The audit's row 14 (A2). */
TCE_CASE(race, map_and_windows)
{
	Rig r(small());
	Race race = { &r, nullptr, nullptr, rounds(300), 0, 0, 0, 0 };

	TCE_ASSERT_EQ(r.reg(kA, kBytes), 0);
	run(race, { [](Race &x) {
			   for (u64 i = 0; i < x.n; i++) {
				   x.allow(create(x, 12, kGiB), 0);
				   x.allow(remove(x, kDdwStart), 0);
			   }
		   },
		    [](Race &x) {
			    while (!x.stopped())
				    x.allow(map(x, kA, kDdwStart + 100 * 4096, kBytes), err::kNxio);
		    },
		    [](Race &x) {
			    while (!x.stopped())
				    x.allow(unmap(x, kDdwStart, kMiB), err::kNxio);
		    } });
	TCE_EXPECT_EQ(r.unreg(kA, kBytes), 0);
}

/* The audit's row 15 (A5): the default window is made once. */
TCE_CASE(race, first_map)
{
	for (u64 i = 0; i < rounds(100); i++) {
		Rig r(small());
		Race race = { &r, nullptr, nullptr, 1, 0, 0, 0, 0 };

		TCE_ASSERT_EQ(r.reg(kA, kBytes), 0);
		run(race, { [](Race &x) { x.allow(map(x, kA, 0, 4096), 0); },
			    [](Race &x) { x.allow(map(x, kA + 4096, 4096, 4096), 0); },
			    [](Race &x) { x.allow(map(x, kA, 512 * 4096, 4096), 0); } });
		TCE_EXPECT_EQ(r.w.live_tces(), 3);
		TCE_EXPECT_EQ(r.w.live_ktables, 1);
	}
}

/* A7, A12: mapped and gone at the same time. */
TCE_CASE(race, map_and_unregister)
{
	Rig r(small());
	Race race = { &r, nullptr, nullptr, rounds(1500), 0, 0, 0, 0 };

	TCE_ASSERT_EQ(r.reg(kB, kBytes), 0);
	run(race, { [](Race &x) {
			   for (u64 i = 0; i < x.n; i++) {
				   x.allow(reg(x, kA, kBytes), err::kBusy);
				   x.allow(unreg(x, kA, kBytes), err::kBusy, err::kNoEnt);
			   }
		   },
		    [](Race &x) {
			    while (!x.stopped()) {
				    x.allow(map(x, kA, 0, kBytes), err::kInval);
				    x.allow(unmap(x, 0, kBytes), 0);
			    }
		    },
		    [](Race &x) {
			    while (!x.stopped()) {
				    x.allow(reg(x, kA, kBytes), err::kBusy);
				    x.allow(unreg(x, kA, kBytes), err::kBusy, err::kNoEnt);
			    }
		    } });
	TCE_EXPECT_EQ(r.unmap(0, 8 * kMiB), 0);
	check_exact(r.w, kB);
}

/* Two vCPUs, two containers, the deferred work: memory comes and goes under them. */
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
	run(race, { [](Race &x) {
			   for (u64 i = 0; i < x.n; i++) {
				   const u32 c = i % 2;

				   x.allow(reg(x, kA, kBytes, c), err::kBusy);
				   x.allow(reg(x, kB, kBytes, !c), err::kBusy);
				   x.allow(unreg(x, kA, kBytes, c), err::kBusy);
				   x.allow(unreg(x, kB, kBytes, !c), err::kBusy);
			   }
		   },
		    [](Race &x) {
			    u64 i = 0;

			    while (!x.stopped()) {
				    x.kvm->h_put_tce(*x.table, i % 256 * 4096,
						     (kA + i % 512 * 4096) | kRights);
				    x.kvm->h_put_tce(*x.table, (i + 128) % 256 * 4096, 0);
				    i++;
			    }
			    x.kvm->h_stuff_tce(*x.table, 0, 0, 256);
		    },
		    [](Race &x) {
			    u64 i = 0;

			    while (!x.stopped()) {
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
			   for (u64 i = 0; i < x.n; i++) {
				   Kvm kvm(&x.r->w.mm[0], 0);
				   GuestTable table;

				   /* The table goes away while another thread uses it, and then ours. */
				   x.allow(create(x, 12, 8 * kMiB), 0);
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

			    while (!x.stopped()) {
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
			   for (u64 i = 0; i < x.n; i++) {
				   x.allow(map(x, kB, i % 16 * 4096, 4 * 4096), 0);
				   x.allow(unmap(x, i % 8 * 4096, 8 * 4096), 0);
			   }
		   },
		    [](Race &x) {
			    u64 i = 0;

			    while (!x.stopped()) {
				    x.kvm->h_put_tce(*x.table, i % 16 * 4096,
						     (kA + i % 512 * 4096) | kRights);
				    x.kvm->h_put_tce(*x.table, (i + 8) % 16 * 4096, 0);
				    i++;
			    }
		    },
		    [](Race &x) {
			    /* Both are mapped elsewhere, for good. */
			    while (!x.stopped()) {
				    if (unreg(x, kA, kBytes) != err::kBusy ||
					unreg(x, kB, kBytes) != err::kBusy)
					    x.bad(1);
			    }
		    },
		    flusher });
	TCE_EXPECT(r.reaches(1024 * 4096, kA) && r.reaches(1025 * 4096, kB));
	kvm.release(table);
	TCE_EXPECT_EQ(kvm.warns, 0);
	/* Notes that KVM lost on the way are back with the window. */
	TCE_EXPECT_EQ(r.remove(0), 0);
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
	TCE_ASSERT_EQ(kvm.attach(table, 0), 0);
	run(race, { [](Race &x) {
			   World &w = x.r->w;

			   for (u64 i = 0; i < x.n; i++) {
				   x.allow(tce_container_attach(x.r->c[0], &w.groups[1],
								&w.groups[1].caps),
					   0);
				   if (!x.r->reaches(4 * kMiB, kA, kRights, 1))
					   x.bad(1);
				   tce_container_detach(x.r->c[0], &w.groups[1]);
			   }
		   },
		    [](Race &x) {
			    while (!x.stopped()) {
				    x.allow(map(x, kA, 0, kBytes), 0);
				    x.allow(unmap(x, 0, kMiB), 0);
			    }
		    },
		    [](Race &x) {
			    u64 i = 0;

			    while (!x.stopped()) {
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

/* A13d: the container is closed under its callers. */
TCE_CASE(race, close)
{
	for (u64 i = 0; i < rounds(60); i++) {
		Rig r(small());
		Race race = { &r, nullptr, nullptr, 1, 0, 0, 0, 0 };

		TCE_ASSERT_EQ(r.reg(kA, kBytes), 0);
		TCE_ASSERT_EQ(r.map(kA, 0, 4096), 0);
		run(race, { [](Race &x) {
				   for (u32 n = 0; n < 20; n++)
					   env_yield();
				   tce_container_detach(x.r->c[0], &x.r->w.groups[0]);
				   tce_container_close(x.r->c[0]);
			   },
			    [](Race &x) {
				    while (!x.stopped()) {
					    x.allow(map(x, kA, 0, kBytes), err::kNxio, err::kNoDev);
					    x.allow(unmap(x, 0, kBytes), err::kNxio, err::kNoDev);
				    }
			    },
			    [](Race &x) {
				    while (!x.stopped()) {
					    x.allow(reg(x, kB, kBytes), err::kBusy, err::kNoDev);
					    x.allow(unreg(x, kB, kBytes), err::kNoEnt, err::kNoDev);
				    }
			    } });
		TCE_EXPECT_EQ(r.w.registered_pages(), 0);
		TCE_EXPECT_EQ(r.w.mm[0].refs, 0);
		r.forget_groups();
	}
}

/* The same memory, at once, from everywhere. */
TCE_CASE(race, register_same)
{
	Rig r(small(2), 2, false);
	Race race = { &r, nullptr, nullptr, rounds(3000), 0, 0, 0, 0 };

	TCE_ASSERT_EQ(r.attach(0, 0), 0);
	TCE_ASSERT_EQ(r.attach(1, 1), 0);
	run(race, { [](Race &x) {
			   for (u64 i = 0; i < x.n; i++) {
				   x.allow(reg(x, kA, kBytes, 0), err::kBusy);
				   x.allow(unreg(x, kA, kBytes, 0), err::kNoEnt);
			   }
		   },
		    [](Race &x) {
			    while (!x.stopped()) {
				    x.allow(reg(x, kA, kBytes, 0), err::kBusy);
				    x.allow(unreg(x, kA, kBytes, 0), err::kNoEnt);
			    }
		    },
		    [](Race &x) {
			    while (!x.stopped()) {
				    x.allow(reg(x, kA, kBytes, 1), err::kBusy);
				    x.allow(unreg(x, kA, kBytes, 1), err::kNoEnt);
			    }
		    } });
}

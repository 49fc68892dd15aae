// SPDX-License-Identifier: GPL-2.0-only
/*
 * Real threads, real locks: what userspace, its vCPUs and the deferred work do
 * at the same time.  On the host under the thread sanitizer too.
 *
 * Threads call the engine itself: the rig's own checks are for one thread.
 */
#ifndef TCE_CASES_RACE_HPP
#define TCE_CASES_RACE_HPP

#include "params.hpp"
#include "rig.hpp"

namespace fake::threads {

inline constexpr u64 kA = bit(32);
inline constexpr u64 kB = bit(33);
inline constexpr u64 kBytes = 512 * 4096;
inline constexpr u32 kRights = TCE_PERM_READ | TCE_PERM_WRITE;

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

	/*
	 * For loops: others get a chance, in a kernel that does not preempt
	 * too.
	 */
	bool goes_on() const
	{
		env_yield();
		return !stopped();
	}
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

inline void work(void *arg)
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

inline Config small(u32 groups = 1)
{
	Config config;

	config.groups = groups;
	config.fw.default_size = 8 * kMiB;
	return config;
}

/* Threads call the engine itself: the rig's own checks are for one thread. */
inline int map(Race &x, u64 user, u64 iova, u64 bytes, u32 c = 0)
{
	return tce_container_map(x.r->c[c], kRw, user, iova, bytes);
}

inline int unmap(Race &x, u64 iova, u64 bytes, u32 c = 0)
{
	return tce_container_unmap(x.r->c[c], 0, iova, bytes);
}

inline int reg(Race &x, u64 user, u64 bytes, u32 c = 0)
{
	return tce_container_register(x.r->c[c], 0, user, bytes);
}

inline int unreg(Race &x, u64 user, u64 bytes, u32 c = 0)
{
	return tce_container_unregister(x.r->c[c], 0, user, bytes);
}

inline int create(Race &x, u32 shift, u64 size, u32 c = 0)
{
	u64 start;

	return tce_container_create_window(x.r->c[c], 0, shift, size, 1, &start);
}

inline int remove(Race &x, u64 at, u32 c = 0)
{
	return tce_container_remove_window(x.r->c[c], 0, at);
}

/* The kernel's work queue. */
inline void flusher(Race &x)
{
	while (x.goes_on())
		x.r->w.run_deferred();
}

/* No memory has fewer notes than there are live entries. */
inline void check_exact(const World &w, u64 start)
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

} // namespace fake::threads

#endif /* TCE_CASES_RACE_HPP */

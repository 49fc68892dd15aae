// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registrations that hang in a fault, as long as their process likes: nobody
 * else waits for them, and those of the same process take turns.
 */
#include "race.hpp"

using namespace fake;
using namespace fake::threads;

namespace {

constexpr u64 kSecond = 1000 * 1000 * 1000ull;

/*
 * Process 1 hangs in its first fault until it is let go, or until nobody will
 * any more.
 */
struct Hang {
	u32 there = 0;
	u32 let_go = 0;
	u32 given_up = 0;
	u32 others = 0; /* of process 1, too */

	static bool is(const u32 &flag) { return __atomic_load_n(&flag, __ATOMIC_ACQUIRE); }
	static void set(u32 &flag) { __atomic_store_n(&flag, 1, __ATOMIC_RELEASE); }

	static void fault(void *arg, tce_mm &mm)
	{
		Hang &hang = *static_cast<Hang *>(arg);
		const u64 end = env_nsecs() + 10 * kSecond;

		if (mm.index != 1)
			return;
		if (is(hang.there)) {
			set(hang.others);
			return;
		}
		set(hang.there);
		while (!is(hang.let_go)) {
			if (env_nsecs() > end) {
				set(hang.given_up);
				return;
			}
			env_yield();
		}
	}
	void wait_for(const u32 &flag)
	{
		while (!is(flag) && !is(given_up))
			env_yield();
	}
};

/* A thread that registers some memory as a process. */
struct Caller {
	Rig *r;
	u32 process;
	u32 container;
	u64 at;
	u32 begins;
	int rc;

	static void work(void *arg)
	{
		Caller &c = *static_cast<Caller *>(arg);

		run_as(c.process);
		Hang::set(c.begins);
		c.rc = tce_container_register(c.r->c[c.container], 0, c.at, kBytes);
		lock_check_none_held("the end of a thread");
	}
};

} // namespace

TCE_CASE(race, register_beside_a_fault)
{
	Rig r(small(2), 2, false);
	Hang hang;
	Caller one = { &r, 1, 0, kA, 0, 1 };

	TCE_ASSERT_EQ(r.attach(0, 0), 0);
	TCE_ASSERT_EQ(r.attach(1, 1), 0);
	r.w.faulting = Hang::fault;
	r.w.faulting_arg = &hang;

	env_task *task = env_task_start(Caller::work, &one);

	if (!task)
		return;
	hang.wait_for(hang.there);
	/* Everything that another process does goes on. */
	run_as(2);
	TCE_EXPECT_EQ(tce_container_register(r.c[1], 0, kA, kBytes), 0);
	TCE_EXPECT_EQ(tce_container_map(r.c[1], kRw, kA, 0, kBytes), 0);
	TCE_EXPECT_EQ(tce_container_unmap(r.c[1], 0, 0, kBytes), 0);
	TCE_EXPECT_EQ(tce_container_unregister(r.c[1], 0, kA, kBytes), 0);
	run_as(1);
	/* And so does what the process itself does elsewhere. */
	tce_info info;

	TCE_EXPECT_EQ(tce_container_get_info(r.c[0], &info), 0);
	run_as(0);
	Hang::set(hang.let_go);
	env_task_join(task);
	TCE_EXPECT(!hang.given_up);
	TCE_EXPECT_EQ(one.rc, 0);
	TCE_EXPECT_EQ(r.w.registered_pages(1), kBytes / 4096);
}

TCE_CASE(race, register_in_turn)
{
	Rig r(small(2), 2, false);
	Hang hang;
	/* The same process, by two containers. */
	Caller first = { &r, 1, 0, kA, 0, 1 }, second = { &r, 1, 1, kA, 0, 1 };

	TCE_ASSERT_EQ(r.attach(0, 0), 0);
	TCE_ASSERT_EQ(r.attach(1, 1), 0);
	r.w.faulting = Hang::fault;
	r.w.faulting_arg = &hang;

	env_task *one = env_task_start(Caller::work, &first);

	if (!one)
		return;
	hang.wait_for(hang.there);

	env_task *two = env_task_start(Caller::work, &second);

	if (two) {
		hang.wait_for(second.begins);
		for (u64 end = env_nsecs() + kSecond / 50; env_nsecs() < end;)
			env_yield();
	}
	/* The fake would have complained as well. */
	TCE_EXPECT(!Hang::is(hang.others));
	Hang::set(hang.let_go);
	env_task_join(one);
	if (two)
		env_task_join(two);
	TCE_EXPECT(!hang.given_up);
	TCE_EXPECT_EQ(first.rc, 0);
	TCE_EXPECT_EQ(two ? second.rc : 0, 0);
	/* One pin for both. */
	TCE_EXPECT_EQ(r.w.registered_pages(1), kBytes / 4096);
}

namespace {

/* The container goes, in a thread of its own. */
struct Closer {
	Rig *r;
	bool begun = false;

	static void work(void *arg)
	{
		Rig &r = *static_cast<Closer *>(arg)->r;

		run_as(0);
		tce_container_detach(r.c[0], &r.w.groups[0]);
		tce_container_close(r.c[0]);
	}
	static void fault(void *arg, tce_mm &)
	{
		Closer &c = *static_cast<Closer *>(arg);

		if (c.begun)
			return;
		c.begun = true;
		if (env_task *task = env_task_start(work, &c))
			env_task_join(task);
	}
};

} // namespace

/*
 * The container is closed while memory is on its way into it: it does not stay
 * there.
 */
TCE_CASE(race, close_beside_a_fault)
{
	Rig r(small());
	Closer closer = { &r };

	r.w.faulting = Closer::fault;
	r.w.faulting_arg = &closer;
	TCE_EXPECT_EQ(tce_container_register(r.c[0], 0, kA, kBytes), err::kNoDev);
	TCE_EXPECT(closer.begun);
	r.w.faulting = nullptr;
	TCE_EXPECT_EQ(r.w.registered_pages(), 0);
	TCE_EXPECT_EQ(r.w.counters[TCE_COUNT_REGIONS_REGISTERED], 0);
	TCE_EXPECT_EQ(r.w.mm[0].refs, 0);
	r.forget_groups();
}

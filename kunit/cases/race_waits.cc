// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who waits for whom, on kernels that preempt lazily: a grace period ends when
 * everybody has slept who was running, and to yield is not to sleep.
 *
 * Three containers of one process, two of them with a window.  Beside each
 * other
 *
 *	KVM		is in the middle of a map in window V
 *	MAP		on the same entry of V waits for it, by a grace period,
 *			with V's lock
 *	UNREGISTER	flushes V, and waits for that lock
 *	REMOVE		of window W waits for a grace period of its own
 *	the flush	of both windows
 *
 * Whoever waited for another one of these without sleeping would be waited for
 * by the grace periods, and none of them would ever end.
 */
#include "race.hpp"

using namespace fake;
using namespace fake::threads;

namespace {

constexpr u64 kWindow = 8 * kMiB;
constexpr u64 kEntry = 5;
constexpr u64 kMoment = 100 * 1000; /* ns */

class Cycle {
public:
	Cycle() : r_(small(2), 3, false), kvm_(&r_.w.mm[0], 0) {}
	Cycle(const Cycle &) = delete;
	Cycle &operator=(const Cycle &) = delete;

	void play();

private:
	enum Who : u32 { kMap, kUnregister, kRemove, kFlush, kWhos };
	struct Thread {
		Cycle *cycle;
		Who who;
		u32 begun;
		u32 through;
		int rc;
	};

	static bool is(const u32 &flag) { return __atomic_load_n(&flag, __ATOMIC_ACQUIRE); }
	static void set(u32 &flag) { __atomic_store_n(&flag, 1, __ATOMIC_RELEASE); }
	static void work(void *arg);
	static void at_moment(void *arg, bool spinning);
	static void in_the_middle(void *arg, Kvm::Point at);
	int act(Who who);
	void start(Who who);

	Rig r_;
	Kvm kvm_;
	GuestTable v_, w_;
	Thread threads_[kWhos] = {};
	env_task *tasks_[kWhos] = {};
	bool begun_ = false;
	u32 let_go_ = 0;
};

int Cycle::act(Who who)
{
	switch (who) {
	case kMap:
		return tce_container_map(r_.c[0], kRw, kA, kEntry * 4096, 4096);
	case kUnregister:
		return tce_container_unregister(r_.c[2], 0, kB, kBytes);
	case kRemove:
		return tce_container_remove_window(r_.c[1], 0, 0);
	case kFlush:
		while (!is(let_go_) || !is(threads_[kMap].through)) {
			r_.w.run_deferred();
			env_yield();
		}
		break;
	case kWhos:
		break;
	}
	return 0;
}

void Cycle::work(void *arg)
{
	Thread &t = *static_cast<Thread *>(arg);

	run_as(0);
	set(t.begun);
	t.rc = t.cycle->act(t.who);
	set(t.through);
	lock_check_none_held("the end of a thread");
}

void Cycle::start(Who who)
{
	threads_[who].cycle = this;
	threads_[who].who = who;
	tasks_[who] = env_task_start(work, &threads_[who]);
	while (tasks_[who] && !is(threads_[who].begun))
		env_yield();
}

/* All take their time, so that everybody is there before anybody is through. */
void Cycle::at_moment(void *arg, bool spinning)
{
	const Cycle &c = *static_cast<Cycle *>(arg);
	const u64 until = env_nsecs() + kMoment;

	while (!spinning && !is(c.let_go_) && env_nsecs() < until)
		env_yield();
}

/*
 * The vCPU has its slot, and holds an entry of V until all others are there,
 * and a little longer.
 */
void Cycle::in_the_middle(void *arg, Kvm::Point at)
{
	constexpr u64 kWhile = 20 * kMoment;
	Cycle &c = *static_cast<Cycle *>(arg);

	if (at != Kvm::Point::HaveSlot || c.begun_)
		return;
	c.begun_ = true;
	for (u32 who = 0; who < kWhos; who++)
		c.start(static_cast<Who>(who));

	const u64 until = env_nsecs() + kWhile;

	while (env_nsecs() < until)
		env_yield();
	set(c.let_go_);
}

void Cycle::play()
{
	v_.size = w_.size = kWindow >> 12;
	for (u32 i = 0; i < 2; i++) {
		TCE_ASSERT_EQ(r_.attach(i, i), 0);
		TCE_ASSERT_EQ(r_.reg(kA, kBytes, i), 0);
		TCE_ASSERT_EQ(r_.map(kA, 0, 16 * 4096, kRw, i), 0);
		TCE_ASSERT_EQ(r_.unmap(0, 16 * 4096, i), 0);
		TCE_ASSERT_EQ(kvm_.attach(i ? w_ : v_, i), 0);
	}
	TCE_ASSERT_EQ(r_.reg(kB, kBytes, 2), 0);
	/* Both are in use, V with something left for who flushes it. */
	TCE_EXPECT_EQ(kvm_.do_map(v_.tables[0], kEntry + 1, kB, kRights), h::kSuccess);
	TCE_EXPECT_EQ(kvm_.h_put_tce(w_, kEntry * 4096, kA | kRights), h::kSuccess);

	r_.w.moment_arg = this;
	r_.w.on_moment = at_moment;
	kvm_.hook_arg = this;
	kvm_.hook = in_the_middle;
	kvm_.do_map(v_.tables[0], kEntry, kA, kRights);
	kvm_.hook = nullptr;
	for (env_task *task : tasks_) {
		if (task)
			env_task_join(task);
	}
	r_.w.on_moment = nullptr;
	TCE_REQUIRE(begun_);
	TCE_EXPECT_EQ(threads_[kMap].rc, 0);
	TCE_EXPECT_EQ(threads_[kRemove].rc, 0);
	/* KVM's other entry names it. */
	TCE_EXPECT_EQ(threads_[kUnregister].rc, err::kBusy);
	TCE_EXPECT(r_.reaches(kEntry * 4096, kA));
	kvm_.release(v_);
	kvm_.release(w_);
	TCE_EXPECT_EQ(r_.remove(0), 0);
	r_.w.run_deferred();
	TCE_EXPECT_EQ(r_.unreg(kA, kBytes, 0), 0);
	TCE_EXPECT_EQ(r_.unreg(kA, kBytes, 1), 0);
	TCE_EXPECT_EQ(r_.unreg(kB, kBytes, 2), 0);
	TCE_EXPECT_EQ(kvm_.warns, 0);
}

} // namespace

TCE_CASE(race, cycle_of_waits)
{
	for (u64 i = 0; i < rounds(20); i++) {
		Cycle &cycle = *make<Cycle>();

		cycle.play();
		unmake(&cycle);
	}
}

// SPDX-License-Identifier: GPL-2.0-only
/* The fake finds what it is there to find: what KVM needs of it. */
#include "rig.hpp"

using namespace fake;

namespace {

/* What the threads of a case share. */
struct Shared {
	World *w;
	tce_mutex lock;
	int go, yielding, over;
};

int look(const int &flag)
{
	return __atomic_load_n(&flag, __ATOMIC_ACQUIRE);
}

void spinner(void *arg)
{
	Shared &s = *static_cast<Shared *>(arg);

	tce_port_mutex_lock(&s.lock);
	while (!look(s.go)) {
		tce_port_yield();
		__atomic_store_n(&s.yielding, 1, __ATOMIC_RELEASE);
	}
	tce_port_mutex_unlock(&s.lock);
}

void waiter(void *arg)
{
	Shared &s = *static_cast<Shared *>(arg);

	tce_port_sync_users();
	__atomic_store_n(&s.over, 1, __ATOMIC_RELEASE);
}

} // namespace

/*
 * A grace period is not over while a thread goes round and round without
 * sleeping.
 */
TCE_CASE(fake, grace_periods)
{
	World &w = *make<World>(Config{});
	Shared s = { &w, {}, 0, 0, 0 };

	tce_port_mutex_init(&s.lock, TCE_LOCK_OWNER);

	env_task *one = env_task_start(spinner, &s);

	while (one && !look(s.yielding))
		env_yield();

	env_task *two = one ? env_task_start(waiter, &s) : nullptr;
	const u64 until = env_nsecs() + 5 * 1000 * 1000;

	while (env_nsecs() < until)
		env_yield();
	TCE_EXPECT(!look(s.over));
	__atomic_store_n(&s.go, 1, __ATOMIC_RELEASE);
	if (one)
		env_task_join(one);
	if (two) {
		env_task_join(two);
		TCE_EXPECT(look(s.over));
	}
	tce_port_mutex_destroy(&s.lock);
	unmake(&w);
}

/* Calls that wait for KVM come when it is through, not earlier. */
TCE_CASE(fake, later)
{
	struct Object {
		tce_later later;
		int called;
	};
	World &w = *make<World>(Config{});
	Object object = {};
	const auto fn = [](tce_later *l) { reinterpret_cast<Object *>(l)->called++; };

	w.users.section_begins();
	tce_port_later(&object.later, fn);
	w.run_deferred();
	TCE_EXPECT_EQ(object.called, 0);
	w.users.section_ends();
	w.run_deferred();
	TCE_EXPECT_EQ(object.called, 1);
	w.run_deferred();
	TCE_EXPECT_EQ(object.called, 1);
	unmake(&w);
}

/* What the registry takes for the largest page, and whether it is true. */
TCE_CASE(fake, registry_shift)
{
	World &w = *make<World>(Config{});
	constexpr u64 kAt = bit(32);
	constexpr u64 kHalf = bit(25) >> 12;
	tce_mm *m = tce_port_mm_get();

	w.make_hugetlb(kAt, kAt + bit(25), 24);
	TCE_EXPECT_EQ(w.registry_shift(kAt, kHalf), 24);
	TCE_EXPECT_EQ(w.registry_shift(kAt, 16), 16);
	/*
	 * Ordinary pages behind a huge one pass for huge, those before do not.
	 */
	TCE_EXPECT_EQ(w.registry_shift(kAt, 2 * kHalf), 24);
	TCE_EXPECT_EQ(w.registry_shift(kAt - bit(25), 2 * kHalf), 12);

	static const struct {
		u64 start, npages;
		int rc;
	} kClaims[] = {
		{ kAt,	       kHalf,     0		},
		{ kAt,	       16,	   0	     },
		{ kAt,	       2 * kHalf, err::kPerm },
		{ kAt - bit(25), 2 * kHalf, 0	      }
	};

	for (const auto &c : kClaims) {
		tce_mem *mem = nullptr;

		TCE_EXPECT_EQ(tce_port_mem_get(m, c.start, c.npages, &mem), 0);
		TCE_EXPECT_EQ(tce_port_mem_claim(mem, c.start, c.npages), c.rc);
		TCE_EXPECT_EQ(tce_port_mem_put(m, mem), 0);
	}
	TCE_EXPECT(tce_port_block_is_huge(w.hpa_of(m, kAt), 24));
	TCE_EXPECT(tce_port_block_is_huge(w.hpa_of(m, kAt + 0x50000), 16));
	TCE_EXPECT(!tce_port_block_is_huge(w.hpa_of(m, kAt), 25));
	TCE_EXPECT(!tce_port_block_is_huge(w.hpa_of(m, kAt + bit(25)), 16));
	tce_port_mm_put(m);
	unmake(&w);
}

/* A task is the same for as long as it is one, and never an address. */
TCE_CASE(fake, tasks)
{
	World &w = *make<World>(Config{});
	const u64 me = tce_port_task();

	TCE_EXPECT_EQ(tce_port_task(), me);
	TCE_EXPECT((me & 1) && me >> 63);
	{
		const Vcpu other(2);
		const u64 two = tce_port_task();

		TCE_EXPECT_NE(two, me);
		TCE_EXPECT((two & 1) && two >> 63);
		as_task(3);
		TCE_EXPECT_NE(tce_port_task(), two);
	}
	TCE_EXPECT_EQ(tce_port_task(), me);
	unmake(&w);
}

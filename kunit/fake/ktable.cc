// SPDX-License-Identifier: GPL-2.0-only
/*
 * port.h, "Tables as KVM sees them" and "Time, trouble, figures".
 *
 * A deferred flush runs when a case says so (World::run_deferred()), never by
 * itself: what must not depend on it has to hold without it.
 */
#include "kvm.hpp"
#include "world.hpp"

namespace fake {

namespace {

constexpr u32 kMagic = 0x7ab1e7ab;

tce_ktable *check(tce_ktable *k, const char *what)
{
	if (!k || k->magic != kMagic)
		env_panic(__FILE__, __LINE__, what);
	return k;
}

} // namespace

void ktable_get(tce_ktable *k)
{
	Guard g;

	check(k, "a reference to a table that is gone")->refs++;
}

void ktable_put(tce_ktable *k)
{
	tce_table *t;
	{
		Guard g;

		check(k, "put of a table that is gone");
		if (--k->refs)
			return;
		if (k->armed)
			FAKE_FAIL("the last reference goes while a flush is armed");
		if (k->running)
			FAKE_FAIL("the last reference goes while a flush runs");
		for (tce_ktable **at = &world->ktables; *at; at = &(*at)->next) {
			if (*at == k) {
				*at = k->next;
				break;
			}
		}
		world->live_ktables--;
		k->magic = 0;
		t = k->table;
	}
	env_free(k);

	/* KVM drops its reference from softirq. */
	Atomic atomic;

	tce_table_release(t);
}

u32 World::armed() const
{
	Guard g;
	u32 n = 0;

	for (const tce_ktable *k = ktables; k; k = k->next)
		n += k->armed;
	return n;
}

u32 World::run_deferred()
{
	u32 n = 0;

	for (;;) {
		tce_ktable *k;
		{
			Guard g;

			for (k = ktables; k && !k->armed; k = k->next)
				;
			if (!k)
				return n;
			k->armed = false;
			k->running++;
			k->refs++;
			k->flushes++;
		}
		tce_table_flush(k->table);
		{
			Guard g;

			k->running--;
		}
		ktable_put(k);
		n++;
	}
}

} // namespace fake

using namespace fake;

struct tce_ktable *tce_port_ktable_create(struct tce_table *t, const struct tce_ktable_shape *shape)
{
	expect_process_context("tce_port_ktable_create");
	{
		Guard g;

		if (world->forbid_alloc)
			FAKE_FAIL("a table is made where no allocation is allowed");
		if (world->inject(Site::KtableCreate))
			return nullptr;
	}

	auto *k = static_cast<tce_ktable *>(env_alloc(sizeof(tce_ktable), 8));
	Guard g;

	k->magic = kMagic;
	k->table = t;
	k->shape = *shape;
	k->refs = 1;
	k->next = world->ktables;
	world->ktables = k;
	world->live_ktables++;
	return k;
}

void tce_port_ktable_put(struct tce_ktable *k)
{
	expect_process_context("tce_port_ktable_put");
	ktable_put(k);
}

void tce_port_ktable_defer_flush(struct tce_ktable *k)
{
	Guard g;

	check(k, "a flush is armed for a table that is gone")->armed = true;
}

void tce_port_ktable_cancel_flush(struct tce_ktable *k)
{
	expect_process_context("tce_port_ktable_cancel_flush");
	for (;;) {
		{
			Guard g;

			check(k, "a flush is cancelled for a table that is gone")->armed = false;
			if (!k->running)
				return;
		}
		env_yield();
	}
}

void tce_port_group_set_table(struct tce_port_group *grp, unsigned int slot, struct tce_ktable *k)
{
	tce_ktable *old;

	expect_process_context("tce_port_group_set_table");
	{
		Guard g;

		if (slot >= TCE_MAX_WINDOWS)
			env_panic(__FILE__, __LINE__, "no such table slot");
		if (k)
			check(k, "a table that is gone is made visible")->refs++;
		old = grp->slot[slot];
		grp->slot[slot] = k;
	}
	if (old)
		ktable_put(old);
}

void tce_port_sync_users(void)
{
	const env_thread *t = env_self();

	expect_process_context("tce_port_sync_users");
	if (t->in_user)
		FAKE_FAIL("tce_port_sync_users between two ops waits for itself");
	Kvm::wait_for_users();

	Guard g;

	world->syncs++;
}

void tce_port_yield(void)
{
	expect_process_context("tce_port_yield");
	{
		Guard g;

		world->yields++;
	}
	Kvm::sleep_begins();
	env_yield();
	Kvm::sleep_ends();
}

int tce_port_killed(void)
{
	Guard g;

	if (world->inject(Site::Killed))
		return 1;
	return env_self()->killed ? 1 : 0;
}

void tce_port_warn(const char *what, const char *file, int line)
{
	{
		Guard g;

		world->warns++;
		if (world->allow_warn)
			return;
	}
	fail_at(file, line, "warning of the engine: %s", what);
}

void tce_port_log(const char *fmt, ...)
{
	char text[200];
	__builtin_va_list ap;

	__builtin_va_start(ap, fmt);
	env_vsnprintf(text, sizeof(text), fmt, ap);
	__builtin_va_end(ap);
	{
		Guard g;

		world->logs++;
		__builtin_memcpy(world->last_log, text, sizeof(text));
	}
	if (env_knob(ENV_VERBOSE))
		log("engine: %s", text);
}

void tce_port_count(enum tce_counter which, long n)
{
	Guard g;

	if (which < TCE_COUNTERS)
		world->counters[which] += n;
}

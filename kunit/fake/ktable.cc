// SPDX-License-Identifier: GPL-2.0-only
/* port.h, ktable.h: tables as KVM sees them. */
#include "ktable.hpp"

namespace fake {

template <> constinit Ktables *Part<Ktables>::here = nullptr;

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
		for (tce_ktable **at = &Ktables::here->ktables; *at; at = &(*at)->next) {
			if (*at == k) {
				*at = k->next;
				break;
			}
		}
		Ktables::here->live_ktables--;
		k->magic = 0;
		t = k->table;
	}
	/* KVM may be about to call an op of it. */
	Users::here->free_later(k);

	/* KVM drops its reference from softirq. */
	Atomic atomic;

	tce_table_release(t);
}

u32 Ktables::give_up_lost()
{
	u32 n = 0;

	for (;; n++) {
		tce_ktable *k;
		{
			Guard g;

			for (k = ktables; k && !k->lost; k = k->next)
				;
			if (!k)
				return n;
			k->lost--;
		}
		ktable_put(k);
	}
}

Ktables::~Ktables()
{
	while (tce_ktable *k = ktables) {
		ktables = k->next;
		env_free(k);
	}
}

void Ktables::check_balance() const
{
	if (live_ktables)
		FAKE_FAIL("%llu tables of KVM left at the end", live_ktables);
}

} // namespace fake

using namespace fake;

struct tce_ktable *tce_port_ktable_create(struct tce_table *t, const struct tce_ktable_shape *shape)
{
	expect_process_context("tce_port_ktable_create");
	{
		Guard g;

		if (Base::here->forbid_alloc)
			FAKE_FAIL("a table is made where no allocation is allowed");
		if (Base::here->inject(Site::KtableCreate))
			return nullptr;
	}

	auto *k = static_cast<tce_ktable *>(env_alloc(sizeof(tce_ktable), 8));
	Guard g;

	k->magic = kMagic;
	k->table = t;
	k->shape = *shape;
	k->refs = 1;
	k->next = Ktables::here->ktables;
	Ktables::here->ktables = k;
	Ktables::here->live_ktables++;
	return k;
}

void tce_port_ktable_put(struct tce_ktable *k)
{
	expect_process_context("tce_port_ktable_put");
	ktable_put(k);
}

void tce_port_group_set_table(struct tce_port_group *grp, unsigned int slot, struct tce_ktable *k)
{
	moment();
	tce_ktable *old;

	expect_process_context("tce_port_group_set_table");
	{
		Guard g;

		if (slot >= TCE_MAX_WINDOWS)
			env_panic(__FILE__, __LINE__, "no such table slot");
		if (Base::here->config.platform == TCE_PLATFORM_IODA2)
			FAKE_FAIL(
				"PowerNV's set_window and unset_window show tables and hide them");
		if (k)
			check(k, "a table that is gone is made visible")->refs++;
		old = grp->slot[slot];
		grp->slot[slot] = k;
	}
	if (old)
		ktable_put(old);
}

int tce_port_group_id(const struct tce_port_group *grp)
{
	return static_cast<int>(grp->index);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * port.h, deferred flushes.  They run when a case says so
 * (Flushes::run_deferred()), never by themselves: what must not depend on them
 * has to hold without them.
 */
#include "flush.hpp"

namespace fake {

template <> constinit Flushes *Part<Flushes>::here = nullptr;

namespace {

constexpr u32 kFlushMagic = 0xf1054f10;

tce_flush *check(tce_flush *f, const char *what)
{
	if (!f || f->magic != kFlushMagic)
		env_panic(__FILE__, __LINE__, what);
	return f;
}

} // namespace

u32 Flushes::armed() const
{
	Guard g;
	u32 n = 0;

	for (const tce_flush *f = flushes; f; f = f->next)
		n += f->armed;
	return n;
}

u32 Flushes::run_deferred()
{
	u32 n = 0;

	for (;; n++) {
		tce_flush *f;
		{
			Guard g;

			for (f = flushes; f && !f->armed; f = f->next)
				;
			if (f) {
				f->armed = false;
				f->running++;
			}
		}
		if (!f)
			break;
		tce_table_flush(f->table);

		Guard g;

		check(f, "a flush is gone while it runs")->running--;
	}
	Users::here->run_later();
	return n;
}

Flushes::~Flushes()
{
	while (tce_flush *f = flushes) {
		flushes = f->next;
		env_free(f);
	}
}

void Flushes::check_balance() const
{
	if (live_flushes)
		FAKE_FAIL("%llu deferred flushes left at the end", live_flushes);
}

} // namespace fake

using namespace fake;

struct tce_flush *tce_port_flush_create(struct tce_table *t)
{
	expect_process_context("tce_port_flush_create");
	{
		Guard g;

		if (Base::here->forbid_alloc)
			FAKE_FAIL("a flush is made where no allocation is allowed");
		if (Base::here->inject(Site::FlushCreate))
			return nullptr;
	}

	auto *f = static_cast<tce_flush *>(env_alloc(sizeof(tce_flush), 8));
	Guard g;

	f->magic = kFlushMagic;
	f->table = t;
	f->next = Flushes::here->flushes;
	Flushes::here->flushes = f;
	Flushes::here->live_flushes++;
	return f;
}

void tce_port_flush_arm(struct tce_flush *f)
{
	Guard g;

	Flushes::here->arms++;
	check(f, "a flush is armed that is gone")->armed = true;
}

void tce_port_flush_cancel(struct tce_flush *f)
{
	moment();
	expect_process_context("tce_port_flush_cancel");
	Users::here->asleep(true);
	for (;;) {
		{
			Guard g;

			check(f, "a flush is cancelled that is gone")->armed = false;
			if (!f->running)
				break;
		}
		env_yield();
	}
	Users::here->asleep(false);
}

void tce_port_flush_destroy(struct tce_flush *f)
{
	{
		Guard g;

		check(f, "a flush is destroyed twice");
		if (f->armed)
			FAKE_FAIL("a flush goes while it is armed");
		if (f->running)
			FAKE_FAIL("a flush goes while it runs");
		for (tce_flush **at = &Flushes::here->flushes; *at; at = &(*at)->next) {
			if (*at == f) {
				*at = f->next;
				break;
			}
		}
		Flushes::here->live_flushes--;
		f->magic = 0;
	}
	env_free(f);
}

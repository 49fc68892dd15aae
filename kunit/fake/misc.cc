// SPDX-License-Identifier: GPL-2.0-only
/* port.h, misc.h: tasks, time, trouble, figures. */
#include "misc.hpp"

namespace fake {

template <> constinit Misc *Part<Misc>::here = nullptr;

void Misc::check_balance() const
{
	if (counters[TCE_COUNT_LEAVES])
		FAKE_FAIL("%lld leaves left at the end", counters[TCE_COUNT_LEAVES]);
}

void Misc::reset_counts()
{
	waits = waited_ms = 0;
	delays = delayed_us = 0;
	yields = syncs = 0;
}

} // namespace fake

using namespace fake;

tce_u64 tce_port_task(void)
{
	const env_thread *t = env_self();
	const u64 number = t->task ? t->task : reinterpret_cast<unsigned long>(t) >> 1;

	return bit(63) | number << 1 | 1;
}

int tce_port_killed(void)
{
	Guard g;

	if (Base::here->inject(Site::Killed))
		return 1;
	return env_self()->killed ? 1 : 0;
}

int tce_port_wait_ms(unsigned int ms, int killable)
{
	expect_process_context("tce_port_wait_ms");
	Users::here->quiet();
	{
		Guard g;

		Misc::here->waits++;
		Misc::here->waited_ms += ms;
	}
	moment();

	Guard g;

	return killable && (Base::here->inject(Site::Killed) || env_self()->killed);
}

void tce_port_delay_us(unsigned int us)
{
	Guard g;

	Misc::here->delays++;
	Misc::here->delayed_us += us;
}

void tce_port_sync_users(void)
{
	moment();
	expect_process_context("tce_port_sync_users");
	if (env_self()->in_user)
		return;
	Users::here->wait();
	{
		Guard g;

		Misc::here->syncs++;
	}
	moment();
	Users::here->run_later();
}

void tce_port_later(struct tce_later *l, void (*fn)(struct tce_later *l))
{
	Users::here->later(l, fn);
}

void tce_port_yield(void)
{
	moment();
	expect_process_context("tce_port_yield");
	begin_step();
	{
		Guard g;

		Misc::here->yields++;
	}
	Users::here->yields();
	env_yield();
}

void tce_port_warn(const char *what, const char *file, int line)
{
	{
		Guard g;

		Misc::here->warns++;
		if (Misc::here->allow_warn)
			return;
	}
	fail_at(file, line, "warning of the engine: %s", what);
}

void tce_port_count(enum tce_counter which, long n)
{
	Guard g;

	if (which < TCE_COUNTERS)
		Misc::here->counters[which] += n;
}

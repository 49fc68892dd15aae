// SPDX-License-Identifier: GPL-2.0-only
/*
 * How long a busy firmware is waited for.
 *
 * Not by the kernel's own rtas_busy_delay(): that has no end, does not look for
 * signals, and asks again at once after -2.
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <asm/rtas.h>

#include <tce/port.h>

#include "pseries_rtas.h"

/* Longer than the longest time that firmware names at once, 100 s. */
#define TCE_RTAS_PATIENCE_MS	(120 * 1000u)
/*
 * -2 mostly means that the call has not come to its end in the time that it may
 * take, and goes on when it is made again: so the first pauses are none, and
 * later ones a millisecond longer every few times.
 */
#define TCE_RTAS_BUSY_STEP	8u
#define TCE_RTAS_BUSY_MAX_MS	100u

/**
 * tce_rtas_pause() - what is to be done after a status of an RTAS call
 * @p: zeroed before the first call
 * @status: what it answered
 *
 * Context: Any.
 * Return: milliseconds to wait before it is made again; -EBUSY: there has been
 * enough of that; -EALREADY: the status is the answer.
 */
int tce_rtas_pause(struct tce_rtas_patience *p, int status)
{
	unsigned int ms = 1;

	if (status == RTAS_BUSY) {
		ms = min(p->busy++ / TCE_RTAS_BUSY_STEP, TCE_RTAS_BUSY_MAX_MS);
	} else if (status >= RTAS_EXTENDED_DELAY_MIN && status <= RTAS_EXTENDED_DELAY_MAX) {
		p->busy = 0;
		while (status-- > RTAS_EXTENDED_DELAY_MIN)
			ms *= 10;
	} else {
		return -EALREADY;
	}
	if (ms > TCE_RTAS_PATIENCE_MS - p->waited)
		return -EBUSY;
	p->waited += ms;
	return ms;
}

/**
 * tce_rtas_again() - wait before an RTAS call is made again, if it has to be
 * @p: zeroed before the first call
 * @status: what it answered
 * @may_fail: a fatal signal ends the waiting
 *
 * Context: Process context.
 * Return: 1: make it again; 0: the status is the answer; -EBUSY: the firmware
 * is busy for good; -EINTR: a fatal signal.
 */
int tce_rtas_again(struct tce_rtas_patience *p, int status, bool may_fail)
{
	int ms = tce_rtas_pause(p, status);

	if (ms == -EALREADY)
		return 0;
	if (ms < 0)
		return ms;
	if (may_fail && tce_port_killed())
		return -EINTR;
	if (!ms)
		tce_port_yield();
	else if (tce_port_wait_ms(ms, may_fail))
		return -EINTR;
	return 1;
}

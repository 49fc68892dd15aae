// SPDX-License-Identifier: GPL-2.0-only
/*
 * Time, trouble and figures.
 */
#define pr_fmt(fmt) "vfio_tce: " fmt

#include <linux/bitmap.h>
#include <linux/bug.h>
#include <linux/build_bug.h>
#include <linux/hash.h>
#include <linux/kernel.h>
#include <linux/percpu.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/stdarg.h>

#include <tce/port.h>

#include "port_stats.h"

#define TCE_WARN_BITS	10

static DEFINE_PER_CPU(long [TCE_PORT_COUNTERS], tce_counters);

static const char *const tce_counter_names[TCE_PORT_COUNTERS] = {
	[TCE_COUNT_TCES_MAPPED]			= "tces_mapped",
	[TCE_COUNT_TCES_UNMAPPED]		= "tces_unmapped",
	[TCE_COUNT_KVM_UPDATES]			= "kvm_updates",
	[TCE_COUNT_KVM_KILLS]			= "kvm_kills",
	[TCE_COUNT_KVM_HCALLS]			= "kvm_hcalls",
	[TCE_COUNT_KVM_LOST]			= "kvm_lost",
	[TCE_COUNT_DEFERRED_FLUSHES]		= "deferred_flushes",
	[TCE_COUNT_WINDOWS_CREATED]		= "windows_created",
	[TCE_COUNT_WINDOWS_REMOVED]		= "windows_removed",
	[TCE_COUNT_REGIONS_REGISTERED]		= "regions_registered",
	[TCE_COUNT_REGIONS_UNREGISTERED]	= "regions_unregistered",
	[TCE_COUNT_LEAVES]			= "leaves",
	[TCE_COUNT_QUARANTINED]			= "quarantined",
	[TCE_COUNT_HCALLS_PUT]			= "hcalls_put",
	[TCE_COUNT_HCALLS_PUT_INDIRECT]		= "hcalls_put_indirect",
	[TCE_COUNT_HCALLS_STUFF]		= "hcalls_stuff",
	[TCE_COUNT_RTAS_QUERY]			= "rtas_query",
	[TCE_COUNT_RTAS_CREATE]			= "rtas_create",
	[TCE_COUNT_RTAS_REMOVE]			= "rtas_remove",
	[TCE_COUNT_RTAS_RESET]			= "rtas_reset",
	[TCE_COUNT_TABLES]			= "tables",
};

/**
 * tce_port_yield() - in a long loop: let others run
 *
 * Context: Process context.
 */
void tce_port_yield(void)
{
	cond_resched();
}

/**
 * tce_port_killed() - has the caller a fatal signal pending
 *
 * Context: Process context.
 * Return: non-zero if so.
 */
int tce_port_killed(void)
{
	return fatal_signal_pending(current);
}

/**
 * tce_port_sync_users() - wait until nobody is between two ops of a table
 *
 * KVM does not sleep between useraddrptr and its store to the slot.  Where it can
 * be preempted there (Linux 7.2), only a grace period of RCU tasks says that it is
 * through: that waits until everyone has given up the processor of his own accord or
 * was in userspace or in a guest, and being preempted is neither.  Elsewhere
 * synchronize_rcu_tasks() is synchronize_rcu().
 *
 * Context: Process context.
 */
void tce_port_sync_users(void)
{
	static_assert(IS_ENABLED(CONFIG_TASKS_RCU) || !IS_ENABLED(CONFIG_PREEMPTION));
	/* There KVM would sleep: in any spinlock. */
	static_assert(!IS_ENABLED(CONFIG_PREEMPT_RT));

	synchronize_rcu_tasks();
}

/**
 * tce_port_warn() - an invariant is broken
 * @what: what was expected
 * @file: where it was
 * @line: where it was
 *
 * One splat per place.
 *
 * Context: Any.
 */
void tce_port_warn(const char *what, const char *file, int line)
{
	static DECLARE_BITMAP(seen, 1 << TCE_WARN_BITS);

	if (test_and_set_bit(hash_64((unsigned long)file + line, TCE_WARN_BITS), seen))
		return;
	WARN(1, "vfio_tce: %s at %s:%d\n", what, file, line);
}

/**
 * tce_port_log() - tell the administrator
 * @fmt: printf-like, with a newline
 *
 * Rate-limited, because most of what there is to say is userspace's doing.
 *
 * Context: Any.
 */
void tce_port_log(const char *fmt, ...)
{
	static DEFINE_RATELIMIT_STATE(limit, DEFAULT_RATELIMIT_INTERVAL,
				      DEFAULT_RATELIMIT_BURST);
	struct va_format vaf = { .fmt = fmt };
	va_list args;

	if (!___ratelimit(&limit, "vfio_tce"))
		return;
	va_start(args, fmt);
	vaf.va = &args;
	pr_warn("%pV", &vaf);
	va_end(args);
}

/**
 * tce_port_stat() - add to a counter
 * @which: enum tce_counter or enum tce_port_counter
 * @n: may be negative
 *
 * Context: Any.
 */
void tce_port_stat(unsigned int which, long n)
{
	if (which < TCE_PORT_COUNTERS)
		this_cpu_add(tce_counters[which], n);
}

/**
 * tce_port_count() - add to a counter of the engine
 * @which: the counter
 * @n: may be negative
 *
 * Context: Any.
 */
void tce_port_count(enum tce_counter which, long n)
{
	tce_port_stat(which, n);
}

/**
 * tce_port_stat_read() - the sum of a counter over all CPUs
 * @which: enum tce_counter or enum tce_port_counter
 *
 * Context: Any.
 * Return: the sum; not a snapshot.
 */
long tce_port_stat_read(unsigned int which)
{
	long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu(tce_counters, cpu)[which];
	return sum;
}

/**
 * tce_port_stat_name() - the name under which debugfs shows a counter
 * @which: enum tce_counter or enum tce_port_counter
 *
 * Context: Any.
 * Return: the name.
 */
const char *tce_port_stat_name(unsigned int which)
{
	return tce_counter_names[which] ?: "?";
}

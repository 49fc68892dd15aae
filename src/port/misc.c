// SPDX-License-Identifier: GPL-2.0-only
/*
 * Time, trouble and figures.
 */
#include <linux/bitmap.h>
#include <linux/bug.h>
#include <linux/build_bug.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/hash.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/time64.h>
#include <linux/workqueue.h>

#include <tce/port.h>

#include "stats.h"
#include "trace.h"

#define TCE_WARN_BITS	10

/* udelay() takes no more at once. */
#define TCE_DELAY_US	1000u

static DEFINE_PER_CPU(long [TCE_PORT_COUNTERS], tce_counters);

#define TCE_COUNTER_NAME(id, name)	[TCE_COUNT_##id] = #name,
static const char *const tce_counter_names[TCE_PORT_COUNTERS] = {
	TCE_COUNTER_LIST(TCE_COUNTER_NAME)
	TCE_PORT_COUNTER_LIST(TCE_COUNTER_NAME)
};

/*
 * Who waits for RCU tasks (tce_port_sync_users()) goes on as well: where the
 * kernel preempts lazily cond_resched() does nothing, and to RCU tasks a task
 * that is only preempted from time to time has never been anywhere else.
 *
 * That a quiescent state may be reported here follows from what waits for one:
 * it waits for KVM's walks over its tables, with our ops and KVM's own steps
 * between them.  No op sleeps, so none comes here; who does is in an ioctl, a
 * release or the deferred flush, and has nothing in hand that such a walk keeps
 * alive.  It may hold mutexes.
 */
void tce_port_yield(void)
{
	cond_resched_tasks_rcu_qs();
}

int tce_port_killed(void)
{
	return fatal_signal_pending(current);
}

/* Kernel addresses have their highest bit set, and a task is aligned. */
tce_u64 tce_port_task(void)
{
	static_assert(__alignof__(struct task_struct) > 1);

	return (tce_u64)current | 1;
}

int tce_port_wait_ms(unsigned int ms, int killable)
{
	if (killable) {
		/* The tick that is running now does not count. */
		schedule_timeout_killable(msecs_to_jiffies(ms) + 1);
		return fatal_signal_pending(current);
	}
	/* In pieces: who sleeps uninterruptibly for long is taken for hung. */
	while (ms > MSEC_PER_SEC) {
		msleep(MSEC_PER_SEC);
		ms -= MSEC_PER_SEC;
	}
	msleep(ms);
	return 0;
}

void tce_port_delay_us(unsigned int us)
{
	while (us > TCE_DELAY_US) {
		udelay(TCE_DELAY_US);
		us -= TCE_DELAY_US;
	}
	udelay(us);
}

/*
 * Between two of our ops KVM neither sleeps nor is an RCU reader.  Who waits
 * for it:
 *
 *  - Where the kernel preempts itself (Linux 7.2), a grace period of RCU tasks:
 *    until everyone has given up the processor of his own accord or was in
 *    userspace or in a guest.
 *  - Where it does not, everyone who is switched away from has given up the
 *    processor: until every processor has switched.  An ordinary grace period
 *    of RCU says that as well, but not with CONFIG_PREEMPT_COUNT (debug
 *    kernels): there RCU takes any tick outside of its readers for a quiescent
 *    state.
 */
#if IS_ENABLED(CONFIG_PREEMPT_COUNT) && !IS_ENABLED(CONFIG_PREEMPTION)

static DEFINE_PER_CPU(struct work_struct, tce_switch_work);
static DEFINE_MUTEX(tce_switch_lock);

static void tce_switched(struct work_struct *work)
{
}

static void tce_wait_for_switches(void)
{
	unsigned int cpu;

	mutex_lock(&tce_switch_lock);
	cpus_read_lock();
	for_each_online_cpu(cpu) {
		struct work_struct *work = per_cpu_ptr(&tce_switch_work, cpu);

		INIT_WORK(work, tce_switched);
		schedule_work_on(cpu, work);
	}
	for_each_online_cpu(cpu)
		flush_work(per_cpu_ptr(&tce_switch_work, cpu));
	cpus_read_unlock();
	mutex_unlock(&tce_switch_lock);
}

#else

static void tce_wait_for_switches(void)
{
	static_assert(IS_ENABLED(CONFIG_TASKS_RCU) || !IS_ENABLED(CONFIG_PREEMPTION));

	synchronize_rcu_tasks();
}

#endif

void tce_port_sync_users(void)
{
	/* There KVM would sleep: in any spinlock. */
	static_assert(!IS_ENABLED(CONFIG_PREEMPT_RT));

	tce_wait_for_switches();
}

/* What struct tce_later is inside. */
struct tce_later_call {
	struct llist_node node;
	void (*fn)(struct tce_later *l);
};

static_assert(sizeof(struct tce_later_call) <= sizeof(struct tce_later));

static LLIST_HEAD(tce_later_calls);

static void tce_later_work(struct work_struct *work)
{
	struct llist_node *all = llist_del_all(&tce_later_calls);
	struct tce_later_call *l, *next;

	if (!all)
		return;
	tce_port_sync_users();
	llist_for_each_entry_safe(l, next, all, node)
		l->fn((struct tce_later *)l);
}

static DECLARE_WORK(tce_later_worker, tce_later_work);

/* The module waits for it when it goes (tce_port_wait_later()). */
void tce_port_later(struct tce_later *l, void (*fn)(struct tce_later *l))
{
	struct tce_later_call *call = (struct tce_later_call *)l;

	call->fn = fn;
	llist_add(&call->node, &tce_later_calls);
	schedule_work(&tce_later_worker);
}

/**
 * tce_port_wait_later() - module unload: nothing is left to call
 *
 * Context: Process context; nobody calls tce_port_later() any more but KVM's
 * RCU callbacks.
 */
void tce_port_wait_later(void)
{
	rcu_barrier();
	flush_work(&tce_later_worker);
}

void tce_port_warn(const char *what, const char *file, int line)
{
	static DECLARE_BITMAP(seen, 1 << TCE_WARN_BITS);

	if (test_and_set_bit(hash_64((unsigned long)file + line, TCE_WARN_BITS), seen))
		return;
	WARN(1, "vfio_tce: %s at %s:%d\n", what, file, line);
}

/**
 * tce_port_stat() - add to a counter
 * @which: enum tce_counter or enum tce_port_counter
 * @n: may be negative
 *
 * Context: Tasks only; one that softirqs count, too, is tce_port_stat_any()'s.
 */
void tce_port_stat(unsigned int which, long n)
{
	if (which < TCE_PORT_COUNTERS) {
		/* this_cpu_add() masks interrupts on POWER. */
		preempt_disable();
		__this_cpu_add(tce_counters[which], n);
		preempt_enable();
	}
}

/**
 * tce_port_stat_any() - the same for a counter that softirqs count, too
 * @which: enum tce_counter or enum tce_port_counter
 * @n: may be negative
 *
 * Context: Any.
 */
void tce_port_stat_any(unsigned int which, long n)
{
	if (which < TCE_PORT_COUNTERS)
		this_cpu_add(tce_counters[which], n);
}

void tce_port_count(enum tce_counter which, long n)
{
	tce_port_stat(which, n);
	if (which == TCE_COUNT_QUARANTINED)
		trace_quarantine(n);
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
	return tce_counter_names[which];
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's side of port.h: who waits for whom and for how long, and
 * messages.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/mmap_lock.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/string.h>
#include <asm/rtas.h>

#include <tce/port.h>

#include "../../src/port/log.h"
#include "../../src/port/pseries_rtas.h"
#include "../../src/port/stats.h"
#include "memory.h"

#define BYTES		(4 * PAGE_SIZE)
#define SOON		(10 * HZ)
#define PROCESSES	24

/* --- Registrations -------------------------------------------------------- */

/*
 * A process that registers some memory when it is told to, and then gives it
 * back.
 */
struct process {
	struct mm_struct *mm;
	struct task_struct *task;
	struct completion ready, go, done;
	int ret;
};

static int process_main(void *data)
{
	struct process *p = data;
	struct tce_mem *mem = NULL;
	struct tce_mm *mm;
	unsigned long at;

	kthread_use_mm(p->mm);
	mm = tce_port_mm_get();
	at = vm_mmap(NULL, 0, BYTES, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, 0);
	complete(&p->ready);
	wait_for_completion(&p->go);
	p->ret = IS_ERR_VALUE(at) ? (int)at :
		 tce_port_mem_get(mm, at, BYTES >> PAGE_SHIFT, &mem);
	if (!p->ret)
		p->ret = tce_port_mem_put(mm, mem);
	tce_port_mm_put(mm);
	kthread_unuse_mm(p->mm);
	complete_all(&p->done);
	return 0;
}

static bool process_start(struct process *p)
{
	p->ret = 1;
	init_completion(&p->ready);
	init_completion(&p->go);
	init_completion(&p->done);
	p->mm = mm_alloc();
	if (!p->mm)
		return false;
	p->mm->task_size = TASK_SIZE;
	arch_pick_mmap_layout(p->mm, &current->signal->rlim[RLIMIT_STACK]);
	p->task = kthread_run(process_main, p, "tce_kunit");
	if (IS_ERR(p->task)) {
		mmput(p->mm);
		return false;
	}
	wait_for_completion(&p->ready);
	return true;
}

/*
 * The first one hangs where it takes its own mmap_lock, as in a fault; all
 * others go on.
 */
static void port_register_beside(struct kunit *test)
{
	struct process *p = kunit_kcalloc(test, PROCESSES, sizeof(*p), GFP_KERNEL);
	unsigned int i, nr, late = 0;

	KUNIT_ASSERT_NOT_NULL(test, p);
	for (nr = 0; nr < PROCESSES; nr++)
		if (!process_start(&p[nr]))
			break;
	KUNIT_EXPECT_EQ(test, nr, (unsigned int)PROCESSES);

	if (nr) {
		mmap_write_lock(p[0].mm);
		complete(&p[0].go);
		/* Asleep: it is where it hangs. */
		for (i = 0; i < 500; i++) {
			if (READ_ONCE(p[0].task->__state) & TASK_UNINTERRUPTIBLE)
				break;
			msleep(20);
		}
		KUNIT_EXPECT_LT(test, i, 500u);
		for (i = 1; i < nr; i++)
			complete(&p[i].go);
		for (i = 1; i < nr; i++)
			late += !wait_for_completion_timeout(&p[i].done, late ? 1 : SOON);
		KUNIT_EXPECT_EQ(test, late, 0u);
		KUNIT_EXPECT_FALSE(test, completion_done(&p[0].done));
		mmap_write_unlock(p[0].mm);
	}
	for (i = 0; i < nr; i++) {
		if (!i || late)
			wait_for_completion(&p[i].done);
		KUNIT_EXPECT_EQ(test, p[i].ret, 0);
		mmput(p[i].mm);
	}
}

/* --- Those who are killed ------------------------------------------------- */

struct victim {
	int (*wait)(struct victim *v);
	struct tce_mutex mutex;
	struct completion ready, done;
	int ret;
};

static int victim_main(void *data)
{
	struct victim *v = data;

	allow_signal(SIGKILL);
	complete(&v->ready);
	v->ret = v->wait(v);
	complete(&v->done);
	return 0;
}

static int wait_for_mutex(struct victim *v)
{
	return tce_port_mutex_lock_killable(&v->mutex);
}

static int wait_for_time(struct victim *v)
{
	return tce_port_wait_ms(3600 * 1000, 1);
}

static int wait_for_firmware(struct victim *v)
{
	struct tce_rtas_patience p = {};

	return tce_rtas_again(&p, RTAS_EXTENDED_DELAY_MAX, true);
}

static void port_killed(struct kunit *test)
{
	static int (*const waits[])(struct victim *v) = {
		wait_for_mutex, wait_for_time, wait_for_firmware,
	};
	struct victim *v = kunit_kzalloc(test, sizeof(*v), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, v);
	tce_port_mutex_init(&v->mutex, TCE_LOCK_REGISTER);
	KUNIT_ASSERT_EQ(test, tce_port_mutex_lock_killable(&v->mutex), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(waits); i++) {
		struct task_struct *task;

		v->wait = waits[i];
		v->ret = 0;
		init_completion(&v->ready);
		init_completion(&v->done);
		task = kthread_create(victim_main, v, "tce_kunit");
		KUNIT_ASSERT_FALSE(test, IS_ERR(task));
		get_task_struct(task);
		wake_up_process(task);
		wait_for_completion(&v->ready);
		/* Nothing ends it but the signal. */
		KUNIT_EXPECT_EQ(test, wait_for_completion_timeout(&v->done, HZ / 20), 0ul);
		send_sig(SIGKILL, task, 1);
		KUNIT_EXPECT_NE(test, wait_for_completion_timeout(&v->done, SOON), 0ul);
		KUNIT_EXPECT_NE(test, v->ret, 0);
		put_task_struct(task);
	}
	tce_port_mutex_unlock(&v->mutex);
	tce_port_mutex_destroy(&v->mutex);
}

/* --- A busy firmware ------------------------------------------------------ */

static void port_rtas_answer(struct kunit *test)
{
	static const int answers[] = { 0, -1, -3, -5, -9000, 9000, 9899, 9906, 1 };
	struct tce_rtas_patience p = {};

	for (unsigned int i = 0; i < ARRAY_SIZE(answers); i++) {
		KUNIT_EXPECT_EQ(test, tce_rtas_pause(&p, answers[i]), -EALREADY);
		KUNIT_EXPECT_EQ(test, tce_rtas_again(&p, answers[i], i & 1), 0);
	}
	KUNIT_EXPECT_EQ(test, p.waited, 0u);
}

/*
 * -2: at once a few times, then after longer and longer pauses, and not for
 * ever.
 */
static void port_rtas_busy(struct kunit *test)
{
	struct tce_rtas_patience p = {};
	unsigned int sum = 0, nr = 0;
	int last = 0, ms;

	KUNIT_EXPECT_EQ(test, tce_rtas_pause(&p, RTAS_BUSY), 0);
	while ((ms = tce_rtas_pause(&p, RTAS_BUSY)) >= 0 && nr++ < 1000000) {
		KUNIT_EXPECT_GE(test, ms, last);
		KUNIT_EXPECT_LE(test, ms, 100);
		last = ms;
		sum += ms;
		/* 150 are nothing. */
		if (nr == 150)
			KUNIT_EXPECT_LE(test, sum, 2000u);
	}
	KUNIT_EXPECT_EQ(test, ms, -EBUSY);
	KUNIT_EXPECT_EQ(test, last, 100);
	KUNIT_EXPECT_LE(test, sum, 120u * 1000);
	KUNIT_EXPECT_GT(test, sum, 119u * 1000);
	/* It stays so. */
	KUNIT_EXPECT_EQ(test, tce_rtas_pause(&p, RTAS_EXTENDED_DELAY_MAX), -EBUSY);
}

/* 990x: as long as they say; what comes in between begins anew. */
static void port_rtas_delays(struct kunit *test)
{
	struct tce_rtas_patience p = {};

	for (int i = 0, ms = 1; i <= 4; i++, ms *= 10)
		KUNIT_EXPECT_EQ(test, tce_rtas_pause(&p, RTAS_EXTENDED_DELAY_MIN + i), ms);
	for (unsigned int i = 0; i < 20; i++)
		tce_rtas_pause(&p, RTAS_BUSY);
	KUNIT_EXPECT_EQ(test, tce_rtas_pause(&p, RTAS_EXTENDED_DELAY_MIN), 1);
	KUNIT_EXPECT_EQ(test, tce_rtas_pause(&p, RTAS_BUSY), 0);
	/*
	 * The longest one only once, and then there is some left for shorter
	 * ones.
	 */
	KUNIT_EXPECT_EQ(test, tce_rtas_pause(&p, RTAS_EXTENDED_DELAY_MAX), 100 * 1000);
	KUNIT_EXPECT_EQ(test, tce_rtas_pause(&p, RTAS_EXTENDED_DELAY_MAX), -EBUSY);
	KUNIT_EXPECT_EQ(test, tce_rtas_pause(&p, RTAS_EXTENDED_DELAY_MIN + 3), 1000);
}

/* Firmware that is busy 150 times, and then has an answer. */
static void port_rtas_150(struct kunit *test)
{
	for (unsigned int may_fail = 0; may_fail < 2; may_fail++) {
		struct tce_rtas_patience p = {};
		unsigned long begin = jiffies;
		unsigned int calls = 0;
		int again, status;

		do {
			status = ++calls <= 150 ? (calls % 50 ? RTAS_BUSY : 9901) : -3;
			again = tce_rtas_again(&p, status, may_fail);
		} while (again > 0);
		KUNIT_EXPECT_EQ(test, again, 0);
		KUNIT_EXPECT_EQ(test, calls, 151u);
		KUNIT_EXPECT_EQ(test, status, -3);
		KUNIT_EXPECT_GE(test, jiffies_to_msecs(jiffies - begin), p.waited / 2);
		KUNIT_EXPECT_GT(test, p.waited, 100u);
	}
}

static void port_delay(struct kunit *test)
{
	u64 begin = ktime_get_ns();

	tce_port_delay_us(300);
	KUNIT_EXPECT_GE(test, ktime_get_ns() - begin, 300 * 1000ull);
	begin = ktime_get_ns();
	KUNIT_EXPECT_EQ(test, tce_port_wait_ms(5, 0), 0);
	KUNIT_EXPECT_EQ(test, tce_port_wait_ms(5, 1), 0);
	KUNIT_EXPECT_GE(test, ktime_get_ns() - begin, 8 * 1000 * 1000ull);
}

/* --- Messages ------------------------------------------------------------- */

static unsigned int allowed(struct tce_log_who *who, enum tce_log_kind kind, unsigned int times)
{
	unsigned int n = 0;

	while (times--)
		n += tce_log_allows(who, kind);
	return n;
}

static void port_log_limits(struct kunit *test)
{
	struct tce_log_who *a = kunit_kzalloc(test, sizeof(*a), GFP_KERNEL);
	struct tce_log_who *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, a && b);
	tce_port_log_init(a);
	tce_port_log_init(b);
	/* Not a round number: some seconds may pass. */
	KUNIT_EXPECT_EQ(test, allowed(a, TCE_LOG_WINDOWS, 500), (unsigned int)TCE_LOG_BURST);
	KUNIT_EXPECT_EQ(test, allowed(a, TCE_LOG_KEPT, 1), 1u);
	KUNIT_EXPECT_EQ(test, allowed(b, TCE_LOG_WINDOWS, 1), 1u);
	KUNIT_EXPECT_EQ(test, allowed(NULL, TCE_LOG_WINDOWS, 500), (unsigned int)TCE_LOG_BURST);
	KUNIT_EXPECT_EQ(test, allowed(NULL, TCE_LOG_OTHER, 1), 1u);
	/* What userspace can cause at will is limited for all together. */
	KUNIT_EXPECT_EQ(test, allowed(a, TCE_LOG_MEMLOCK, 500), (unsigned int)TCE_LOG_BURST);
	KUNIT_EXPECT_EQ(test, allowed(b, TCE_LOG_MEMLOCK, 500), 0u);
	KUNIT_EXPECT_EQ(test, allowed(b, TCE_LOG_ENTRIES, 1), 1u);
}

static void port_log_name(struct kunit *test)
{
	struct tce_log_who *who = kunit_kzalloc(test, sizeof(*who), GFP_KERNEL);
	char buf[128], small[8];

	KUNIT_ASSERT_NOT_NULL(test, who);
	KUNIT_EXPECT_STREQ(test, tce_log_name(NULL, buf, sizeof(buf)), "");
	tce_port_log_init(who);
	KUNIT_EXPECT_EQ(test, who->pid, (int)task_tgid_nr(current));
	strscpy(who->comm, "qemu", sizeof(who->comm));
	who->pid = 17;
	KUNIT_EXPECT_STREQ(test, tce_log_name(who, buf, sizeof(buf)), "qemu[17]: ");
	tce_port_log_add_group(who, 5);
	tce_port_log_add_group(who, 5);
	KUNIT_EXPECT_STREQ(test, tce_log_name(who, buf, sizeof(buf)), "qemu[17] group 5: ");
	for (int i = 6; i < 6 + TCE_LOG_GROUPS; i++)
		tce_port_log_add_group(who, i);
	KUNIT_EXPECT_STREQ(test, tce_log_name(who, buf, sizeof(buf)),
			   "qemu[17] groups 5,6,7,8,...: ");
	tce_port_log_drop_group(who, 6);
	tce_port_log_drop_group(who, 5);
	tce_port_log_drop_group(who, 99);
	KUNIT_EXPECT_STREQ(test, tce_log_name(who, buf, sizeof(buf)), "qemu[17] groups 7,8: ");
	/*
	 * Whoever calls himself something with a newline does not get a line of
	 * his own.
	 */
	strscpy(who->comm, "a\nb", sizeof(who->comm));
	KUNIT_EXPECT_NULL(test, strchr(tce_log_name(who, buf, sizeof(buf)), '\n'));
	KUNIT_EXPECT_LT(test, strlen(tce_log_name(who, small, sizeof(small))), sizeof(small));
	tce_port_log_for(who, TCE_LOG_OTHER, "a message of the tests: %d\n", 1);
	tce_port_log("a message of the tests: %d\n", 2);
}

/* --- Grace periods -------------------------------------------------------- */

/*
 * Somebody who is in the kernel for a while, on a processor of his own, and
 * does not sleep: KVM between two of our ops.  Interrupts come, and others
 * would like to run.
 */
struct busy {
	struct tce_later later;
	struct completion begun, called;
	bool over, too_early;
};

static int busy_main(void *data)
{
	struct busy *b = data;
	const unsigned long end = jiffies + HZ / 2;

	complete(&b->begun);
	while (time_before(jiffies, end))
		cpu_relax();
	WRITE_ONCE(b->over, true);
	return 0;
}

static void busy_later(struct tce_later *l)
{
	struct busy *b = container_of(l, struct busy, later);

	b->too_early = !READ_ONCE(b->over);
	complete(&b->called);
}

static void port_grace_period(struct kunit *test)
{
	struct busy *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	struct task_struct *task;
	unsigned int there;

	there = cpumask_any_but(cpu_online_mask, get_cpu());
	put_cpu();
	if (there >= nr_cpu_ids)
		kunit_skip(test, "one processor");
	KUNIT_ASSERT_NOT_NULL(test, b);
	init_completion(&b->begun);
	init_completion(&b->called);
	task = kthread_create(busy_main, b, "tce_kunit");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	get_task_struct(task);
	kthread_bind(task, there);
	wake_up_process(task);
	wait_for_completion(&b->begun);
	tce_port_later(&b->later, busy_later);
	tce_port_sync_users();
	KUNIT_EXPECT_TRUE(test, READ_ONCE(b->over));
	wait_for_completion(&b->called);
	KUNIT_EXPECT_FALSE(test, b->too_early);
	kthread_stop_put(task);
	tce_port_wait_later();
}

static struct kunit_case wait_cases[] = {
	KUNIT_CASE(port_register_beside),
	KUNIT_CASE(port_killed),
	KUNIT_CASE(port_grace_period),
	KUNIT_CASE(port_rtas_answer),
	KUNIT_CASE(port_rtas_busy),
	KUNIT_CASE(port_rtas_delays),
	KUNIT_CASE(port_rtas_150),
	KUNIT_CASE(port_delay),
	KUNIT_CASE(port_log_limits),
	KUNIT_CASE(port_log_name),
	{}
};

static struct kunit_suite wait_suite = {
	.name = "tce_port_waits",
	.test_cases = wait_cases,
};

kunit_test_suite(wait_suite);

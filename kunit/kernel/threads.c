// SPDX-License-Identifier: GPL-2.0-only
/*
 * fake/env.h in the kernel: threads, and what the fake remembers of each.
 *
 * A case has a handful of threads, so a small array that is searched by task
 * does. A slot is claimed by the task itself, looked up by the task itself, and
 * given back when the task ends or, for the thread of the case, with the case.
 */
#include <linux/bug.h>
#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "env.h"

struct slot {
	struct task_struct *task;
	struct env_thread thread;
};

static struct slot slots[64];
static DEFINE_SPINLOCK(slots_lock);

static struct slot *slot_of(struct task_struct *task)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(slots); i++) {
		if (READ_ONCE(slots[i].task) == task)
			return &slots[i];
	}
	return NULL;
}

struct env_thread *env_self(void)
{
	struct slot *slot = slot_of(current);

	if (slot)
		return &slot->thread;
	spin_lock(&slots_lock);
	slot = slot_of(NULL);
	if (slot) {
		memset(&slot->thread, 0, sizeof(slot->thread));
		WRITE_ONCE(slot->task, current);
	}
	spin_unlock(&slots_lock);
	if (!slot)
		env_panic(__FILE__, __LINE__, "too many threads");
	return &slot->thread;
}

static void forget(struct slot *slot)
{
	if (slot)
		WRITE_ONCE(slot->task, NULL);
}

void tce_kunit_forget_threads(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(slots); i++)
		forget(&slots[i]);
}

struct env_task {
	void (*fn)(void *arg);
	void *arg;
	struct task_struct *task;
	struct completion done;
};

static int run(void *data)
{
	struct env_task *t = data;

	t->fn(t->arg);
	forget(slot_of(current));
	complete(&t->done);
	return 0;
}

struct env_task *env_task_start(void (*fn)(void *arg), void *arg)
{
	struct env_task *t = kzalloc(sizeof(*t), GFP_KERNEL);

	if (!t)
		return NULL;
	t->fn = fn;
	t->arg = arg;
	init_completion(&t->done);
	t->task = kthread_create(run, t, "tce_kunit");
	if (IS_ERR(t->task)) {
		kfree(t);
		return NULL;
	}
	get_task_struct(t->task);
	wake_up_process(t->task);
	return t;
}

/*
 * Not before it has run: a kthread that is stopped first never calls its
 * function.
 */
void env_task_join(struct env_task *t)
{
	wait_for_completion(&t->done);
	kthread_stop_put(t->task);
	kfree(t);
}

void env_yield(void)
{
	cond_resched();
}

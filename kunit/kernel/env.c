// SPDX-License-Identifier: GPL-2.0-only
/*
 * fake/env.h in the kernel: reporting, knobs, memory.
 *
 * Expectations fail in any context and in any thread, where KUnit's own macros
 * may not be used (they allocate).  So a failure is printed at once and
 * counted, and the thread of the case turns the count into a KUnit failure at
 * the end.
 */
#include <linux/atomic.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/llist.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/panic.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>
#include <kunit/test.h>

#include "env.h"

static unsigned long long seed;
module_param(seed, ullong, 0444);
MODULE_PARM_DESC(seed, "seed of random cases; 0: a new one each time");

static unsigned long long effort = 100;
module_param(effort, ullong, 0444);
MODULE_PARM_DESC(effort, "percent of the usual number of random operations; below 100 long rows of trials have gaps, below 10 rows of parameters");

static bool verbose;
module_param(verbose, bool, 0444);
MODULE_PARM_DESC(verbose, "print what the engine logs");

static atomic_t failures;

/* --- Reporting ------------------------------------------------------------ */

/* KTAP: what is no result starts with a hash. */
void env_fail(const char *file, int line, const char *text)
{
	atomic_inc(&failures);
	pr_err("# EXPECTATION FAILED at %s:%d: %s\n", file, line, text);
}

void env_log(const char *text)
{
	pr_info("# %s\n", text);
}

void env_panic(const char *file, int line, const char *text)
{
	panic("vfio_tce_kunit: %s:%d: %s", file, line, text);
}

int env_vsnprintf(char *buf, unsigned long bytes, const char *fmt,
		  __builtin_va_list ap)
{
	return vsnprintf(buf, bytes, fmt, ap);
}

int env_snprintf(char *buf, unsigned long bytes, const char *fmt, ...)
{
	va_list ap;
	int length;

	va_start(ap, fmt);
	length = vsnprintf(buf, bytes, fmt, ap);
	va_end(ap);
	return length;
}

/* --- Knobs ---------------------------------------------------------------- */

unsigned long long env_knob(enum env_knob which)
{
	switch (which) {
	case ENV_SEED:
		return seed;
	case ENV_EFFORT:
		return effort;
	case ENV_VERBOSE:
		return verbose;
	default:
		return 0;
	}
}

unsigned long long env_entropy(void)
{
	return get_random_u64();
}

unsigned long long env_nsecs(void)
{
	return ktime_get_ns();
}

/* --- Memory --------------------------------------------------------------- */

/* vfree() may sleep; env_free() may not. */
static LLIST_HEAD(to_vfree);

static void vfree_work(struct work_struct *work)
{
	struct llist_node *node = llist_del_all(&to_vfree);

	while (node) {
		void *p = node;

		node = node->next;
		vfree(p);
	}
}

static DECLARE_WORK(vfree_later, vfree_work);

/* A block whose size is a power of two is aligned to its size, KASAN or not. */
void *env_alloc(unsigned long bytes, unsigned long align)
{
	unsigned long size = align > 8 ? roundup_pow_of_two(bytes) : bytes;
	void *p;

	if (size <= ENV_ATOMIC_MAX)
		p = kzalloc(size, GFP_ATOMIC);
	else
		p = kvzalloc(size, GFP_KERNEL);
	if (ZERO_OR_NULL_PTR(p))
		env_panic(__FILE__, __LINE__, "out of memory");
	return p;
}

void env_free(void *p)
{
	if (!is_vmalloc_addr(p)) {
		kfree(p);
		return;
	}
	if (llist_add(p, &to_vfree))
		schedule_work(&vfree_later);
}

/* --- Cases ---------------------------------------------------------------- */

void tce_kunit_begin(void)
{
	atomic_set(&failures, 0);
}

void tce_kunit_end(struct kunit *test)
{
	int count = atomic_read(&failures);

	tce_kunit_drain();
	tce_kunit_forget_threads();
	if (count)
		KUNIT_FAIL(test, "%d expectations failed", count);
}

void tce_kunit_drain(void)
{
	flush_work(&vfree_later);
}

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KUnit, in a kernel that was built without it; included ahead of everything by
 * those who are compiled for that.
 *
 * With CONFIG_KUNIT struct module and struct task_struct have members that they
 * lack in this kernel.  So their headers come first, without it.  Nobody tells
 * KUnit that a module with suites was loaded: modules run theirs with
 * kunit_stock_run().
 */
#ifndef TCE_KUNIT_STOCK_H
#define TCE_KUNIT_STOCK_H

#include <linux/device.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#define CONFIG_KUNIT_MODULE	1
#define CONFIG_KUNIT_DEFAULT_ENABLED	1
#define CONFIG_KUNIT_DEFAULT_TIMEOUT	300	/* seconds, of a case */
#define CONFIG_KUNIT_AUTORUN_ENABLED	1
#define CONFIG_KUNIT_DEFAULT_FILTER_GLOB	""
#define CONFIG_KUNIT_DEFAULT_FILTER	""
#define CONFIG_KUNIT_DEFAULT_FILTER_ACTION	""

#ifdef KUNIT_STOCK_LIB
/* What its notifier looks into, which is never told of any. */
struct kunit_suite;
struct kunit_stock_module {
	struct kunit_suite **kunit_suites, **kunit_init_suites;
	int num_kunit_suites, num_kunit_init_suites;
};

#define module				kunit_stock_module
#define register_module_notifier(nb)	((void)(nb), 0)
#define unregister_module_notifier(nb)	((void)(nb))
#endif

/*
 * The member of struct task_struct for the running test.  File systems use this
 * one; no test is inside one.
 */
#define kunit_test		journal_info

#include <kunit/test.h>

int kunit_stock_run(struct kunit_suite *const suites[], int nr);

/* ... but that it is a void pointer. */
#undef kunit_err
#define kunit_err(test, fmt, ...)						\
	do {									\
		typeof(__builtin_choose_expr(					\
			__builtin_types_compatible_p(typeof(test), void *),	\
			(struct kunit *)NULL, (test))) test_ = (test);		\
										\
		kunit_printk(KERN_ERR, test_, fmt, ##__VA_ARGS__);		\
	} while (0)

#endif /* TCE_KUNIT_STOCK_H */

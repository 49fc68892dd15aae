// SPDX-License-Identifier: GPL-2.0-only
/*
 * The test cases of cases/list.h as KUnit suites.
 *
 * Each suite becomes one kunit_suite "tce_<suite>", each case one kunit_case,
 * each parameter one subtest, all under the names they have in the list.
 * Suites run when the module is loaded.
 */
#include <linux/init.h>
#include <linux/kconfig.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/stringhash.h>
#include <kunit/test.h>

#include "rig/case.h"
#include "cases/list.h"
#include "env.h"

static void tce_kunit_run(struct kunit *test, const struct tce_case *c)
{
	unsigned long param = (unsigned long)test->param_value;

	tce_kunit_begin();
	tce_case_run(c, param ? param - 1 : 0);
	tce_kunit_end(test);
}

/*
 * With little effort a case has one parameter in three, and its neighbour
 * others: the first one depends on its name.  Each case has one at least.
 */
static unsigned long tce_kunit_step(const struct tce_case *c, unsigned long *first)
{
	const unsigned long wanted = env_knob(ENV_EFFORT) < 10 ? 3 : 1;
	unsigned long step = 0;

	while (step < wanted && c->params(step, NULL, 0))
		step++;
	*first = full_name_hash(NULL, c->name, strlen(c->name)) % step;
	return step;
}

/* Parameter i travels as i + 1: NULL ends the list. */
static const void *tce_kunit_param(const struct tce_case *c, const void *prev,
				   char *desc)
{
	unsigned long i = (unsigned long)prev, first, step;

	step = tce_kunit_step(c, &first);
	i = i ? i - 1 + step : first;
	if (!c->params(i, desc, KUNIT_PARAM_DESC_SIZE))
		return NULL;
	return (const void *)(i + 1);
}

/* Newer kernels give a generator the test as well. */
#define TCE_KUNIT_GENERATOR_TAKES_TEST						\
	__builtin_types_compatible_p(						\
		typeof_member(struct kunit_case, generate_params),		\
		const void *(*)(struct kunit *, const void *, char *))

/*
 * Expands to NULL for the parameters "once", so that such a case is a plain
 * one.
 */
#define TCE_KUNIT_PLAIN_once 0,
#define TCE_KUNIT_GENERATOR(params, fn) TCE_KUNIT_SELECT(TCE_KUNIT_PLAIN_##params, fn)
#define TCE_KUNIT_SELECT(zero_or_junk, fn) __take_second_arg(zero_or_junk NULL, fn)

#define TCE_KUNIT_FUNCTIONS(suite_, name_, params_)				\
	TCE_CASE_DECLARE(suite_, name_, params_)				\
	static const struct tce_case tce_kunit_case_##suite_##_##name_ = {	\
		#suite_, #name_, tce_params_##params_,				\
		TCE_CASE_BODY(suite_, name_)					\
	};									\
	static void tce_kunit_run_##suite_##_##name_(struct kunit *test)	\
	{									\
		tce_kunit_run(test, &tce_kunit_case_##suite_##_##name_);	\
	}									\
	static __maybe_unused const void *					\
	tce_kunit_param_##suite_##_##name_(const void *prev, char *desc)	\
	{									\
		return tce_kunit_param(&tce_kunit_case_##suite_##_##name_,	\
				       prev, desc);				\
	}									\
	static __maybe_unused const void *					\
	tce_kunit_test_param_##suite_##_##name_(struct kunit *test,		\
						const void *prev, char *desc)	\
	{									\
		return tce_kunit_param(&tce_kunit_case_##suite_##_##name_,	\
				       prev, desc);				\
	}

#define TCE_KUNIT_CASE(suite_, name_, params_)					\
	{									\
		.name = #name_,							\
		.run_case = tce_kunit_run_##suite_##_##name_,			\
		.generate_params = TCE_KUNIT_GENERATOR(params_,			\
			__builtin_choose_expr(TCE_KUNIT_GENERATOR_TAKES_TEST,	\
				tce_kunit_test_param_##suite_##_##name_,	\
				tce_kunit_param_##suite_##_##name_)),		\
		.module_name = KBUILD_MODNAME,					\
	},

#define TCE_KUNIT_SUITE(suite_)							\
	TCE_CASES_##suite_(TCE_KUNIT_FUNCTIONS)					\
	static struct kunit_case tce_kunit_cases_##suite_[] = {			\
		TCE_CASES_##suite_(TCE_KUNIT_CASE)				\
		{}								\
	};									\
	static struct kunit_suite tce_kunit_suite_##suite_ = {			\
		.name = "tce_" #suite_,						\
		.test_cases = tce_kunit_cases_##suite_,				\
	};

#define TCE_KUNIT_REFERENCE(suite_)	&tce_kunit_suite_##suite_,

TCE_SUITES(TCE_KUNIT_SUITE)

static char *suites[32];
static unsigned int nr_suites;
module_param_array(suites, charp, &nr_suites, 0444);
MODULE_PARM_DESC(suites, "only these, by their names in cases/list.h");

static struct kunit_suite *const tce_kunit_suites[] = { TCE_SUITES(TCE_KUNIT_REFERENCE) };
static struct kunit_suite *tce_kunit_chosen[ARRAY_SIZE(tce_kunit_suites)];
static unsigned int tce_kunit_nr_chosen;

static bool tce_kunit_wanted(const struct kunit_suite *suite)
{
	unsigned int i;

	for (i = 0; i < nr_suites; i++)
		if (!strcmp(suite->name + strlen("tce_"), suites[i]))
			return true;
	return !nr_suites;
}

/*
 * kunit_test_suites() would run them all; KUnit's own filter takes one pattern,
 * not a list.
 */
#ifdef TCE_KUNIT_STOCK_H	/* included ahead of everything */
static int tce_kunit_start(void)
{
	return kunit_stock_run(tce_kunit_chosen, tce_kunit_nr_chosen);
}

static void tce_kunit_stop(void)
{
}
#else
static int tce_kunit_start(void)
{
	pr_info("KTAP version 1\n");
	pr_info("1..%u\n", tce_kunit_nr_chosen);
	return __kunit_test_suites_init(tce_kunit_chosen, tce_kunit_nr_chosen);
}

static void tce_kunit_stop(void)
{
	__kunit_test_suites_exit(tce_kunit_chosen, tce_kunit_nr_chosen);
}
#endif

static int __init tce_kunit_init(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(tce_kunit_suites); i++)
		if (tce_kunit_wanted(tce_kunit_suites[i]))
			tce_kunit_chosen[tce_kunit_nr_chosen++] = tce_kunit_suites[i];
	return tce_kunit_start();
}
module_init(tce_kunit_init);

static void __exit tce_kunit_exit(void)
{
	tce_kunit_stop();
	tce_kunit_drain();
}
module_exit(tce_kunit_exit);

MODULE_DESCRIPTION("KUnit tests of the sPAPR TCE engine");
MODULE_LICENSE("GPL");

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Running the suites of a module, as KUnit itself does when it hears of one.
 */
#include <kunit/test.h>

#include "stock.h"

/**
 * kunit_stock_run() - run suites
 * @suites: the suites
 * @nr: how many
 *
 * Context: Process context, a module's init function.
 * Return: 0; how the cases ended is in the log.
 */
int kunit_stock_run(struct kunit_suite *const suites[], int nr)
{
	struct kunit_suite_set set = { suites, suites + nr };

	kunit_exec_run_tests(&set, true);
	return 0;
}
EXPORT_SYMBOL_GPL(kunit_stock_run);

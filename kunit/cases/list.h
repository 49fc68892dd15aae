/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every test case, once.
 *
 * TCE_SUITES(S) expands S(suite) for each suite; TCE_CASES_<suite>(C) expands
 * C(suite, name, params) for each case of it.  params names a tce_params_*
 * function (case.h).  Preprocessor only: C and C++ runners include this.
 */
#ifndef TCE_CASES_LIST_H
#define TCE_CASES_LIST_H

#define TCE_SUITES(S)								\
	S(fake)

#define TCE_CASES_fake(C)							\
	C(fake, locks, once)

#endif /* TCE_CASES_LIST_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The contract between test cases and whoever runs them.
 *
 * cases/list.h names every case once; a runner turns that list into KUnit cases
 * or GoogleTest tests.  A case that is not in the list does not compile, and
 * one that is in the list and does not exist does not link, so no runner can
 * report success for a case that it did not find.
 *
 * A failed expectation goes to env_fail() and the case goes on.
 */
#ifndef TCE_CASES_CASE_H
#define TCE_CASES_CASE_H

#ifdef __cplusplus
extern "C" {
#endif

/**
 * typedef tce_params_fn - the parameters of a case
 * @i: from 0
 * @buf: gets the name of parameter @i, [a-z0-9_]* only; may be NULL
 * @bytes: size of @buf, at least 64
 *
 * Return: non-zero if there is a parameter @i.
 */
typedef int tce_params_fn(unsigned int i, char *buf, unsigned long bytes);

/* A case that runs once; its body gets 0. */
tce_params_fn tce_params_once;

struct tce_case {
	const char *suite;
	const char *name;
	tce_params_fn *params;
	void (*body)(unsigned int param);
};

/** tce_case_run() - run one case with one parameter; process context */
void tce_case_run(const struct tce_case *c, unsigned int param);

/* For list.h: the pieces every runner needs. */
#define TCE_CASE_BODY(suite, name)	tce_case_##suite##_##name
#define TCE_CASE_DECLARE(suite, name, params)					\
	void TCE_CASE_BODY(suite, name)(unsigned int param);			\
	tce_params_fn tce_params_##params;
#define TCE_CASE_ENTRY(suite, name, params)					\
	{ #suite, #name, tce_params_##params, TCE_CASE_BODY(suite, name) },

#ifdef __cplusplus
}
#endif

#endif /* TCE_CASES_CASE_H */

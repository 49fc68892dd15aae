/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the pieces of the KUnit module's C glue share: fake/env.h on kernel
 * primitives, and the begin and end of a case.
 */
#ifndef TCE_KUNIT_ENV_H
#define TCE_KUNIT_ENV_H

#include "fake/env.h"

struct kunit;

/* env.c */
void tce_kunit_begin(void);
void tce_kunit_end(struct kunit *test);
void tce_kunit_drain(void);

/* threads.c */
void tce_kunit_forget_threads(void);

#endif /* TCE_KUNIT_ENV_H */

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
	S(fake)									\
	S(geometry)

/* The fake finds what it is there to find. */
#define TCE_CASES_fake(C)							\
	C(fake, lock_order, once)						\
	C(fake, sleeping_in_atomic, once)					\
	C(fake, addresses, page_shifts)						\
	C(fake, charges, once)							\
	C(fake, memory_as_mm_iommu, page_shifts)				\
	C(fake, unpin_under_dma, once)						\
	C(fake, hypercalls, once)						\
	C(fake, refusals, once)							\
	C(fake, windows_as_qemu, once)						\
	C(fake, windows_as_lopar, once)						\
	C(fake, injection, once)						\
	C(fake, balance, once)

/* Shapes of tables. */
#define TCE_CASES_geometry(C)							\
	C(geometry, every_shape, iommu_shifts)					\
	C(geometry, slots, shapes)						\
	C(geometry, leaf_count, shapes)						\
	C(geometry, refused, once)						\
	C(geometry, small_top, once)

#endif /* TCE_CASES_LIST_H */

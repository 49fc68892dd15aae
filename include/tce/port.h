/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The boundary, outward: every call the TCE engine makes.
 *
 * Two implementations exist: src/port/ on top of the kernel, and kunit/fake/
 * for tests, in the kernel and on the host.  The engine never calls anything
 * else.
 *
 * What a call promises and wants stands in these headers and nowhere else.
 * Both implementations have their files by the same names.
 */
#ifndef TCE_PORT_H
#define TCE_PORT_H

#include <tce/port/alloc.h>
#include <tce/port/book.h>
#include <tce/port/ktable.h>
#include <tce/port/lock.h>
#include <tce/port/log.h>
#include <tce/port/misc.h>
#include <tce/port/mm.h>
#include <tce/port/powernv.h>
#include <tce/port/pseries.h>

#endif /* TCE_PORT_H */

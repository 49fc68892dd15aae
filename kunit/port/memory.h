/* SPDX-License-Identifier: GPL-2.0-only */
/* What the suites of the kernel's side of port.h share. */
#ifndef TCE_KUNIT_MEMORY_H
#define TCE_KUNIT_MEMORY_H

#include <linux/err.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <kunit/test.h>

/* Fresh user memory of the case's own address space. */
static inline unsigned long map_user_prot(struct kunit *test, unsigned long bytes,
					  unsigned long prot)
{
	unsigned long at = kunit_vm_mmap(test, NULL, 0, bytes, prot,
					 MAP_ANONYMOUS | MAP_PRIVATE, 0);

	KUNIT_ASSERT_NE_MSG(test, at, 0UL, "no user memory");
	KUNIT_ASSERT_FALSE_MSG(test, IS_ERR_VALUE(at), "no user memory");
	KUNIT_ASSERT_NOT_NULL(test, current->mm);
	return at;
}

static inline unsigned long map_user(struct kunit *test, unsigned long bytes)
{
	return map_user_prot(test, bytes, PROT_READ | PROT_WRITE);
}

#endif /* TCE_KUNIT_MEMORY_H */

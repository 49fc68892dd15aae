// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's side of port.h: pages that hardware walks, and pins of v1
 * containers.
 */
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>

#include <tce/port.h>

#include "memory.h"

#define NR	80u			/* system pages; more than are pinned in one go */
#define BYTES	(NR * PAGE_SIZE)

/*
 * Every size that a level can have: in one piece, aligned to itself, at the
 * address it says.
 */
static void port_level(struct kunit *test)
{
	for (unsigned long bytes = SZ_4K; bytes <= SZ_512K; bytes *= 2) {
		for (int node = -1; node <= 0; node++) {
			u8 *p = tce_port_level_alloc(bytes, node);

			KUNIT_ASSERT_NOT_NULL(test, p);
			KUNIT_EXPECT_TRUE(test, virt_addr_valid(p));
			KUNIT_EXPECT_TRUE(test, IS_ALIGNED(tce_port_level_address(p), bytes));
			KUNIT_EXPECT_EQ(test, tce_port_level_address(p),
					(u64)PFN_PHYS(virt_to_pfn(p)) + offset_in_page(p));
			KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, bytes));
			memset(p, 0xff, bytes);
			tce_port_level_free(p, bytes);
		}
	}
}

/* No block is that large: an errno for the caller, not a splat. */
static void port_level_too_much(struct kunit *test)
{
	KUNIT_EXPECT_NULL(test, tce_port_level_alloc(PAGE_SIZE << (MAX_PAGE_ORDER + 1), -1));
}

static bool pinned(u64 hpa)
{
	return folio_maybe_dma_pinned(pfn_folio(PHYS_PFN(hpa)));
}

/*
 * What the process stores is found where the pin says, and what is unpinned is
 * unpinned.
 */
static void port_pin(struct kunit *test)
{
	unsigned long at = map_user(test, BYTES);
	u64 *hpa = kunit_kcalloc(test, NR, sizeof(*hpa), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, hpa);
	for (u32 i = 0; i < NR; i++)
		KUNIT_ASSERT_EQ(test, put_user(i, (u32 __user *)(at + i * PAGE_SIZE)), 0);
	KUNIT_ASSERT_EQ(test, tce_port_pin(at, PAGE_SHIFT, NR, 1, hpa), 0);
	for (u32 i = 0; i < NR; i++) {
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED(hpa[i], PAGE_SIZE));
		KUNIT_EXPECT_EQ(test, *(u32 *)__va(hpa[i]), i);
		KUNIT_EXPECT_TRUE(test, pinned(hpa[i]));
	}
	for (u32 i = 0; i < NR; i++) {
		folio_clear_dirty(pfn_folio(PHYS_PFN(hpa[i])));
		tce_port_unpin(hpa[i], i & 1);
		KUNIT_EXPECT_FALSE(test, pinned(hpa[i]));
		KUNIT_EXPECT_EQ(test, folio_test_dirty(pfn_folio(PHYS_PFN(hpa[i]))), i & 1);
	}
}

/*
 * Parts of a system page: a pin each, and the page is pinned until the last one
 * goes.
 */
static void port_pin_parts(struct kunit *test)
{
	const u32 parts = PAGE_SIZE / SZ_4K;
	unsigned long at = map_user(test, 2 * PAGE_SIZE);
	u64 hpa[2 * SZ_64K / SZ_4K];

	/* Not from the beginning of the first. */
	KUNIT_ASSERT_EQ(test, tce_port_pin(at + PAGE_SIZE - SZ_4K, 12, parts + 1, 1, hpa), 0);
	KUNIT_EXPECT_EQ(test, hpa[0] & ~PAGE_MASK, PAGE_SIZE - SZ_4K);
	for (u32 i = 0; i < parts; i++)
		KUNIT_EXPECT_EQ(test, hpa[1 + i], hpa[1] + i * SZ_4K);
	for (u32 i = 0; i < parts; i++) {
		KUNIT_EXPECT_TRUE(test, pinned(hpa[1]));
		tce_port_unpin(hpa[parts - i], 0);
	}
	KUNIT_EXPECT_FALSE(test, pinned(hpa[1]));
	KUNIT_EXPECT_TRUE(test, pinned(hpa[0]));
	tce_port_unpin(hpa[0], 0);
	KUNIT_EXPECT_FALSE(test, pinned(hpa[0]));
}

/* What cannot be pinned: an errno, and nothing stays pinned. */
static void port_pin_bad(struct kunit *test)
{
	unsigned long at = map_user(test, BYTES);
	u64 *hpa = kunit_kcalloc(test, NR, sizeof(*hpa), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, hpa);
	/* A hole behind two full lots of pages. */
	KUNIT_ASSERT_EQ(test, vm_munmap(at + 70 * PAGE_SIZE, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, tce_port_pin(at, PAGE_SHIFT, NR, 1, hpa), -EFAULT);
	KUNIT_ASSERT_NE(test, hpa[0], 0ull);
	KUNIT_EXPECT_FALSE(test, pinned(hpa[0]));
	KUNIT_EXPECT_FALSE(test, pinned(hpa[63]));
	KUNIT_EXPECT_EQ(test, tce_port_pin(at + 70 * PAGE_SIZE, PAGE_SHIFT, 1, 0, hpa), -EFAULT);
	KUNIT_EXPECT_EQ(test, tce_port_pin(PAGE_OFFSET, PAGE_SHIFT, 1, 0, hpa), -EFAULT);
	KUNIT_EXPECT_EQ(test, tce_port_pin(TASK_SIZE - PAGE_SIZE, PAGE_SHIFT, 2, 0, hpa),
			-EFAULT);
}

/* Read-only memory is good for a device that only reads. */
static void port_pin_read_only(struct kunit *test)
{
	unsigned long at = map_user_prot(test, PAGE_SIZE, PROT_READ);
	u64 hpa;

	KUNIT_EXPECT_EQ(test, tce_port_pin(at, PAGE_SHIFT, 1, 1, &hpa), -EFAULT);
	KUNIT_ASSERT_EQ(test, tce_port_pin(at, PAGE_SHIFT, 1, 0, &hpa), 0);
	KUNIT_EXPECT_EQ(test, *(u32 *)__va(hpa), 0u);
	tce_port_unpin(hpa, 0);
}

static struct kunit_case page_cases[] = {
	KUNIT_CASE(port_level),
	KUNIT_CASE(port_level_too_much),
	KUNIT_CASE(port_pin),
	KUNIT_CASE(port_pin_parts),
	KUNIT_CASE(port_pin_bad),
	KUNIT_CASE(port_pin_read_only),
	{}
};

static struct kunit_suite page_suite = {
	.name = "tce_port_pages",
	.test_cases = page_cases,
};

kunit_test_suite(page_suite);

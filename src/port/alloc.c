// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory for the engine.
 */
#include <linux/build_bug.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/numa.h>
#include <linux/random.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <tce/port.h>

/*
 * Sizes follow from what userspace asks for: a request that is out of reach is
 * -ENOMEM for the caller, not a splat.
 */
#define TCE_GFP		(GFP_KERNEL_ACCOUNT | __GFP_NOWARN)

/**
 * tce_port_alloc() - zeroed memory, virtually contiguous
 * @bytes: any size
 *
 * Context: Process context.
 * Return: memory aligned to 8 bytes at least, or NULL.
 */
void *tce_port_alloc(unsigned long bytes)
{
	return kvzalloc(bytes, TCE_GFP);
}

/**
 * tce_port_free() - give back what tce_port_alloc() gave
 * @p: may be NULL
 *
 * Context: Any, softirq included.
 */
void tce_port_free(void *p)
{
	kvfree(p);
}

/**
 * tce_port_page_alloc() - one zeroed page of 4 KiB
 *
 * kmalloc() aligns powers of two naturally, whatever the system page size.
 *
 * Context: Process context.
 * Return: the page, 4 KiB aligned and physically contiguous, or NULL.
 */
void *tce_port_page_alloc(void)
{
	return kzalloc(SZ_4K, TCE_GFP);
}

/**
 * tce_port_page_free() - give back what tce_port_page_alloc() gave
 * @p: may be NULL
 *
 * Context: Any, softirq included.
 */
void tce_port_page_free(void *p)
{
	kfree(p);
}

/**
 * tce_port_level_alloc() - a level of a table that hardware walks
 * @bytes: a power of two, 4 KiB at least
 * @node: NUMA node to prefer; -1: any
 *
 * Less than a system page comes from kmalloc(), which aligns powers of two naturally.
 *
 * Context: Process context.
 * Return: zeroed memory, physically contiguous, aligned to its size; or NULL.
 */
void *tce_port_level_alloc(unsigned long bytes, int node)
{
	struct page *page;

	BUILD_BUG_ON(NUMA_NO_NODE != -1);
	if (bytes < PAGE_SIZE)
		return kzalloc_node(bytes, TCE_GFP, node);
	page = alloc_pages_node(node, TCE_GFP | __GFP_ZERO | __GFP_RETRY_MAYFAIL,
				get_order(bytes));
	return page ? page_address(page) : NULL;
}

/**
 * tce_port_level_free() - give back what tce_port_level_alloc() gave
 * @p: not NULL
 * @bytes: as allocated
 *
 * Context: Any, softirq included.
 */
void tce_port_level_free(void *p, unsigned long bytes)
{
	if (bytes < PAGE_SIZE)
		kfree(p);
	else
		free_pages((unsigned long)p, get_order(bytes));
}

/**
 * tce_port_level_address() - where hardware finds a level
 * @p: what tce_port_level_alloc() gave
 *
 * Context: Any.
 * Return: its host physical address.
 */
tce_u64 tce_port_level_address(const void *p)
{
	return __pa(p);
}

/**
 * tce_port_page_shift() - log2 of the system page size
 *
 * Context: Any.
 * Return: 12 or 16.
 */
unsigned int tce_port_page_shift(void)
{
	return PAGE_SHIFT;
}

/**
 * tce_port_random() - a number that userspace cannot guess
 *
 * Context: Any.
 * Return: 64 random bits.
 */
tce_u64 tce_port_random(void)
{
	return get_random_u64();
}

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

void *tce_port_alloc(unsigned long bytes)
{
	return kvzalloc(bytes, TCE_GFP);
}

void tce_port_free(void *p)
{
	kvfree(p);
}

/* kmalloc() aligns powers of two naturally, whatever the system page size. */
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

void tce_port_level_free(void *p, unsigned long bytes)
{
	if (bytes < PAGE_SIZE)
		kfree(p);
	else
		free_pages((unsigned long)p, get_order(bytes));
}

tce_u64 tce_port_level_address(const void *p)
{
	return __pa(p);
}

unsigned int tce_port_page_shift(void)
{
	return PAGE_SHIFT;
}

tce_u64 tce_port_random(void)
{
	return get_random_u64();
}

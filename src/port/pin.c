// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of v1 containers: nothing is registered, each TCE pins its page.
 */
#include <linux/io.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/types.h>

#include <tce/port.h>

/* System pages that are pinned in one go; their list is on the stack. */
#define TCE_PIN_BATCH	32u

static void unpin_all(const tce_u64 *hpa, unsigned int nr)
{
	while (nr--)
		tce_port_unpin(hpa[nr], false);
}

/*
 * @nr system pages, fewer if not all of them could be had.  Read-only memory
 * may be pinned for a device that only reads.
 */
static int pin_pages(unsigned long vaddr, unsigned int nr, bool write, struct page **pages)
{
	unsigned int flags = FOLL_LONGTERM | (write ? FOLL_WRITE : 0);
	int got = pin_user_pages_fast(vaddr, nr, flags, pages);

	if (got > 0)
		return got;
	return got == -ENOMEM ? got : -EFAULT;
}

int tce_port_pin(tce_u64 vaddr, unsigned int page_shift, unsigned int nr, int write,
		 tce_u64 *hpa)
{
	/* One at a time if IOMMU pages are the smaller ones. */
	const unsigned int batch = page_shift == PAGE_SHIFT ? TCE_PIN_BATCH : 1;
	struct page *pages[TCE_PIN_BATCH];
	unsigned int done = 0;

	if (WARN_ON_ONCE(page_shift > PAGE_SHIFT))
		return -EFAULT;
	while (done < nr) {
		int i, got;

		got = pin_pages(vaddr & PAGE_MASK, min(nr - done, batch), write, pages);
		if (got < 0) {
			unpin_all(hpa, done);
			return got;
		}
		for (i = 0; i < got; i++) {
			hpa[done++] = page_to_phys(pages[i]) | (vaddr & ~PAGE_MASK);
			vaddr += 1UL << page_shift;
		}
	}
	return 0;
}

void tce_port_unpin(tce_u64 hpa, int dirty)
{
	struct page *page = pfn_to_page(hpa >> PAGE_SHIFT);

	unpin_user_pages_dirty_lock(&page, 1, dirty);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The owner's address space: locked_vm, and the memory that is registered for
 * DMA.
 *
 * Registered memory lives in the kernel's per-mm registry (mm_iommu_*), because
 * in-kernel KVM looks it up there.  What the registry gets wrong (numbers: the
 * comments) is put right here.
 */
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>
#include <asm/mmu_context.h>

#include <tce/port.h>

/* 16G: no IOMMU page is larger. */
#define TCE_LARGEST_SHIFT	34u
/* Pages that are looked at between two looks around. */
#define TCE_LOOKS		4096u
/* Notes that are forgotten in one go. */
#define TCE_FORGET		0x1000000u

static struct mm_struct *mm_of(const struct tce_mm *mm)
{
	return (struct mm_struct *)mm;
}

static struct mm_iommu_table_group_mem_t *mem_of(struct tce_mem *mem)
{
	return (struct mm_iommu_table_group_mem_t *)mem;
}

struct tce_mm *tce_port_mm_get(void)
{
	mmgrab(current->mm);
	return (struct tce_mm *)current->mm;
}

void tce_port_mm_put(struct tce_mm *mm)
{
	mmdrop(mm_of(mm));
}

int tce_port_mm_is_current(const struct tce_mm *mm)
{
	return mm_of(mm) == current->mm;
}

int tce_port_charge(struct tce_mm *mm, tce_u64 npages)
{
	/* account_locked_vm() adds without a look at the carry */
	if (npages > ULONG_MAX >> (PAGE_SHIFT + 1))
		return -ENOMEM;
	return account_locked_vm(mm_of(mm), npages, true);
}

void tce_port_uncharge(struct tce_mm *mm, tce_u64 npages)
{
	account_locked_vm(mm_of(mm), npages, false);
}

/*
 * To register is to look for the same range and then to make it, which the
 * registry does under different locks: two who registered the same range at
 * once would find each other overlapping.  So it is the caller who sees to it
 * that there is one at a time for an owner; a lock here, over faults that take
 * as long as userspace likes, could be one that others wait for.
 */
int tce_port_mem_get(struct tce_mm *mm, tce_u64 vaddr, tce_u64 npages,
		     struct tce_mem **out)
{
	struct mm_iommu_table_group_mem_t *mem;
	long ret = 0;

	if (!npages || npages > ULONG_MAX >> PAGE_SHIFT ||
	    !access_ok((void __user *)vaddr, npages << PAGE_SHIFT))
		return -EFAULT;
	/*
	 * More cannot be pinned, and the registry's vzalloc() would complain.
	 */
	if (npages > totalram_pages())
		return -ENOMEM;

	mem = mm_iommu_get(mm_of(mm), vaddr, npages);
	if (!mem)
		ret = mm_iommu_new(mm_of(mm), vaddr, npages, &mem);
	/* The number of pages that could be pinned, and then were let go. */
	if (ret > 0)
		ret = -EFAULT;
	if (!ret)
		*out = (struct tce_mem *)mem;
	return ret;
}

int tce_port_mem_put(struct tce_mm *mm, struct tce_mem *mem)
{
	return mm_iommu_put(mm_of(mm), mem_of(mem));
}

int tce_port_mem_map(struct tce_mem *mem, tce_u64 nr)
{
	if (!nr)
		return 0;
	if (mm_iommu_mapped_inc(mem_of(mem)))
		return -ENXIO;
	/* From here on it cannot go away. */
	while (--nr)
		mm_iommu_mapped_inc(mem_of(mem));
	return 0;
}

void tce_port_mem_unmap(struct tce_mem *mem, tce_u64 nr)
{
	while (nr--)
		mm_iommu_mapped_dec(mem_of(mem));
}

void tce_port_mem_unmap_user(struct tce_mm *mm, tce_u64 vaddr, tce_u64 size)
{
	struct mm_iommu_table_group_mem_t *mem;

	/* What the lookup finds is freed after a grace period. */
	rcu_read_lock();
	mem = mm_iommu_lookup(mm_of(mm), vaddr, size);
	if (mem)
		mm_iommu_mapped_dec(mem);
	rcu_read_unlock();
}

/*
 * One IOMMU page made of several system pages.
 *
 * The registry's own idea of the largest page (mem->pageshift) is wrong both
 * ways: it lets ordinary pages behind a hugetlb page pass for huge, and it
 * refuses transparent huge pages.  So only single system pages are asked for,
 * all of them unless it is hugetlb memory.
 */
static int translate_large(struct mm_iommu_table_group_mem_t *mem,
			   unsigned long vaddr, unsigned int page_shift,
			   unsigned long *hpa)
{
	unsigned long i, part;

	if (mm_iommu_ua_to_hpa(mem, vaddr, PAGE_SHIFT, hpa))
		return -EFAULT;
	if (*hpa & ((1UL << page_shift) - 1))
		return -EPERM;
	/*
	 * Hugetlb memory is mapped in whole pages, and one pin keeps all of
	 * one: what the device reaches is the process's, whatever it has done
	 * to its mappings since.
	 */
	if (tce_port_block_is_huge(*hpa, page_shift))
		return 0;
	for (i = PAGE_SIZE; i < 1UL << page_shift; i += PAGE_SIZE) {
		if (mm_iommu_ua_to_hpa(mem, vaddr + i, PAGE_SHIFT, &part))
			return -EFAULT;
		if (part != *hpa + i)
			return -EPERM;
	}
	return 0;
}

int tce_port_mem_translate(struct tce_mem *mem, tce_u64 vaddr,
			   unsigned int page_shift, unsigned int nr, tce_u64 *hpa)
{
	unsigned long one;
	unsigned int i;
	int ret;

	for (i = 0; i < nr; i++, vaddr += 1UL << page_shift) {
		if (page_shift > PAGE_SHIFT)
			ret = translate_large(mem_of(mem), vaddr, page_shift, &one);
		else
			ret = mm_iommu_ua_to_hpa(mem_of(mem), vaddr, page_shift, &one);
		if (ret)
			return ret;
		if (hpa)
			hpa[i] = one;
	}
	return 0;
}

/* Of other memory that is in one block nobody knows whose all of it is. */
int tce_port_block_is_huge(tce_u64 hpa, unsigned int page_shift)
{
	const unsigned long pfn = hpa >> PAGE_SHIFT;
	struct folio *folio;

	if (hpa & ((1UL << page_shift) - 1) || !pfn_valid(pfn))
		return 0;
	folio = pfn_folio(pfn);
	return folio_test_hugetlb(folio) && folio_size(folio) >= 1UL << page_shift;
}

/* The largest IOMMU page that the registry would hand out of @mem. */
static unsigned int claimed_shift(struct mm_iommu_table_group_mem_t *mem, unsigned long vaddr)
{
	unsigned int shift = PAGE_SHIFT;
	unsigned long hpa;

	while (shift < TCE_LARGEST_SHIFT && !mm_iommu_ua_to_hpa(mem, vaddr, shift + 1, &hpa))
		shift++;
	return shift;
}

/* The registry takes small pages behind a huge one for huge ones. */
int tce_port_mem_claim(struct tce_mem *mem, tce_u64 vaddr, tce_u64 npages)
{
	const unsigned int shift = claimed_shift(mem_of(mem), vaddr);
	const tce_u64 end = vaddr + (npages << PAGE_SHIFT);
	unsigned int looks = 0;
	unsigned long hpa;

	if (shift == PAGE_SHIFT)
		return 0;
	for (; vaddr < end; vaddr += 1UL << shift) {
		if (mm_iommu_ua_to_hpa(mem_of(mem), vaddr, PAGE_SHIFT, &hpa) ||
		    !tce_port_block_is_huge(hpa, shift))
			return -EPERM;
		if (++looks % TCE_LOOKS)
			continue;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/* The registry does not count below none. */
void tce_port_mem_unmap_all(struct tce_mem *mem)
{
	unsigned int i;

	for (i = 0; i < TCE_FORGET; i++) {
		mm_iommu_mapped_dec(mem_of(mem));
		if (!(i % TCE_LOOKS))
			cond_resched();
	}
}

/*
 * Who holds the folio's lock may just be cleaning it; the flag is what the
 * kernel's own code sets for KVM (iommu_tce_xchg_no_kill()).
 */
void tce_port_page_dirty(tce_u64 hpa, unsigned int page_shift)
{
	unsigned long pfn = hpa >> PAGE_SHIFT;
	unsigned long end = (hpa + (1UL << page_shift) - 1) >> PAGE_SHIFT;

	while (pfn <= end && pfn_valid(pfn)) {
		struct folio *folio = pfn_folio(pfn);

		if (!folio_test_dirty(folio)) {
			/*
			 * The lock keeps the file that the folio may belong to.
			 */
			if (folio_trylock(folio)) {
				folio_mark_dirty(folio);
				folio_unlock(folio);
			} else {
				folio_set_dirty(folio);
			}
		}
		pfn = folio_pfn(folio) + folio_nr_pages(folio);
	}
}

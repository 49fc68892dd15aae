// SPDX-License-Identifier: GPL-2.0-only
/*
 * The owner's address space: locked_vm, and the memory that is registered for DMA.
 *
 * Registered memory lives in the kernel's per-mm registry (mm_iommu_*), because
 * in-kernel KVM looks it up there.  What the registry gets wrong (numbers: the
 * comments) is put right here.
 */
#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>
#include <asm/mmu_context.h>

#include <tce/port.h>

/*
 * To register is to look for the same range and then to make it, which the registry
 * does under different locks: one at a time for each address space, or those who
 * register the same range at once find each other overlapping.
 */
#define TCE_REGISTER_BITS	2
#define TCE_REGISTER_LOCK(n)	__MUTEX_INITIALIZER(tce_register_locks[n])

static struct mutex tce_register_locks[1 << TCE_REGISTER_BITS] = {
	TCE_REGISTER_LOCK(0), TCE_REGISTER_LOCK(1),
	TCE_REGISTER_LOCK(2), TCE_REGISTER_LOCK(3),
};

static struct mm_struct *mm_of(const struct tce_mm *mm)
{
	return (struct mm_struct *)mm;
}

static struct mm_iommu_table_group_mem_t *mem_of(struct tce_mem *mem)
{
	return (struct mm_iommu_table_group_mem_t *)mem;
}

/**
 * tce_port_mm_get() - reference the caller's address space
 *
 * The reference keeps the structure, not the mappings.
 *
 * Context: Process context with an address space.
 * Return: the handle; equal for equal address spaces; never NULL.
 */
struct tce_mm *tce_port_mm_get(void)
{
	mmgrab(current->mm);
	return (struct tce_mm *)current->mm;
}

/**
 * tce_port_mm_put() - drop the reference
 * @mm: what tce_port_mm_get() gave
 *
 * Context: Process context.
 */
void tce_port_mm_put(struct tce_mm *mm)
{
	mmdrop(mm_of(mm));
}

/**
 * tce_port_mm_is_current() - is this the caller's address space
 * @mm: what tce_port_mm_get() gave
 *
 * Context: Process context.
 * Return: non-zero if so.
 */
int tce_port_mm_is_current(const struct tce_mm *mm)
{
	return mm_of(mm) == current->mm;
}

/**
 * tce_port_charge() - add to locked_vm
 * @mm: whom
 * @npages: system pages; 0 is fine
 *
 * Context: Process context.
 * Return: 0; -ENOMEM: RLIMIT_MEMLOCK.
 */
int tce_port_charge(struct tce_mm *mm, tce_u64 npages)
{
	/* account_locked_vm() adds without a look at the carry */
	if (npages > ULONG_MAX >> (PAGE_SHIFT + 1))
		return -ENOMEM;
	return account_locked_vm(mm_of(mm), npages, true);
}

/**
 * tce_port_uncharge() - take off locked_vm
 * @mm: whom
 * @npages: system pages; 0 is fine
 *
 * Context: Process context.
 */
void tce_port_uncharge(struct tce_mm *mm, tce_u64 npages)
{
	account_locked_vm(mm_of(mm), npages, false);
}

/**
 * tce_port_mem_get() - pin and charge memory, or reference what is there already
 * @mm: the owner, must be current
 * @vaddr: user address, system page aligned
 * @npages: system pages, not 0
 * @out: the memory on success
 *
 * Context: Process context of the owner.
 * Return: 0; -EINVAL: overlaps; -EFAULT: not accessible; -ENOMEM.
 */
int tce_port_mem_get(struct tce_mm *mm, tce_u64 vaddr, tce_u64 npages,
		     struct tce_mem **out)
{
	struct mutex *lock = &tce_register_locks[hash_ptr(mm, TCE_REGISTER_BITS)];
	struct mm_iommu_table_group_mem_t *mem;
	long ret = 0;

	if (!npages || npages > ULONG_MAX >> PAGE_SHIFT ||
	    !access_ok((void __user *)vaddr, npages << PAGE_SHIFT))
		return -EFAULT;
	/* More cannot be pinned, and the registry's vzalloc() would complain. */
	if (npages > totalram_pages())
		return -ENOMEM;

	mutex_lock(lock);
	mem = mm_iommu_get(mm_of(mm), vaddr, npages);
	if (!mem)
		ret = mm_iommu_new(mm_of(mm), vaddr, npages, &mem);
	mutex_unlock(lock);
	/* The number of pages that could be pinned, and then were let go. */
	if (ret > 0)
		ret = -EFAULT;
	if (!ret)
		*out = (struct tce_mem *)mem;
	return ret;
}

/**
 * tce_port_mem_put() - drop a reference
 * @mm: the owner
 * @mem: the memory
 *
 * Context: Process context.
 * Return: 0; -EBUSY: was the last reference and entries name the memory; the
 * reference is still held.
 */
int tce_port_mem_put(struct tce_mm *mm, struct tce_mem *mem)
{
	return mm_iommu_put(mm_of(mm), mem_of(mem));
}

/**
 * tce_port_mem_map() - note that more entries name the memory
 * @mem: the memory
 * @nr: how many more
 *
 * Context: Any task context.
 * Return: 0; -ENXIO: the memory is going away (nothing noted).
 */
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

/**
 * tce_port_mem_unmap() - note that fewer entries name the memory
 * @mem: the memory
 * @nr: how many fewer
 *
 * Context: Any task context.
 */
void tce_port_mem_unmap(struct tce_mem *mem, tce_u64 nr)
{
	while (nr--)
		mm_iommu_mapped_dec(mem_of(mem));
}

/**
 * tce_port_mem_unmap_user() - the same, one entry, by user address
 * @mm: the owner
 * @vaddr: user address
 * @size: bytes
 *
 * Does nothing if no registered memory holds the range.
 *
 * Context: Process context.
 */
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
 * The registry's own idea of the largest page (mem->pageshift) is wrong both ways:
 * it lets ordinary pages behind a hugetlb page pass for huge, and it refuses
 * transparent huge pages.  So only single system pages are asked for.
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
	for (i = PAGE_SIZE; i < 1UL << page_shift; i += PAGE_SIZE) {
		if (mm_iommu_ua_to_hpa(mem, vaddr + i, PAGE_SHIFT, &part))
			return -EFAULT;
		if (part != *hpa + i)
			return -EPERM;
	}
	return 0;
}

/**
 * tce_port_mem_translate() - host physical addresses of a run of IOMMU pages
 * @mem: the memory
 * @vaddr: user address, aligned to the IOMMU page; the run must lie in @mem
 * @page_shift: log2 of the IOMMU page size
 * @nr: IOMMU pages
 * @hpa: @nr addresses, filled on success; NULL: only check
 *
 * Context: Any task context.
 * Return: 0; -EFAULT: outside; -EPERM: not one block.
 */
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

/**
 * tce_port_page_dirty() - the device may have written to an IOMMU page
 * @hpa: host physical address, pinned
 * @page_shift: log2 of the IOMMU page size
 *
 * Context: Process context.
 */
void tce_port_page_dirty(tce_u64 hpa, unsigned int page_shift)
{
	unsigned long pfn = hpa >> PAGE_SHIFT;
	unsigned long end = (hpa + (1UL << page_shift) - 1) >> PAGE_SHIFT;

	while (pfn <= end) {
		struct folio *folio = pfn_folio(pfn);

		if (!folio_test_dirty(folio)) {
			/* The lock keeps the file that the folio may belong to. */
			folio_lock(folio);
			folio_mark_dirty(folio);
			folio_unlock(folio);
		}
		pfn = folio_pfn(folio) + folio_nr_pages(folio);
	}
}

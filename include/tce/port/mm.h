/* SPDX-License-Identifier: GPL-2.0-only */
/* The owner's address space, and memory of it that devices may reach. */
#ifndef TCE_INCLUDE_PORT_MM_H
#define TCE_INCLUDE_PORT_MM_H

#include <tce/engine.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tce_mm;			/* port: struct mm_struct */

/**
 * tce_port_mm_get() - reference the caller's address space
 *
 * The reference keeps the structure, not the mappings (mmgrab()).
 *
 * Context: Process context with an address space.
 * Return: the handle; equal for equal address spaces; never NULL.
 */
struct tce_mm *tce_port_mm_get(void);

/** tce_port_mm_put() - drop the reference; process context */
void tce_port_mm_put(struct tce_mm *mm);

/** tce_port_mm_is_current() - is @mm the caller's; any task context */
int tce_port_mm_is_current(const struct tce_mm *mm);

/**
 * tce_port_charge() - add to locked_vm
 * @mm: whom
 * @npages: system pages; 0 is fine
 *
 * Context: Process context.
 * Return: 0; -ENOMEM: RLIMIT_MEMLOCK.
 */
int tce_port_charge(struct tce_mm *mm, tce_u64 npages);

/** tce_port_uncharge() - take off locked_vm; cannot fail; process context */
void tce_port_uncharge(struct tce_mm *mm, tce_u64 npages);

/* --- Registered memory, shared with KVM (mm_iommu_*) --- */

struct tce_mem;			/* port: struct mm_iommu_table_group_mem_t */

/**
 * tce_port_mem_get() - pin and charge memory, or reference what is there
 * @mm: the owner, must be current
 * @vaddr: user address, system page aligned
 * @npages: system pages, not 0
 * @out: the memory on success
 *
 * The same range registered twice by one owner is one pin and one charge.  It
 * takes as long as the owner likes: its faults are waited for.
 *
 * Context: Process context of the owner; calls for one owner must not overlap,
 * calls for different ones do not wait for each other.
 * Return: 0; -EINVAL: overlaps; -EFAULT: not accessible; -ENOMEM.  Never
 * positive.
 */
int tce_port_mem_get(struct tce_mm *mm, tce_u64 vaddr, tce_u64 npages,
		     struct tce_mem **out);

/**
 * tce_port_mem_put() - drop a reference
 * @mm: the owner
 * @mem: the memory
 *
 * Context: Process context.
 * Return: 0; -EBUSY: was the last reference and entries name the memory; the
 * reference is still held.
 */
int tce_port_mem_put(struct tce_mm *mm, struct tce_mem *mem);

/**
 * tce_port_mem_claim() - is the registry right about the memory's largest page
 * @mem: the memory, after tce_port_mem_get()
 * @vaddr: as registered
 * @npages: as registered
 *
 * KVM believes it: an IOMMU page that is not larger goes into a table by the
 * address of its first system page alone.
 *
 * Context: Process context.
 * Return: 0: it is true of every page; -EPERM: it is not; -EINTR: a fatal
 * signal.
 */
int tce_port_mem_claim(struct tce_mem *mem, tce_u64 vaddr, tce_u64 npages);

/**
 * tce_port_mem_map() - note that @nr more entries name the memory
 * @mem: the memory
 * @nr: how many more
 *
 * Context: Any task context.
 * Return: 0; -ENXIO: the memory is going away (nothing noted), which it does
 * not do while there is a note.
 */
int tce_port_mem_map(struct tce_mem *mem, tce_u64 nr);

/** tce_port_mem_unmap() - note that @nr fewer do; any task context */
void tce_port_mem_unmap(struct tce_mem *mem, tce_u64 nr);

/**
 * tce_port_mem_unmap_all() - forget all notes
 * @mem: the memory; no entry names it
 *
 * A great many in one go.
 *
 * Context: Process context.
 */
void tce_port_mem_unmap_all(struct tce_mem *mem);

/**
 * tce_port_mem_unmap_user() - note that one entry fewer does, by user address
 * @mm: the owner
 * @vaddr: user address
 * @size: bytes
 *
 * For entries that KVM made with memory that some other container registered.
 * Does nothing if no registered memory holds the range.
 *
 * Context: Any task context; does not sleep.
 */
void tce_port_mem_unmap_user(struct tce_mm *mm, tce_u64 vaddr, tce_u64 size);

/**
 * tce_port_mem_translate() - host physical addresses of a run of IOMMU pages
 * @mem: the memory
 * @vaddr: user address, aligned to the IOMMU page; the run must lie in @mem
 * @page_shift: log2 of the IOMMU page size
 * @nr: IOMMU pages
 * @hpa: @nr addresses, filled on success; NULL: only check
 *
 * An IOMMU page larger than a system page is good only if the system pages
 * behind it are one aligned physical block.  Each of them is looked up, which
 * takes time; of hugetlb memory one is enough.
 *
 * Context: Any task context.
 * Return: 0; -EFAULT: outside; -EPERM: not one block.
 */
int tce_port_mem_translate(struct tce_mem *mem, tce_u64 vaddr,
			   unsigned int page_shift, unsigned int nr, tce_u64 *hpa);

/**
 * tce_port_page_dirty() - the device may have written to an IOMMU page
 * @hpa: host physical address, pinned
 * @page_shift: log2 of the IOMMU page size
 *
 * Context: Any task context; does not sleep.
 */
void tce_port_page_dirty(tce_u64 hpa, unsigned int page_shift);

/**
 * tce_port_block_is_huge() - is an IOMMU page within one page of hugetlb memory
 * @hpa: host physical address, pinned
 * @page_shift: log2 of the IOMMU page size
 *
 * Context: Any task context; does not sleep.
 * Return: non-zero if one page of hugetlb memory holds all of it.
 */
int tce_port_block_is_huge(tce_u64 hpa, unsigned int page_shift);

/* --- Memory that is pinned page by page (v1) --- */

/**
 * tce_port_pin() - pin user memory for the long term, once for each IOMMU page
 * @vaddr: user address, aligned to the IOMMU page
 * @page_shift: log2 of the IOMMU page size, not more than the system page's
 * @nr: IOMMU pages
 * @write: non-zero: the device may write
 * @hpa: @nr addresses, filled on success
 *
 * Several IOMMU pages may lie in one system page; each has a pin of its own all
 * the same, so that they can go one by one.
 *
 * Context: Process context of the owner.
 * Return: 0; -EFAULT: not accessible like that; -ENOMEM.  On an error nothing
 * is pinned.
 */
int tce_port_pin(tce_u64 vaddr, unsigned int page_shift, unsigned int nr, int write,
		 tce_u64 *hpa);

/**
 * tce_port_unpin() - undo it for one IOMMU page
 * @hpa: as tce_port_pin() said
 * @dirty: non-zero: the device may have written to it
 *
 * Context: Process context.
 */
void tce_port_unpin(tce_u64 hpa, int dirty);

#ifdef __cplusplus
}
#endif

#endif /* TCE_INCLUDE_PORT_MM_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The boundary, outward: every call the TCE engine makes.
 *
 * Two implementations exist: src/port/ and src/shim/ on top of the kernel, and
 * kunit/fake/ for tests, in the kernel and on the host.  The engine never calls
 * anything else.
 */
#ifndef TCE_PORT_H
#define TCE_PORT_H

#include <tce/engine.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tce_ktable;		/* port: wraps struct iommu_table */

/* --- Memory ------------------------------------------------------------- */

/**
 * tce_port_alloc() - zeroed memory, virtually contiguous
 * @bytes: any size
 *
 * Context: Process context.
 * Return: memory aligned to 8 bytes at least, or NULL.
 */
void *tce_port_alloc(unsigned long bytes);

/**
 * tce_port_free() - give back what tce_port_alloc() gave
 * @p: may be NULL
 *
 * Context: Any, softirq included.
 */
void tce_port_free(void *p);

/**
 * tce_port_page_alloc() - one zeroed page of 4 KiB, 4 KiB aligned, physically contiguous
 *
 * The list that H_PUT_TCE_INDIRECT takes (PAPR: 4 KiB aligned, 512 TCEs).
 *
 * Context: Process context.
 * Return: the page, or NULL.
 */
void *tce_port_page_alloc(void);

/**
 * tce_port_page_free() - give back what tce_port_page_alloc() gave
 * @p: may be NULL
 *
 * Context: Any, softirq included.
 */
void tce_port_page_free(void *p);

/**
 * tce_port_level_alloc() - a level of a table that hardware walks
 * @bytes: a power of two, 4 KiB at least
 * @node: NUMA node to prefer; -1: any
 *
 * Context: Process context.
 * Return: zeroed memory, physically contiguous, aligned to its size; or NULL.
 */
void *tce_port_level_alloc(unsigned long bytes, int node);

/**
 * tce_port_level_free() - give back what tce_port_level_alloc() gave
 * @p: not NULL
 * @bytes: as allocated
 *
 * Context: Any, softirq included.
 */
void tce_port_level_free(void *p, unsigned long bytes);

/** tce_port_level_address() - its host physical address */
tce_u64 tce_port_level_address(const void *p);

/** tce_port_page_shift() - log2 of the system page size */
unsigned int tce_port_page_shift(void);

/** tce_port_random() - a number that userspace cannot guess */
tce_u64 tce_port_random(void);

/* --- Locks -------------------------------------------------------------- */

/* Storage for the port's locks; the port checks at build time that it is enough. */
struct tce_mutex { unsigned long opaque[32]; };
struct tce_rwsem { unsigned long opaque[40]; };
struct tce_spinlock { unsigned long opaque[16]; };

/*
 * Lock classes, for lockdep.  The order is the order in which they nest, outermost
 * first; src/README.md and container.hpp say what each protects.
 */
enum tce_lock_class {
	TCE_LOCK_CONTAINER,	/* rwsem */
	TCE_LOCK_OWNERS,	/* mutex: the list of owners (mm) */
	TCE_LOCK_OWNER,		/* mutex: the tables of one owner */
	TCE_LOCK_PUBLISH,	/* mutex: one table's way to the platform */
	TCE_LOCK_CHARGE,	/* mutex: one table's charge */
	TCE_LOCK_GROW,		/* mutex: where new levels hang in one table */
	TCE_LOCK_LEAF,		/* spinlock: one leaf's entries */
	TCE_LOCK_CLASSES
};

void tce_port_mutex_init(struct tce_mutex *m, enum tce_lock_class cls);
void tce_port_mutex_destroy(struct tce_mutex *m);
void tce_port_mutex_lock(struct tce_mutex *m);
void tce_port_mutex_unlock(struct tce_mutex *m);
void tce_port_mutex_assert_held(const struct tce_mutex *m);

void tce_port_rwsem_init(struct tce_rwsem *s, enum tce_lock_class cls);
void tce_port_rwsem_destroy(struct tce_rwsem *s);
void tce_port_rwsem_read_lock(struct tce_rwsem *s);
void tce_port_rwsem_read_unlock(struct tce_rwsem *s);
void tce_port_rwsem_write_lock(struct tce_rwsem *s);
void tce_port_rwsem_write_unlock(struct tce_rwsem *s);
void tce_port_rwsem_assert_held(const struct tce_rwsem *s);
void tce_port_rwsem_assert_held_write(const struct tce_rwsem *s);

void tce_port_spin_init(struct tce_spinlock *s, enum tce_lock_class cls);
void tce_port_spin_lock(struct tce_spinlock *s);
void tce_port_spin_unlock(struct tce_spinlock *s);
void tce_port_spin_assert_held(const struct tce_spinlock *s);

/**
 * tce_port_owners_lock() - the mutex of class TCE_LOCK_OWNERS
 *
 * There is one in the module; it is the port's so that it needs no initialisation
 * at run time.
 */
void tce_port_owners_lock(void);
void tce_port_owners_unlock(void);

/* --- The owner's address space ------------------------------------------- */

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

/** tce_port_mm_put() - drop the reference; may sleep */
void tce_port_mm_put(struct tce_mm *mm);

/** tce_port_mm_is_current() - non-zero if @mm is the caller's address space */
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

/* --- Registered memory, shared with KVM (mm_iommu_*) ---------------------- */

struct tce_mem;			/* port: struct mm_iommu_table_group_mem_t */

/**
 * tce_port_mem_get() - pin and charge memory, or reference what is there already
 * @mm: the owner, must be current
 * @vaddr: user address, system page aligned
 * @npages: system pages, not 0
 * @out: the memory on success
 *
 * The same range registered twice by one owner is one pin and one charge.
 *
 * Context: Process context of the owner.
 * Return: 0; -EINVAL: overlaps; -EFAULT: not accessible; -ENOMEM.  Never positive.
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
 * tce_port_mem_map() - note that @nr more entries name the memory
 *
 * Context: Any task context.
 * Return: 0; -ENXIO: the memory is going away (nothing noted).
 */
int tce_port_mem_map(struct tce_mem *mem, tce_u64 nr);

/** tce_port_mem_unmap() - note that @nr fewer entries name the memory; any task context */
void tce_port_mem_unmap(struct tce_mem *mem, tce_u64 nr);

/**
 * tce_port_mem_unmap_user() - the same, one entry, by user address
 * @mm: the owner
 * @vaddr: user address
 * @size: bytes
 *
 * For entries that KVM made with memory that some other container registered.
 * Does nothing if no registered memory holds the range.
 *
 * Context: Process context.
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
 * An IOMMU page larger than a system page is good only if the system pages behind
 * it are one aligned physical block.
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
 * Context: Process context.
 */
void tce_port_page_dirty(tce_u64 hpa, unsigned int page_shift);

/* --- Memory that is pinned page by page (v1) --------------------------------- */

/**
 * tce_port_pin() - pin a run of user memory for the long term, once for each IOMMU page
 * @vaddr: user address, aligned to the IOMMU page
 * @page_shift: log2 of the IOMMU page size, not more than the system page's
 * @nr: IOMMU pages
 * @write: non-zero: the device may write
 * @hpa: @nr addresses, filled on success
 *
 * Context: Process context of the owner.
 * Return: 0; -EFAULT: not accessible like that; -ENOMEM.  On an error nothing is pinned.
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

/* --- PAPR: hypercalls ---------------------------------------------------- */

/*
 * Status of a hypercall, PAPR "Hypervisor Call Return Codes", asm/hvcall.h.  The
 * engine turns them into errno (papr_status.hpp).
 */

/** tce_port_has_multitce() - non-zero if the firmware has H_PUT_TCE_INDIRECT and H_STUFF_TCE */
int tce_port_has_multitce(void);

/**
 * tce_port_h_put_tce() - H_PUT_TCE
 * @liobn: window
 * @ioba: bus address of the entry
 * @tce: host physical address | TCE_PERM_*
 *
 * Context: Any; does not sleep.
 * Return: H_* status.
 */
long tce_port_h_put_tce(tce_u32 liobn, tce_u64 ioba, tce_u64 tce);

/**
 * tce_port_h_put_tce_indirect() - H_PUT_TCE_INDIRECT
 * @liobn: window
 * @ioba: bus address of the first entry
 * @list: a page from tce_port_page_alloc() with big-endian TCEs
 * @nr: entries, 1..512
 *
 * Context: Any; does not sleep.
 * Return: H_* status.
 */
long tce_port_h_put_tce_indirect(tce_u32 liobn, tce_u64 ioba, const void *list,
				 unsigned int nr);

/**
 * tce_port_h_stuff_tce() - H_STUFF_TCE
 * @liobn: window
 * @ioba: bus address of the first entry
 * @tce: value for all of them
 * @nr: entries, 1..512
 *
 * Context: Any; does not sleep.
 * Return: H_* status.
 */
long tce_port_h_stuff_tce(tce_u32 liobn, tce_u64 ioba, tce_u64 tce,
			  unsigned int nr);

/**
 * tce_port_h_wait() - after H_BUSY or H_LONG_BUSY_*: let the time pass
 * @status: what the hypercall answered
 *
 * Context: Process context.
 */
void tce_port_h_wait(long status);

/* --- PAPR: dynamic DMA windows of a group (RTAS) and the device tree ------- */

/**
 * struct tce_ddw_query - ibm,query-pe-dma-windows
 * @available: windows that can still be created
 * @largest: entries of the largest window that can be created
 * @pgsizes: bit n: pages of 2^n bytes
 */
struct tce_ddw_query {
	tce_u32 available;
	tce_u64 largest;
	tce_u64 pgsizes;
};

/**
 * struct tce_ddw_window - what ibm,create-pe-dma-window gave
 * @liobn: handle for hypercalls
 * @start: bus address
 */
struct tce_ddw_window {
	tce_u32 liobn;
	tce_u64 start;
};

/*
 * All four: process context, busy statuses are waited out inside.
 * Return: 0; -EIO: the firmware answered an error; -ENODEV: there is no such call.
 */
int tce_port_ddw_query(struct tce_port_group *grp, struct tce_ddw_query *out);
int tce_port_ddw_create(struct tce_port_group *grp, unsigned int page_shift,
			unsigned int window_shift, struct tce_ddw_window *out);
int tce_port_ddw_remove(struct tce_port_group *grp, tce_u32 liobn);
int tce_port_ddw_reset(struct tce_port_group *grp);

/**
 * struct tce_dt_windows - what the device tree should say of a group's windows
 * @has_default: "ibm,dma-window" is there
 * @has_ddw: "linux,dma64-ddr-window-info" is there, with the values below
 * @liobn: its LIOBN
 * @page_shift: log2 of its IOMMU page size
 * @window_shift: log2 of its size
 * @start: its bus address
 *
 * kexec'ed kernels and PCI hotplug find the windows by these properties.
 */
struct tce_dt_windows {
	int has_default;
	int has_ddw;
	tce_u32 liobn;
	tce_u32 page_shift;
	tce_u32 window_shift;
	tce_u64 start;
};

/** tce_port_dt_update() - make it so; process context; a failure is logged */
void tce_port_dt_update(struct tce_port_group *grp,
			const struct tce_dt_windows *w);

/* --- IODA2: windows of a PE --------------------------------------------------- */

/**
 * tce_port_ioda_set_window() - have the hardware walk a table
 * @grp: the group
 * @slot: 0: at default_start, 1: at second_start
 * @k: the table
 * @for_kvm: non-zero: KVM may find it in table_group->tables[]
 *
 * Takes references to @k.  Invalidates what the hardware has cached of the PE.
 *
 * Context: Process context.
 * Return: 0; -EIO: the firmware refused; -ENOMEM.
 */
int tce_port_ioda_set_window(struct tce_port_group *grp, unsigned int slot,
			     struct tce_ktable *k, int for_kvm);

/**
 * tce_port_ioda_unset_window() - undo it
 * @grp: the group
 * @slot: the window
 *
 * Invalidates what the hardware has cached of the PE, drops the references.
 *
 * Context: Process context.
 * Return: 0; -EIO: the firmware refused; the table may still be walked.
 */
int tce_port_ioda_unset_window(struct tce_port_group *grp, unsigned int slot);

/**
 * tce_port_ioda_kill() - invalidate what the hardware has cached of entries
 * @k: the table
 * @index: absolute index of the first
 * @nr: entries, not 0
 *
 * For every group that has the table.  What was stored to the table comes before.
 *
 * Context: Process context.
 */
void tce_port_ioda_kill(struct tce_ktable *k, tce_u64 index, tce_u64 nr);

/* --- Tables as KVM sees them ---------------------------------------------- */

/**
 * struct tce_ktable_shape - for struct iommu_table
 * @page_shift: it_page_shift
 * @liobn: it_index (of the first group; informational)
 * @offset: it_offset, entries
 * @entries: it_size
 * @base: it_base, what the hardware starts at; NULL: no hardware walks the table
 * @level_bytes: size of every level page that the hardware walks
 * @levels: it_indirect_levels + 1
 */
struct tce_ktable_shape {
	tce_u32 page_shift;
	tce_u32 liobn;
	tce_u64 offset;
	tce_u64 entries;
	void *base;
	tce_u64 level_bytes;
	tce_u32 levels;
};

/**
 * tce_port_ktable_create() - wrap a table
 * @t: the engine's table
 * @shape: what it looks like
 *
 * When the last reference goes (the engine's, the groups', KVM's) the port calls
 * tce_table_release(@t).
 *
 * Context: Process context.
 * Return: one reference, or NULL; then @t is still the caller's.
 */
struct tce_ktable *tce_port_ktable_create(struct tce_table *t,
					  const struct tce_ktable_shape *shape);

/** tce_port_ktable_put() - drop the reference that create gave; process context */
void tce_port_ktable_put(struct tce_ktable *k);

/**
 * tce_port_ktable_defer_flush() - call tce_table_flush() within milliseconds
 *
 * Context: Any, a spinlock may be held; does not sleep.  Cheap if armed already.
 */
void tce_port_ktable_defer_flush(struct tce_ktable *k);

/** tce_port_ktable_cancel_flush() - disarm and wait for a running one; process context */
void tce_port_ktable_cancel_flush(struct tce_ktable *k);

/**
 * tce_port_group_set_table() - make a table visible to KVM, or hide it
 * @grp: the group
 * @slot: 0..TCE_MAX_WINDOWS-1
 * @k: the table, or NULL to hide
 *
 * Takes a reference, and drops that of the table it replaces.
 *
 * Context: Process context.
 */
void tce_port_group_set_table(struct tce_port_group *grp, unsigned int slot,
			      struct tce_ktable *k);

/**
 * tce_port_sync_users() - wait until nobody is between two ops of a table
 *
 * KVM exchanges an entry and then stores to its user address slot, without a lock and
 * without sleeping.  After this call every such sequence in which the exchange had been made
 * is over.
 *
 * Context: Process context; the engine's mutexes may be held.
 */
void tce_port_sync_users(void);

/* --- Time, trouble, figures ----------------------------------------------- */

/** tce_port_yield() - in a long loop: let others run; process context */
void tce_port_yield(void);

/** tce_port_killed() - non-zero if the caller has a fatal signal pending */
int tce_port_killed(void);

/** tce_port_warn() - an invariant is broken; WARN in the kernel, fatal on the host */
void tce_port_warn(const char *what, const char *file, int line);

/** tce_port_log() - for the administrator; rate-limited; printf-like, ends in a newline */
void tce_port_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Counters, shown in debugfs (vfio_tce/stats) under these names in lower case. */
enum tce_counter {
	TCE_COUNT_TCES_MAPPED,		/* entries set by MAP */
	TCE_COUNT_TCES_UNMAPPED,	/* live entries cleared by UNMAP, REMOVE, detach */
	TCE_COUNT_KVM_UPDATES,		/* entries exchanged by KVM */
	TCE_COUNT_KVM_KILLS,		/* publish calls by KVM */
	TCE_COUNT_KVM_HCALLS,		/* hypercalls those took */
	TCE_COUNT_KVM_LOST,		/* entries closed because a publish failed */
	TCE_COUNT_DEFERRED_FLUSHES,	/* deferred flushes that found something */
	TCE_COUNT_WINDOWS_CREATED,
	TCE_COUNT_WINDOWS_REMOVED,
	TCE_COUNT_REGIONS_REGISTERED,
	TCE_COUNT_REGIONS_UNREGISTERED,
	TCE_COUNT_LEAVES,		/* leaf levels alive */
	TCE_COUNT_QUARANTINED,		/* references kept as a page may still be reachable */
	TCE_COUNTERS
};

/** tce_port_count() - add to a counter (@n may be negative); any context */
void tce_port_count(enum tce_counter which, long n);

#ifdef __cplusplus
}
#endif

#endif /* TCE_PORT_H */

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
	TCE_LOCK_REGISTER,	/* mutex: one owner's registrations, over faults and pins */
	TCE_LOCK_OWNERS,	/* mutex: the list of owners (mm) */
	TCE_LOCK_OWNER,		/* mutex: the tables of one owner */
	TCE_LOCK_UPDATE,	/* mutex: ioctls that write to one window */
	TCE_LOCK_CHARGE,	/* mutex: one table's charge */
	TCE_LOCK_GROW,		/* mutex: where new levels hang in one table */
	TCE_LOCK_PUSH,		/* spinlock: one window's way to the platform */
	TCE_LOCK_LEAF,		/* spinlock: one leaf's entries */
	TCE_LOCK_PARK,		/* spinlock: what one window has parked */
	TCE_LOCK_CLASSES
};

void tce_port_mutex_init(struct tce_mutex *m, enum tce_lock_class cls);
void tce_port_mutex_destroy(struct tce_mutex *m);
void tce_port_mutex_lock(struct tce_mutex *m);

/**
 * tce_port_mutex_lock_killable() - lock, unless the caller is killed while it waits
 * @m: the mutex
 *
 * Context: Process context.
 * Return: 0: it is locked; -EINTR: it is not, and a fatal signal is pending.
 */
int tce_port_mutex_lock_killable(struct tce_mutex *m);

void tce_port_mutex_unlock(struct tce_mutex *m);
void tce_port_mutex_assert_held(const struct tce_mutex *m);

void tce_port_rwsem_init(struct tce_rwsem *s, enum tce_lock_class cls);
void tce_port_rwsem_destroy(struct tce_rwsem *s);

/**
 * tce_port_rwsem_read_lock_killable() - lock for reading, unless the caller is killed meanwhile
 * @s: the semaphore
 *
 * Context: Process context.
 * Return: 0: it is locked; -EINTR: it is not, and a fatal signal is pending.
 */
int tce_port_rwsem_read_lock_killable(struct tce_rwsem *s);

/** tce_port_rwsem_write_lock_killable() - the same for writing */
int tce_port_rwsem_write_lock_killable(struct tce_rwsem *s);

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

/**
 * tce_port_task() - a number of the calling task
 *
 * Odd, and not below 2^63: never a user address.
 *
 * Context: Any task context.
 * Return: the number; equal for equal tasks, never that of another one that lives.
 */
tce_u64 tce_port_task(void);

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
 * The same range registered twice by one owner is one pin and one charge.  It takes as long as
 * the owner likes: its faults are waited for.
 *
 * Context: Process context of the owner; calls for one owner must not overlap, calls for
 * different ones do not wait for each other.
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
 * tce_port_mem_claim() - is what the registry says of the memory's largest page true
 * @mem: the memory, after tce_port_mem_get()
 * @vaddr: as registered
 * @npages: as registered
 *
 * KVM believes it: an IOMMU page that is not larger goes into a table by the address of
 * its first system page alone.
 *
 * Context: Process context.
 * Return: 0: it is true of every page; -EPERM: it is not; -EINTR: a fatal signal.
 */
int tce_port_mem_claim(struct tce_mem *mem, tce_u64 vaddr, tce_u64 npages);

/**
 * tce_port_mem_map() - note that @nr more entries name the memory
 *
 * Context: Any task context.
 * Return: 0; -ENXIO: the memory is going away (nothing noted), which it does not do while
 * there is a note.
 */
int tce_port_mem_map(struct tce_mem *mem, tce_u64 nr);

/** tce_port_mem_unmap() - note that @nr fewer entries name the memory; any task context */
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
 * An IOMMU page larger than a system page is good only if the system pages behind
 * it are one aligned physical block.  Each of them is looked up: it takes time.
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
 * tce_port_wait_ms() - sleep
 * @ms: how long
 * @killable: non-zero: a fatal signal ends it
 *
 * Context: Process context.
 * Return: 0; non-zero: @killable and the caller has a fatal signal pending, the time may not be
 * over.
 */
int tce_port_wait_ms(unsigned int ms, int killable);

/**
 * tce_port_delay_us() - let the time pass without sleeping
 * @us: how long
 *
 * Context: Any.
 */
void tce_port_delay_us(unsigned int us);

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
 * All four: process context; while the firmware is busy it is asked again, for two minutes at most.
 * Return: 0; -EIO: the firmware answered an error; -ENODEV: there is no such call; -EBUSY: it is
 * still busy; -EINTR (query and create): a fatal signal.  After -EBUSY and -EINTR nobody
 * knows what has become of it: a window may have been made, or be gone.
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
 * For every group that has @k.  What was stored to the table comes before.
 *
 * Context: Any task context; does not sleep.
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
 * There is one for each group that has the table: KVM loses a reference when it finds one
 * twice.  When the last reference goes (the engine's, the group's, KVM's) the port calls
 * tce_table_release(@t), once for each.
 *
 * Context: Process context.
 * Return: one reference, or NULL; then @t is still the caller's.
 */
struct tce_ktable *tce_port_ktable_create(struct tce_table *t,
					  const struct tce_ktable_shape *shape);

/** tce_port_ktable_put() - drop the reference that create gave; process context */
void tce_port_ktable_put(struct tce_ktable *k);

struct tce_flush;		/* port: a delayed work */

/**
 * tce_port_flush_create() - make a deferred flush
 * @t: the engine's table
 *
 * Context: Process context.
 * Return: it, not armed; or NULL.
 */
struct tce_flush *tce_port_flush_create(struct tce_table *t);

/**
 * tce_port_flush_arm() - call tce_table_flush() within milliseconds
 *
 * Context: Any, a spinlock may be held; does not sleep.  Cheap if armed already.
 */
void tce_port_flush_arm(struct tce_flush *f);

/**
 * tce_port_flush_cancel() - disarm and wait for a running one
 *
 * It may be armed again later.
 *
 * Context: Process context, without locks that tce_table_flush() takes.
 */
void tce_port_flush_cancel(struct tce_flush *f);

/**
 * tce_port_flush_destroy() - free it
 * @f: not armed, not running; may be NULL
 *
 * Context: Any, softirq included.
 */
void tce_port_flush_destroy(struct tce_flush *f);

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
 * KVM calls one op after the other and stores to the user address slot of an entry in between,
 * without a lock and without sleeping.  After this call every such sequence, and every op,
 * that had begun before is over.
 *
 * Context: Process context; the engine's mutexes may be held.
 */
void tce_port_sync_users(void);

/* Storage for what tce_port_later() remembers. */
struct tce_later { unsigned long opaque[4]; };

/**
 * tce_port_later() - the same without waiting
 * @l: in the object that @fn frees
 * @fn: called in process context when every sequence and every op that has begun is over
 *
 * Context: Any.
 */
void tce_port_later(struct tce_later *l, void (*fn)(struct tce_later *l));

/* --- Time, trouble, figures ----------------------------------------------- */

/** tce_port_yield() - in a long loop: let others run; process context */
void tce_port_yield(void);

/** tce_port_killed() - non-zero if the caller has a fatal signal pending */
int tce_port_killed(void);

/** tce_port_warn() - an invariant is broken; WARN in the kernel, fatal on the host */
void tce_port_warn(const char *what, const char *file, int line);

/*
 * What a message to the administrator is about.  Each kind has a limit of its own, so that many
 * of one do not hide another.
 */
enum tce_log_kind {
	TCE_LOG_KEPT,		/* memory stays pinned: a device may still reach it */
	TCE_LOG_ENTRIES,	/* entries that the hypervisor refuses */
	TCE_LOG_WINDOWS,	/* windows that the firmware refuses, the device tree */
	TCE_LOG_MEMLOCK,	/* RLIMIT_MEMLOCK */
	TCE_LOG_OTHER,
	TCE_LOG_KINDS
};

/* Messages of a kind that are shown before the limit takes effect (for some seconds). */
#define TCE_LOG_BURST		10
/* Groups that a message names. */
#define TCE_LOG_GROUPS		4

/* Storage for the port's rate limit; the port checks at build time that it is enough. */
struct tce_log_limit { unsigned long opaque[16]; };

/**
 * struct tce_log_who - whom a message is about: a container, an owner, a group
 * @comm: the process
 * @pid: the process
 * @nr_groups: groups; those that do not fit count
 * @groups: their numbers
 * @limits: how many messages there were
 *
 * Everybody has limits of his own: a noisy one hides nobody else.
 */
struct tce_log_who {
	char comm[16];
	int pid;
	unsigned int nr_groups;
	int groups[TCE_LOG_GROUPS];
	struct tce_log_limit limits[TCE_LOG_KINDS];
};

/** tce_port_log_init() - it is about the calling process; no groups; process context */
void tce_port_log_init(struct tce_log_who *who);

/** tce_port_log_caller() - it is about the calling process from now on; process context */
void tce_port_log_caller(struct tce_log_who *who);

/*
 * It has one more group, or one fewer; any context, one call at a time.  A group that is
 * there already is there once.
 */
void tce_port_log_add_group(struct tce_log_who *who, int group);
void tce_port_log_drop_group(struct tce_log_who *who, int group);

/** tce_port_group_id() - the number of a group, as in /dev/vfio; any context */
int tce_port_group_id(const struct tce_port_group *grp);

/**
 * tce_port_log_for() - for the administrator
 * @who: whom it is about, which the message begins with; NULL: nobody
 * @kind: what it is about
 * @fmt: printf-like, ends in a newline
 *
 * Context: Any.
 */
void tce_port_log_for(struct tce_log_who *who, enum tce_log_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * tce_port_log_memlock() - say that RLIMIT_MEMLOCK is reached, if it is
 * @who: whom it is about; NULL: nobody, and nothing is said
 * @mm: the owner
 * @npages: system pages that were refused
 * @what: what for
 *
 * Userspace can have this said as often as it likes, with a new container each time: this
 * kind has a limit for all together besides.
 *
 * Context: Process context of the owner.
 */
void tce_port_log_memlock(struct tce_log_who *who, struct tce_mm *mm, tce_u64 npages,
			  const char *what);

/** tce_port_log() - tce_port_log_for(NULL, TCE_LOG_OTHER, ...) */
void tce_port_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Counters, shown in debugfs (vfio_tce/stats) under these names in lower case. */
enum tce_counter {
	TCE_COUNT_TCES_MAPPED,		/* entries set by MAP */
	TCE_COUNT_TCES_UNMAPPED,	/* live entries cleared by UNMAP, REMOVE, detach */
	TCE_COUNT_KVM_UPDATES,		/* entries exchanged by KVM */
	TCE_COUNT_KVM_KILLS,		/* publish calls by KVM */
	TCE_COUNT_KVM_HCALLS,		/* hypercalls those took */
	TCE_COUNT_KVM_LOST,		/* entries closed because a publish failed */
	TCE_COUNT_KVM_REFUSED,		/* maps that were let through to nowhere */
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

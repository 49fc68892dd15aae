/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The boundary, inward: every call into the TCE engine.
 *
 * The engine is freestanding C++ and knows no kernel; its callers are C and
 * know no C++.  This header is all they share on the way in, port.h is all they
 * share on the way out.  It compiles as C and as C++, in the kernel and on the
 * host.
 *
 * Conventions
 *  - Handles are opaque.  All sizes and addresses are bytes unless the name
 *    says otherwise (npages: system pages; index, nr: table entries).
 *  - Functions that can fail return 0 or a negative errno, never a positive
 *    number and never a hypervisor status.
 *  - A call that fails has changed nothing, with the one exception documented
 *    at tce_container_map().
 *  - What an ioctl calls answers -EINTR, with nothing changed, when the caller
 *    is killed while another call holds the container.
 *  - "Process context" means: may sleep, holds no spinlock.
 */
#ifndef TCE_ENGINE_H
#define TCE_ENGINE_H

#ifdef __cplusplus
extern "C" {
#endif

typedef unsigned long long tce_u64;
typedef unsigned int tce_u32;

struct tce_book;
struct tce_container;		/* engine: one VFIO container */
struct tce_table;		/* engine: the TCE table of one window */
struct tce_port_group;		/* port: one IOMMU group (PE) */

/* IOMMU_TABLE_GROUP_MAX_TABLES, asm/iommu.h: windows a PE can have at once. */
#define TCE_MAX_WINDOWS		2

/* Access rights of an entry; the values of TCE_PCI_READ/WRITE, asm/tce.h. */
#define TCE_PERM_NONE		0u
#define TCE_PERM_READ		1u
#define TCE_PERM_WRITE		2u

/* VFIO_DMA_MAP_FLAG_READ/WRITE, uapi/linux/vfio.h. */
#define TCE_MAP_READ		1u
#define TCE_MAP_WRITE		2u

/* What the platform can do for a group. */
#define TCE_GROUP_HAS_DDW	1u	/* "ibm,ddw-applicable": query, create, remove */
#define TCE_GROUP_HAS_RESET	2u	/* "ibm,ddw-extensions"[1]: reset-pe-dma-windows */

/* Who owns the tables. */
enum tce_platform {
	TCE_PLATFORM_PAPR,	/* pSeries: the hypervisor */
	TCE_PLATFORM_IODA2,	/* PowerNV: we, and the hardware walks them */
};

/**
 * struct tce_group_caps - what an IOMMU group brings along
 * @platform: enum tce_platform
 * @flags: TCE_GROUP_HAS_*; PAPR only
 * @default_liobn: LIOBN of the default window ("ibm,dma-window"); PAPR only
 * @node: NUMA node for tables, -1: any; IODA2 only
 * @default_start: bus address of the default window
 * @default_size: size of the default window; its IOMMU pages are 4K
 * @second_start: bus address of the other window; IODA2 only
 * @pgsizes: bit n set: IOMMU pages of 2^n bytes work; never without bit 12
 * @max_windows: windows that can exist at once, the default one included
 */
struct tce_group_caps {
	tce_u32 platform;
	tce_u32 flags;
	tce_u32 default_liobn;
	int node;
	tce_u64 default_start;
	tce_u64 default_size;
	tce_u64 second_start;
	tce_u64 pgsizes;
	tce_u32 max_windows;
};

/**
 * struct tce_info - the answer to VFIO_IOMMU_SPAPR_TCE_GET_INFO
 * @dma32_start: bus address of the default window
 * @dma32_size: its size
 * @pgsizes: as struct tce_group_caps, for all groups of the container
 * @max_windows: as struct tce_group_caps
 * @levels: largest useful number of table levels
 */
struct tce_info {
	tce_u32 dma32_start;
	tce_u32 dma32_size;
	tce_u64 pgsizes;
	tce_u32 max_windows;
	tce_u32 levels;
};

/* VFIO_SPAPR_TCE_IOMMU, VFIO_SPAPR_TCE_v2_IOMMU. */
enum tce_version {
	TCE_V1 = 1,
	TCE_V2 = 2,
};

/**
 * tce_container_create() - make an empty container
 * @version: TCE_V1: one group, its default window, memory pinned page by page;
 * TCE_V2: windows at will, memory registered first.  A call that the version
 * does not have answers -EINVAL; the caller does not let it come to that.
 * @out: set to the container on success
 *
 * Context: Process context.
 * Return: 0, or -ENOMEM.
 */
int tce_container_create(enum tce_version version, struct tce_container **out);

/**
 * tce_container_close() - give back everything a container holds
 * @c: the container; all groups must have been detached
 *
 * Removes the windows that are left, drops every registration and every charge.
 * It cannot fail and does not allocate.  Calls that come later answer -ENODEV.
 *
 * Context: Process context, of any process (the owner may be dead).
 */
void tce_container_close(struct tce_container *c);

/**
 * tce_container_free() - free the memory of a closed container
 * @c: the container; nobody may be inside any call on it
 *
 * Context: Process context.
 */
void tce_container_free(struct tce_container *c);

/**
 * tce_container_attach() - add a group
 * @c: the container
 * @grp: the port's handle of the group
 * @caps: what the group can do; copied
 *
 * The group must be owned by VFIO and have no table in place.  Windows that the
 * container already has are made in the new group at the same bus addresses and
 * filled with what is mapped.
 *
 * Context: Process context, of any process.
 * Return: 0; -EBUSY: is attached already; -EPERM: the group cannot have the
 * same windows at the same addresses; -ENOMEM; -EIO: the firmware refused;
 * -ENODEV: the container is closed.
 */
int tce_container_attach(struct tce_container *c, struct tce_port_group *grp,
			 const struct tce_group_caps *caps);

/**
 * tce_container_detach() - take a group out
 * @c: the container
 * @grp: a group for which tce_container_attach() answered 0
 *
 * Afterwards the group has no window of ours in the firmware, no table, and its
 * default window is in the state that the platform's own code expects.  Other
 * groups and their DMA are not touched.  Cannot fail, does not allocate.
 *
 * Context: Process context, of any process.
 */
void tce_container_detach(struct tce_container *c, struct tce_port_group *grp);

/**
 * tce_container_get_info() - VFIO_IOMMU_SPAPR_TCE_GET_INFO
 * @c: the container
 * @info: filled on success
 *
 * Context: Process context of the owner.
 * Return: 0; -ENXIO: no group; -EPERM: another process owns the container.
 */
int tce_container_get_info(struct tce_container *c, struct tce_info *info);

/**
 * tce_container_enable() - VFIO_IOMMU_ENABLE, v1
 * @c: the container
 *
 * Charges the caller, who becomes the owner, for the size of the default
 * window.
 *
 * Context: Process context of the owner.
 * Return: 0; -EBUSY: is enabled; -ENODEV: no group; -EPERM: the group has no
 * default window, or another process; -ENOMEM: limit.
 */
int tce_container_enable(struct tce_container *c);

/**
 * tce_container_disable() - VFIO_IOMMU_DISABLE, v1
 * @c: the container
 *
 * Unmaps what is mapped, so that nothing stays pinned without being charged.
 *
 * Context: Process context of the owner.
 * Return: 0, also if it was not enabled; -EPERM: another process; -EIO: the
 * hypervisor refuses to close entries; it stays enabled.
 */
int tce_container_disable(struct tce_container *c);

/**
 * tce_container_register() - VFIO_IOMMU_SPAPR_REGISTER_MEMORY
 * @c: the container
 * @flags: must be 0
 * @vaddr: user address, system page aligned
 * @size: bytes, system page aligned, not 0
 *
 * Pins the memory and charges it to the caller, who becomes the owner of the
 * container if it has none yet.
 *
 * Context: Process context of the owner.
 * Return: 0; -EINVAL: arguments, or overlaps other registered memory; -EBUSY:
 * this container has registered it already; -EFAULT: not all of it is
 * accessible; -ENOMEM: limit or memory; -EPERM: another process is the owner.
 */
int tce_container_register(struct tce_container *c, tce_u32 flags,
			   tce_u64 vaddr, tce_u64 size);

/**
 * tce_container_unregister() - VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY
 * @c: the container
 * @flags: must be 0
 * @vaddr: as registered
 * @size: as registered
 *
 * Context: Process context of the owner.
 * Return: 0; -EINVAL: arguments; -ENOENT: this container has not registered
 * exactly that; -EBUSY: is mapped, nothing has changed; -EPERM: no owner yet or
 * another process.
 */
int tce_container_unregister(struct tce_container *c, tce_u32 flags,
			     tce_u64 vaddr, tce_u64 size);

/**
 * tce_container_create_window() - VFIO_IOMMU_SPAPR_TCE_CREATE
 * @c: the container
 * @flags: must be 0
 * @page_shift: log2 of the IOMMU page size, one of tce_info.pgsizes
 * @window_size: bytes, a power of two, at least one IOMMU page
 * @levels: a hint; 0 means 1, what is not useful is clamped
 * @start: set to the bus address on success
 *
 * Context: Process context of the owner.
 * Return: 0; -EINVAL: arguments; -ENOSPC: no window left; -ENXIO: no group;
 * -ENOMEM; -EIO: the firmware refused; -EPERM: another process, or the groups
 * disagree on the bus address.
 */
int tce_container_create_window(struct tce_container *c, tce_u32 flags,
				tce_u32 page_shift, tce_u64 window_size,
				tce_u32 levels, tce_u64 *start);

/**
 * tce_container_remove_window() - VFIO_IOMMU_SPAPR_TCE_REMOVE
 * @c: the container
 * @flags: must be 0
 * @start: bus address of the window, exactly
 *
 * What the firmware does not remove is closed entry by entry, and reset when
 * that is possible; for the caller the window is gone.
 *
 * Context: Process context of the owner.
 * Return: 0; -EINVAL: no window starts there; -ENXIO: no group; -EPERM: another
 * process.
 */
int tce_container_remove_window(struct tce_container *c, tce_u32 flags,
				tce_u64 start);

/**
 * tce_container_map() - VFIO_IOMMU_MAP_DMA
 * @c: the container
 * @flags: TCE_MAP_*, at least one
 * @vaddr: user address, aligned to the window's IOMMU page
 * @iova: bus address, aligned likewise
 * @size: bytes, aligned likewise, not 0
 *
 * Entries that are live are replaced.  If the hypervisor refuses half-way the
 * range is left as it was or closed, never half open, and the error is
 * returned.
 *
 * Context: Process context of the owner.  Yields; -EINTR on a fatal signal.
 * Return: 0; -EPERM: nothing was ever registered, another process, or the
 * memory is not contiguous enough for the IOMMU page size; -ENXIO: no window
 * holds @iova; -EINVAL: arguments, range leaves the window, or memory is not
 * registered by this container; -ENOMEM: limit or memory; -EIO: the hypervisor
 * refused.
 */
int tce_container_map(struct tce_container *c, tce_u32 flags, tce_u64 vaddr,
		      tce_u64 iova, tce_u64 size);

/**
 * tce_container_unmap() - VFIO_IOMMU_UNMAP_DMA
 * @c: the container
 * @flags: must be 0
 * @iova: bus address, aligned to the window's IOMMU page
 * @size: bytes, aligned likewise, not 0
 *
 * Holes are fine.  The cost is that of what is mapped.
 *
 * Context: Process context of the owner.  Yields.
 * Return: 0; -EPERM, -ENXIO, -EINVAL as tce_container_map(); -EIO: the
 * hypervisor refused to close some entries: those are still mapped.
 */
int tce_container_unmap(struct tce_container *c, tce_u32 flags, tce_u64 iova,
			tce_u64 size);

/**
 * tce_container_show() - the books of a container
 * @c: the container
 * @book: where to; the caller has begun a line
 *
 * Ends that line with who has the container, what is charged, and what may be;
 * then a line for each window and one for the memory.  Each is a word and
 * KEY=VALUE pairs, separated by a space.  If another call changes the container
 * meanwhile the rest of the line says busy=1, and that is all.
 *
 * Context: Process context, of anybody; takes as long as there are leaves.
 */
void tce_container_show(struct tce_container *c, struct tce_book *book);

/**
 * tce_container_reason() - why a call of this container was refused
 * @c: the container
 *
 * Context: The task whose call was refused, right after it.
 * Return: words for the administrator; "" if nothing was said.
 */
const char *tce_container_reason(struct tce_container *c);

/*
 * What in-kernel KVM does with a table, by way of struct iommu_table_ops.
 * Indices are absolute (bus address >> page shift), as KVM passes them.
 */

/**
 * tce_table_xchg() - replace one entry, iommu_table_ops::xchg_no_kill
 * @t: the table
 * @index: absolute index
 * @hpa: in: host physical address, aligned to the IOMMU page; out: the old one
 * @perm: in: TCE_PERM_*, NONE clears; out: the old one
 *
 * The device may see the change at once or with the next tce_table_kill().  It
 * is never later than a few milliseconds, and never later than the moment at
 * which memory of the owner is unregistered.
 *
 * Nothing is ever said to have been there: @perm is TCE_PERM_NONE on success,
 * and who called owes nothing for what was replaced.  The caller may go on to
 * store to the slot that tce_table_useraddr() gave if it does not sleep before
 * (see tce_port_sync_users()).
 *
 * An index outside of the table is an error, always: it alone ends a call of
 * KVM's that would go on past the end of its own table (Linux 6.12).  All else
 * that cannot be done succeeds and changes nothing, since KVM warns of errors:
 * on a table that was removed or is not for KVM, in another process than the
 * owner's.
 *
 * Context: Any task context; does not sleep.
 * Return: 0; -EINVAL: @index is outside of the table; -ENOMEM, -EBUSY: a map,
 * and nobody was given the slot.
 */
int tce_table_xchg(struct tce_table *t, tce_u64 index, tce_u64 *hpa,
		   tce_u32 *perm);

/**
 * tce_table_kill() - publish, iommu_table_ops::tce_kill
 * @t: the table
 * @index: absolute index
 * @nr: entries; 0 is fine
 *
 * Publishes what is pending in the range: on return the device sees it, or, if
 * the platform is busy or somebody waits for it, within milliseconds.
 *
 * Context: Any task context; does not sleep.
 */
void tce_table_kill(struct tce_table *t, tce_u64 index, tce_u64 nr);

/**
 * tce_table_useraddr() - the user address slot of an entry, ::useraddrptr
 * @t: the table
 * @index: absolute index
 * @alloc: non-zero: an entry is about to be mapped
 *
 * Context: Any task context; does not sleep.
 * Return: the slot (big-endian), valid to the end of the caller's sequence of
 * ops; NULL if there is none: the caller then leaves the entry alone, or makes
 * an ioctl.  Always so if !@alloc.
 */
void *tce_table_useraddr(struct tce_table *t, tce_u64 index, int alloc);

/**
 * tce_table_flush() - publish everything that is pending
 * @t: the table
 *
 * Costs what was written since the last time, not what the table has.  For the
 * deferred work that tce_port_flush_arm() arms.
 *
 * Context: Process context.
 */
void tce_table_flush(struct tce_table *t);

/**
 * tce_table_release() - the last reference is gone, iommu_table_ops::free
 * @t: the table; freed
 *
 * Context: Any, softirq included; does not sleep.
 */
void tce_table_release(struct tce_table *t);

#ifdef __cplusplus
}
#endif

#endif /* TCE_ENGINE_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/* Tables as KVM sees them, and their deferred flush. */
#ifndef TCE_INCLUDE_PORT_KTABLE_H
#define TCE_INCLUDE_PORT_KTABLE_H

#include <tce/engine.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tce_ktable;		/* port: wraps struct iommu_table */

/**
 * struct tce_ktable_shape - for struct iommu_table
 * @page_shift: it_page_shift
 * @liobn: it_index (of the first group; informational)
 * @offset: it_offset, entries
 * @entries: it_size
 * @base: it_base, what the hardware starts at; NULL: no hardware walks the
 * table
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
 * There is one for each group that has the table: KVM loses a reference when it
 * finds one twice.  When the last reference goes (the engine's, the group's,
 * KVM's) the port calls tce_table_release(@t), once for each.
 *
 * Context: Process context.
 * Return: one reference, or NULL; then @t is still the caller's.
 */
struct tce_ktable *tce_port_ktable_create(struct tce_table *t,
					  const struct tce_ktable_shape *shape);

/**
 * tce_port_ktable_put() - drop the reference that create gave; process context
 */
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
 * Context: Any, a spinlock may be held; does not sleep.  Cheap if armed
 * already.
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
 * @f: not armed, not running
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

/** tce_port_group_id() - the number of a group, as in /dev/vfio; any context */
int tce_port_group_id(const struct tce_port_group *grp);

#ifdef __cplusplus
}
#endif

#endif /* TCE_INCLUDE_PORT_KTABLE_H */

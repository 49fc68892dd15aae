// SPDX-License-Identifier: GPL-2.0-only
/*
 * The DMA windows of a PE (IODA2): the hardware is told to walk a table of ours.
 *
 * The platform's own set_window and unset_window do that; they take any struct iommu_table
 * whose it_base, it_size, it_level_size, it_indirect_levels, it_offset and it_page_shift are
 * right, link it with the group and leave it in tables[].  They answer OPAL's status codes,
 * which end here.
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "shim.h"

/* Entries that firmware invalidates in one call, which nothing can interrupt. */
#define TCE_KILL_MAX	512u

/**
 * tce_ioda_table() - the table in a window, whether KVM may find it or not
 * @grp: the group
 * @slot: 0..TCE_MAX_WINDOWS-1
 *
 * Context: Process context; the groups' lock, or nobody changes the window.
 * Return: the table, or NULL.
 */
struct iommu_table *tce_ioda_table(struct tce_port_group *grp, unsigned int slot)
{
	return grp->ioda[slot].hidden ?: grp->tg->tables[slot];
}

/*
 * OPAL wants to hear of 4 KiB at least, which is what the smallest table has; what lies behind
 * the window's end in it is closed.  Who looks at the size meanwhile (KVM) is told off by the
 * engine when he uses it.
 */
static long set_window(struct tce_port_group *grp, unsigned int slot,
		       struct iommu_table *tbl)
{
	const unsigned long size = tbl->it_size;
	long ret;

	if (!tbl->it_indirect_levels)
		WRITE_ONCE(tbl->it_size, max(size, tbl->it_level_size));
	ret = grp->orig_ops->set_window(grp->tg, slot, tbl);
	WRITE_ONCE(tbl->it_size, size);
	return ret;
}

/* A window that is set but not linked would never be invalidated. */
static int set_and_link(struct tce_port_group *grp, unsigned int slot,
			struct iommu_table *tbl)
{
	if (set_window(grp, slot, tbl))
		return -EIO;
	if (grp->tg->tables[slot] == tbl)
		return 0;
	/* Nothing can reach memory through it: the table is empty, or is in use by others. */
	grp->orig_ops->unset_window(grp->tg, slot);
	return -ENOMEM;
}

/**
 * tce_port_ioda_set_window() - have the hardware walk a table
 * @grp: the group
 * @slot: 0: at default_start, 1: at second_start
 * @k: the table
 * @for_kvm: non-zero: KVM may find it in table_group->tables[]
 *
 * Context: Process context.
 * Return: 0; -EIO: the firmware refused; -ENOMEM.
 */
int tce_port_ioda_set_window(struct tce_port_group *grp, unsigned int slot,
			     struct tce_ktable *k, int for_kvm)
{
	struct iommu_table_group_link *spare;
	int ret;

	if (WARN_ON_ONCE(slot >= TCE_MAX_WINDOWS))
		return -EIO;
	spare = kzalloc(sizeof(*spare), GFP_KERNEL_ACCOUNT);
	if (!spare)
		return -ENOMEM;
	spare->table_group = grp->tg;
	WRITE_ONCE(k->kill, grp->tce_kill);
	if (!for_kvm)
		WRITE_ONCE(k->no_kvm, true);

	mutex_lock(&tce_groups_lock);
	ret = set_and_link(grp, slot, &k->tbl);
	if (!ret) {
		grp->ioda[slot].spare = spare;
		if (!for_kvm) {
			grp->ioda[slot].hidden = &k->tbl;
			WRITE_ONCE(grp->tg->tables[slot], NULL);
		}
	}
	mutex_unlock(&tce_groups_lock);
	if (ret)
		kfree(spare);
	return ret;
}

/*
 * The hardware still walks the table, for all we know, but it is linked with the group no
 * longer.  So it stays for good, and linked, so that closing its entries takes effect.
 */
static void keep_table(struct tce_port_group *grp, struct iommu_table *tbl,
		       struct iommu_table_group_link *link)
{
	iommu_tce_table_get(tbl);
	list_add_rcu(&link->next, &tbl->it_group_list);
	tce_port_log("group %d: firmware does not remove the DMA window at %#llx",
		     iommu_group_id(grp->group), (u64)tbl->it_offset << tbl->it_page_shift);
}

/**
 * tce_port_ioda_unset_window() - undo it
 * @grp: the group
 * @slot: the window
 *
 * Context: Process context.
 * Return: 0; -EIO: the firmware refused; the table may still be walked.
 */
int tce_port_ioda_unset_window(struct tce_port_group *grp, unsigned int slot)
{
	struct iommu_table_group_link *spare;
	struct iommu_table *tbl;
	long ret;

	mutex_lock(&tce_groups_lock);
	tbl = tce_ioda_table(grp, slot);
	/* The platform's code looks there for what it has to unlink. */
	WRITE_ONCE(grp->tg->tables[slot], tbl);
	grp->ioda[slot].hidden = NULL;
	spare = grp->ioda[slot].spare;
	grp->ioda[slot].spare = NULL;

	iommu_tce_table_get(tbl);
	ret = grp->orig_ops->unset_window(grp->tg, slot);
	if (ret)
		keep_table(grp, tbl, spare);
	else
		kfree(spare);
	iommu_tce_table_put(tbl);
	mutex_unlock(&tce_groups_lock);
	return ret ? -EIO : 0;
}

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
void tce_port_ioda_kill(struct tce_ktable *k, tce_u64 index, tce_u64 nr)
{
	/* Not all of the ways to invalidate have a barrier of their own. */
	mb();
	while (nr) {
		const unsigned long part = min_t(tce_u64, nr, TCE_KILL_MAX);

		/* The links to groups are freed after a grace period. */
		rcu_read_lock();
		k->kill(&k->tbl, index, part);
		rcu_read_unlock();
		index += part;
		nr -= part;
		cond_resched();
	}
}

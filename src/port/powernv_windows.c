// SPDX-License-Identifier: GPL-2.0-only
/*
 * The DMA windows of a PE (IODA2): the hardware is told to walk a table of
 * ours.
 *
 * The platform's own set_window and unset_window do that; they take any struct
 * iommu_table whose it_base, it_size, it_level_size, it_indirect_levels,
 * it_offset and it_page_shift are right, link it with the group and leave it in
 * tables[].  They answer OPAL's status codes, which end here.
 */
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kref.h>
#include <linux/minmax.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "group.h"
#include "trace.h"

/*
 * A run of the engine's: firmware invalidates it in one call, which nothing can
 * interrupt.
 */
#define TCE_KILL_MAX	512u

/**
 * tce_group_table() - the table in a window, whether KVM may find it or not
 * @grp: the group
 * @slot: 0..TCE_MAX_WINDOWS-1
 *
 * Context: Process context; the groups' lock, or nobody changes the window.
 * Return: the table, or NULL.
 */
struct iommu_table *tce_group_table(struct tce_port_group *grp, unsigned int slot)
{
	if (tce_powernv_present())
		return grp->ioda[slot].table;
	return grp->tg->tables[slot];
}

static void remember(struct tce_port_group *grp, unsigned int slot, struct iommu_table *tbl,
		     struct iommu_table_group_link *spare)
{
	mutex_lock(&tce_groups_lock);
	grp->ioda[slot].table = tbl;
	grp->ioda[slot].spare = spare;
	mutex_unlock(&tce_groups_lock);
}

/*
 * The hardware is told of a table by way of a copy, which nobody else ever
 * sees: its count of references is 0, so that iommu_tce_table_get(), by which
 * the platform's code comes to what it leaves in tables[], gives NULL.
 *
 * For OPAL wants to hear of 4 KiB at least, which is what the smallest table
 * has (what lies behind the window's end in it is closed), and KVM reads
 * tables[] and the sizes there without a lock: by one that is too large it
 * would attach a guest's larger table to ours.
 */
static void make_copy(struct iommu_table *copy, const struct iommu_table *tbl)
{
	*copy = *tbl;
	if (!copy->it_indirect_levels)
		copy->it_size = max(copy->it_size, copy->it_level_size);
	INIT_LIST_HEAD_RCU(&copy->it_group_list);
	refcount_set(&copy->it_kref.refcount, 0);
}

/*
 * The table is linked with the group before the hardware walks it: no change is
 * missed by the invalidation of the whole PE with which the platform's
 * set_window ends, or by those that follow.  Returns the link of the copy,
 * which serves when the window cannot be unset.
 */
static struct iommu_table_group_link *set_window(struct tce_port_group *grp, unsigned int slot,
						 struct iommu_table *tbl)
{
	struct iommu_table_group_link *link, *spare;
	struct iommu_table copy;

	link = kzalloc(sizeof(*link), GFP_KERNEL_ACCOUNT);
	if (!link)
		return ERR_PTR(-ENOMEM);
	link->table_group = grp->tg;
	list_add_rcu(&link->next, &tbl->it_group_list);

	make_copy(&copy, tbl);
	if (grp->orig_ops->set_window(grp->tg, slot, &copy)) {
		spare = ERR_PTR(-EIO);
		goto unlink;
	}
	if (WARN_ON_ONCE(grp->tg->tables[slot]))
		WRITE_ONCE(grp->tg->tables[slot], NULL);
	spare = list_first_entry_or_null(&copy.it_group_list, struct iommu_table_group_link,
					 next);
	if (spare) {
		list_del(&spare->next);
		return spare;
	}
	/* The platform's code had no memory for it, and did not say so. */
	spare = ERR_PTR(-ENOMEM);
	grp->orig_ops->unset_window(grp->tg, slot);

unlink:
	list_del_rcu(&link->next);
	kfree_rcu(link, rcu);
	return spare;
}

int tce_port_ioda_set_window(struct tce_port_group *grp, unsigned int slot,
			     struct tce_ktable *k, int for_kvm)
{
	struct iommu_table_group_link *spare;

	if (WARN_ON_ONCE(slot >= TCE_MAX_WINDOWS))
		return -EIO;
	WRITE_ONCE(k->kill, grp->tce_kill);

	spare = set_window(grp, slot, &k->tbl);
	if (IS_ERR(spare))
		return PTR_ERR(spare);
	/* What tables[] would hold. */
	iommu_tce_table_get(&k->tbl);
	remember(grp, slot, &k->tbl, spare);
	if (for_kvm)
		WRITE_ONCE(grp->tg->tables[slot], &k->tbl);
	return 0;
}

/*
 * The hardware still walks the table, for all we know, but it is linked with
 * the group no longer.  So it stays for good, and linked, so that closing its
 * entries takes effect.
 */
static void keep_table(struct tce_port_group *grp, struct iommu_table *tbl,
		       struct iommu_table_group_link *link)
{
	iommu_tce_table_get(tbl);
	list_add_rcu(&link->next, &tbl->it_group_list);
	tce_port_log_for(&grp->log, TCE_LOG_WINDOWS,
			 "firmware does not remove the DMA window at %#llx\n",
			 (u64)tbl->it_offset << tbl->it_page_shift);
}

int tce_port_ioda_unset_window(struct tce_port_group *grp, unsigned int slot)
{
	struct iommu_table_group_link *spare = grp->ioda[slot].spare;
	struct iommu_table *tbl = grp->ioda[slot].table;
	long ret;

	iommu_tce_table_get(tbl);
	remember(grp, slot, NULL, NULL);
	/*
	 * The platform's code looks there for what it has to unlink, and put.
	 */
	WRITE_ONCE(grp->tg->tables[slot], tbl);
	ret = grp->orig_ops->unset_window(grp->tg, slot);
	if (ret)
		keep_table(grp, tbl, spare);
	else
		kfree(spare);
	iommu_tce_table_put(tbl);
	return ret ? -EIO : 0;
}

void tce_port_ioda_kill(struct tce_ktable *k, tce_u64 index, tce_u64 nr)
{
	tce_kill_fn *kill = READ_ONCE(k->kill);

	WARN_ON_ONCE(!nr || nr > TCE_KILL_MAX);
	/* No group has it yet; whoever gets it invalidates everything then. */
	if (!kill)
		return;
	/* Not all of the ways to invalidate have a barrier of their own. */
	mb();
	/* The links to groups are freed after a grace period. */
	rcu_read_lock();
	kill(&k->tbl, index, nr);
	rcu_read_unlock();
	trace_publish(0, k->tbl.it_index, index << k->tbl.it_page_shift, nr, 0);
}

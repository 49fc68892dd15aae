// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU groups (PEs) in our hands: their list, and the tables that KVM finds in
 * them.
 */
#include <linux/iommu.h>
#include <linux/notifier.h>
#include <linux/of.h>
#include <linux/pci.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "group.h"

static LIST_HEAD(tce_groups);
/*
 * The list, tg and where the tables are (on pSeries tables[], on PowerNV our
 * own copy of it, since there the platform's code writes tables[]).  Innermost,
 * and never held over firmware, the platform's operations or the end of a
 * table: all groups share it, and their owners must not wait for each other.
 * What is called for one group is not called twice at a time.
 */
DEFINE_MUTEX(tce_groups_lock);

static int get_pci_dev(struct device *dev, void *data)
{
	struct pci_dev **pdev = data;

	if (!dev_is_pci(dev))
		return 0;
	*pdev = pci_dev_get(to_pci_dev(dev));
	return 1;
}

/**
 * tce_group_first_pci_dev() - a device of a group
 * @grp: the group
 *
 * Context: Process context; takes the IOMMU group's mutex.
 * Return: a referenced device, or NULL if there is none.
 */
struct pci_dev *tce_group_first_pci_dev(struct tce_port_group *grp)
{
	struct pci_dev *pdev = NULL;

	iommu_group_for_each_dev(grp->group, &pdev, get_pci_dev);
	return pdev;
}

/**
 * tce_group_open() - take a group from the platform's code
 * @group: the group, owned by VFIO
 * @out: our handle of it
 * @caps: what it can do
 *
 * On failure the group is as the platform's code wants to have it.
 *
 * Context: Process context.
 * Return: 0; -ENODEV: not a group that we know how to handle; -ENOMEM; -EIO:
 * the firmware refused; -EBUSY: the group is not in the state in which VFIO
 * gets it; -EINTR: a fatal signal.
 */
int tce_group_open(struct iommu_group *group, struct tce_port_group **out,
		   struct tce_group_caps *caps)
{
	struct tce_port_group *grp;
	int ret;

	grp = kzalloc(sizeof(*grp), GFP_KERNEL_ACCOUNT);
	if (!grp)
		return -ENOMEM;
	grp->group = group;
	tce_port_log_init(&grp->log);
	tce_port_log_add_group(&grp->log, iommu_group_id(group));
	grp->tg = iommu_group_get_iommudata(group);
	if (!grp->tg)
		ret = -ENODEV;
	else if (tce_powernv_present())
		ret = tce_powernv_open(grp, caps);
	else
		ret = tce_pseries_open(grp, caps);
	if (ret) {
		kfree(grp);
		return ret;
	}
	mutex_lock(&tce_groups_lock);
	list_add_tail(&grp->list, &tce_groups);
	mutex_unlock(&tce_groups_lock);
	*out = grp;
	return 0;
}

/**
 * tce_group_close() - give a group back
 * @grp: the group; it has no windows of ours any more
 *
 * tce_group_free() comes later, when VFIO has let go of the group as well.
 *
 * Context: Process context.
 */
void tce_group_close(struct tce_port_group *grp)
{
	if (tce_powernv_present())
		tce_powernv_close(grp);
	else
		tce_pseries_close(grp);
}

/**
 * tce_group_free() - forget a group that was given back
 * @grp: the group
 *
 * Context: Process context.
 */
void tce_group_free(struct tce_port_group *grp)
{
	mutex_lock(&tce_groups_lock);
	list_del(&grp->list);
	if (grp->tg)
		tce_pseries_let_go(grp);
	mutex_unlock(&tce_groups_lock);
	of_node_put(grp->pe_node);
	kfree(grp);
}

int tce_port_group_id(const struct tce_port_group *grp)
{
	return iommu_group_id(grp->group);
}

static struct iommu_table *swap_table(struct tce_port_group *grp, unsigned int slot,
				      struct iommu_table *tbl)
{
	struct iommu_table *old;

	lockdep_assert_held(&tce_groups_lock);
	old = grp->tg->tables[slot];
	WRITE_ONCE(grp->tg->tables[slot], tbl);
	return old;
}

void tce_port_group_set_table(struct tce_port_group *grp, unsigned int slot,
			      struct tce_ktable *k)
{
	struct iommu_table *tbl = k ? &k->tbl : NULL, *old = NULL;

	BUILD_BUG_ON(TCE_MAX_WINDOWS != IOMMU_TABLE_GROUP_MAX_TABLES);
	if (WARN_ON_ONCE(slot >= TCE_MAX_WINDOWS))
		return;
	mutex_lock(&tce_groups_lock);
	if (grp->tg) {
		if (tbl)
			iommu_tce_table_get(tbl);
		old = swap_table(grp, slot, tbl);
	}
	mutex_unlock(&tce_groups_lock);
	/* Only after nobody can find it any more. */
	if (old)
		iommu_tce_table_put(old);
}

static bool seen_before(struct tce_port_group *grp, const struct iommu_table *tbl)
{
	unsigned int slot;

	list_for_each_entry_continue_reverse(grp, &tce_groups, list)
		for (slot = 0; grp->tg && slot < TCE_MAX_WINDOWS; slot++)
			if (tce_ktable_same_window(tce_group_table(grp, slot), tbl))
				return true;
	return false;
}

static void show_table(struct seq_file *m, struct tce_port_group *first,
		       unsigned int slot, const struct iommu_table *tbl)
{
	struct tce_port_group *grp = first;
	char before = ' ';

	seq_puts(m, "groups");
	list_for_each_entry_from(grp, &tce_groups, list) {
		if (!grp->tg || !tce_ktable_same_window(tce_group_table(grp, slot), tbl))
			continue;
		seq_printf(m, "%c%d", before, iommu_group_id(grp->group));
		before = ',';
	}
	seq_printf(m, " slot %u start %#llx size %#llx page_shift %lu", slot,
		   (u64)tbl->it_offset << tbl->it_page_shift,
		   (u64)tbl->it_size << tbl->it_page_shift, tbl->it_page_shift);
	if (tbl->it_base)
		seq_printf(m, " levels %lu entries %lu\n", tbl->it_indirect_levels + 1,
			   tbl->it_level_size);
	else
		seq_printf(m, " liobn %#lx\n", tbl->it_index);
}

/**
 * tce_groups_show() - one line per window that is in place
 * @m: where to
 *
 * Context: Process context.
 */
void tce_groups_show(struct seq_file *m)
{
	struct tce_port_group *grp;
	bool none = true;
	unsigned int slot;

	mutex_lock(&tce_groups_lock);
	list_for_each_entry(grp, &tce_groups, list) {
		for (slot = 0; grp->tg && slot < TCE_MAX_WINDOWS; slot++) {
			struct iommu_table *tbl = tce_group_table(grp, slot);

			if (tbl && tce_ktable_is_ours(tbl) && !seen_before(grp, tbl)) {
				show_table(m, grp, slot, tbl);
				none = false;
			}
		}
	}
	mutex_unlock(&tce_groups_lock);
	if (none)
		seq_puts(m, "no window is open\n");
}

/*
 * The PE's node leaves the device tree and the platform's code is about to free
 * the table group.  VFIO has let go of the group before, or should have.
 */
static void group_lost(struct tce_port_group *grp, struct iommu_table **old)
{
	unsigned int slot;

	for (slot = 0; slot < TCE_MAX_WINDOWS && !grp->handed_back; slot++)
		old[slot] = swap_table(grp, slot, NULL);
	WRITE_ONCE(grp->tg->ops, grp->orig_ops);
	grp->dt = NULL;
	WRITE_ONCE(grp->tg, NULL);
	if (!grp->handed_back)
		tce_port_log_for(&grp->log, TCE_LOG_OTHER, "%pOF: unplugged while in use\n",
				 grp->pe_node);
}

static int tce_reconfig(struct notifier_block *nb, unsigned long action, void *data)
{
	struct iommu_table *old[TCE_MAX_WINDOWS] = {};
	struct of_reconfig_data *rd = data;
	struct tce_port_group *grp;
	unsigned int slot;

	if (action != OF_RECONFIG_DETACH_NODE)
		return NOTIFY_DONE;
	mutex_lock(&tce_groups_lock);
	list_for_each_entry(grp, &tce_groups, list)
		/* One at most has tables. */
		if (grp->pe_node == rd->dn && grp->tg)
			group_lost(grp, old);
	mutex_unlock(&tce_groups_lock);
	for (slot = 0; slot < TCE_MAX_WINDOWS; slot++)
		if (old[slot])
			iommu_tce_table_put(old[slot]);
	tce_dt_forget(rd->dn);
	return NOTIFY_OK;
}

static struct notifier_block tce_reconfig_nb = {
	.notifier_call	= tce_reconfig,
	.priority	= 1,	/* before the platform's, which frees the table group */
};

/**
 * tce_groups_init() - module load
 *
 * Context: Process context.
 * Return: 0 or a negative errno.
 */
int tce_groups_init(void)
{
	return of_reconfig_notifier_register(&tce_reconfig_nb);
}

/**
 * tce_groups_exit() - module unload; no group is left
 *
 * Context: Process context.
 */
void tce_groups_exit(void)
{
	of_reconfig_notifier_unregister(&tce_reconfig_nb);
	tce_dt_exit();
}

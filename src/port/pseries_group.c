// SPDX-License-Identifier: GPL-2.0-only
/*
 * Taking an IOMMU group of a pSeries LPAR from the platform's code, and giving
 * it back.
 *
 * VFIO has made the platform's code let go already: its tables are gone and
 * "ibm,dma-window" with them; the default window itself is still in the
 * firmware. From here until the group goes back the platform's window code is
 * not entered.
 */
#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/of.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <asm/firmware.h>
#include <asm/pci-bridge.h>

#include "group.h"

/* The host's default window needs memory when it comes back. */
#define TCE_RESTORE_ATTEMPTS	5
#define TCE_RESTORE_PAUSE_MS	20

/**
 * tce_pseries_present() - is this a pSeries partition
 *
 * Context: Any.
 * Return: true if so.
 */
bool tce_pseries_present(void)
{
	return firmware_has_feature(FW_FEATURE_LPAR) &&
	       !firmware_has_feature(FW_FEATURE_PS3_LV1);
}

/*
 * Between the moment in which a group is given back and that in which VFIO lets
 * go of it.
 *
 * Everything is as the platform's code wants it then, but the core still counts
 * the group as VFIO's, and for a function that is plugged in it asks for
 * ownership: the platform's operation would take the host's window away again
 * and leave the other devices with a table that is freed. The core calls both
 * under its mutex of the group, and release_ownership for all devices in one
 * go; from the first one on nobody asks for ownership.
 */
static long tce_take_handed_back(struct iommu_table_group *tg, struct device *dev)
{
	set_iommu_table_base(dev, tg->tables[0]);
	return 0;
}

/*
 * All groups of a partition have the same operations; known since the first one
 * was taken.
 */
static struct iommu_table_group_ops *tce_platform_ops;

static void tce_release_handed_back(struct iommu_table_group *tg, struct device *dev)
{
	set_iommu_table_base(dev, tg->tables[0]);
	WRITE_ONCE(tg->ops, READ_ONCE(tce_platform_ops));
}

static struct iommu_table_group_ops tce_handed_back_ops = {
	.take_ownership		= tce_take_handed_back,
	.release_ownership	= tce_release_handed_back,
};

/* Devices find their PE's node above or at their own. */
static int find_pe_node(struct tce_port_group *grp)
{
	struct pci_dev *pdev = tce_group_first_pci_dev(grp);
	struct device_node *dn;

	if (!pdev)
		return -ENODEV;
	dn = pci_device_to_OF_node(pdev);
	if (dn && PCI_DN(dn)) {
		grp->buid = PCI_DN(dn)->phb->buid;
		grp->config_addr = PCI_DN(dn)->busno << 16 | PCI_DN(dn)->devfn << 8;
	}
	while (dn && PCI_DN(dn) && PCI_DN(dn)->table_group != grp->tg)
		dn = dn->parent;
	if (dn && PCI_DN(dn))
		grp->pe_node = of_node_get(dn);
	pci_dev_put(pdev);
	return grp->pe_node ? 0 : -ENODEV;
}

static int fill_caps(struct tce_port_group *grp, struct tce_group_caps *caps)
{
	struct tce_ddw_query query;
	int ret;

	memset(caps, 0, sizeof(*caps));
	/* Not from table_group->tce32_*: 32 bits, and rubbish after kexec. */
	ret = tce_dt_default_window(grp, &caps->default_liobn, &caps->default_start,
				    &caps->default_size);
	if (ret)
		return ret;
	caps->pgsizes = SZ_4K;
	caps->max_windows = 1;
	if (!grp->has_ddw)
		return 0;
	ret = tce_port_ddw_query(grp, &query);
	if (ret)
		return ret;
	caps->flags = TCE_GROUP_HAS_DDW;
	if (grp->has_reset)
		caps->flags |= TCE_GROUP_HAS_RESET;
	caps->pgsizes |= query.pgsizes;
	if (query.available)
		caps->max_windows = TCE_MAX_WINDOWS;
	return 0;
}

static int take_device(struct device *dev, void *data)
{
	struct tce_port_group *grp = data;

	return grp->orig_ops->take_ownership(grp->tg, dev) ? -EBUSY : 0;
}

static int restore_device(struct device *dev, void *data)
{
	struct tce_port_group *grp = data;

	set_iommu_table_base(dev, grp->tg->tables[0]);
	dev->bus_dma_limit = 0;
	dev->archdata.dma_offset = 0;
	/*
	 * The default mask, and what follows from it: a driver that never sets
	 * one must not bypass the table because the one before it had a window
	 * to all memory (dma_ops_bypass).
	 */
	if (dev->dma_mask && grp->tg->tables[0])
		dma_set_mask(dev, DMA_BIT_MASK(32));
	return 0;
}

/*
 * Let the platform's code make its default window.  It does not say whether it
 * could, and without memory for the bitmap it leaves a table that nobody can
 * use.
 */
static bool restore_default(struct tce_port_group *grp, struct device *dev)
{
	struct iommu_table **slot = &grp->tg->tables[0];
	struct property *saved;

	if (*slot)
		return true;
	saved = tce_dt_hide_saved(grp);
	grp->orig_ops->release_ownership(grp->tg, dev);
	tce_dt_show_saved(grp, saved);
	if (*slot && !(*slot)->it_map) {
		iommu_tce_table_put(*slot);
		*slot = NULL;
	}
	return *slot;
}

/*
 * The platform's code takes the group back for the first device that asks and
 * leaves the others with what they had: a table that is long freed.  So let it
 * do the first here, and set all the others right; when the core asks later for
 * each device it finds all done.
 */
static void hand_back(struct tce_port_group *grp)
{
	unsigned int attempts = TCE_RESTORE_ATTEMPTS;
	struct pci_dev *pdev;

	WRITE_ONCE(grp->tg->ops, &tce_handed_back_ops);
	pdev = tce_group_first_pci_dev(grp);
	if (!pdev)
		return;
	while (!restore_default(grp, &pdev->dev) && --attempts)
		msleep(TCE_RESTORE_PAUSE_MS);
	if (!attempts)
		tce_port_log_for(&grp->log, TCE_LOG_WINDOWS,
				 "%pOF: the host's DMA window cannot be restored\n", grp->pe_node);
	iommu_group_for_each_dev(grp->group, grp, restore_device);
	pci_dev_put(pdev);
}

/**
 * tce_pseries_open() - take a group from the platform's code
 * @grp: the group; group and tg are set, the rest is filled
 * @caps: what it can do
 *
 * Context: Process context.
 * Return: 0; -ENODEV, -ENOMEM, -EIO, -EBUSY as tce_group_open().
 */
int tce_pseries_open(struct tce_port_group *grp, struct tce_group_caps *caps)
{
	static const struct tce_dt_windows only_default = { .has_default = 1 };
	const char *foreign;
	int ret;

	ret = find_pe_node(grp);
	if (ret)
		return ret;
	grp->orig_ops = READ_ONCE(grp->tg->ops);
	if (grp->orig_ops == &tce_handed_back_ops)
		grp->orig_ops = READ_ONCE(tce_platform_ops);
	else
		WRITE_ONCE(tce_platform_ops, grp->orig_ops);
	tce_ddw_init(grp);
	ret = fill_caps(grp, caps);
	if (ret)
		goto put_node;
	ret = tce_dt_open(grp);
	if (ret)
		goto put_node;

	/*
	 * The unwinding of an earlier attempt may have given it back already.
	 */
	if (grp->tg->tables[0]) {
		ret = iommu_group_for_each_dev(grp->group, grp, take_device);
		if (ret)
			goto give_back;
	}
	if (grp->tg->tables[0] || grp->tg->tables[1]) {
		tce_port_log_for(&grp->log, TCE_LOG_OTHER,
				 "%pOF: has a table of somebody else's\n", grp->pe_node);
		ret = -EBUSY;
		goto give_back;
	}
	foreign = tce_dt_foreign_window(grp);
	if (foreign) {
		tce_port_log_for(&grp->log, TCE_LOG_WINDOWS,
				 "%pOF: refused as long as %s is there: a DMA window that was left behind, maybe to all memory; it goes by a reboot without kexec\n",
				 grp->pe_node, foreign);
		ret = -EBUSY;
		goto give_back;
	}

	/* Before any window. */
	tce_group_claim(grp);
	tce_port_dt_update(grp, &only_default);
	return 0;

give_back:
	tce_dt_close(grp);
	hand_back(grp);
	tce_pseries_let_go(grp);
put_node:
	of_node_put(grp->pe_node);
	return ret;
}

/**
 * tce_pseries_close() - give a group back to the platform's code
 * @grp: the group; no table is in place
 *
 * Context: Process context.
 */
void tce_pseries_close(struct tce_port_group *grp)
{
	unsigned int slot;

	if (READ_ONCE(grp->tg)) {
		for (slot = 0; slot < TCE_MAX_WINDOWS; slot++) {
			if (WARN_ON_ONCE(grp->tg->tables[slot]))
				tce_port_group_set_table(grp, slot, NULL);
		}
		tce_dt_close(grp);
		WRITE_ONCE(grp->handed_back, true);
		hand_back(grp);
	}
}

/**
 * tce_pseries_let_go() - nothing of a group's is ours any more
 * @grp: the group, given back; its PE is there
 *
 * VFIO has let go of it, or has failed to get it and keeps it (then a function
 * that is plugged in takes the host's window along).
 *
 * Context: Any.
 */
void tce_pseries_let_go(struct tce_port_group *grp)
{
	cmpxchg(&grp->tg->ops, &tce_handed_back_ops, grp->orig_ops);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Taking an IOMMU group of a PowerNV machine (IODA2: a PE with two DMA windows)
 * from the platform's code, and giving it back.
 *
 * VFIO has made the platform's code let go already: the host's window is gone,
 * the bypass is off, tables[] is empty.  The tables that the hardware walks are
 * ours from here on; telling the hardware of them is still the business of the
 * platform's own operations, see powernv_windows.c.  When VFIO lets go the
 * platform's code finds tables[0] empty and makes the host's window and the
 * bypass again.
 */
#include <linux/err.h>
#include <linux/iommu.h>
#include <linux/log2.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <asm/firmware.h>

#include "group.h"

/* Page sizes that the engine knows, PageShift::kMin to kMax. */
#define TCE_PGSIZES	GENMASK_ULL(34, 12)

/**
 * tce_powernv_present() - is this a bare-metal machine with OPAL firmware
 *
 * Context: Any.
 * Return: true if so.
 */
bool tce_powernv_present(void)
{
	return firmware_has_feature(FW_FEATURE_OPAL);
}

/* Of all PEs only those with two windows have all of it. */
static bool is_ioda2(const struct iommu_table_group *tg)
{
	const struct iommu_table_group_ops *ops = tg->ops;

	return ops && ops->create_table && ops->set_window && ops->unset_window &&
	       ops->take_ownership && ops->release_ownership &&
	       tg->max_dynamic_windows_supported >= TCE_MAX_WINDOWS &&
	       tg->tce32_size >= SZ_4K && tg->pgsizes & SZ_4K;
}

/*
 * What is not exported shows in a table that the platform's code makes: the
 * address of the second window, the node for tables, and how to invalidate.
 */
static int learn_from_table(struct tce_port_group *grp, struct tce_group_caps *caps)
{
	const u64 one_page = (u64)(PAGE_SIZE / sizeof(u64)) << IOMMU_PAGE_SHIFT_4K;
	struct iommu_table *tbl;

	if (grp->orig_ops->create_table(grp->tg, 1, IOMMU_PAGE_SHIFT_4K, one_page, 1, &tbl))
		return -ENOMEM;
	caps->second_start = (u64)tbl->it_offset << tbl->it_page_shift;
	caps->node = tbl->it_nid;
	grp->tce_kill = tbl->it_ops->tce_kill;
	iommu_tce_table_put(tbl);
	return grp->tce_kill && caps->second_start ? 0 : -ENODEV;
}

static void fill_caps(const struct tce_port_group *grp, struct tce_group_caps *caps)
{
	caps->platform = TCE_PLATFORM_IODA2;
	caps->default_start = grp->tg->tce32_start;
	caps->default_size = rounddown_pow_of_two(grp->tg->tce32_size);
	caps->pgsizes = grp->tg->pgsizes & TCE_PGSIZES;
	caps->max_windows = TCE_MAX_WINDOWS;
}

/*
 * The platform's code takes the host's window and the bypass away only if it
 * finds a table in place.  When it could not make one, the last time it took
 * the group back, none is there and the bypass is on all the same: all memory
 * would be open to the user's device.  So both windows are switched off once
 * more, whatever they are.
 */
static int switch_off_windows(struct tce_port_group *grp)
{
	unsigned int slot;

	for (slot = 0; slot < TCE_MAX_WINDOWS; slot++)
		if (grp->orig_ops->unset_window(grp->tg, slot))
			return -EIO;
	return 0;
}

/* The window of the host that is still in place, if any. */
static void take_back(struct tce_port_group *grp)
{
	struct pci_dev *pdev;

	if (!grp->tg->tables[0])
		return;
	pdev = tce_group_first_pci_dev(grp);
	if (!pdev)
		return;
	grp->orig_ops->take_ownership(grp->tg, &pdev->dev);
	pci_dev_put(pdev);
}

/**
 * tce_powernv_open() - take a group from the platform's code
 * @grp: the group; group and tg are set, the rest is filled
 * @caps: what it can do
 *
 * Context: Process context.
 * Return: 0; -ENODEV, -ENOMEM, -EIO, -EBUSY as tce_group_open().
 */
int tce_powernv_open(struct tce_port_group *grp, struct tce_group_caps *caps)
{
	int ret;

	memset(caps, 0, sizeof(*caps));
	if (!is_ioda2(grp->tg))
		return -ENODEV;
	grp->orig_ops = grp->tg->ops;
	take_back(grp);
	if (grp->tg->tables[0] || grp->tg->tables[1]) {
		tce_port_log_for(&grp->log, TCE_LOG_OTHER, "has a table of somebody else's\n");
		return -EBUSY;
	}
	ret = learn_from_table(grp, caps);
	if (ret)
		return ret;
	ret = switch_off_windows(grp);
	if (ret)
		return ret;
	fill_caps(grp, caps);

	/* Before any window. */
	tce_group_claim(grp);
	return 0;
}

/**
 * tce_powernv_close() - give a group back to the platform's code
 * @grp: the group; no table is in place
 *
 * Context: Process context.
 */
void tce_powernv_close(struct tce_port_group *grp)
{
	unsigned int slot;

	for (slot = 0; slot < TCE_MAX_WINDOWS; slot++)
		if (WARN_ON_ONCE(tce_group_table(grp, slot)))
			tce_port_ioda_unset_window(grp, slot);
	WRITE_ONCE(grp->tg->ops, grp->orig_ops);
	/* The PE may go from now on. */
	mutex_lock(&tce_groups_lock);
	grp->tg = NULL;
	mutex_unlock(&tce_groups_lock);
}

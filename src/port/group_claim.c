// SPDX-License-Identifier: GPL-2.0-only
/*
 * A PE that is ours: what the platform's code would do to its devices is not
 * done while it is.
 */
#include <linux/compiler.h>
#include <linux/iommu.h>
#include <asm/iommu.h>

#include "group.h"

/*
 * A device is added to the PE.  The platform's own operation would take the
 * table in slot 0 for the host's: on pSeries it takes the whole PE apart, on
 * PowerNV it drops the window.
 */
static long tce_take_ownership(struct iommu_table_group *tg, struct device *dev)
{
	set_iommu_table_base(dev, NULL);
	return 0;
}

/* Devices go back when the PE does: tce_group_close(). */
static void tce_release_ownership(struct iommu_table_group *tg, struct device *dev)
{
	set_iommu_table_base(dev, NULL);
}

static struct iommu_table_group_ops tce_group_ops = {
	.take_ownership		= tce_take_ownership,
	.release_ownership	= tce_release_ownership,
};

static int blind_device(struct device *dev, void *data)
{
	set_iommu_table_base(dev, NULL);
	return 0;
}

/**
 * tce_group_claim() - from now on who adds a device to the PE asks us
 * @grp: the group; tg and orig_ops are set, no window is in place
 *
 * Context: Process context; takes the IOMMU group's mutex.
 */
void tce_group_claim(struct tce_port_group *grp)
{
	/* First this: no device is added behind the loop's back. */
	WRITE_ONCE(grp->tg->ops, &tce_group_ops);
	iommu_group_for_each_dev(grp->group, NULL, blind_device);
}

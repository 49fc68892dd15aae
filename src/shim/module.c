// SPDX-License-Identifier: GPL-2.0-only
/*
 * vfio_tce: VFIO container driver for sPAPR TCE IOMMUs (POWER).
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>
#include <linux/sizes.h>

#include "../compat/vfio_layout.h"
#include "../port/group.h"
#include "../port/stats.h"
#include "shim.h"

static int __init tce_init(void)
{
	bool checked;
	int ret;

	if (!tce_pseries_present() && !tce_powernv_present()) {
		pr_info("neither a pSeries partition nor PowerNV: nothing to drive here\n");
		return -ENODEV;
	}
	ret = tce_vfio_layout_check(&checked);
	if (ret)
		return ret;
	ret = tce_hcall_init();
	if (ret)
		return ret;
	ret = tce_ktable_init();
	if (ret)
		goto undo_hcall;
	ret = tce_groups_init();
	if (ret)
		goto undo_ktable;
	tce_debugfs_init();
	ret = tce_vfio_init();
	if (ret)
		goto undo_debugfs;
	pr_info("version " TCE_VERSION ", %s, system pages of %lu KiB, vfio %s\n",
		tce_pseries_present() ? "pSeries" : "PowerNV", PAGE_SIZE / SZ_1K,
		checked ? "compared with the kernel's type information" :
					    "not checked");
	return 0;

undo_debugfs:
	tce_debugfs_exit();
	tce_groups_exit();
undo_ktable:
	tce_ktable_exit();
undo_hcall:
	tce_hcall_exit();
	return ret;
}

static void __exit tce_exit(void)
{
	tce_vfio_exit();
	tce_debugfs_exit();
	tce_groups_exit();
	tce_ktable_exit();
	tce_hcall_exit();
}

module_init(tce_init);
module_exit(tce_exit);

MODULE_AUTHOR("The authors of vfio-tce");
MODULE_DESCRIPTION("VFIO container driver for sPAPR TCE IOMMUs (POWER)");
MODULE_LICENSE("GPL");
MODULE_VERSION(TCE_VERSION);
/*
 * vfio.ko asks for this one when it is loaded (its softdep).  The alias is for
 * kernels without the in-tree driver; where that one is there, its own name
 * comes first, and what modprobe does is scripts/modprobe.conf's affair.
 */
MODULE_ALIAS("vfio_iommu_spapr_tce");

// SPDX-License-Identifier: GPL-2.0-only
/*
 * VFIO_EEH_PE_OP: error recovery of a PE by its user.
 */
#include <linux/errno.h>
#include <linux/stddef.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <asm/eeh.h>

#include "shim.h"

/**
 * tce_eeh_available() - VFIO_CHECK_EXTENSION, VFIO_EEH
 *
 * Context: Any.
 * Return: 1 or 0.
 */
int tce_eeh_available(void)
{
	return eeh_enabled();
}

/**
 * tce_eeh_has_pe() - can there be EEH operations on a group
 * @group: the group
 *
 * Context: Process context.
 * Return: true if so.
 */
bool tce_eeh_has_pe(struct iommu_group *group)
{
	return eeh_iommu_group_to_pe(group);
}

/**
 * tce_eeh_copy() - get the argument of VFIO_EEH_PE_OP
 * @op: filled
 * @arg: user address
 *
 * Context: Process context of the user; no locks.
 * Return: 0, -EFAULT or -EINVAL.
 */
long tce_eeh_copy(struct vfio_eeh_pe_op *op, unsigned long arg)
{
	const void __user *from = (const void __user *)arg;
	u32 what;

	memset(op, 0, sizeof(*op));
	if (copy_from_user(op, from, offsetofend(struct vfio_eeh_pe_op, op)))
		return -EFAULT;
	if (op->argsz < offsetofend(struct vfio_eeh_pe_op, op) || op->flags)
		return -EINVAL;
	if (op->op != VFIO_EEH_PE_INJECT_ERR)
		return 0;
	if (op->argsz < offsetofend(struct vfio_eeh_pe_op, err.mask))
		return -EINVAL;
	what = op->op;
	if (copy_from_user(op, from, offsetofend(struct vfio_eeh_pe_op, err.mask)))
		return -EFAULT;
	/* It may have changed meanwhile. */
	op->op = what;
	return 0;
}

/**
 * tce_eeh_do() - do it to one PE
 * @op: what
 * @group: to whom
 *
 * Context: Process context.
 * Return: 0, a negative errno, or the state for VFIO_EEH_PE_GET_STATE.
 */
long tce_eeh_do(const struct vfio_eeh_pe_op *op, struct iommu_group *group)
{
	struct eeh_pe *pe = eeh_iommu_group_to_pe(group);

	if (!pe)
		return -ENODEV;

	switch (op->op) {
	case VFIO_EEH_PE_DISABLE:
		return eeh_pe_set_option(pe, EEH_OPT_DISABLE);
	case VFIO_EEH_PE_ENABLE:
		return eeh_pe_set_option(pe, EEH_OPT_ENABLE);
	case VFIO_EEH_PE_UNFREEZE_IO:
		return eeh_pe_set_option(pe, EEH_OPT_THAW_MMIO);
	case VFIO_EEH_PE_UNFREEZE_DMA:
		return eeh_pe_set_option(pe, EEH_OPT_THAW_DMA);
	case VFIO_EEH_PE_GET_STATE:
		return eeh_pe_get_state(pe);
	case VFIO_EEH_PE_RESET_DEACTIVATE:
		return eeh_pe_reset(pe, EEH_RESET_DEACTIVATE, true);
	case VFIO_EEH_PE_RESET_HOT:
		return eeh_pe_reset(pe, EEH_RESET_HOT, true);
	case VFIO_EEH_PE_RESET_FUNDAMENTAL:
		return eeh_pe_reset(pe, EEH_RESET_FUNDAMENTAL, true);
	case VFIO_EEH_PE_CONFIGURE:
		return eeh_pe_configure(pe);
	case VFIO_EEH_PE_INJECT_ERR:
		return eeh_pe_inject_err(pe, op->err.type, op->err.func, op->err.addr,
					 op->err.mask);
	default:
		return -EINVAL;
	}
}

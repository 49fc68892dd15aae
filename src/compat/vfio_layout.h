/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checks that this kernel's vfio is the one of vfio_private.h.
 */
#ifndef TCE_COMPAT_VFIO_LAYOUT_H
#define TCE_COMPAT_VFIO_LAYOUT_H

#include <linux/types.h>

int tce_vfio_layout_check(bool *checked);

#endif /* TCE_COMPAT_VFIO_LAYOUT_H */

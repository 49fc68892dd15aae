/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the shim share.
 *
 *   module.c         load and unload
 *   vfio_driver.c    VFIO container driver: file descriptors, ioctls
 *   vfio_eeh.c       VFIO_EEH_PE_OP
 *   books.c          books of the containers
 *   debugfs.c        figures, and the books
 */
#ifndef TCE_SHIM_H
#define TCE_SHIM_H

#include <linux/types.h>

struct iommu_group;
struct seq_file;
struct vfio_eeh_pe_op;

/* vfio_driver.c */
int tce_vfio_init(void);
void tce_vfio_exit(void);

/* vfio_eeh.c */
int tce_eeh_available(void);
bool tce_eeh_has_pe(struct iommu_group *group);
long tce_eeh_copy(struct vfio_eeh_pe_op *op, unsigned long arg);
long tce_eeh_do(const struct vfio_eeh_pe_op *op, struct iommu_group *group);

/* books.c */
void tce_books_show(struct seq_file *m);

/* debugfs.c */
void tce_debugfs_init(void);
void tce_debugfs_exit(void);

#endif /* TCE_SHIM_H */

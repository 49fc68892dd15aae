/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The interface between vfio.ko and its container drivers.  The kernel keeps it
 * in drivers/vfio/vfio.h, which no headers package has.  It is the same from
 * Linux 6.12 to 7.2; vfio_layout.c compares it with what the kernel says of
 * itself.
 */
#ifndef TCE_COMPAT_VFIO_PRIVATE_H
#define TCE_COMPAT_VFIO_PRIVATE_H

#include <linux/types.h>

struct iommu_domain;
struct iommu_group;
struct module;
struct page;
struct vfio_device;

enum vfio_group_type {
	VFIO_IOMMU,		/* a device behind an IOMMU */
	VFIO_EMULATED_IOMMU,	/* a device of software: no DMA of its own */
	VFIO_NO_IOMMU,		/* a device with nothing between it and memory */
};

struct vfio_iommu_driver_ops {
	char *name;
	struct module *owner;
	void *(*open)(unsigned long arg);
	void (*release)(void *data);
	long (*ioctl)(void *data, unsigned int cmd, unsigned long arg);
	int (*attach_group)(void *data, struct iommu_group *group,
			    enum vfio_group_type type);
	void (*detach_group)(void *data, struct iommu_group *group);
	/* for VFIO_EMULATED_IOMMU only */
	int (*pin_pages)(void *data, struct iommu_group *group, dma_addr_t iova,
			 int npage, int prot, struct page **pages);
	void (*unpin_pages)(void *data, dma_addr_t iova, int npage);
	void (*register_device)(void *data, struct vfio_device *vdev);
	void (*unregister_device)(void *data, struct vfio_device *vdev);
	int (*dma_rw)(void *data, dma_addr_t iova, void *buffer, size_t count,
		      bool write);
	struct iommu_domain *(*group_iommu_domain)(void *data,
						   struct iommu_group *group);
};

int vfio_register_iommu_driver(const struct vfio_iommu_driver_ops *ops);
void vfio_unregister_iommu_driver(const struct vfio_iommu_driver_ops *ops);

#endif /* TCE_COMPAT_VFIO_PRIVATE_H */

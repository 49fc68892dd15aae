/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the shim knows of a container beside the engine's.
 */
#ifndef TCE_SHIM_VFIO_CONTAINER_H
#define TCE_SHIM_VFIO_CONTAINER_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include <tce/engine.h>

struct iommu_group;
struct seq_file;

/*
 * The calls of a container that can be refused, as the administrator sees them.
 */
enum tce_call {
	TCE_CALL_ATTACH, TCE_CALL_GET_INFO, TCE_CALL_ENABLE, TCE_CALL_DISABLE,
	TCE_CALL_REGISTER, TCE_CALL_UNREGISTER, TCE_CALL_CREATE, TCE_CALL_REMOVE,
	TCE_CALL_MAP, TCE_CALL_UNMAP, TCE_CALL_EEH, TCE_CALL_OTHER, TCE_CALLS
};

struct tce_refusal {
	unsigned long count;
	long ret;			/* of the last one */
	const char *reason;
	time64_t when;			/* since boot */
};

struct tce_vfio {
	refcount_t users;		/* VFIO's until release, and running ioctls */
	struct rcu_head rcu;
	unsigned long id;
	enum tce_version version;
	struct tce_container *engine;
	struct mutex lock;		/* groups, left */
	struct list_head groups;
	struct list_head left;		/* given back, VFIO may be at them still */
	uid_t uid;			/* who opened it */
	spinlock_t refusals_lock;
	struct tce_refusal refusals[TCE_CALLS];
};

struct tce_vfio_group {
	struct list_head list;
	struct iommu_group *group;
	struct tce_port_group *grp;
};

/* vfio_driver.c */
struct tce_vfio *tce_vfio_next(unsigned long *id);
void tce_vfio_put(struct tce_vfio *c);

/* books.c */
void tce_books_init(struct tce_vfio *c);
long tce_books_refused(struct tce_vfio *c, enum tce_call call, long ret);

#endif /* TCE_SHIM_VFIO_CONTAINER_H */

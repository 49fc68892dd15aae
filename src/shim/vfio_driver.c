// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VFIO container driver: copies arguments, checks their size, calls the
 * engine.
 *
 * VFIO serialises open, attach_group, detach_group and release of a container,
 * but calls ioctl without a lock and with a pointer that it read earlier: an
 * ioctl may begin when the container is gone.  So what VFIO gets from open is
 * no pointer but a number that is never used again, and each ioctl looks it up.
 * An ioctl that comes too late gets -ENODEV, from here or from the engine.
 *
 * An ioctl may take as long as its caller likes (userfaultfd), and VFIO holds
 * no reference to the module for one that comes too late: hence the one of its
 * own.
 */
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <linux/xarray.h>

#include "../compat/vfio_private.h"
#include "../port/group.h"
#include "../port/trace.h"
#include "shim.h"
#include "vfio_container.h"

static DEFINE_XARRAY(tce_containers);
static atomic_long_t tce_last_id;

static struct tce_vfio *tce_vfio_get(void *data)
{
	struct tce_vfio *c;

	rcu_read_lock();
	c = xa_load(&tce_containers, (unsigned long)data);
	if (c && !refcount_inc_not_zero(&c->users))
		c = NULL;
	rcu_read_unlock();
	return c;
}

/*
 * The container at *@id or after it, referenced; *@id becomes what comes next.
 * NULL: no more.
 */
struct tce_vfio *tce_vfio_next(unsigned long *id)
{
	struct tce_vfio *c;

	rcu_read_lock();
	do {
		c = xa_find(&tce_containers, id, ULONG_MAX, XA_PRESENT);
		++*id;
	} while (c && !refcount_inc_not_zero(&c->users));
	rcu_read_unlock();
	return c;
}

void tce_vfio_put(struct tce_vfio *c)
{
	if (!refcount_dec_and_test(&c->users))
		return;
	tce_container_free(c->engine);
	mutex_destroy(&c->lock);
	kfree_rcu(c, rcu);
}

static void *tce_vfio_open(unsigned long arg)
{
	struct tce_vfio *c;
	int ret;

	if (arg != VFIO_SPAPR_TCE_IOMMU && arg != VFIO_SPAPR_TCE_v2_IOMMU)
		return ERR_PTR(-EINVAL);
	c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);
	if (!c)
		return ERR_PTR(-ENOMEM);
	c->version = arg == VFIO_SPAPR_TCE_IOMMU ? TCE_V1 : TCE_V2;
	ret = tce_container_create(c->version, &c->engine);
	if (ret)
		goto free;
	refcount_set(&c->users, 1);
	mutex_init(&c->lock);
	tce_books_init(c);
	INIT_LIST_HEAD(&c->groups);
	INIT_LIST_HEAD(&c->left);
	c->id = atomic_long_inc_return(&tce_last_id);
	ret = xa_insert(&tce_containers, c->id, c, GFP_KERNEL_ACCOUNT);
	if (ret)
		goto close;
	trace_container_open(c->id, c->version);
	return (void *)c->id;

close:
	tce_container_close(c->engine);
	tce_container_free(c->engine);
	mutex_destroy(&c->lock);
free:
	kfree(c);
	return ERR_PTR(ret);
}

static void tce_vfio_drop_group(struct tce_vfio *c, struct tce_vfio_group *g)
{
	tce_container_detach(c->engine, g->grp);
	tce_group_close(g->grp);
	list_move(&g->list, &c->left);
	trace_group_detach(c->id, iommu_group_id(g->group), 0);
}

/*
 * VFIO lets go of a group after we have given it back, and then calls us the
 * next time.
 */
static void tce_vfio_forget_groups(struct tce_vfio *c)
{
	struct tce_vfio_group *g, *next;

	list_for_each_entry_safe(g, next, &c->left, list) {
		list_del(&g->list);
		tce_group_free(g->grp);
		kfree(g);
	}
}

static void tce_vfio_release(void *data)
{
	struct tce_vfio *c = xa_erase(&tce_containers, (unsigned long)data);
	struct tce_vfio_group *g, *next;

	if (WARN_ON_ONCE(!c))
		return;
	mutex_lock(&c->lock);
	list_for_each_entry_safe(g, next, &c->groups, list)
		tce_vfio_drop_group(c, g);
	tce_vfio_forget_groups(c);
	mutex_unlock(&c->lock);
	tce_container_close(c->engine);
	trace_container_close(c->id, c->version);
	tce_vfio_put(c);
}

static struct tce_vfio_group *tce_vfio_find_group(struct tce_vfio *c,
						  struct iommu_group *group)
{
	struct tce_vfio_group *g;

	list_for_each_entry(g, &c->groups, list)
		if (g->group == group)
			return g;
	return NULL;
}

static int tce_vfio_add_group(struct tce_vfio *c, struct iommu_group *group)
{
	struct tce_group_caps caps;
	struct tce_vfio_group *g;
	int ret;

	if (tce_vfio_find_group(c, group))
		return -EBUSY;
	g = kzalloc(sizeof(*g), GFP_KERNEL_ACCOUNT);
	if (!g)
		return -ENOMEM;
	g->group = group;
	ret = tce_group_open(group, &g->grp, &caps);
	if (ret)
		goto free;
	ret = tce_container_attach(c->engine, g->grp, &caps);
	if (ret)
		goto close;
	list_add_tail(&g->list, &c->groups);
	return 0;

close:
	tce_group_close(g->grp);
	list_add(&g->list, &c->left);
	return ret;
free:
	kfree(g);
	return ret;
}

static int tce_vfio_attach_group(void *data, struct iommu_group *group,
				 enum vfio_group_type type)
{
	struct tce_vfio *c;
	int ret;

	if (type != VFIO_IOMMU)
		return -EINVAL;
	c = tce_vfio_get(data);
	if (!c)
		return -ENODEV;
	mutex_lock(&c->lock);
	tce_vfio_forget_groups(c);
	ret = tce_vfio_add_group(c, group);
	trace_group_attach(c->id, iommu_group_id(group), ret);
	if (ret)
		tce_books_refused(c, TCE_CALL_ATTACH, ret);
	mutex_unlock(&c->lock);
	tce_vfio_put(c);
	return ret;
}

static void tce_vfio_detach_group(void *data, struct iommu_group *group)
{
	struct tce_vfio *c = tce_vfio_get(data);
	struct tce_vfio_group *g;

	if (WARN_ON_ONCE(!c))
		return;
	mutex_lock(&c->lock);
	tce_vfio_forget_groups(c);
	g = tce_vfio_find_group(c, group);
	if (!WARN_ON_ONCE(!g))
		tce_vfio_drop_group(c, g);
	mutex_unlock(&c->lock);
	tce_vfio_put(c);
}

/* What userspace passes begins with its own idea of the size of it. */
static long copy_arg(void *to, unsigned long arg, size_t minsz)
{
	if (copy_from_user(to, (const void __user *)arg, minsz))
		return -EFAULT;
	return *(const u32 *)to < minsz ? -EINVAL : 0;
}

static long tce_vfio_get_info(struct tce_vfio *c, unsigned long arg)
{
	size_t minsz = offsetofend(struct vfio_iommu_spapr_tce_info, dma32_window_size);
	struct vfio_iommu_spapr_tce_info out = {};
	struct tce_info info = {};
	long ret;

	ret = copy_arg(&out, arg, minsz) ?: tce_container_get_info(c->engine, &info);
	if (ret)
		return ret;
	out.flags = 0;
	out.dma32_window_start = info.dma32_start;
	out.dma32_window_size = info.dma32_size;
	if (c->version == TCE_V2) {
		out.flags = VFIO_IOMMU_SPAPR_INFO_DDW;
		out.ddw.pgsizes = info.pgsizes;
		out.ddw.max_dynamic_windows_supported = info.max_windows;
		out.ddw.levels = info.levels;
	}
	if (out.argsz >= offsetofend(struct vfio_iommu_spapr_tce_info, ddw))
		minsz = offsetofend(struct vfio_iommu_spapr_tce_info, ddw);
	return copy_to_user((void __user *)arg, &out, minsz) ? -EFAULT : 0;
}

static long tce_vfio_map(struct tce_vfio *c, unsigned long arg)
{
	struct vfio_iommu_type1_dma_map p = {};
	long ret = copy_arg(&p, arg, offsetofend(typeof(p), size));

	if (ret)
		return ret;
	ret = tce_container_map(c->engine, p.flags, p.vaddr, p.iova, p.size);
	trace_map(c->id, p.flags, p.vaddr, p.iova, p.size, ret);
	return ret;
}

static long tce_vfio_unmap(struct tce_vfio *c, unsigned long arg)
{
	struct vfio_iommu_type1_dma_unmap p = {};
	long ret = copy_arg(&p, arg, offsetofend(typeof(p), size));

	if (ret)
		return ret;
	ret = tce_container_unmap(c->engine, p.flags, p.iova, p.size);
	trace_unmap(c->id, p.iova, p.size, ret);
	return ret;
}

static long tce_vfio_register(struct tce_vfio *c, unsigned long arg)
{
	struct vfio_iommu_spapr_register_memory p = {};
	long ret = copy_arg(&p, arg, offsetofend(typeof(p), size));

	if (ret)
		return ret;
	ret = tce_container_register(c->engine, p.flags, p.vaddr, p.size);
	trace_register(c->id, p.vaddr, p.size, ret);
	return ret;
}

static long tce_vfio_unregister(struct tce_vfio *c, unsigned long arg)
{
	struct vfio_iommu_spapr_register_memory p = {};
	long ret = copy_arg(&p, arg, offsetofend(typeof(p), size));

	if (ret)
		return ret;
	ret = tce_container_unregister(c->engine, p.flags, p.vaddr, p.size);
	trace_unregister(c->id, p.vaddr, p.size, ret);
	return ret;
}

static long tce_vfio_create(struct tce_vfio *c, unsigned long arg)
{
	size_t minsz = offsetofend(struct vfio_iommu_spapr_tce_create, start_addr);
	struct vfio_iommu_spapr_tce_create p = {};
	tce_u64 start = 0;
	long ret;

	ret = copy_arg(&p, arg, minsz);
	if (ret)
		return ret;
	ret = tce_container_create_window(c->engine, p.flags, p.page_shift, p.window_size,
					  p.levels, &start);
	trace_window_create(c->id, p.page_shift, p.window_size, p.levels, start, ret);
	if (ret)
		return ret;
	p.start_addr = start;
	if (!copy_to_user((void __user *)arg, &p, minsz))
		return 0;
	/* A window that its owner does not know of is of no use to anybody. */
	tce_container_remove_window(c->engine, 0, start);
	trace_window_remove(c->id, start, -EFAULT);
	return -EFAULT;
}

static long tce_vfio_remove(struct tce_vfio *c, unsigned long arg)
{
	struct vfio_iommu_spapr_tce_remove p = {};
	long ret = copy_arg(&p, arg, offsetofend(typeof(p), start_addr));

	if (ret)
		return ret;
	ret = tce_container_remove_window(c->engine, p.flags, p.start_addr);
	trace_window_remove(c->id, p.start_addr, ret);
	return ret;
}

static long tce_vfio_eeh(struct tce_vfio *c, unsigned long arg)
{
	struct vfio_eeh_pe_op op;
	struct tce_vfio_group *g;
	struct tce_info info;
	long ret;

	/* Only to ask whether the caller may. */
	ret = tce_container_get_info(c->engine, &info);
	if (ret && ret != -ENXIO)
		return ret;
	/* As ever, whether there is anything to do comes before what to do. */
	mutex_lock(&c->lock);
	g = list_first_entry_or_null(&c->groups, struct tce_vfio_group, list);
	ret = g && !tce_eeh_has_pe(g->group) ? -ENODEV : 0;
	mutex_unlock(&c->lock);
	if (ret)
		return ret;
	/* The copy may take as long as the caller likes: without the lock. */
	ret = tce_eeh_copy(&op, arg);
	if (ret)
		return ret;
	mutex_lock(&c->lock);
	list_for_each_entry(g, &c->groups, list) {
		ret = tce_eeh_do(&op, g->group);
		if (ret)
			break;
	}
	mutex_unlock(&c->lock);
	return ret;
}

/* What only one version has. */
static long tce_vfio_call_v1(struct tce_vfio *c, unsigned int cmd)
{
	switch (cmd) {
	case VFIO_IOMMU_ENABLE:
		return tce_container_enable(c->engine);
	case VFIO_IOMMU_DISABLE:
		return tce_container_disable(c->engine);
	default:
		return -ENOTTY;
	}
}

static long tce_vfio_call_v2(struct tce_vfio *c, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case VFIO_IOMMU_SPAPR_REGISTER_MEMORY:
		return tce_vfio_register(c, arg);
	case VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY:
		return tce_vfio_unregister(c, arg);
	case VFIO_IOMMU_SPAPR_TCE_CREATE:
		return tce_vfio_create(c, arg);
	case VFIO_IOMMU_SPAPR_TCE_REMOVE:
		return tce_vfio_remove(c, arg);
	default:
		return -ENOTTY;
	}
}

static long tce_vfio_call(struct tce_vfio *c, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case VFIO_IOMMU_SPAPR_TCE_GET_INFO:
		return tce_vfio_get_info(c, arg);
	case VFIO_IOMMU_MAP_DMA:
		return tce_vfio_map(c, arg);
	case VFIO_IOMMU_UNMAP_DMA:
		return tce_vfio_unmap(c, arg);
	case VFIO_EEH_PE_OP:
		return tce_vfio_eeh(c, arg);
	default:
		return c->version == TCE_V1 ? tce_vfio_call_v1(c, cmd) :
					      tce_vfio_call_v2(c, cmd, arg);
	}
}

static enum tce_call tce_vfio_call_of(unsigned int cmd)
{
	switch (cmd) {
	case VFIO_IOMMU_SPAPR_TCE_GET_INFO:
		return TCE_CALL_GET_INFO;
	case VFIO_IOMMU_ENABLE:
		return TCE_CALL_ENABLE;
	case VFIO_IOMMU_DISABLE:
		return TCE_CALL_DISABLE;
	case VFIO_IOMMU_SPAPR_REGISTER_MEMORY:
		return TCE_CALL_REGISTER;
	case VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY:
		return TCE_CALL_UNREGISTER;
	case VFIO_IOMMU_SPAPR_TCE_CREATE:
		return TCE_CALL_CREATE;
	case VFIO_IOMMU_SPAPR_TCE_REMOVE:
		return TCE_CALL_REMOVE;
	case VFIO_IOMMU_MAP_DMA:
		return TCE_CALL_MAP;
	case VFIO_IOMMU_UNMAP_DMA:
		return TCE_CALL_UNMAP;
	case VFIO_EEH_PE_OP:
		return TCE_CALL_EEH;
	default:
		return TCE_CALL_OTHER;
	}
}

static long tce_vfio_check_extension(unsigned long arg)
{
	switch (arg) {
	case VFIO_SPAPR_TCE_IOMMU:
	case VFIO_SPAPR_TCE_v2_IOMMU:
		return 1;
	case VFIO_EEH:
		return tce_eeh_available();
	default:
		return 0;
	}
}

static long tce_vfio_ioctl(void *data, unsigned int cmd, unsigned long arg)
{
	struct tce_vfio *c;
	long ret = -ENODEV;

	/* Also asked without a container. */
	if (cmd == VFIO_CHECK_EXTENSION)
		return tce_vfio_check_extension(arg);

	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	c = tce_vfio_get(data);
	if (c) {
		ret = tce_vfio_call(c, cmd, arg);
		if (ret < 0)
			tce_books_refused(c, tce_vfio_call_of(cmd), ret);
		tce_vfio_put(c);
	}
	module_put(THIS_MODULE);
	return ret;
}

static const struct vfio_iommu_driver_ops tce_vfio_ops = {
	.name		= "vfio-tce",
	.owner		= THIS_MODULE,
	.open		= tce_vfio_open,
	.release	= tce_vfio_release,
	.ioctl		= tce_vfio_ioctl,
	.attach_group	= tce_vfio_attach_group,
	.detach_group	= tce_vfio_detach_group,
};

/**
 * tce_vfio_init() - module load
 *
 * Context: Process context.
 * Return: 0 or a negative errno.
 */
int tce_vfio_init(void)
{
	return vfio_register_iommu_driver(&tce_vfio_ops);
}

/**
 * tce_vfio_exit() - module unload; no container is left
 *
 * Context: Process context.
 */
void tce_vfio_exit(void)
{
	vfio_unregister_iommu_driver(&tce_vfio_ops);
}

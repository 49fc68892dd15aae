// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables of the engine as the rest of the kernel sees them: struct iommu_table.
 *
 * In-kernel KVM finds them in table_group->tables[], takes references and calls
 * the operations below from vCPUs.  The last reference may be dropped by an RCU
 * callback of KVM's, long after the container is gone, so each table holds a
 * reference to the module, and the module waits for RCU callbacks when it goes.
 */
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/kref.h>
#include <linux/module.h>
#include <linux/numa.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <asm/tce.h>

#include "group.h"
#include "stats.h"
#include "trace.h"

/* "Within milliseconds": a jiffy or two. */
#define TCE_FLUSH_DELAY_MS	2

/* The deferred flush of one table. */
struct tce_flush {
	struct tce_table *engine;
	struct delayed_work work;
};

static struct workqueue_struct *tce_flush_wq;

static struct tce_ktable *ktable_of(struct iommu_table *tbl)
{
	return container_of(tbl, struct tce_ktable, tbl);
}

/*
 * KVM calls all of these without a lock and goes on through objects that only
 * RCU keeps: none may sleep.  non_block_start() has a debug kernel say so if
 * one does.
 */
static int tce_ktable_xchg(struct iommu_table *tbl, long index,
			   unsigned long *hpa, enum dma_data_direction *dir)
{
	tce_u32 perm = iommu_direction_to_tce_perm(*dir);
	tce_u64 old = *hpa;
	int ret;

	non_block_start();
	ret = tce_table_xchg(ktable_of(tbl)->engine, index, &old, &perm);
	non_block_end();
	if (ret)
		return ret;
	*hpa = old;
	*dir = iommu_tce_direction(perm);
	return 0;
}

static void tce_ktable_kill(struct iommu_table *tbl, unsigned long index,
			    unsigned long pages)
{
	trace_kvm_flush(tbl->it_index, index, pages);
	non_block_start();
	tce_table_kill(ktable_of(tbl)->engine, index, pages);
	non_block_end();
}

static __be64 *tce_ktable_useraddr(struct iommu_table *tbl, long index,
				   bool alloc)
{
	void *slot;

	non_block_start();
	slot = tce_table_useraddr(ktable_of(tbl)->engine, index, alloc);
	non_block_end();
	return (__force __be64 *)slot;
}

/* The caller frees tbl itself afterwards, because it has no it_map. */
static void tce_ktable_free(struct iommu_table *tbl)
{
	tce_table_release(ktable_of(tbl)->engine);
	tce_port_stat_any(TCE_COUNT_TABLES, -1);
	/*
	 * What is left of this call is covered by rcu_barrier() or our caller.
	 */
	module_put(THIS_MODULE);
}

static struct iommu_table_ops tce_ktable_ops = {
	.xchg_no_kill	= tce_ktable_xchg,
	.tce_kill	= tce_ktable_kill,
	.useraddrptr	= tce_ktable_useraddr,
	.free		= tce_ktable_free,
};

struct tce_ktable *tce_port_ktable_create(struct tce_table *t,
					  const struct tce_ktable_shape *shape)
{
	struct tce_ktable *k = kzalloc(sizeof(*k), GFP_KERNEL_ACCOUNT);

	/* kfree(tbl) has to free the whole */
	BUILD_BUG_ON(offsetof(struct tce_ktable, tbl));

	if (!k)
		return NULL;
	k->engine = t;
	k->tbl.it_index = shape->liobn;
	k->tbl.it_page_shift = shape->page_shift;
	k->tbl.it_offset = shape->offset;
	k->tbl.it_size = shape->entries;
	k->tbl.it_base = (unsigned long)shape->base;
	k->tbl.it_level_size = shape->base ? shape->level_bytes / sizeof(u64) : shape->entries;
	k->tbl.it_indirect_levels = shape->base ? shape->levels - 1 : 0;
	k->tbl.it_type = TCE_PCI;
	k->tbl.it_blocksize = 16;
	k->tbl.it_nid = NUMA_NO_NODE;
	k->tbl.it_ops = &tce_ktable_ops;
	INIT_LIST_HEAD_RCU(&k->tbl.it_group_list);
	kref_init(&k->tbl.it_kref);

	/* The caller got here through an operation of a VFIO driver of ours. */
	__module_get(THIS_MODULE);
	tce_port_stat_any(TCE_COUNT_TABLES, 1);
	return k;
}

void tce_port_ktable_put(struct tce_ktable *k)
{
	iommu_tce_table_put(&k->tbl);
}

static void tce_flush_work(struct work_struct *work)
{
	tce_table_flush(container_of(to_delayed_work(work), struct tce_flush, work)->engine);
}

struct tce_flush *tce_port_flush_create(struct tce_table *t)
{
	struct tce_flush *f = kzalloc(sizeof(*f), GFP_KERNEL_ACCOUNT);

	if (!f)
		return NULL;
	f->engine = t;
	INIT_DELAYED_WORK(&f->work, tce_flush_work);
	return f;
}

void tce_port_flush_arm(struct tce_flush *f)
{
	queue_delayed_work(tce_flush_wq, &f->work, msecs_to_jiffies(TCE_FLUSH_DELAY_MS));
}

void tce_port_flush_cancel(struct tce_flush *f)
{
	cancel_delayed_work_sync(&f->work);
}

void tce_port_flush_destroy(struct tce_flush *f)
{
	/* If not, rather a leak and a warning than a stray timer. */
	if (!WARN_ON_ONCE(delayed_work_pending(&f->work)))
		kfree(f);
}

/**
 * tce_ktable_is_ours() - is this a table of this module
 * @tbl: any table of the kernel
 *
 * Context: Any.
 * Return: true if so.
 */
bool tce_ktable_is_ours(const struct iommu_table *tbl)
{
	return tbl->it_ops == &tce_ktable_ops;
}

/**
 * tce_ktable_same_window() - are these two groups' tables of one window
 * @a: any table of the kernel, or NULL
 * @b: a table of this module
 *
 * Context: Any.
 * Return: true if so.
 */
bool tce_ktable_same_window(const struct iommu_table *a, const struct iommu_table *b)
{
	return a && tce_ktable_is_ours(a) &&
	       container_of(a, const struct tce_ktable, tbl)->engine ==
		       container_of(b, const struct tce_ktable, tbl)->engine;
}

/**
 * tce_ktable_init() - module load
 *
 * Context: Process context.
 * Return: 0 or -ENOMEM.
 */
int tce_ktable_init(void)
{
	tce_flush_wq = alloc_workqueue("vfio_tce", WQ_UNBOUND, 0);
	return tce_flush_wq ? 0 : -ENOMEM;
}

/**
 * tce_ktable_exit() - module unload; no table is left
 *
 * Context: Process context.
 */
void tce_ktable_exit(void)
{
	/*
	 * KVM drops its references to tables in RCU callbacks, and then the
	 * engine waits.
	 */
	tce_port_wait_later();
	destroy_workqueue(tce_flush_wq);
}

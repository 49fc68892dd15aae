// SPDX-License-Identifier: GPL-2.0-only
/*
 * Windows that the hardware of a PowerNV machine is told of, and KVM, which
 * looks into tables[] at any moment of that: src/port/powernv_windows.c over a
 * platform of the test's own.
 */
#include <linux/iommu.h>
#include <linux/kref.h>
#include <linux/rculist.h>
#include <linux/slab.h>
#include <kunit/test.h>

#include "../../src/port/group.h"

#define SLOT		1
#define LEAST_ENTRIES	512UL	/* of a table in one piece, for OPAL */

static struct machine {
	struct kunit *test;
	struct iommu_table_group tg;
	struct tce_ktable *k;
	unsigned long entries;		/* of the window */
	unsigned long told;		/* what OPAL has heard */
	unsigned int looks, found;
	bool no_memory, refuses;
} it;

/* --- What powernv_windows.c calls ----------------------------------------- */

/* As group.c has it: where the tables are. */
DEFINE_MUTEX(tce_groups_lock);

bool tce_powernv_present(void)
{
	return true;
}

/* --- KVM ------------------------------------------------------------------ */

/*
 * As kvm_spapr_tce_attach_iommu_group() does, with a guest's table of one entry
 * more.
 */
static void look(void)
{
	struct iommu_table *tbl = READ_ONCE(it.tg.tables[SLOT]);

	it.looks++;
	if (!tbl)
		return;
	it.found++;
	KUNIT_EXPECT_PTR_EQ(it.test, tbl, &it.k->tbl);
	KUNIT_EXPECT_EQ(it.test, tbl->it_size, it.entries);
	/* It takes a reference, so there must be one. */
	KUNIT_EXPECT_NOT_NULL(it.test, iommu_tce_table_get(tbl));
	iommu_tce_table_put(tbl);
}

/* --- The platform's side -------------------------------------------------- */

/* As pnv_pci_ioda2_set_window() and pnv_pci_link_table_and_group(). */
static long set_window(struct iommu_table_group *tg, int num, struct iommu_table *tbl)
{
	struct iommu_table_group_link *link;

	look();
	it.told = tbl->it_indirect_levels ? tbl->it_level_size : tbl->it_size;
	if (it.refuses)
		return -5;
	link = it.no_memory ? NULL : kzalloc(sizeof(*link), GFP_KERNEL);
	if (link) {
		link->table_group = tg;
		list_add_rcu(&link->next, &tbl->it_group_list);
		tg->tables[num] = iommu_tce_table_get(tbl);
	}
	look();
	return 0;
}

/* As pnv_pci_ioda2_unset_window() and pnv_pci_unlink_table_and_group(). */
static long unset_window(struct iommu_table_group *tg, int num)
{
	struct iommu_table *tbl = tg->tables[num];
	struct iommu_table_group_link *link, *next;

	look();
	it.told = 0;
	if (!tbl)
		return 0;
	list_for_each_entry_safe(link, next, &tbl->it_group_list, next) {
		if (link->table_group != tg)
			continue;
		list_del_rcu(&link->next);
		kfree_rcu(link, rcu);
	}
	WRITE_ONCE(tg->tables[num], NULL);
	iommu_tce_table_put(tbl);
	look();
	return 0;
}

static struct iommu_table_group_ops platform_ops = {
	.set_window	= set_window,
	.unset_window	= unset_window,
};

static void kill(struct iommu_table *tbl, unsigned long index, unsigned long pages)
{
}

/* --- Cases ---------------------------------------------------------------- */

static struct iommu_table_ops table_ops = { };

static struct tce_port_group *make(struct kunit *test, unsigned long entries, unsigned int levels)
{
	struct tce_port_group *grp = kunit_kzalloc(test, sizeof(*grp), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, grp);
	memset(&it, 0, sizeof(it));
	it.test = test;
	it.entries = entries;
	it.tg.ops = &platform_ops;
	grp->tg = &it.tg;
	grp->orig_ops = &platform_ops;
	grp->tce_kill = kill;
	tce_port_log_init(&grp->log);
	it.k = kzalloc(sizeof(*it.k), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, it.k);
	it.k->tbl.it_size = entries;
	it.k->tbl.it_level_size = LEAST_ENTRIES;
	it.k->tbl.it_indirect_levels = levels - 1;
	it.k->tbl.it_ops = &table_ops;
	INIT_LIST_HEAD_RCU(&it.k->tbl.it_group_list);
	kref_init(&it.k->tbl.it_kref);
	return grp;
}

static void check_window(struct kunit *test, unsigned long entries, unsigned int levels,
			 int for_kvm)
{
	struct tce_port_group *grp = make(test, entries, levels);

	KUNIT_ASSERT_EQ(test, tce_port_ioda_set_window(grp, SLOT, it.k, for_kvm), 0);
	KUNIT_EXPECT_EQ(test, it.told, LEAST_ENTRIES);
	KUNIT_EXPECT_EQ(test, it.looks, 2u);
	KUNIT_EXPECT_EQ(test, it.found, 0u);
	KUNIT_EXPECT_PTR_EQ(test, it.tg.tables[SLOT], for_kvm ? &it.k->tbl : NULL);
	KUNIT_EXPECT_PTR_EQ(test, tce_group_table(grp, SLOT), &it.k->tbl);
	KUNIT_EXPECT_EQ(test, it.k->tbl.it_size, entries);
	KUNIT_EXPECT_FALSE(test, list_empty(&it.k->tbl.it_group_list));
	look();
	KUNIT_EXPECT_EQ(test, tce_port_ioda_unset_window(grp, SLOT), 0);
	KUNIT_EXPECT_NULL(test, it.tg.tables[SLOT]);
	KUNIT_EXPECT_NULL(test, tce_group_table(grp, SLOT));
	KUNIT_EXPECT_TRUE(test, list_empty(&it.k->tbl.it_group_list));
	KUNIT_EXPECT_EQ(test, kref_read(&it.k->tbl.it_kref), 1u);
	iommu_tce_table_put(&it.k->tbl);
}

/*
 * A table has room for more than its window: OPAL hears of all of it, KVM never
 * does.
 */
static void ioda_small_window(struct kunit *test)
{
	check_window(test, 16, 1, 1);
	check_window(test, 1, 1, 1);
}

static void ioda_whole_level(struct kunit *test)
{
	check_window(test, LEAST_ENTRIES, 1, 1);
	check_window(test, 3 * LEAST_ENTRIES, 2, 1);
}

static void ioda_not_for_kvm(struct kunit *test)
{
	check_window(test, 16, 1, 0);
}

/* What fails leaves nothing: no link, no reference, no table in sight. */
static void check_refused(struct kunit *test, struct tce_port_group *grp, int error)
{
	KUNIT_EXPECT_EQ(test, tce_port_ioda_set_window(grp, SLOT, it.k, 1), error);
	KUNIT_EXPECT_EQ(test, it.found, 0u);
	KUNIT_EXPECT_NULL(test, it.tg.tables[SLOT]);
	KUNIT_EXPECT_NULL(test, tce_group_table(grp, SLOT));
	KUNIT_EXPECT_TRUE(test, list_empty(&it.k->tbl.it_group_list));
	KUNIT_EXPECT_EQ(test, kref_read(&it.k->tbl.it_kref), 1u);
	iommu_tce_table_put(&it.k->tbl);
}

static void ioda_refused(struct kunit *test)
{
	struct tce_port_group *grp = make(test, 16, 1);

	it.refuses = true;
	check_refused(test, grp, -EIO);
}

/*
 * The platform's code has set the window, could not link it, and does not say
 * so.
 */
static void ioda_no_memory(struct kunit *test)
{
	struct tce_port_group *grp = make(test, 16, 1);

	it.no_memory = true;
	check_refused(test, grp, -ENOMEM);
	KUNIT_EXPECT_EQ(test, it.told, 0ul);
}

static struct kunit_case ioda_cases[] = {
	KUNIT_CASE(ioda_small_window),
	KUNIT_CASE(ioda_whole_level),
	KUNIT_CASE(ioda_not_for_kvm),
	KUNIT_CASE(ioda_refused),
	KUNIT_CASE(ioda_no_memory),
	{}
};

static struct kunit_suite ioda_suite = {
	.name = "tce_port_ioda",
	.test_cases = ioda_cases,
};

kunit_test_suite(ioda_suite);

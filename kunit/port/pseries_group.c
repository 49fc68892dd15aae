// SPDX-License-Identifier: GPL-2.0-only
/*
 * A group of a partition that goes back to the platform's code, while functions
 * are plugged in: src/port/pseries_group.c over a platform, firmware and device
 * tree of the test's own.
 */
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/kobject.h>
#include <linux/of.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <asm/pci-bridge.h>
#include <kunit/test.h>

#include "../../src/port/group.h"

#define FUNCTIONS	4
#define LARGE_OFFSET	BIT_ULL(59)

/* When a function is plugged in. */
enum moment {
	NEVER,
	BEFORE_THE_TABLE,	/* the platform's code is about to make the host's window */
	BESIDE_THE_TABLE,	/* ... has just made it */
	HANDED_BACK,		/* VFIO has not let go yet */
	MOMENTS
};

/* All there is, one test at a time. */
static struct platform {
	struct kunit *test;
	struct iommu_group *group;
	struct iommu_table_group tg;
	struct iommu_table table;
	unsigned long bitmap;
	struct pci_controller phb;
	struct pci_dn dn;
	struct device_node *node;
	struct pci_dev *functions[FUNCTIONS];
	unsigned int nr;
	enum moment moment;
	unsigned int taken;	/* by the platform's operation */
	unsigned int refusals;	/* of memory for the host's window */
} it;

/* --- What pseries_group.c calls ------------------------------------------- */

void tce_ddw_init(struct tce_port_group *grp)
{
}

int tce_port_ddw_query(struct tce_port_group *grp, struct tce_ddw_query *out)
{
	return -EIO;
}

int tce_dt_open(struct tce_port_group *grp)
{
	return 0;
}

void tce_dt_close(struct tce_port_group *grp)
{
}

const char *tce_dt_foreign_window(const struct tce_port_group *grp)
{
	return NULL;
}

struct property *tce_dt_hide_saved(struct tce_port_group *grp)
{
	return NULL;
}

void tce_dt_show_saved(struct tce_port_group *grp, struct property *saved)
{
}

int tce_dt_default_window(struct tce_port_group *grp, u32 *liobn, u64 *start, u64 *size)
{
	*liobn = 0x80000000;
	*start = 0;
	*size = SZ_1G;
	return 0;
}

void tce_port_dt_update(struct tce_port_group *grp, const struct tce_dt_windows *w)
{
}

void tce_port_group_set_table(struct tce_port_group *grp, unsigned int slot,
			      struct tce_ktable *k)
{
}

struct pci_dev *tce_group_first_pci_dev(struct tce_port_group *grp)
{
	return it.nr ? pci_dev_get(it.functions[0]) : NULL;
}

/* --- The platform's side -------------------------------------------------- */

/* As dma_iommu_dma_supported(): the bypass follows from the mask. */
static int dma_supported(struct device *dev, u64 mask)
{
	dev->dma_ops_bypass = mask > DMA_BIT_MASK(32);
	return 1;
}

static const struct dma_map_ops dma_ops = { .dma_supported = dma_supported };

static void release_device(struct device *dev)
{
	kfree(to_pci_dev(dev));
}

/* What the core does with a function that comes to a group that VFIO has. */
static void plug_in(void)
{
	struct pci_dev *pdev = kzalloc(sizeof(*pdev), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(it.test, pdev);
	KUNIT_ASSERT_LT(it.test, it.nr, (unsigned int)FUNCTIONS);
	pdev->dma_mask = DMA_BIT_MASK(32);
	pdev->dev.dma_mask = &pdev->dma_mask;
	pdev->dev.release = release_device;
	set_dma_ops(&pdev->dev, &dma_ops);
	dev_set_name(&pdev->dev, "tce-function-%u", it.nr);
	KUNIT_ASSERT_EQ(it.test, device_register(&pdev->dev), 0);
	/*
	 * Not before: neither bus nor device tree have anything to do with it.
	 */
	pdev->dev.bus = &pci_bus_type;
	pdev->dev.of_node = it.node;
	KUNIT_ASSERT_EQ(it.test, iommu_group_add_device(it.group, &pdev->dev), 0);
	it.functions[it.nr++] = pdev;
	it.tg.ops->take_ownership(&it.tg, &pdev->dev);
}

/* As spapr_tce_take_ownership(): away with the table, whoever uses it. */
static long platform_takes(struct iommu_table_group *tg, struct device *dev)
{
	it.taken++;
	tg->tables[0] = NULL;
	set_iommu_table_base(dev, NULL);
	return 0;
}

/* As spapr_tce_release_ownership(): for the first device only. */
static void platform_gets_back(struct iommu_table_group *tg, struct device *dev)
{
	if (tg->tables[0])
		return;
	if (it.moment == BEFORE_THE_TABLE && it.nr == 2)
		plug_in();
	if (it.refusals) {
		it.refusals--;
		return;
	}
	tg->tables[0] = &it.table;
	set_iommu_table_base(dev, &it.table);
	if (it.moment == BESIDE_THE_TABLE && it.nr == 2)
		plug_in();
}

static struct iommu_table_group_ops platform_ops = {
	.take_ownership		= platform_takes,
	.release_ownership	= platform_gets_back,
};

/* A user has had a window to all memory. */
static void use_large_window(struct device *dev)
{
	KUNIT_EXPECT_EQ(it.test, dma_set_mask(dev, DMA_BIT_MASK(64)), 0);
	KUNIT_EXPECT_TRUE(it.test, dev->dma_ops_bypass);
	dev->bus_dma_limit = LARGE_OFFSET + SZ_1G;
	dev->archdata.dma_offset = LARGE_OFFSET;
}

/* A driver that never sets a mask finds what it found at boot. */
static void expect_as_at_boot(struct device *dev)
{
	KUNIT_EXPECT_PTR_EQ(it.test, get_iommu_table_base(dev), &it.table);
	KUNIT_EXPECT_EQ(it.test, dma_get_mask(dev), DMA_BIT_MASK(32));
	KUNIT_EXPECT_FALSE(it.test, dev->dma_ops_bypass);
	KUNIT_EXPECT_EQ(it.test, dev->bus_dma_limit, 0ull);
	KUNIT_EXPECT_EQ(it.test, (u64)dev->archdata.dma_offset, 0ull);
}

/* --- Cases ---------------------------------------------------------------- */

static void release_node(struct kobject *kobj)
{
}

static const struct kobj_type node_type = { .release = release_node };

/*
 * Two functions in a group that VFIO has, and nothing of the platform's code
 * left.
 */
static int groups_init(struct kunit *test)
{
	memset(&it, 0, sizeof(it));
	it.test = test;
	it.group = iommu_group_alloc();
	KUNIT_ASSERT_FALSE(test, IS_ERR(it.group));
	it.table.it_map = &it.bitmap;
	it.tg.ops = &platform_ops;
	it.tg.group = it.group;
	iommu_group_set_iommudata(it.group, &it.tg, NULL);
	it.dn.table_group = &it.tg;
	it.dn.phb = &it.phb;
	it.node = kunit_kzalloc(test, sizeof(*it.node), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, it.node);
	kobject_init(&it.node->kobj, &node_type);
	it.node->full_name = "tce-pe";
	it.node->data = &it.dn;
	plug_in();
	plug_in();
	it.taken = 0;
	return 0;
}

static void groups_exit(struct kunit *test)
{
	if (it.node)
		kobject_put(&it.node->kobj);
	while (it.nr) {
		struct device *dev = &it.functions[--it.nr]->dev;

		iommu_group_remove_device(dev);
		dev->bus = NULL;
		dev->of_node = NULL;
		device_unregister(dev);
	}
	if (!IS_ERR_OR_NULL(it.group))
		iommu_group_put(it.group);
}

static struct tce_port_group *take(struct kunit *test)
{
	struct tce_port_group *grp = kunit_kzalloc(test, sizeof(*grp), GFP_KERNEL);
	struct tce_group_caps caps;

	KUNIT_ASSERT_NOT_NULL(test, grp);
	grp->group = it.group;
	grp->tg = &it.tg;
	tce_port_log_init(&grp->log);
	KUNIT_ASSERT_EQ(test, tce_pseries_open(grp, &caps), 0);
	KUNIT_EXPECT_PTR_NE(test, it.tg.ops, &platform_ops);
	return grp;
}

/*
 * VFIO lets go: the core asks for every device, under its mutex of the group.
 */
static void let_go(struct kunit *test, struct tce_port_group *grp)
{
	for (unsigned int i = 0; i < it.nr; i++)
		READ_ONCE(it.tg.ops)->release_ownership(&it.tg, &it.functions[i]->dev);
	KUNIT_EXPECT_PTR_EQ(test, it.tg.ops, &platform_ops);
	tce_pseries_let_go(grp);
	KUNIT_EXPECT_PTR_EQ(test, it.tg.ops, &platform_ops);
	of_node_put(grp->pe_node);
}

static void hand_back_at(struct kunit *test, enum moment moment)
{
	struct tce_port_group *grp = take(test);

	for (unsigned int i = 0; i < it.nr; i++)
		use_large_window(&it.functions[i]->dev);
	it.moment = moment;
	tce_pseries_close(grp);
	if (moment == HANDED_BACK)
		plug_in();
	KUNIT_EXPECT_EQ(test, it.nr, moment == NEVER ? 2u : 3u);
	/* Nobody has taken the window from the others. */
	KUNIT_EXPECT_EQ(test, it.taken, 0u);
	KUNIT_EXPECT_PTR_EQ(test, it.tg.tables[0], &it.table);
	for (unsigned int i = 0; i < it.nr; i++)
		expect_as_at_boot(&it.functions[i]->dev);
	let_go(test, grp);
	for (unsigned int i = 0; i < it.nr; i++)
		expect_as_at_boot(&it.functions[i]->dev);
	KUNIT_EXPECT_PTR_EQ(test, it.tg.tables[0], &it.table);
	KUNIT_EXPECT_EQ(test, it.taken, 0u);
}

static void groups_hand_back(struct kunit *test)
{
	hand_back_at(test, NEVER);
}

static void groups_plugged_in_before_the_table(struct kunit *test)
{
	hand_back_at(test, BEFORE_THE_TABLE);
}

static void groups_plugged_in_beside_the_table(struct kunit *test)
{
	hand_back_at(test, BESIDE_THE_TABLE);
}

static void groups_plugged_in_when_handed_back(struct kunit *test)
{
	hand_back_at(test, HANDED_BACK);
}

/* The platform's code has no memory at first. */
static void groups_hand_back_later(struct kunit *test)
{
	it.refusals = 2;
	hand_back_at(test, BEFORE_THE_TABLE);
	KUNIT_EXPECT_EQ(test, it.refusals, 0u);
}

/*
 * Taken again before VFIO has let go, and what comes while it is ours finds no
 * table.
 */
static void groups_taken_again(struct kunit *test)
{
	struct tce_port_group *grp = take(test), *again;

	plug_in();
	KUNIT_EXPECT_EQ(test, it.taken, 0u);
	KUNIT_EXPECT_NULL(test, it.tg.tables[0]);
	KUNIT_EXPECT_NULL(test, get_iommu_table_base(&it.functions[2]->dev));
	tce_pseries_close(grp);
	of_node_put(grp->pe_node);
	again = take(test);
	KUNIT_EXPECT_NULL(test, it.tg.tables[0]);
	for (unsigned int i = 0; i < it.nr; i++)
		KUNIT_EXPECT_NULL(test, get_iommu_table_base(&it.functions[i]->dev));
	tce_pseries_close(again);
	let_go(test, again);
	for (unsigned int i = 0; i < it.nr; i++)
		expect_as_at_boot(&it.functions[i]->dev);
}

static struct kunit_case groups_cases[] = {
	KUNIT_CASE(groups_hand_back),
	KUNIT_CASE(groups_plugged_in_before_the_table),
	KUNIT_CASE(groups_plugged_in_beside_the_table),
	KUNIT_CASE(groups_plugged_in_when_handed_back),
	KUNIT_CASE(groups_hand_back_later),
	KUNIT_CASE(groups_taken_again),
	{}
};

static struct kunit_suite groups_suite = {
	.name = "tce_port_groups",
	.init = groups_init,
	.exit = groups_exit,
	.test_cases = groups_cases,
};

kunit_test_suite(groups_suite);

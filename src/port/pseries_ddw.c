// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dynamic DMA windows of a PE: the RTAS calls (LoPAR "Dynamic DMA Windows").
 *
 * Every call waits out busy and extended delay statuses, within reason
 * (pseries_rtas.c).  An error status is logged and becomes -EIO; it is never
 * held against the device.
 */
#include <linux/errno.h>
#include <linux/of.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <asm/pci-bridge.h>
#include <asm/rtas.h>

#include "group.h"
#include "pseries_rtas.h"
#include "stats.h"

/* Words of "ibm,ddw-extensions": the first counts those that follow. */
#define TCE_EXT_COUNT		0
#define TCE_EXT_RESET		1
#define TCE_EXT_QUERY_OUTPUTS	2

/* ibm,query-pe-dma-windows: outputs, status included. */
#define TCE_QUERY_OUTPUTS	5
#define TCE_QUERY_OUTPUTS_EXT	6

/*
 * "IO Page Sizes" of ibm,query-pe-dma-windows; bit n of the answer is entry n.
 */
static const u64 tce_ddw_page_sizes[] = {
	SZ_4K, SZ_64K, SZ_16M, SZ_32M, SZ_64M, SZ_128M, SZ_256M, SZ_16G, SZ_2M,
};

static int read_extension(const struct device_node *np, u32 index, u32 *value)
{
	u32 count;

	if (of_property_read_u32_index(np, "ibm,ddw-extensions", TCE_EXT_COUNT, &count) ||
	    count < index)
		return -ENODEV;
	return of_property_read_u32_index(np, "ibm,ddw-extensions", index, value);
}

/**
 * tce_ddw_init() - find out which calls there are for a group
 * @grp: the group; pe_node is known
 *
 * Context: Process context.
 */
void tce_ddw_init(struct tce_port_group *grp)
{
	u32 extended;

	grp->has_ddw = !of_property_read_u32_array(grp->pe_node, "ibm,ddw-applicable",
						   grp->ddw_token, TCE_DDW_CALLS);
	grp->has_reset = grp->has_ddw &&
			 !read_extension(grp->pe_node, TCE_EXT_RESET, &grp->reset_token);
	grp->query_outputs = TCE_QUERY_OUTPUTS;
	if (!read_extension(grp->pe_node, TCE_EXT_QUERY_OUTPUTS, &extended) &&
	    extended == 1)
		grp->query_outputs = TCE_QUERY_OUTPUTS_EXT;
}

/*
 * The PE is named by the address of one of its devices.  Functions can be
 * unplugged while the group is in use: take one that is there now.
 */
static u32 config_addr(struct tce_port_group *grp)
{
	struct pci_dev *pdev = tce_group_first_pci_dev(grp);
	struct device_node *dn = pdev ? pci_device_to_OF_node(pdev) : NULL;

	if (dn && PCI_DN(dn))
		grp->config_addr = PCI_DN(dn)->busno << 16 | PCI_DN(dn)->devfn << 8;
	pci_dev_put(pdev);
	return grp->config_addr;
}

/* @again: what tce_rtas_again() said last. */
static int failed(struct tce_port_group *grp, const char *call, int status, int again)
{
	if (again == -EINTR)
		return again;
	tce_port_log_for(&grp->log, TCE_LOG_WINDOWS, "%pOF: %s: RTAS status %d%s\n", grp->pe_node,
			 call, status, again ? ", still" : "");
	return again ?: -EIO;
}

int tce_port_ddw_query(struct tce_port_group *grp, struct tce_ddw_query *out)
{
	bool extended = grp->query_outputs == TCE_QUERY_OUTPUTS_EXT;
	u32 addr, pages, word[TCE_QUERY_OUTPUTS_EXT] = {};
	unsigned int i;
	struct tce_rtas_patience patience = {};
	int status, again;

	if (!grp->has_ddw)
		return -ENODEV;
	addr = config_addr(grp);
	do {
		tce_port_stat(TCE_COUNT_RTAS_QUERY, 1);
		status = rtas_call(grp->ddw_token[TCE_DDW_QUERY], 3, grp->query_outputs,
				   (int *)word, addr, upper_32_bits(grp->buid),
				   lower_32_bits(grp->buid));
		again = tce_rtas_again(&patience, status, true);
	} while (again > 0);
	if (status)
		return failed(grp, "ibm,query-pe-dma-windows", status, again);

	/* The number of entries is one word, or two with the extension. */
	out->available = word[0];
	out->largest = extended ? (u64)word[1] << 32 | word[2] : word[1];
	pages = word[extended ? 3 : 2];
	out->pgsizes = 0;
	for (i = 0; i < ARRAY_SIZE(tce_ddw_page_sizes); i++)
		if (pages & (1U << i))
			out->pgsizes |= tce_ddw_page_sizes[i];
	return 0;
}

int tce_port_ddw_create(struct tce_port_group *grp, unsigned int page_shift,
			unsigned int window_shift, struct tce_ddw_window *out)
{
	u32 addr, word[3] = {};
	struct tce_rtas_patience patience = {};
	int status, again;

	if (!grp->has_ddw)
		return -ENODEV;
	addr = config_addr(grp);
	do {
		tce_port_stat(TCE_COUNT_RTAS_CREATE, 1);
		status = rtas_call(grp->ddw_token[TCE_DDW_CREATE], 5, 4, (int *)word, addr,
				   upper_32_bits(grp->buid), lower_32_bits(grp->buid),
				   page_shift, window_shift);
		again = tce_rtas_again(&patience, status, true);
	} while (again > 0);
	if (status)
		return failed(grp, "ibm,create-pe-dma-window", status, again);
	out->liobn = word[0];
	out->start = (u64)word[1] << 32 | word[2];
	return 0;
}

int tce_port_ddw_remove(struct tce_port_group *grp, tce_u32 liobn)
{
	struct tce_rtas_patience patience = {};
	int status, again;

	if (!grp->has_ddw)
		return -ENODEV;
	do {
		tce_port_stat(TCE_COUNT_RTAS_REMOVE, 1);
		status = rtas_call(grp->ddw_token[TCE_DDW_REMOVE], 1, 1, NULL, liobn);
		again = tce_rtas_again(&patience, status, false);
	} while (again > 0);
	if (status)
		return failed(grp, "ibm,remove-pe-dma-window", status, again);
	return 0;
}

int tce_port_ddw_reset(struct tce_port_group *grp)
{
	struct tce_rtas_patience patience = {};
	int status, again;
	u32 addr;

	if (!grp->has_reset)
		return -ENODEV;
	addr = config_addr(grp);
	do {
		tce_port_stat(TCE_COUNT_RTAS_RESET, 1);
		status = rtas_call(grp->reset_token, 3, 1, NULL, addr,
				   upper_32_bits(grp->buid), lower_32_bits(grp->buid));
		again = tce_rtas_again(&patience, status, false);
	} while (again > 0);
	if (status)
		return failed(grp, "ibm,reset-pe-dma-windows", status, again);
	return 0;
}

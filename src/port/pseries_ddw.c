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

/*
 * A call and what it is made with: the address of the PE, or a LIOBN, and what
 * follows it.
 */
struct ddw_call {
	const char *name;
	enum tce_port_counter counter;
	u32 token;
	unsigned int args;
	unsigned int outputs;	/* status included */
	bool may_fail;		/* a fatal signal ends the waiting */
	u32 arg[5];
};

/* @word: what it answers behind the status, or NULL. */
static int make(struct tce_port_group *grp, const struct ddw_call *c, u32 *word)
{
	struct tce_rtas_patience patience = {};
	int status, again;

	do {
		tce_port_stat(c->counter, 1);
		/* It reads as many as c->args says. */
		status = rtas_call(c->token, c->args, c->outputs, (int *)word, c->arg[0],
				   c->arg[1], c->arg[2], c->arg[3], c->arg[4]);
		again = tce_rtas_again(&patience, status, c->may_fail);
	} while (again > 0);
	if (!status)
		return 0;
	if (again == -EINTR)
		return again;
	tce_port_log_for(&grp->log, TCE_LOG_WINDOWS, "%pOF: %s: RTAS status %d%s\n", grp->pe_node,
			 c->name, status, again ? ", still" : "");
	return again ?: -EIO;
}

int tce_port_ddw_query(struct tce_port_group *grp, struct tce_ddw_query *out)
{
	const struct ddw_call query = {
		.name = "ibm,query-pe-dma-windows",
		.counter = TCE_COUNT_RTAS_QUERY,
		.token = grp->ddw_token[TCE_DDW_QUERY],
		.args = 3,
		.outputs = grp->query_outputs,
		.may_fail = true,
		.arg = { config_addr(grp), upper_32_bits(grp->buid), lower_32_bits(grp->buid) },
	};
	bool extended = grp->query_outputs == TCE_QUERY_OUTPUTS_EXT;
	u32 pages, word[TCE_QUERY_OUTPUTS_EXT] = {};
	unsigned int i;
	int ret;

	if (!grp->has_ddw)
		return -ENODEV;
	ret = make(grp, &query, word);
	if (ret)
		return ret;

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
	const struct ddw_call create = {
		.name = "ibm,create-pe-dma-window",
		.counter = TCE_COUNT_RTAS_CREATE,
		.token = grp->ddw_token[TCE_DDW_CREATE],
		.args = 5,
		.outputs = 4,
		.may_fail = true,
		.arg = { config_addr(grp), upper_32_bits(grp->buid), lower_32_bits(grp->buid),
			 page_shift, window_shift },
	};
	u32 word[3] = {};
	int ret;

	if (!grp->has_ddw)
		return -ENODEV;
	ret = make(grp, &create, word);
	if (ret)
		return ret;
	out->liobn = word[0];
	out->start = (u64)word[1] << 32 | word[2];
	return 0;
}

int tce_port_ddw_remove(struct tce_port_group *grp, tce_u32 liobn)
{
	const struct ddw_call remove = {
		.name = "ibm,remove-pe-dma-window",
		.counter = TCE_COUNT_RTAS_REMOVE,
		.token = grp->ddw_token[TCE_DDW_REMOVE],
		.args = 1,
		.outputs = 1,
		.arg = { liobn },
	};

	return grp->has_ddw ? make(grp, &remove, NULL) : -ENODEV;
}

int tce_port_ddw_reset(struct tce_port_group *grp)
{
	const struct ddw_call reset = {
		.name = "ibm,reset-pe-dma-windows",
		.counter = TCE_COUNT_RTAS_RESET,
		.token = grp->reset_token,
		.args = 3,
		.outputs = 1,
		.arg = { config_addr(grp), upper_32_bits(grp->buid), lower_32_bits(grp->buid) },
	};

	return grp->has_reset ? make(grp, &reset, NULL) : -ENODEV;
}

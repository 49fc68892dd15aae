// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dynamic DMA windows of a PE: the device tree.
 *
 * "ibm,dma-window" tells of the default window, "linux,dma64-ddr-window-info"
 * of a dynamic one.  A kexec'ed kernel and PCI hotplug go by them, and hotplug
 * complains when a PE has neither.
 *
 * A removed property stays on the node's list of dead ones, for good and in the
 * node's possession: so there is one property per node and kind, made once and
 * put in and out.  They outlive the group's stay with us; a later stay finds
 * them again.
 */
#include <linux/errno.h>
#include <linux/of.h>
#include <linux/slab.h>

#include "group.h"

#define TCE_DEFAULT_PROP	"ibm,dma-window"
#define TCE_SAVED_PROP		"ibm,dma-window-saved"

/* The value of DMA64_PROPNAME (asm/iommu.h). */
struct tce_ddw_value {
	__be32 liobn;
	__be32 pad;
	__be64 start;
	__be32 page_shift;
	__be32 window_shift;
};

enum {
	TCE_PROP_DEFAULT,
	TCE_PROP_DDW,
	TCE_PROPS
};

struct tce_dt_prop {
	struct property *prop;
	bool on_node;		/* on one of the node's two lists: the node's own */
};

struct tce_dt_node {
	struct list_head list;
	struct device_node *np;
	struct tce_dt_prop props[TCE_PROPS];
};

static LIST_HEAD(tce_dt_nodes);
static DEFINE_MUTEX(tce_dt_lock);	/* the list; never held across of_*_property() */

static void prop_free(struct property *prop)
{
	if (!prop)
		return;
	kfree(prop->name);
	kfree(prop->value);
	kfree(prop);
}

static struct property *prop_new(const char *name, const void *value, int length)
{
	struct property *prop = kzalloc(sizeof(*prop), GFP_KERNEL);

	if (!prop)
		return NULL;
	/* One allocation each: the node frees them one by one. */
	prop->name = kstrdup(name, GFP_KERNEL);
	prop->value = value ? kmemdup(value, length, GFP_KERNEL) :
			      kzalloc(length, GFP_KERNEL);
	prop->length = length;
	if (prop->name && prop->value)
		return prop;
	prop_free(prop);
	return NULL;
}

static void node_free(struct tce_dt_node *dt)
{
	unsigned int i;

	for (i = 0; i < TCE_PROPS; i++)
		if (!dt->props[i].on_node)
			prop_free(dt->props[i].prop);
	of_node_put(dt->np);
	kfree(dt);
}

static struct tce_dt_node *node_new(struct device_node *np)
{
	struct tce_dt_node *dt;
	const void *value;
	int length;

	value = of_get_property(np, TCE_DEFAULT_PROP, &length) ?:
		of_get_property(np, TCE_SAVED_PROP, &length);
	if (!value)
		return NULL;
	dt = kzalloc(sizeof(*dt), GFP_KERNEL);
	if (!dt)
		return NULL;
	dt->np = of_node_get(np);
	dt->props[TCE_PROP_DEFAULT].prop = prop_new(TCE_DEFAULT_PROP, value, length);
	dt->props[TCE_PROP_DDW].prop = prop_new(DMA64_PROPNAME, NULL,
						sizeof(struct tce_ddw_value));
	if (dt->props[TCE_PROP_DEFAULT].prop && dt->props[TCE_PROP_DDW].prop)
		return dt;
	node_free(dt);
	return NULL;
}

/**
 * tce_dt_open() - get hold of our properties of a group's node
 * @grp: the group; pe_node is known and tells of a default window
 *
 * Context: Process context.
 * Return: 0 or -ENOMEM.
 */
int tce_dt_open(struct tce_port_group *grp)
{
	struct tce_dt_node *dt;

	BUILD_BUG_ON(sizeof(struct tce_ddw_value) != 24);

	mutex_lock(&tce_dt_lock);
	list_for_each_entry(dt, &tce_dt_nodes, list)
		if (dt->np == grp->pe_node)
			grp->dt = dt;
	if (!grp->dt) {
		grp->dt = node_new(grp->pe_node);
		if (grp->dt)
			list_add(&grp->dt->list, &tce_dt_nodes);
	}
	mutex_unlock(&tce_dt_lock);
	return grp->dt ? 0 : -ENOMEM;
}

/*
 * When the kernel has no memory for the name of a property's file in sysfs it
 * warns and goes on without the file, and dereferences the missing name when
 * the property is removed.
 */
static int node_add(struct device_node *np, struct property *prop)
{
	int ret = of_add_property(np, prop);

	if (!ret && !prop->attr.attr.name)
		prop->attr.attr.name = kstrdup(prop->name, GFP_KERNEL | __GFP_NOFAIL);
	return ret;
}

static void log_failure(struct tce_port_group *grp, const char *what, const char *name, int err)
{
	tce_port_log_for(&grp->log, TCE_LOG_WINDOWS, "%pOF: cannot %s %s: %d\n", grp->pe_node, what,
			 name, err);
}

static void prop_add(struct tce_port_group *grp, unsigned int which)
{
	struct tce_dt_node *dt = grp->dt;
	struct tce_dt_prop *mine = &dt->props[which];
	int ret;

	/* Somebody else's says the same: leave it. */
	if (of_find_property(dt->np, mine->prop->name, NULL))
		return;
	ret = node_add(dt->np, mine->prop);
	/* When it fails it is on none of the node's lists. */
	mine->on_node = !ret;
	if (ret)
		log_failure(grp, "add", mine->prop->name, ret);
}

static void prop_remove(struct tce_port_group *grp, struct property *prop)
{
	int ret = of_remove_property(grp->dt->np, prop);

	if (ret)
		log_failure(grp, "remove", prop->name, ret);
}

static void prop_remove_ours(struct tce_port_group *grp, unsigned int which)
{
	struct property *prop = grp->dt->props[which].prop;

	if (of_find_property(grp->dt->np, prop->name, NULL) == prop)
		prop_remove(grp, prop);
}

/*
 * The default window is gone: the firmware's own property may be the one in
 * place.
 */
static void prop_remove_default(struct tce_port_group *grp)
{
	struct tce_dt_node *dt = grp->dt;
	struct property *live = of_find_property(dt->np, TCE_DEFAULT_PROP, NULL);

	/* Without the copy nobody could ever find the window again. */
	if (live && (live == dt->props[TCE_PROP_DEFAULT].prop ||
		     of_find_property(dt->np, TCE_SAVED_PROP, NULL)))
		prop_remove(grp, live);
}

static void ddw_set(struct tce_port_group *grp, const struct tce_dt_windows *w)
{
	struct property *prop = grp->dt->props[TCE_PROP_DDW].prop;
	struct tce_ddw_value value = {
		.liobn = cpu_to_be32(w->liobn),
		.start = cpu_to_be64(w->start),
		.page_shift = cpu_to_be32(w->page_shift),
		.window_shift = cpu_to_be32(w->window_shift),
	};

	if (memcmp(prop->value, &value, sizeof(value))) {
		/* Nobody shall see it change. */
		prop_remove_ours(grp, TCE_PROP_DDW);
		memcpy(prop->value, &value, sizeof(value));
	}
	prop_add(grp, TCE_PROP_DDW);
}

/* "ibm,dma-window" is also there when no other window is: see above. */
void tce_port_dt_update(struct tce_port_group *grp,
			const struct tce_dt_windows *w)
{
	if (!grp->dt || !READ_ONCE(grp->tg))
		return;
	/* First add, then remove: at no time are there none. */
	if (w->has_default || !w->has_ddw)
		prop_add(grp, TCE_PROP_DEFAULT);
	if (w->has_ddw)
		ddw_set(grp, w);
	else
		prop_remove_ours(grp, TCE_PROP_DDW);
	if (!w->has_default && w->has_ddw)
		prop_remove_default(grp);
}

/**
 * tce_dt_close() - leave what the platform's code expects: the default window, only
 * @grp: the group
 *
 * Context: Process context.
 */
void tce_dt_close(struct tce_port_group *grp)
{
	if (!grp->dt)
		return;
	if (READ_ONCE(grp->tg)) {
		prop_add(grp, TCE_PROP_DEFAULT);
		prop_remove_ours(grp, TCE_PROP_DDW);
	}
	grp->dt = NULL;
}

/**
 * tce_dt_foreign_window() - does the device tree tell of a dynamic window that is not ours
 * @grp: the group, just taken from the platform's code
 *
 * That has removed the windows of its own by then, and their properties.  What
 * it leaves is a window of a kernel before this one (kexec) that it takes for
 * one of the other kind (find_existing_ddw_windows_named() calls none direct),
 * or one that somebody else described.  A device may reach all memory by it.
 *
 * Context: Process context.
 * Return: the property's name, or NULL.
 */
const char *tce_dt_foreign_window(const struct tce_port_group *grp)
{
	const struct property *live;

	if (of_find_property(grp->pe_node, DIRECT64_PROPNAME, NULL))
		return DIRECT64_PROPNAME;
	live = of_find_property(grp->pe_node, DMA64_PROPNAME, NULL);
	return live && live != grp->dt->props[TCE_PROP_DDW].prop ? DMA64_PROPNAME : NULL;
}

/**
 * tce_dt_hide_saved() - hide the platform's copy of "ibm,dma-window"
 * @grp: the group
 *
 * When the platform's code takes the group back it makes "ibm,dma-window" from
 * the copy: it complains when the property is there already, and dereferences
 * NULL when it has no memory to make it.  It does neither when it finds the
 * property but no copy.  It also keeps what it makes for good, once for every
 * time.
 *
 * Context: Process context.
 * Return: for tce_dt_show_saved().
 */
struct property *tce_dt_hide_saved(struct tce_port_group *grp)
{
	struct property *saved = NULL;

	if (of_find_property(grp->pe_node, TCE_DEFAULT_PROP, NULL))
		saved = of_find_property(grp->pe_node, TCE_SAVED_PROP, NULL);
	if (saved && of_remove_property(grp->pe_node, saved))
		saved = NULL;
	return saved;
}

/**
 * tce_dt_show_saved() - the copy is there again
 * @grp: the group
 * @saved: what tce_dt_hide_saved() gave
 *
 * Context: Process context.
 */
void tce_dt_show_saved(struct tce_port_group *grp, struct property *saved)
{
	int ret = saved ? node_add(grp->pe_node, saved) : 0;

	if (ret)
		log_failure(grp, "add", TCE_SAVED_PROP, ret);
}

/**
 * tce_dt_forget() - a node leaves the device tree
 * @np: the node
 *
 * Context: Process context, from the reconfiguration notifier.
 */
void tce_dt_forget(struct device_node *np)
{
	struct tce_dt_node *dt, *next;

	mutex_lock(&tce_dt_lock);
	list_for_each_entry_safe(dt, next, &tce_dt_nodes, list) {
		if (dt->np == np) {
			list_del(&dt->list);
			node_free(dt);
		}
	}
	mutex_unlock(&tce_dt_lock);
}

/**
 * tce_dt_exit() - module unload; what is on the nodes' lists stays theirs
 *
 * Context: Process context.
 */
void tce_dt_exit(void)
{
	struct tce_dt_node *dt, *next;

	list_for_each_entry_safe(dt, next, &tce_dt_nodes, list)
		node_free(dt);
	INIT_LIST_HEAD(&tce_dt_nodes);
}

static int cells(const struct device_node *np, const char *name, const char *generic,
		 int inherited)
{
	u32 n;

	if (!of_property_read_u32(np, name, &n) || !of_property_read_u32(np, generic, &n))
		return n;
	return inherited;
}

/**
 * tce_dt_default_window() - the default window of a group
 * @grp: the group; pe_node is known
 * @liobn: its LIOBN
 * @start: its bus address
 * @size: its size
 *
 * Context: Process context.
 * Return: 0 or -ENODEV.
 */
int tce_dt_default_window(struct tce_port_group *grp, u32 *liobn, u64 *start,
			  u64 *size)
{
	const struct device_node *np = grp->pe_node;
	int addr_cells, size_cells, length;
	const __be32 *word;

	word = of_get_property(np, TCE_DEFAULT_PROP, &length) ?:
	       of_get_property(np, TCE_SAVED_PROP, &length);
	addr_cells = cells(np, "ibm,#dma-address-cells", "#address-cells",
			   of_n_addr_cells(grp->pe_node));
	size_cells = cells(np, "ibm,#dma-size-cells", "#size-cells",
			   of_n_size_cells(grp->pe_node));
	if (!word || addr_cells < 1 || addr_cells > 2 || size_cells < 1 || size_cells > 2 ||
	    length < (1 + addr_cells + size_cells) * (int)sizeof(*word))
		return -ENODEV;
	*liobn = be32_to_cpu(word[0]);
	*start = of_read_number(word + 1, addr_cells);
	*size = of_read_number(word + 1 + addr_cells, size_cells);
	return *size ? 0 : -ENODEV;
}

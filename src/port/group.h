/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files share that deal with IOMMU groups (PEs) and their tables.
 *
 *   group.c            groups in our hands, their tables as KVM sees them
 *   group_claim.c      devices that come to one of them
 *   ktable.c           struct iommu_table on top of the engine's tables
 *   pseries_group.c    pSeries: taking a group from the platform and giving it
 *                      back
 *   pseries_ddw.c      dynamic DMA windows: firmware calls
 *   pseries_rtas.c     firmware that is busy
 *   pseries_dt.c       dynamic DMA windows: device tree
 *   pseries_hcall.c    entries: hypercalls
 *   powernv_group.c    PowerNV: taking a group and giving it back
 *   powernv_windows.c  windows whose tables the hardware walks
 */
#ifndef TCE_PORT_GROUP_H
#define TCE_PORT_GROUP_H

#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <asm/iommu.h>

#include <tce/port.h>

struct device_node;
struct iommu_group;
struct pci_dev;
struct property;
struct seq_file;
struct tce_dt_node;

/* iommu_table_ops::tce_kill */
typedef void tce_kill_fn(struct iommu_table *tbl, unsigned long index, unsigned long pages);

/* Index of a token in "ibm,ddw-applicable". */
enum tce_ddw_call {
	TCE_DDW_QUERY,
	TCE_DDW_CREATE,
	TCE_DDW_REMOVE,
	TCE_DDW_CALLS
};

/**
 * struct tce_ktable - a table of the engine as the kernel sees it
 * @tbl: first member: the kernel frees the whole with kfree(tbl)
 * @engine: the table
 * @kill: PowerNV: the platform's own tce_kill
 */
struct tce_ktable {
	struct iommu_table tbl;
	struct tce_table *engine;
	tce_kill_fn *kill;
};

/**
 * struct tce_ioda_window - a window of a PE on PowerNV
 * @table: its table, whether tables[] shows it or not
 * @spare: a link from the table to the group, for when the window cannot be
 * unset
 */
struct tce_ioda_window {
	struct iommu_table *table;
	struct iommu_table_group_link *spare;
};

/**
 * struct tce_port_group - an IOMMU group (PE) in our hands
 * @list: all of them; under the groups' lock
 * @group: the group
 * @log: whom messages about it are about
 * @handed_back: tables[] is the platform's again, only @tg->ops may be ours
 * still
 * @tg: the platform's description of it; NULL after the PE was unplugged;
 *	pointer, and on pSeries tables[], under the groups' lock
 * @orig_ops: the platform's own operations
 * @pe_node: device node of the PE
 * @dt: our properties in @pe_node
 * @has_ddw: @ddw_token is good
 * @ddw_token: RTAS tokens
 * @has_reset: @reset_token is good
 * @reset_token: RTAS token of ibm,reset-pe-dma-windows
 * @query_outputs: words that ibm,query-pe-dma-windows answers, status included
 * @config_addr: for RTAS, of the device that was the first one at attach
 * @buid: for RTAS, of the host bridge
 * @ioda: PowerNV: the windows; under the groups' lock
 * @tce_kill: PowerNV: the platform's own
 */
struct tce_port_group {
	struct list_head list;
	struct iommu_group *group;
	struct tce_log_who log;
	bool handed_back;
	struct iommu_table_group *tg;
	struct iommu_table_group_ops *orig_ops;
	struct device_node *pe_node;
	struct tce_dt_node *dt;
	bool has_ddw;
	bool has_reset;
	u32 ddw_token[TCE_DDW_CALLS];
	u32 reset_token;
	unsigned int query_outputs;
	u32 config_addr;
	u64 buid;
	struct tce_ioda_window ioda[TCE_MAX_WINDOWS];
	tce_kill_fn *tce_kill;
};

/* group.c */
extern struct mutex tce_groups_lock;
int tce_group_open(struct iommu_group *group, struct tce_port_group **out,
		   struct tce_group_caps *caps);
void tce_group_close(struct tce_port_group *grp);
void tce_group_free(struct tce_port_group *grp);
struct pci_dev *tce_group_first_pci_dev(struct tce_port_group *grp);
void tce_groups_show(struct seq_file *m);
int tce_groups_init(void);
void tce_groups_exit(void);

/* group_claim.c */
void tce_group_claim(struct tce_port_group *grp);

/* pseries_group.c */
bool tce_pseries_present(void);
int tce_pseries_open(struct tce_port_group *grp, struct tce_group_caps *caps);
void tce_pseries_close(struct tce_port_group *grp);
void tce_pseries_let_go(struct tce_port_group *grp);

/* powernv_group.c */
bool tce_powernv_present(void);
int tce_powernv_open(struct tce_port_group *grp, struct tce_group_caps *caps);
void tce_powernv_close(struct tce_port_group *grp);

/* powernv_windows.c */
struct iommu_table *tce_group_table(struct tce_port_group *grp, unsigned int slot);

/* pseries_ddw.c */
void tce_ddw_init(struct tce_port_group *grp);

/* pseries_dt.c */
int tce_dt_open(struct tce_port_group *grp);
void tce_dt_close(struct tce_port_group *grp);
const char *tce_dt_foreign_window(const struct tce_port_group *grp);
struct property *tce_dt_hide_saved(struct tce_port_group *grp);
void tce_dt_show_saved(struct tce_port_group *grp, struct property *saved);
void tce_dt_forget(struct device_node *np);
void tce_dt_exit(void);
int tce_dt_default_window(struct tce_port_group *grp, u32 *liobn, u64 *start,
			  u64 *size);

/* ktable.c */
bool tce_ktable_is_ours(const struct iommu_table *tbl);
bool tce_ktable_same_window(const struct iommu_table *a, const struct iommu_table *b);
int tce_ktable_init(void);
void tce_ktable_exit(void);

#endif /* TCE_PORT_GROUP_H */

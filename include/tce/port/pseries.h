/* SPDX-License-Identifier: GPL-2.0-only */
/* PAPR: hypercalls, dynamic DMA windows (RTAS), the device tree. */
#ifndef TCE_INCLUDE_PORT_PSERIES_H
#define TCE_INCLUDE_PORT_PSERIES_H

#include <tce/engine.h>

#ifdef __cplusplus
extern "C" {
#endif

/* --- Hypercalls --- */

/*
 * Status of a hypercall, PAPR "Hypervisor Call Return Codes", asm/hvcall.h.
 * The engine turns them into errno (papr_status.hpp).
 */

/** tce_port_has_multitce() - H_PUT_TCE_INDIRECT and H_STUFF_TCE exist */
int tce_port_has_multitce(void);

/**
 * tce_port_h_put_tce() - H_PUT_TCE
 * @liobn: window
 * @ioba: bus address of the entry
 * @tce: host physical address | TCE_PERM_*
 *
 * Context: Any; does not sleep.
 * Return: H_* status.
 */
long tce_port_h_put_tce(tce_u32 liobn, tce_u64 ioba, tce_u64 tce);

/**
 * tce_port_h_put_tce_indirect() - H_PUT_TCE_INDIRECT
 * @liobn: window
 * @ioba: bus address of the first entry
 * @list: big-endian TCEs, aligned to 8 bytes; where the hypervisor cannot read
 * them in place (LoPAR: a page of 4 KiB) it gets a copy
 * @nr: entries, 1..512
 *
 * Context: The caller cannot be preempted; does not sleep.
 * Return: H_* status.
 */
long tce_port_h_put_tce_indirect(tce_u32 liobn, tce_u64 ioba, const void *list,
				 unsigned int nr);

/**
 * tce_port_h_stuff_tce() - H_STUFF_TCE
 * @liobn: window
 * @ioba: bus address of the first entry
 * @tce: value for all of them
 * @nr: entries, 1..512
 *
 * Context: Any; does not sleep.
 * Return: H_* status.
 */
long tce_port_h_stuff_tce(tce_u32 liobn, tce_u64 ioba, tce_u64 tce,
			  unsigned int nr);

/* --- Dynamic DMA windows of a group (RTAS) and the device tree --- */

/**
 * struct tce_ddw_query - ibm,query-pe-dma-windows
 * @available: windows that can still be created
 * @largest: entries of the largest window that can be created
 * @pgsizes: bit n: pages of 2^n bytes
 */
struct tce_ddw_query {
	tce_u32 available;
	tce_u64 largest;
	tce_u64 pgsizes;
};

/**
 * struct tce_ddw_window - what ibm,create-pe-dma-window gave
 * @liobn: handle for hypercalls
 * @start: bus address
 */
struct tce_ddw_window {
	tce_u32 liobn;
	tce_u64 start;
};

/*
 * Query, create, remove, reset: after a reset the group has its default window
 * and no other.
 *
 * All four: process context; while the firmware is busy it is asked again, for
 * two minutes at most.  Return: 0; -EIO: the firmware answered an error;
 * -ENODEV: there is no such call; -EBUSY: it is still busy; -EINTR (query and
 * create): a fatal signal.  After -EBUSY and -EINTR nobody knows what has
 * become of it: a window may have been made, or be gone.
 */
int tce_port_ddw_query(struct tce_port_group *grp, struct tce_ddw_query *out);
int tce_port_ddw_create(struct tce_port_group *grp, unsigned int page_shift,
			unsigned int window_shift, struct tce_ddw_window *out);
int tce_port_ddw_remove(struct tce_port_group *grp, tce_u32 liobn);
int tce_port_ddw_reset(struct tce_port_group *grp);

/**
 * struct tce_dt_windows - what the device tree should say of a group's windows
 * @has_default: "ibm,dma-window" is there
 * @has_ddw: "linux,dma64-ddr-window-info" is there, with the values below
 * @liobn: its LIOBN
 * @page_shift: log2 of its IOMMU page size
 * @window_shift: log2 of its size
 * @start: its bus address
 *
 * kexec'ed kernels and PCI hotplug find the windows by these properties.
 */
struct tce_dt_windows {
	int has_default;
	int has_ddw;
	tce_u32 liobn;
	tce_u32 page_shift;
	tce_u32 window_shift;
	tce_u64 start;
};

/**
 * tce_port_dt_update() - make the device tree say so
 * @grp: the group
 * @w: what it should say
 *
 * A failure is logged.
 *
 * Context: Process context; calls for one group must not overlap.
 */
void tce_port_dt_update(struct tce_port_group *grp,
			const struct tce_dt_windows *w);

#ifdef __cplusplus
}
#endif

#endif /* TCE_INCLUDE_PORT_PSERIES_H */

/* SPDX-License-Identifier: GPL-2.0-only */
/* IODA2: windows of a PE. */
#ifndef TCE_INCLUDE_PORT_POWERNV_H
#define TCE_INCLUDE_PORT_POWERNV_H

#include <tce/port/ktable.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * tce_port_ioda_set_window() - have the hardware walk a table
 * @grp: the group
 * @slot: 0: at default_start, 1: at second_start
 * @k: the table
 * @for_kvm: non-zero: KVM may find it in table_group->tables[]
 *
 * Takes references to @k.  Invalidates what the hardware has cached of the PE.
 *
 * Context: Process context; calls for one group, or for one table, must not
 * overlap.
 * Return: 0; -EIO: the firmware refused; -ENOMEM.
 */
int tce_port_ioda_set_window(struct tce_port_group *grp, unsigned int slot,
			     struct tce_ktable *k, int for_kvm);

/**
 * tce_port_ioda_unset_window() - undo it
 * @grp: the group
 * @slot: the window
 *
 * Invalidates what the hardware has cached of the PE, drops the references.
 *
 * Context: Process context; calls for one group, or for one table, must not
 * overlap.
 * Return: 0; -EIO: the firmware refused; the table may still be walked.
 */
int tce_port_ioda_unset_window(struct tce_port_group *grp, unsigned int slot);

/**
 * tce_port_ioda_kill() - invalidate what the hardware has cached of entries
 * @k: the table
 * @index: absolute index of the first
 * @nr: entries, 1..512: nothing interrupts firmware that does it
 *
 * For every group that has @k.  What was stored to the table comes before.
 *
 * Context: Any task context; does not sleep.
 */
void tce_port_ioda_kill(struct tce_ktable *k, tce_u64 index, tce_u64 nr);

#ifdef __cplusplus
}
#endif

#endif /* TCE_INCLUDE_PORT_POWERNV_H */

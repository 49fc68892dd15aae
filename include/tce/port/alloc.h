/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory for the engine. */
#ifndef TCE_INCLUDE_PORT_ALLOC_H
#define TCE_INCLUDE_PORT_ALLOC_H

#include <tce/engine.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * tce_port_alloc() - zeroed memory, virtually contiguous
 * @bytes: any size
 *
 * Context: Process context.
 * Return: memory aligned to 8 bytes at least, or NULL.
 */
void *tce_port_alloc(unsigned long bytes);

/**
 * tce_port_free() - give back what tce_port_alloc() gave
 * @p: may be NULL
 *
 * Context: Any, softirq included.
 */
void tce_port_free(void *p);

/**
 * tce_port_level_alloc() - a level of a table that hardware walks
 * @bytes: a power of two, 4 KiB at least
 * @node: NUMA node to prefer; -1: any
 *
 * Context: Process context.
 * Return: zeroed memory, physically contiguous, aligned to its size; or NULL.
 */
void *tce_port_level_alloc(unsigned long bytes, int node);

/**
 * tce_port_level_free() - give back what tce_port_level_alloc() gave
 * @p: not NULL
 * @bytes: as allocated
 *
 * Context: Any, softirq included.
 */
void tce_port_level_free(void *p, unsigned long bytes);

/** tce_port_level_address() - host physical address of a level; any context */
tce_u64 tce_port_level_address(const void *p);

/** tce_port_page_shift() - log2 of the system page size; any context */
unsigned int tce_port_page_shift(void);

/** tce_port_random() - 64 bits that userspace cannot guess; any context */
tce_u64 tce_port_random(void);

#ifdef __cplusplus
}
#endif

#endif /* TCE_INCLUDE_PORT_ALLOC_H */

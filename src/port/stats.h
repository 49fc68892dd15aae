/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TCE_PORT_STATS_H
#define TCE_PORT_STATS_H

#include <tce/port.h>

/* Counters that only the port and the shim count; they follow the engine's. */
enum tce_port_counter {
	TCE_COUNT_HCALLS_PUT = TCE_COUNTERS,
	TCE_COUNT_HCALLS_PUT_INDIRECT,
	TCE_COUNT_HCALLS_STUFF,
	TCE_COUNT_RTAS_QUERY,
	TCE_COUNT_RTAS_CREATE,
	TCE_COUNT_RTAS_REMOVE,
	TCE_COUNT_RTAS_RESET,
	TCE_COUNT_TABLES,		/* struct iommu_table alive */
	TCE_PORT_COUNTERS
};

void tce_port_wait_later(void);
void tce_port_stat(unsigned int which, long n);
long tce_port_stat_read(unsigned int which);
const char *tce_port_stat_name(unsigned int which);

#endif /* TCE_PORT_STATS_H */

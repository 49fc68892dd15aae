/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TCE_PORT_STATS_H
#define TCE_PORT_STATS_H

#include <tce/port.h>

/* Counters that only the port and the shim count; they follow the engine's. */
#define TCE_PORT_COUNTER_LIST(X)					\
	X(HCALLS_PUT, hcalls_put)					\
	X(HCALLS_PUT_INDIRECT, hcalls_put_indirect)			\
	X(HCALLS_STUFF, hcalls_stuff)					\
	X(RTAS_QUERY, rtas_query)					\
	X(RTAS_CREATE, rtas_create)					\
	X(RTAS_REMOVE, rtas_remove)					\
	X(RTAS_RESET, rtas_reset)					\
	X(TABLES, tables)		/* struct iommu_table alive */

#define TCE_COUNTER_ID(id, name)	TCE_COUNT_##id,
enum tce_port_counter {
	TCE_COUNT_LAST_OF_ENGINE = TCE_COUNTERS - 1,
	TCE_PORT_COUNTER_LIST(TCE_COUNTER_ID)
	TCE_PORT_COUNTERS
};

#undef TCE_COUNTER_ID

int tce_hcall_init(void);
void tce_hcall_exit(void);
void tce_port_wait_later(void);
void tce_port_stat(unsigned int which, long n);
void tce_port_stat_any(unsigned int which, long n);
long tce_port_stat_read(unsigned int which);
const char *tce_port_stat_name(unsigned int which);

#endif /* TCE_PORT_STATS_H */

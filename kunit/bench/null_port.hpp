/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A port that does next to nothing: what is counted is the engine.  It keeps
 * what the kernel's allocators would have taken, and what the engine tells KVM.
 */
#ifndef TCE_BENCH_NULL_PORT_HPP
#define TCE_BENCH_NULL_PORT_HPP

#include <tce/port.h>

namespace null {

struct Config {
	unsigned int system_shift = 12;
	unsigned int kill_ns = 0; /* what a publish takes on the clock */
};

/* All there is; reset() before a path begins. */
struct Port {
	Config config;
	unsigned long long allocated = 0; /* bytes, as the kernel's allocators round them */
	unsigned long long calls = 0;	  /* to the hypervisor or the firmware */
	tce_table *table[TCE_MAX_WINDOWS] = {};
	/*
	 * The time of the processor that runs now, in ns, if there is any:
	 * locks are had when who had them before has let them go.
	 */
	unsigned long long *clock = nullptr;
};

extern Port port;

void reset(const Config &config);
/* The memory that was registered last. */
tce_mem *last_memory();

} /* namespace null */

#endif /* TCE_BENCH_NULL_PORT_HPP */

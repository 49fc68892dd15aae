/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The paths of the engine whose cost matters: each prepares what it needs, and
 * then does the same thing to many entries.
 */
#ifndef TCE_BENCH_PATHS_HPP
#define TCE_BENCH_PATHS_HPP

#include <string>
#include <vector>

namespace bench {

struct Shape {
	bool walked = false; /* PowerNV: the hardware walks the table */
	unsigned int page_shift = 12;
	unsigned int entries_lg2 = 17; /* of the window */
	unsigned int levels = 2;
	unsigned int groups = 1;
	unsigned int system_shift = 12;
};

enum class Work {
	FirstMap, /* MAP, and the leaves that it makes */
	Map,	  /* ... of entries whose leaves are there */
	Remap,	  /* ... of entries that are live */
	Unmap,
	MapOne, /* a MAP for each entry, one after the other */
	UnmapOne,
	/*
	 * KVM kills after each TCE of the guest's, whatever hypercall it is
	 * part of.
	 */
	KvmMap,	      /* one entry after the other */
	KvmMapRandom, /* ... anywhere */
	KvmClear,
	KvmClearEmpty,
	KvmSubpages, /* a guest's TCE is 16 entries */
	KvmClearSubpages,
};

struct Path {
	std::string name;
	Shape shape;
	Work work;
};

/* All of them; names are what the budget knows them by. */
std::vector<Path> paths();

/* What one went through. */
struct Cost {
	unsigned long long entries;
	unsigned long long calls;     /* to the hypervisor or the firmware */
	unsigned long long allocated; /* bytes, for the window and all that is in it */
};

/* @begin and @end are called around what is to be measured. */
Cost run(const Path &path, void (*begin)(), void (*end)());

} /* namespace bench */

#endif /* TCE_BENCH_PATHS_HPP */

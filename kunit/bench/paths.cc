// SPDX-License-Identifier: GPL-2.0-only
/* See paths.hpp. */
#include "paths.hpp"

#include "machine.hpp"

namespace bench {
namespace {

constexpr u64 kSubpages = 16; /* 4K ones in a guest's 64K page */

/* Every entry once, in an order without a pattern: a full-cycle generator. */
u64 scattered(u64 i, u64 entries)
{
	return (i * 0x9e3779b97f4a7c15ull + 12345) & (entries - 1);
}

void prepare(Machine &m, Work work)
{
	const u64 n = m.entries();

	if (work == Work::FirstMap)
		return;
	m.map(0, n); /* every leaf is there */
	switch (work) {
	case Work::Remap:
	case Work::Unmap:
	case Work::UnmapOne:
	case Work::KvmClear:
	case Work::KvmClearSubpages:
		break;
	default:
		m.unmap(0, n);
	}
	/* The first time that KVM comes by is not what is measured. */
	if (work >= Work::KvmMap) {
		m.kvm_clear(0);
		m.kvm_kill(0, 1);
	}
}

[[gnu::noinline]] void perform(Machine &m, Work work)
{
	const u64 n = m.entries();

	switch (work) {
	case Work::FirstMap:
	case Work::Map:
	case Work::Remap:
		m.map(0, n);
		break;
	case Work::Unmap:
		m.unmap(0, n);
		break;
	case Work::MapOne:
		for (u64 i = 0; i < n; i++)
			m.map(i, 1);
		break;
	case Work::UnmapOne:
		for (u64 i = 0; i < n; i++)
			m.unmap(i, 1);
		break;
	case Work::KvmMap:
	case Work::KvmMapRandom:
		for (u64 i = 0; i < n; i++) {
			const u64 at = work == Work::KvmMap ? i : scattered(i, n);

			m.kvm_map(at);
			m.kvm_kill(at, 1);
		}
		break;
	case Work::KvmClear:
	case Work::KvmClearEmpty:
		for (u64 i = 0; i < n; i++) {
			m.kvm_clear(i);
			m.kvm_kill(i, 1);
		}
		break;
	/* A guest's TCE is that many entries: one kill for all of them. */
	case Work::KvmSubpages:
		for (u64 i = 0; i < n; i += kSubpages) {
			for (u64 k = 0; k < kSubpages; k++)
				m.kvm_map(i + k);
			m.kvm_kill(i, kSubpages);
		}
		break;
	case Work::KvmClearSubpages:
		for (u64 i = 0; i < n; i += kSubpages) {
			for (u64 k = 0; k < kSubpages; k++)
				m.kvm_clear(i + k);
			m.kvm_kill(i, kSubpages);
		}
		break;
	}
}

} /* namespace */

std::vector<Path> paths()
{
	const Shape papr;
	const Shape few = { .entries_lg2 = 14 };
	const Shape ioda = { .walked = true };
	const Shape ioda_few = { .walked = true, .entries_lg2 = 14 };
	/* Of a 4 GiB guest with 64K pages: one leaf of 65,536. */
	const Shape ioda_64k = {
		.walked = true, .page_shift = 16, .entries_lg2 = 16, .levels = 1, .system_shift = 16
	};
	const Shape papr_8192 = {
		.page_shift = 16, .entries_lg2 = 16, .levels = 1, .system_shift = 16
	};
	const Shape papr_2m = { .page_shift = 21, .entries_lg2 = 12, .levels = 1 };
	const Shape two = { .groups = 2 };
	const Shape four = { .groups = 4 };
	const Shape two_few = { .entries_lg2 = 14, .groups = 2 };
	const Shape four_few = { .entries_lg2 = 14, .groups = 4 };

	return {
		{ "papr_4k.first_map",	       papr,	     Work::FirstMap	    },
		{ "papr_4k.map",		 papr,      Work::Map		 },
		{ "papr_4k.remap",		   papr,	 Work::Remap	     },
		{ "papr_4k.unmap",		   papr,	 Work::Unmap	     },
		{ "papr_4k.map_one",	     few,	  Work::MapOne	       },
		{ "papr_4k.unmap_one",	       few,	    Work::UnmapOne	   },
		{ "papr_4k.two_groups.map",	    two,	 Work::Map		   },
		{ "papr_4k.four_groups.map",     four,	   Work::Map		     },
		{ "papr_2m.map",		 papr_2m,	  Work::Map		    },
		{ "papr_2m.unmap",		   papr_2m,   Work::Unmap		},
		{ "ioda_4k.first_map",	       ioda,	     Work::FirstMap	    },
		{ "ioda_4k.map",		 ioda,      Work::Map		 },
		{ "ioda_4k.remap",		   ioda,	 Work::Remap	     },
		{ "ioda_4k.unmap",		   ioda,	 Work::Unmap	     },
		{ "ioda_4k.map_one",	     ioda_few,  Work::MapOne	    },
		{ "papr_4k.kvm_map",	     few,	  Work::KvmMap	       },
		{ "papr_4k.kvm_map_random",	    few,	 Work::KvmMapRandom	    },
		{ "papr_4k.kvm_clear",	       few,	    Work::KvmClear	   },
		{ "papr_4k.kvm_clear_empty",     few,	  Work::KvmClearEmpty    },
		{ "papr_4k.kvm_map_16",		few,	     Work::KvmSubpages      },
		{ "papr_4k.kvm_clear_16",	  few,       Work::KvmClearSubpages },
		{ "papr_4k.two_groups.kvm_map",	two_few,	 Work::KvmMap	      },
		{ "papr_4k.four_groups.kvm_map", four_few,  Work::KvmMap		},
		{ "papr_64k.kvm_map_random",     papr_8192, Work::KvmMapRandom	   },
		{ "ioda_64k.map",		  ioda_64k,  Work::Map	      },
		{ "ioda_64k.kvm_map",	      ioda_64k,	Work::KvmMap	     },
		{ "ioda_64k.kvm_map_random",     ioda_64k,  Work::KvmMapRandom	  },
		{ "ioda_64k.kvm_clear",		ioda_64k,  Work::KvmClear	 },
		{ "ioda_4k.kvm_map_16",		ioda_few,  Work::KvmSubpages	    },
		{ "ioda_4k.kvm_clear_16",	  ioda_few,  Work::KvmClearSubpages },
	};
}

Cost run(const Path &path, void (*begin)(), void (*end)())
{
	Machine machine(path.shape);

	prepare(machine, path.work);

	const u64 calls = null::port.calls;

	begin();
	perform(machine, path.work);
	end();
	return { machine.entries(), null::port.calls - calls, machine.allocated() };
}

} /* namespace bench */

// SPDX-License-Identifier: GPL-2.0-only
//
// How a caller asks with a structure that begins with its size.
#pragma once

#include "caller.hpp"

#include <sys/ioctl.h>

namespace client::hostile {

inline constexpr unsigned LEAST_SHIFT = 12;

template <class Argument> void Caller::spoil(Argument &argument)
{
	if (random_.one_in(32)) {
		const u64 sizes[] = { 0,    1,	      sizeof argument - 1, sizeof argument + 1,
				      4096, ~u64{ 0 } };
		argument.argsz = static_cast<u32>(random_.of(sizes));
	}
	if (random_.one_in(64))
		argument.flags = static_cast<u32>(random_.any_size());
}

// What is wrong at any moment, and in any container.
template <class Argument> bool never_right(unsigned long request, const Argument &argument)
{
	if (argument.argsz < 2 * sizeof(u32))
		return true;
	if constexpr (requires { argument.iova; }) {
		constexpr u32 KNOWN = READ_WRITE;
		const bool map = request == VFIO_IOMMU_MAP_DMA;
		return (map ? !argument.flags || argument.flags & ~KNOWN : argument.flags) ||
		       !argument.size || (argument.iova | argument.size) % (1u << LEAST_SHIFT) ||
		       argument.iova + argument.size < argument.iova;
	} else if constexpr (requires { argument.vaddr; }) {
		return argument.flags || !argument.size ||
		       (argument.vaddr | argument.size) % page_size();
	} else {
		return (request == VFIO_IOMMU_SPAPR_TCE_CREATE ||
			request == VFIO_IOMMU_SPAPR_TCE_REMOVE) &&
		       argument.flags;
	}
}

template <class Argument>
Status Caller::ask(const char *name, int file, unsigned long request, Argument &argument,
		   std::array<u64, 3> shown)
{
	argument.argsz = sizeof argument;
	spoil(argument);
	void *where = place(&argument, sizeof argument);
	Entry entry{
		diary_, name, { static_cast<u64>(file), shown[0], shown[1], shown[2] }
	};
	// The kernel writes to it; and what is elsewhere others may change.
	const bool wrong = where == &argument && never_right(request, argument);
	const Status status = entry.ends(::ioctl(file, request, where));
	if (wrong && status.ok())
		Books::get().report(cat(name, " takes what is never right: ", diary_.last()));
	return status;
}

} // namespace client::hostile

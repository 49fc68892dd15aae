// SPDX-License-Identifier: GPL-2.0-only
//
// Calls about memory, windows, and what is mapped in them.
#include "caller_ask.hpp"

#include "host.hpp"

#include <algorithm>
#include <cerrno>

namespace client::hostile {

namespace {

constexpr u64 DDW_START = u64{ 1 } << 59;
// Entries: what one hypercall takes is 512.
constexpr u64 TCE_RUNS[] = { 1, 1, 2, 3, 511, 512, 513 };

} // namespace

// Registered memory, or a part of it.
Range Caller::known()
{
	Range range = process_.arena.remembered(random_);
	if (!range.size || random_.one_in(6))
		range = process_.arena.any(random_);
	if (range.size > page_size() && random_.one_in(2)) {
		const u64 offset = random_.below(range.size / page_size()) * page_size();
		range = { range.address + offset, range.size - offset };
	}
	return range;
}

// A place in a window, the pages there, and how much fits behind it.
u64 Caller::iova(unsigned which, u64 &most, unsigned &shift)
{
	const Believed &window = process_.windows[which][random_.below(2)];
	u64 start = window.start;
	u64 size = window.size;
	shift = window.shift;
	if (!size || random_.one_in(8)) {
		const bool first = !random_.one_in(8);
		start = first ? 0 : DDW_START;
		size = first ? host().default_size : GiB;
		shift = LEAST_SHIFT;
	}
	if (random_.one_in(32)) {
		most = random_.any_size();
		return random_.any_size();
	}
	// Few places: or tables fill the machine.
	const u64 pages = size >> shift;
	u64 page = 0;
	switch (random_.below(4)) {
	case 0:
		page = random_.below(8);
		break;
	case 1:
		page = pages - std::min(pages, 1 + random_.below(8));
		break;
	case 2:
		page = pages / 16 * random_.below(16);
		break;
	default: // where a table or a run ends
		page = std::min(pages - 1, 510 + random_.below(4));
		break;
	}
	most = (pages - page) << shift;
	return start + (page << shift);
}

void Caller::registration()
{
	unsigned which = 0;
	const int file = container(which);
	const bool away = random_.one_in(3);
	Range range = away ? process_.arena.remembered(random_) : process_.arena.any(random_);
	if (random_.one_in(32))
		range = { random_.any_size(), random_.any_size() };
	vfio_iommu_spapr_register_memory request{ 0, 0, range.address, range.size };
	const char *name = away ? "UNREGISTER" : "REGISTER";
	const Status status =
		ask(name, file,
		    away ? VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY : VFIO_IOMMU_SPAPR_REGISTER_MEMORY,
		    request, { range.address, range.size });
	judge(name, status);
	if (status.ok() && away)
		process_.arena.forget(range);
	if (!away && (status.ok() || status == refused(EBUSY)))
		process_.arena.remember(range);
}

bool Caller::map_one()
{
	unsigned which = 0;
	const int file = container(which);
	u64 most = 0;
	unsigned shift = LEAST_SHIFT;
	const u64 to = iova(which, most, shift);
	const Range from = known();
	u64 size = std::min(from.size, most);
	u64 address = from.address;
	if (shift < 30) {
		const u64 page = u64{ 1 } << shift;
		size = size / page * page;
		if (!size && !random_.one_in(8)) {
			size = page;
			address = address / page * page;
		}
	}
	if (random_.one_in(4))
		size = std::min(size, random_.of(TCE_RUNS) * 4096);
	if (random_.one_in(32))
		size = random_.any_size();
	if (random_.one_in(16))
		address += random_.below(16) * 4096;
	vfio_iommu_type1_dma_map request{};
	request.flags = random_.one_in(8) ? static_cast<u32>(random_.below(5)) : READ_WRITE;
	request.vaddr = address;
	request.iova = to;
	request.size = size;
	const Status status = ask("MAP", file, VFIO_IOMMU_MAP_DMA, request, { address, to, size });
	judge("MAP", status);
	if (status.ok())
		Books::get().hint(to);
	return status.ok();
}

void Caller::map()
{
	// Where one works, more do.
	for (u64 left = 1 + random_.below(16); map_one() && left; --left)
		continue;
}

void Caller::unmap()
{
	unsigned which = 0;
	const int file = container(which);
	u64 most = 0;
	unsigned shift = LEAST_SHIFT;
	vfio_iommu_type1_dma_unmap request{};
	request.iova = iova(which, most, shift);
	request.size = random_.one_in(8) ? most : std::min(most, random_.of(TCE_RUNS) << 12);
	judge("UNMAP",
	      ask("UNMAP", file, VFIO_IOMMU_UNMAP_DMA, request, { request.iova, request.size }));
}

void Caller::create()
{
	static constexpr u32 SHIFTS[] = { 12, 12, 12, 12, 12, 12, 12, 12, 16, 16,
					  16, 16, 21, 24, 30, 0,  13, 63, 64, ~0U };
	unsigned which = 0;
	const int file = container(which);
	vfio_iommu_spapr_tce_create request{};
	request.page_shift = random_.of(SHIFTS);
	// Mostly small, or each costs the emulated machine seconds.
	const u64 order = random_.one_in(4) ? random_.below(64) : 12 + random_.below(20);
	request.window_size = u64{ 1 } << order;
	if (random_.one_in(8))
		request.window_size = random_.any_size();
	if (request.page_shift < 64 &&
	    request.window_size >> request.page_shift > process_.limits.most_entries)
		request.window_size = process_.limits.most_entries << request.page_shift;
	request.levels = random_.one_in(8) ? static_cast<u32>(random_.any_size()) :
					     static_cast<u32>(1 + random_.below(5));
	const Status status = ask("CREATE", file, VFIO_IOMMU_SPAPR_TCE_CREATE, request,
				  { request.page_shift, request.window_size, request.levels });
	judge("CREATE", status);
	if (!status.ok())
		return;
	Believed &window = process_.windows[which][request.start_addr ? 1 : 0];
	window.start = request.start_addr;
	window.shift = request.page_shift;
	window.size = request.window_size;
}

void Caller::remove()
{
	unsigned which = 0;
	const int file = container(which);
	Believed &window = process_.windows[which][random_.below(2)];
	vfio_iommu_spapr_tce_remove request{};
	request.start_addr = random_.one_in(16) ? random_.any_size() : window.start.load();
	const Status status =
		ask("REMOVE", file, VFIO_IOMMU_SPAPR_TCE_REMOVE, request, { request.start_addr });
	judge("REMOVE", status);
	if (status.ok())
		window.size = 0;
}

} // namespace client::hostile

// SPDX-License-Identifier: GPL-2.0-only
/* What devices can reach. */
#include "reach.hpp"

namespace fake {

template <> constinit Reach *Part<Reach>::here = nullptr;

bool Reach::device_reaches(u64 hpa, u64 bytes) const
{
	if (Hypervisor::here->names(hpa, bytes))
		return true;
	for (u32 pe = 0; pe < Base::here->config.groups; pe++) {
		if (Ioda::here->count_reachable(pe, [&](const HwEntry &e) {
			    return e.names(hpa, bytes);
		    }))
			return true;
	}
	return false;
}

bool Reach::device_reaches_mem(const tce_mem &mem) const
{
	return walked_entries_naming(mem) || Hypervisor::here->names_mem(mem);
}

u64 Reach::entries_naming(u64 hpa) const
{
	const u64 page = bit(Base::here->config.page_shift);
	u64 n;

	hpa &= ~(page - 1);
	n = Hypervisor::here->names(hpa, page);
	for (u32 pe = 0; pe < Base::here->config.groups; pe++)
		n += Ioda::here->count_reachable(pe, [&](const HwEntry &e) {
			return e.names(hpa, page);
		});
	return n;
}

u64 Reach::entries_naming_mem(const tce_mem &mem) const
{
	u64 most = walked_entries_naming(mem);

	for (u32 g = 0; g < Base::here->config.groups; g++) {
		u64 n = 0;

		for (const FwWindow &w : Groups::here->groups[g].win) {
			w.tces.for_each([&](u64, u64 tce) {
				n += UserMemory::here->is_part_of(mem, tce_hpa(tce), w.page_shift);
			});
		}
		most = n > most ? n : most;
	}
	return most;
}

u64 Reach::walked_entries_naming(const tce_mem &mem) const
{
	u64 most = 0;

	for (u32 pe = 0; pe < Base::here->config.groups; pe++) {
		const u64 n = Ioda::here->count_reachable(pe, [&](const HwEntry &e) {
			return UserMemory::here->is_part_of(mem, tce_hpa(e.tce), e.page_shift);
		});

		most = n > most ? n : most;
	}
	return most;
}

u64 Reach::live_tces() const
{
	u64 n = 0;

	for (u32 i = 0; i < Base::here->config.groups; i++) {
		for_each_tce(i, [&](u64, u64 tce) { n += tce_live(tce); });
	}
	return n;
}

u64 Reach::tce_at(u32 group, u64 ioba)
{
	if (Base::here->config.platform == TCE_PLATFORM_IODA2)
		return Ioda::here->access(group, ioba);

	const FwWindow *w = Groups::here->window_at(group, ioba);

	return w ? w->tces.get((ioba - w->start) >> w->page_shift) : 0;
}

u32 Reach::page_shift_at(u32 group, u64 ioba)
{
	if (Base::here->config.platform == TCE_PLATFORM_IODA2)
		return Ioda::here->page_shift_at(group, ioba);

	const FwWindow *w = Groups::here->window_at(group, ioba);

	return w ? w->page_shift : 0;
}

} // namespace fake

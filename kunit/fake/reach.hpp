// SPDX-License-Identifier: GPL-2.0-only
/*
 * What devices can reach: by the hypervisor's tables, or on PowerNV by what the
 * hardware walks and has cached.
 */
#ifndef TCE_FAKE_REACH_HPP
#define TCE_FAKE_REACH_HPP

#include "powernv_windows.hpp"
#include "pseries_hcall.hpp"

namespace fake {

class Reach : public Part<Reach> {
public:
	/*
	 * Is there an entry in any table that names a page of [hpa, hpa +
	 * bytes)?
	 */
	bool device_reaches(u64 hpa, u64 bytes) const;
	/* Is there one that names a page of @mem? */
	bool device_reaches_mem(const tce_mem &mem) const;
	/* Entries of all tables that name the system page, or part of it. */
	u64 entries_naming(u64 hpa) const;
	/* Those of @mem; with several groups each entry counts once. */
	u64 entries_naming_mem(const tce_mem &mem) const;
	u64 live_tces() const;
	/*
	 * fn(bus address, tce) for every entry by which a device of @group gets
	 * anywhere.
	 */
	template <typename Fn> void for_each_tce(u32 group, Fn fn) const
	{
		for (const FwWindow &window : Groups::here->groups[group].win) {
			window.tces.for_each([&](u64 index, u64 tce) {
				fn(window.start + (index << window.page_shift), tce);
			});
		}
		Ioda::here->for_each_reachable(group, [&](const HwEntry &e) { fn(e.at, e.tce); });
	}
	/*
	 * The entry that a device's access to a bus address goes by; 0 if there
	 * is none.
	 */
	u64 tce_at(u32 group, u64 ioba);
	/* log2 of the IOMMU page at a bus address; 0: there is no window. */
	u32 page_shift_at(u32 group, u64 ioba);

private:
	u64 walked_entries_naming(const tce_mem &mem) const;
};

template <> Reach *Part<Reach>::here;

} // namespace fake

#endif /* TCE_FAKE_REACH_HPP */

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registered memory (mm_iommu_*).  When it loses its last pin, no entry of any
 * table may name it.
 */
#ifndef TCE_FAKE_MEM_HPP
#define TCE_FAKE_MEM_HPP

#include "reach.hpp"
#include "users.hpp"

namespace fake {

class Registry : public Part<Registry> {
public:
	~Registry();

	/*
	 * Called where tce_port_mem_get() waits for faults; no lock of the
	 * fake's is held.
	 */
	void (*faulting)(void *arg, tce_mm &mm) = nullptr;
	void *faulting_arg = nullptr;
	u64 unpinned_pages = 0;
	u64 mem_puts = 0;
	/*
	 * The engine alone drops notes: never one that an entry in reach still
	 * needs.
	 */
	bool strict_notes = false;

	void reset_counts() { mem_puts = 0; }

	/* For the port functions. */
	tce_mem *graveyard = nullptr;
};

template <> Registry *Part<Registry>::here;

/*
 * mm_iommu_ua_to_hpa(), which KVM calls on what mm_iommu_lookup() gave it: it
 * believes what the registry says of the largest page.
 */
int mem_translate(const tce_mem *mem, u64 vaddr, u32 shift, u64 *hpa);

} // namespace fake

#endif /* TCE_FAKE_MEM_HPP */

// SPDX-License-Identifier: GPL-2.0-only
/*
 * port.h, "Memory that is pinned page by page": pin_user_pages() with
 * FOLL_LONGTERM.
 *
 * A pin goes with one entry of a table.  So whenever one goes, no more entries
 * may name the page, in tables or in what hardware has cached, than it has pins
 * left.
 */
#include "reach.hpp"

using namespace fake;

int tce_port_pin(tce_u64 vaddr, unsigned int page_shift, unsigned int nr, int write, tce_u64 *hpa)
{
	expect_process_context("tce_port_pin");

	Guard g;
	UserMemory &memory = *UserMemory::here;
	const Config &config = Base::here->config;
	const tce_mm *m = &memory.current();
	const u64 bytes = static_cast<u64>(nr) << page_shift;

	if (page_shift < 12 || page_shift > config.page_shift || !nr ||
	    vaddr & (bit(page_shift) - 1))
		FAKE_FAIL("tce_port_pin(0x%llx, %u pages of 2^%u)", vaddr, nr, page_shift);
	if (Base::here->inject(Site::Pin))
		return err::kNoMem;
	if (!memory.accessible(vaddr, bytes) || (write && !memory.writable(vaddr, bytes)))
		return err::kFault;
	for (unsigned int i = 0; i < nr; i++) {
		hpa[i] = memory.hpa_of(m, vaddr + (static_cast<u64>(i) << page_shift));
		memory.pins.add(hpa[i] >> config.page_shift, 1);
	}
	memory.live_pins += nr;
	/*
	 * A TCE is 4K; with larger system pages that is what ENABLE counts,
	 * too.
	 */
	if (memory.live_pins > memory.locked_vm(m->index) << (config.page_shift - 12) &&
	    config.version == TCE_V1)
		FAKE_FAIL("%llu pins, %llu pages are charged", memory.live_pins,
			  memory.locked_vm(m->index));
	return 0;
}

void tce_port_unpin(tce_u64 hpa, int dirty)
{
	expect_process_context("tce_port_unpin");

	Guard g;
	const u64 page = hpa >> Base::here->config.page_shift;

	if (!UserMemory::here->pins.get(page)) {
		FAKE_FAIL("page 0x%llx loses a pin that it has not", hpa);
		return;
	}

	const u64 left = UserMemory::here->pins.add(page, -1);

	UserMemory::here->live_pins--;
	UserMemory::here->dirtied += dirty ? 1 : 0;
	if (dirty && !UserMemory::here->is_writable(hpa, 1))
		FAKE_FAIL("page 0x%llx is read-only and dirty", hpa);
	if (Reach::here->entries_naming(hpa) > left)
		FAKE_FAIL("page 0x%llx loses a pin while a device can reach it", hpa);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * port.h, "Memory that is pinned page by page": pin_user_pages() with FOLL_LONGTERM.
 *
 * A pin goes with one entry of a table.  So whenever one goes, no more entries may
 * name the page, in tables or in what hardware has cached, than it has pins left.
 */
#include "world.hpp"

using namespace fake;

int tce_port_pin(tce_u64 vaddr, unsigned int page_shift, unsigned int nr, int write, tce_u64 *hpa)
{
	expect_process_context("tce_port_pin");

	Guard g;
	const auto *current = static_cast<const tce_mm *>(env_self()->mm);
	const tce_mm *m = current ? current : &world->mm[0];
	const u64 bytes = static_cast<u64>(nr) << page_shift;

	if (page_shift < 12 || page_shift > world->config.page_shift || !nr ||
	    vaddr & (bit(page_shift) - 1))
		FAKE_FAIL("tce_port_pin(0x%llx, %u pages of 2^%u)", vaddr, nr, page_shift);
	if (world->inject(Site::Pin))
		return err::kNoMem;
	if (!accessible(vaddr, bytes) || (write && !writable(vaddr, bytes)))
		return err::kFault;
	for (unsigned int i = 0; i < nr; i++) {
		hpa[i] = world->hpa_of(m, vaddr + (static_cast<u64>(i) << page_shift));
		world->pins.add(hpa[i] >> world->config.page_shift, 1);
	}
	world->live_pins += nr;
	/* A TCE is 4K; with larger system pages that is what ENABLE counts, too. */
	if (world->live_pins > world->locked_vm(m->index) << (world->config.page_shift - 12) &&
	    world->config.version == TCE_V1)
		FAKE_FAIL("%llu pins, %llu pages are charged", world->live_pins,
			  world->locked_vm(m->index));
	return 0;
}

void tce_port_unpin(tce_u64 hpa, int dirty)
{
	expect_process_context("tce_port_unpin");

	Guard g;
	const u64 page = hpa >> world->config.page_shift;

	if (!world->pins.get(page)) {
		FAKE_FAIL("page 0x%llx loses a pin that it has not", hpa);
		return;
	}

	const u64 left = world->pins.add(page, -1);

	world->live_pins--;
	world->dirtied += dirty ? 1 : 0;
	if (dirty && !world->is_writable(hpa, 1))
		FAKE_FAIL("page 0x%llx is read-only and dirty", hpa);
	if (world->entries_naming(hpa) > left)
		FAKE_FAIL("page 0x%llx loses a pin while a device can reach it", hpa);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * port.h, "PAPR: dynamic DMA windows": the RTAS calls as QEMU's firmware
 * answers them (hw/ppc/spapr_rtas_ddw.c).
 *
 *  - A PE has two windows at most.  A created one lands at the default window's
 *    address if none is active, else at the address for dynamic windows, even
 *    if another one is there already.
 *  - LIOBNs belong to slots, so a created window has the LIOBN of one that is
 *    gone.
 *  - Removing the last window brings the default window back unless it was the
 *    default window itself that was removed.
 *  - Reset removes all and brings the default window back, empty.
 */
#include "pseries_ddw.hpp"

namespace fake {

template <> constinit Rtas *Part<Rtas>::here = nullptr;

void Rtas::reset_counts()
{
	for (u64 &calls : ddw_calls)
		calls = 0;
}

namespace {

enum Call : u32 { kQuery, kCreate, kRemove, kReset };

u32 active(const tce_port_group &g)
{
	u32 n = 0;

	for (const FwWindow &w : g.win)
		n += w.live;
	return n;
}

int begin(Call call, Site site, bool present)
{
	Rtas::here->ddw_calls[call]++;
	if (!present)
		return err::kNoDev;
	return Base::here->inject(site) ? Rtas::here->ddw_error : 0;
}

} // namespace
} // namespace fake

using namespace fake;

int tce_port_ddw_query(struct tce_port_group *grp, struct tce_ddw_query *out)
{
	expect_process_context("tce_port_ddw_query");

	Guard guard;
	const Firmware &fw = Base::here->config.fw;
	const tce_port_group &g = check_group(grp);

	if (const int rc = begin(kQuery, Site::DdwQuery, fw.has_ddw))
		return rc;
	out->available = fw.max_windows > active(g) ? fw.max_windows - active(g) : 0;
	out->largest = fw.largest;
	out->pgsizes = fw.pgsizes;
	return 0;
}

int tce_port_ddw_create(struct tce_port_group *grp, unsigned int page_shift,
			unsigned int window_shift, struct tce_ddw_window *out)
{
	moment();
	expect_process_context("tce_port_ddw_create");

	Guard guard;
	const Firmware &fw = Base::here->config.fw;
	tce_port_group &g = check_group(grp);

	if (const int rc = begin(kCreate, Site::DdwCreate, fw.has_ddw))
		return rc;
	if (page_shift >= 64 || !(fw.pgsizes & bit(page_shift)) || window_shift < page_shift ||
	    window_shift >= 64 || bit(window_shift - page_shift) > fw.largest)
		return err::kIo;

	const u32 n = active(g);

	if (n >= fw.max_windows)
		return err::kIo;
	for (u32 slot = 0; slot < TCE_MAX_WINDOWS; slot++) {
		FwWindow &w = g.win[slot];

		if (w.live)
			continue;
		w.live = true;
		w.is_default = false;
		if (fw.liobn_reuse)
			w.liobn = g.caps.default_liobn + slot;
		else
			w.liobn = g.next_liobn++;
		w.start = n ? g.ddw_start : g.default_start;
		w.page_shift = page_shift;
		w.window_shift = window_shift;
		out->liobn = w.liobn;
		out->start = w.start;
		return 0;
	}
	return err::kIo;
}

int tce_port_ddw_remove(struct tce_port_group *grp, tce_u32 liobn)
{
	moment();
	expect_process_context("tce_port_ddw_remove");

	Guard guard;
	const Firmware &fw = Base::here->config.fw;
	tce_port_group &g = check_group(grp);

	if (const int rc = begin(kRemove, Site::DdwRemove, fw.has_ddw))
		return rc;
	for (FwWindow &w : g.win) {
		if (!w.live || w.liobn != liobn)
			continue;

		for (const tce_ktable *k : g.slot) {
			if (k && k->shape.liobn == liobn)
				FAKE_FAIL("KVM still finds the window that is removed");
		}

		const bool was_default = fw.default_by_liobn ? liobn == g.caps.default_liobn :
							       w.is_default;
		Hypervisor::here->drop_window(w);
		if (!active(g) && !was_default && fw.restores_default)
			Groups::here->make_default(g);
		return 0;
	}
	FAKE_FAIL("ibm,remove-pe-dma-window of LIOBN 0x%x, which group %u has not", liobn, g.index);
	return err::kIo;
}

int tce_port_ddw_reset(struct tce_port_group *grp)
{
	expect_process_context("tce_port_ddw_reset");

	Guard guard;
	tce_port_group &g = check_group(grp);

	if (!Base::here->config.fw.has_reset)
		FAKE_FAIL("ibm,reset-pe-dma-windows, which the firmware has not");
	if (const int rc = begin(kReset, Site::DdwReset, Base::here->config.fw.has_reset))
		return rc;
	for (FwWindow &w : g.win) {
		if (w.live)
			Hypervisor::here->drop_window(w);
	}
	Groups::here->make_default(g);
	return 0;
}

void tce_port_dt_update(struct tce_port_group *grp, const struct tce_dt_windows *w)
{
	moment();
	expect_process_context("tce_port_dt_update");

	Guard guard;
	tce_port_group &g = check_group(grp);

	g.dt = *w;
	g.dt_updates++;
}

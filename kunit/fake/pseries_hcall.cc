// SPDX-License-Identifier: GPL-2.0-only
/*
 * port.h, "PAPR: hypercalls": a hypervisor with one table per LIOBN.
 *
 * What the engine should never ask (a LIOBN that does not exist, entries
 * outside the window, a list that is not aligned, memory that is not pinned)
 * gets the status that PAPR gives and fails the case.
 */
#include "pseries_hcall.hpp"

namespace fake {

template <> constinit Hypervisor *Part<Hypervisor>::here = nullptr;

const u32 Hypervisor::kShiftOf[Hypervisor::kShifts] = { 12, 16, 21, 24, 28, 30, 34 };

/* --- Its tables ----------------------------------------------------------- */

void Hypervisor::note_tce(u64 old_tce, u64 new_tce, u32 page_shift)
{
	u32 s = 0;

	while (s < kShifts - 1 && kShiftOf[s] != page_shift)
		s++;

	Sparse &count = reach_[s];
	const u32 shift = kShiftOf[s];

	if (tce_live(new_tce))
		count.add(tce_hpa(new_tce) >> shift, 1);
	if (tce_live(old_tce))
		count.add(tce_hpa(old_tce) >> shift, -1);
}

u64 Hypervisor::names(u64 hpa, u64 bytes) const
{
	u64 n = 0;

	for (u32 s = 0; s < kShifts; s++) {
		for (u64 i = hpa >> kShiftOf[s];
		     reach_[s].used() && i <= (hpa + bytes - 1) >> kShiftOf[s]; i++)
			n += reach_[s].get(i);
	}
	return n;
}

bool Hypervisor::names_mem(const tce_mem &mem) const
{
	bool any = false;

	for (u32 s = 0; s < kShifts; s++) {
		reach_[s].for_each([&](u64 n, u64) {
			any = any ||
			      UserMemory::here->is_part_of(mem, n << kShiftOf[s], kShiftOf[s]);
		});
	}
	return any;
}

void Hypervisor::drop_window(FwWindow &w)
{
	w.tces.for_each([&](u64, u64 tce) { note_tce(tce, 0, w.page_shift); });
	w.tces.clear();
	w.live = false;
	w.is_default = false;
}

void Hypervisor::set_entry(FwWindow &w, u64 index, u64 tce)
{
	const u64 old = w.tces.exchange(index, tce);

	note_tce(old, tce, w.page_shift);
	if (watch && old != tce)
		watch(watch_arg, w, index, old, tce);
}

void Hypervisor::script(const Script &s)
{
	for (Script &slot : scripts) {
		if (!slot.times) {
			slot = s;
			return;
		}
	}
	FAKE_FAIL("too many scripts");
}

void Hypervisor::no_scripts()
{
	for (Script &slot : scripts)
		slot = {};
}

u64 Hypervisor::hcall_total() const
{
	u64 sum = 0;

	for (const HcallCount &c : hcalls)
		sum += c.calls;
	return sum;
}

void Hypervisor::reset_counts()
{
	for (HcallCount &c : hcalls)
		c = {};
	refused_hcalls = 0;
}

/* --- Hypercalls ----------------------------------------------------------- */

namespace {

/* The caller holds the world's lock. */
long bad(const char *what, u64 a, u64 b)
{
	Hypervisor::here->bad_hcalls++;
	if (!Hypervisor::here->allow_bad_hcalls)
		FAKE_FAIL("hypercall: %s (0x%llx, 0x%llx)", what, a, b);
	return h::kParameter;
}

/*
 * Should this call be refused?  @apply: how many entries it sets before that.
 */
bool refused(Op op, u32 liobn, bool zero, u32 nr, long *status, u32 *apply)
{
	static constexpr Site kSiteOf[] = { Site::HPut, Site::HIndirect, Site::HStuff };

	for (Script &s : Hypervisor::here->scripts) {
		if (!s.times || !(s.ops & op_bit(op)) || (s.zero_only && !zero) ||
		    (s.liobn && s.liobn != liobn))
			continue;
		if (s.skip) {
			s.skip--;
			continue;
		}
		s.times--;
		*status = s.status;
		*apply = s.apply < nr ? s.apply : nr;
		return true;
	}
	if (Base::here->inject(kSiteOf[static_cast<u32>(op)])) {
		*status = Base::here->inject_state.status;
		*apply = Base::here->inject_state.apply < nr ? Base::here->inject_state.apply : nr;
		return true;
	}
	return false;
}

bool entry_ok(const FwWindow &w, u64 tce)
{
	if (!tce_live(tce))
		return true;
	if (tce_hpa(tce) & (bit(w.page_shift) - 1)) {
		bad("entry not aligned to the IOMMU page", tce, w.page_shift);
		return false;
	}
	if (tce & 0xffcull) {
		bad("entry with reserved bits", tce, w.page_shift);
		return false;
	}
	if (!UserMemory::here->is_pinned(tce_hpa(tce), bit(w.page_shift))) {
		bad("entry names memory that is not pinned", tce, w.page_shift);
		return false;
	}
	if (tce & TCE_PERM_WRITE &&
	    !UserMemory::here->is_writable(tce_hpa(tce), bit(w.page_shift))) {
		bad("entry lets the device write to read-only memory", tce, w.page_shift);
		return false;
	}
	return true;
}

template <typename Entry>
long change(Op op, u32 liobn, u64 ioba, unsigned int nr, bool zero, Entry entry)
{
	FwWindow *w = Groups::here->window_by_liobn(liobn);
	HcallCount &count = Hypervisor::here->hcalls[static_cast<u32>(op)];
	long status = h::kSuccess;
	u32 todo = nr;

	count.calls++;
	if (!Base::here->config.fw.has_multitce && op != Op::Put)
		return bad("the firmware has no such call", liobn, ioba), h::kFunction;
	if (!w)
		return bad("no such LIOBN", liobn, ioba);
	if (!nr || nr > 512)
		return bad("bad number of entries", liobn, nr);
	if (ioba & (bit(w->page_shift) - 1))
		return bad("bus address is not aligned", liobn, ioba);
	if (ioba < w->start || ioba >= w->end() || nr > (w->end() - ioba) >> w->page_shift)
		return bad("bus address outside the window", liobn, ioba);
	for (u32 i = 0; !zero && i < nr; i++) {
		if (!entry_ok(*w, entry(i)))
			return h::kParameter;
	}
	if (refused(op, liobn, zero, nr, &status, &todo))
		Hypervisor::here->refused_hcalls++;

	const u64 first = (ioba - w->start) >> w->page_shift;

	/* Clearing what is empty is what happens most. */
	for (u32 i = 0; (!zero || w->tces.used()) && i < todo; i++)
		Hypervisor::here->set_entry(*w, first + i, entry(i));
	count.entries += todo;
	return status;
}

u64 list_entry(const void *list, u32 i)
{
	u64 raw;

	__builtin_memcpy(&raw, static_cast<const unsigned char *>(list) + i * sizeof(raw),
			 sizeof(raw));
	return swap_be(raw);
}

} // namespace
} // namespace fake

using namespace fake;

int tce_port_has_multitce(void)
{
	return Base::here->config.fw.has_multitce;
}

long tce_port_h_put_tce(tce_u32 liobn, tce_u64 ioba, tce_u64 tce)
{
	moment();
	Guard g;

	return change(Op::Put, liobn, ioba, 1, !tce, [&](u32) { return tce; });
}

long tce_port_h_put_tce_indirect(tce_u32 liobn, tce_u64 ioba, const void *list, unsigned int nr)
{
	moment();
	Guard g;
	bool zero = true;

	if (reinterpret_cast<unsigned long>(list) & 7)
		return bad("the list is not aligned", liobn, ioba);
	for (u32 i = 0; i < nr && i < 512; i++)
		zero = zero && !list_entry(list, i);
	return change(Op::PutIndirect, liobn, ioba, nr, zero,
		      [&](u32 i) { return list_entry(list, i); });
}

long tce_port_h_stuff_tce(tce_u32 liobn, tce_u64 ioba, tce_u64 tce, unsigned int nr)
{
	moment();
	Guard g;

	return change(Op::Stuff, liobn, ioba, nr, !tce, [&](u32) { return tce; });
}

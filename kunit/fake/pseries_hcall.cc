// SPDX-License-Identifier: GPL-2.0-only
/*
 * port.h, "PAPR: hypercalls": a hypervisor with one table per LIOBN.
 *
 * What the engine should never ask (a LIOBN that does not exist, entries outside
 * the window, a list that is not a page, memory that is not pinned) gets the
 * status that PAPR gives and fails the case.
 */
#include "world.hpp"

namespace fake {

/* --- What a device can reach ------------------------------------------------------ */

void World::note_tce(u64 old_tce, u64 new_tce, u32 page_shift)
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

bool World::device_reaches(u64 hpa, u64 bytes) const
{
	for (u32 s = 0; s < kShifts; s++) {
		if (!reach_[s].used())
			continue;
		for (u64 n = hpa >> kShiftOf[s]; n <= (hpa + bytes - 1) >> kShiftOf[s]; n++) {
			if (reach_[s].get(n))
				return true;
		}
	}

	for (u32 pe = 0; pe < config.groups; pe++) {
		if (ioda.count_reachable(pe, [&](const HwEntry &e) { return e.names(hpa, bytes); }))
			return true;
	}
	return false;
}

u64 World::entries_naming(u64 hpa) const
{
	const u64 page = bit(config.page_shift);
	u64 n = 0;

	hpa &= ~(page - 1);
	for (u32 s = 0; s < kShifts; s++) {
		for (u64 i = hpa >> kShiftOf[s];
		     reach_[s].used() && i <= (hpa + page - 1) >> kShiftOf[s]; i++)
			n += reach_[s].get(i);
	}
	for (u32 pe = 0; pe < config.groups; pe++)
		n += ioda.count_reachable(pe, [&](const HwEntry &e) { return e.names(hpa, page); });
	return n;
}

bool World::device_reaches_mem(const tce_mem &mem) const
{
	bool reaches = walked_entries_naming(mem);

	for (u32 s = 0; s < kShifts; s++) {
		reach_[s].for_each([&](u64 n, u64) {
			reaches = reaches || is_part_of(mem, n << kShiftOf[s], kShiftOf[s]);
		});
	}
	return reaches;
}

/* What one entry names is contiguous in user memory. */
bool World::is_part_of(const tce_mem &mem, u64 hpa, u32 shift) const
{
	u32 which;
	u64 ua;

	return locate(hpa, &which, &ua) && which == mem.mm->index &&
	       ua < mem.ua + (mem.npages << config.page_shift) && mem.ua < ua + bit(shift);
}

u64 World::entries_naming_mem(const tce_mem &mem) const
{
	u64 most = walked_entries_naming(mem);

	for (u32 g = 0; g < config.groups; g++) {
		u64 n = 0;

		for (const FwWindow &w : groups[g].win) {
			w.tces.for_each([&](u64, u64 tce) {
				n += is_part_of(mem, tce_hpa(tce), w.page_shift);
			});
		}
		most = n > most ? n : most;
	}
	return most;
}

u64 World::walked_entries_naming(const tce_mem &mem) const
{
	u64 most = 0;

	for (u32 pe = 0; pe < config.groups; pe++) {
		const u64 n = ioda.count_reachable(pe, [&](const HwEntry &e) {
			return is_part_of(mem, tce_hpa(e.tce), e.page_shift);
		});

		most = n > most ? n : most;
	}
	return most;
}

u64 World::live_tces() const
{
	u64 n = 0;

	for (u32 i = 0; i < config.groups; i++) {
		for_each_tce(i, [&](u64, u64 tce) { n += tce_live(tce); });
	}
	return n;
}

FwWindow *World::window_by_liobn(u32 liobn)
{
	for (u32 i = 0; i < config.groups; i++) {
		for (FwWindow &w : groups[i].win) {
			if (w.live && w.liobn == liobn)
				return &w;
		}
	}
	return nullptr;
}

FwWindow *World::window_at(u32 group, u64 ioba)
{
	for (FwWindow &w : groups[group].win) {
		if (w.live && w.start <= ioba && ioba - w.start < bit(w.window_shift))
			return &w;
	}
	return nullptr;
}

u64 World::tce_at(u32 group, u64 ioba)
{
	if (config.platform == TCE_PLATFORM_IODA2)
		return ioda.access(group, ioba);

	const FwWindow *w = window_at(group, ioba);

	return w ? w->tces.get((ioba - w->start) >> w->page_shift) : 0;
}

u32 World::page_shift_at(u32 group, u64 ioba)
{
	if (config.platform == TCE_PLATFORM_IODA2)
		return ioda.page_shift_at(group, ioba);

	const FwWindow *w = window_at(group, ioba);

	return w ? w->page_shift : 0;
}

void World::drop_window(FwWindow &w)
{
	w.tces.for_each([&](u64, u64 tce) { note_tce(tce, 0, w.page_shift); });
	w.tces.clear();
	w.live = false;
	w.is_default = false;
}

/* --- Hypercalls ----------------------------------------------------------------------- */

namespace {

/* The caller holds the world's lock. */
long bad(const char *what, u64 a, u64 b)
{
	world->bad_hcalls++;
	if (!world->allow_bad_hcalls)
		FAKE_FAIL("hypercall: %s (0x%llx, 0x%llx)", what, a, b);
	return h::kParameter;
}

/*
 * Should this call be refused?  @apply: how many entries it sets before that.
 */
bool refused(Op op, u32 liobn, bool zero, u32 nr, long *status, u32 *apply)
{
	static constexpr Site kSiteOf[] = { Site::HPut, Site::HIndirect, Site::HStuff };

	for (Script &s : world->scripts) {
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
	if (world->inject(kSiteOf[static_cast<u32>(op)])) {
		*status = world->inject_state.status;
		*apply = world->inject_state.apply < nr ? world->inject_state.apply : nr;
		return true;
	}
	return false;
}

void set_entry(FwWindow &w, u64 index, u64 tce)
{
	const u64 old = w.tces.exchange(index, tce);

	world->note_tce(old, tce, w.page_shift);
	if (world->watch && old != tce)
		world->watch(world->watch_arg, w, index, old, tce);
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
	if (!world->is_pinned(tce_hpa(tce), bit(w.page_shift))) {
		bad("entry names memory that is not pinned", tce, w.page_shift);
		return false;
	}
	if (tce & TCE_PERM_WRITE && !world->is_writable(tce_hpa(tce), bit(w.page_shift))) {
		bad("entry lets the device write to read-only memory", tce, w.page_shift);
		return false;
	}
	return true;
}

template <typename Entry>
long change(Op op, u32 liobn, u64 ioba, unsigned int nr, bool zero, Entry entry)
{
	FwWindow *w = world->window_by_liobn(liobn);
	HcallCount &count = world->hcalls[static_cast<u32>(op)];
	long status = h::kSuccess;
	u32 todo = nr;

	count.calls++;
	if (!world->config.fw.has_multitce && op != Op::Put)
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
		world->refused_hcalls++;

	const u64 first = (ioba - w->start) >> w->page_shift;

	/* Clearing what is empty is what happens most. */
	for (u32 i = 0; (!zero || w->tces.used()) && i < todo; i++)
		set_entry(*w, first + i, entry(i));
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
	return world->config.fw.has_multitce;
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

	if (reinterpret_cast<unsigned long>(list) & 4095 || !fake_is_port_page(list))
		return bad("the list is not a page", liobn, ioba);
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

int tce_port_wait_ms(unsigned int ms, int killable)
{
	expect_process_context("tce_port_wait_ms");
	world->users.quiet();
	{
		Guard g;

		world->waits++;
		world->waited_ms += ms;
	}
	moment();

	Guard g;

	return killable && (world->inject(Site::Killed) || env_self()->killed);
}

void tce_port_delay_us(unsigned int us)
{
	Guard g;

	world->delays++;
	world->delayed_us += us;
}

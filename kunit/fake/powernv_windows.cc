// SPDX-License-Identifier: GPL-2.0-only
/*
 * PowerNV's hardware, and port.h, "IODA2: windows of a PE" and the levels that
 * it walks.
 */
#include "powernv_windows.hpp"

namespace fake {

template <> constinit Ioda *Part<Ioda>::here = nullptr;

namespace {

/* Beyond all user memory; 1 MiB apart, no level is larger. */
constexpr u64 kLevels = 1ull << 50;
constexpr u32 kApart = 20;

bool power_of_two(u64 x)
{
	return x && !(x & (x - 1));
}

/* What mem_of_ has of a level. */
void *memory(u64 address)
{
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): Sparse holds numbers */
	return reinterpret_cast<void *>(static_cast<unsigned long>(address));
}

} // namespace

/* --- Levels --------------------------------------------------------------- */

void *Ioda::level_alloc(u64 bytes)
{
	auto *p = env_alloc(bytes, 4096);
	Guard g;
	const u64 number = next_++;

	number_of_.set(reinterpret_cast<unsigned long>(p) >> 12, number);
	mem_of_.set(number, reinterpret_cast<unsigned long>(p));
	bytes_of_.set(number, bytes);
	live_levels++;
	live_bytes += bytes;
	return p;
}

void Ioda::level_free(void *p, u64 bytes)
{
	{
		Guard g;
		const u64 number = number_of_.get(reinterpret_cast<unsigned long>(p) >> 12);

		if (!number || mem_of_.get(number) != reinterpret_cast<unsigned long>(p))
			env_panic(__FILE__, __LINE__, "free of a level that is none");
		if (bytes_of_.get(number) != bytes)
			FAKE_FAIL("a level of %llu bytes is freed as one of %llu",
				  bytes_of_.get(number), bytes);
		for (auto &pe : win) {
			for (const HwWindow &w : pe) {
				if (w.table && is_linked(w, address_of(w.shape.base),
							 w.shape.levels - 1, address_of(p)))
					FAKE_FAIL("a level is freed that hardware walks");
			}
		}
		number_of_.set(reinterpret_cast<unsigned long>(p) >> 12, 0);
		mem_of_.set(number, 0);
		bytes_of_.set(number, 0);
		live_levels--;
		live_bytes -= bytes;
	}
	env_free(p);
}

u64 Ioda::address_of(const void *p) const
{
	const u64 number = number_of_.get(reinterpret_cast<unsigned long>(p) >> 12);

	if (!number)
		env_panic(__FILE__, __LINE__, "the address of a level that is none");
	return kLevels + (number << kApart);
}

const void *Ioda::level_at(u64 hpa, u64 *bytes) const
{
	const u64 number = (hpa - kLevels) >> kApart;

	if (hpa < kLevels || hpa & (bit(kApart) - 1) || !mem_of_.get(number))
		return nullptr;
	if (bytes)
		*bytes = bytes_of_.get(number);
	return memory(mem_of_.get(number));
}

Ioda::~Ioda()
{
	mem_of_.for_each([](u64, u64 address) { env_free(memory(address)); });
}

/* --- Walks ---------------------------------------------------------------- */

u32 HwWindow::level_bits() const
{
	u32 lg2 = 0;

	while (bit(lg2) * sizeof(u64) < shape.level_bytes)
		lg2++;
	return lg2;
}

u64 Ioda::next_live(const u64 *words, u64 i, u64 end)
{
	while (words && i < end && !__atomic_load_n(&words[i], __ATOMIC_RELAXED))
		i++;
	return words ? i : end;
}

u64 Ioda::link(u64 raw)
{
	if ((raw & 0xfff) != (TCE_PERM_READ | TCE_PERM_WRITE))
		FAKE_FAIL("an upper level has 0x%llx", raw);
	return tce_hpa(raw);
}

const u64 *Ioda::follow(const HwWindow &w, u64 hpa) const
{
	u64 bytes = 0;
	const void *level = level_at(hpa, &bytes);

	if (!level || bytes != w.shape.level_bytes) {
		FAKE_FAIL("hardware walks to 0x%llx, which is no level", hpa);
		return nullptr;
	}
	return static_cast<const u64 *>(level);
}

u64 Ioda::walk(const HwWindow &w, u64 index) const
{
	const u32 bits = w.level_bits();
	u64 hpa = address_of(w.shape.base);

	for (u32 height = w.shape.levels - 1;; height--) {
		const u64 *words = follow(w, hpa);
		const u64 at = (index >> (bits * height)) & (bit(bits) - 1);
		const u64 raw = !words ? 0 :
				height ? load_link(&words[at]) :
					 load_entry(&words[at]);

		if (!height || !raw)
			return raw;
		hpa = link(raw);
	}
}

/* NOLINTNEXTLINE(misc-no-recursion): once a level, five times at most */
bool Ioda::is_linked(const HwWindow &w, u64 hpa, u32 height, u64 wanted) const
{
	if (hpa == wanted)
		return true;
	if (!height)
		return false;

	const u64 *words = follow(w, hpa);

	const u64 end = bit(w.level_bits());

	for (u64 i = next_live(words, 0, end); i < end; i = next_live(words, i + 1, end)) {
		const u64 raw = load_link(&words[i]);

		if (raw && is_linked(w, link(raw), height - 1, wanted))
			return true;
	}
	return false;
}

/*
 * The window by bit 59 of the address; whether it holds the address is for the
 * table.
 */
HwWindow *Ioda::window_at(u32 pe, u64 at)
{
	HwWindow &w = win[pe][at >= Base::here->config.fw.ddw_start];

	if (!w.table || at < w.start() || (at - w.start()) >> w.shape.page_shift >= w.reach())
		return nullptr;
	return &w;
}

u64 Ioda::access(u32 pe, u64 at)
{
	HwWindow *w = window_at(pe, at);

	if (!w)
		return 0;

	const u64 index = (at - w->start()) >> w->shape.page_shift;
	u64 tce = w->cache.get(index);

	if (!tce) {
		tce = walk(*w, index);
		if (tce_live(tce))
			w->cache.set(index, tce);
	}
	return tce;
}

u32 Ioda::page_shift_at(u32 pe, u64 at)
{
	const HwWindow *w = window_at(pe, at);

	return w ? w->shape.page_shift : 0;
}

void Ioda::snoop()
{
	Guard g;

	for (auto &pe : win) {
		for (HwWindow &w : pe) {
			if (!w.table)
				continue;

			const u32 shift = w.shape.page_shift;

			scan(w, address_of(w.shape.base), w.shape.levels - 1, 0,
			     [&](u64 i, u64 tce) {
				     const u64 cached = w.cache.get(i);

				     /*
				      * Nothing loses a pin while it is in
				      * reach, see there.
				      */
				     if (cached == tce)
					     return;
				     if (i >= w.shape.entries)
					     FAKE_FAIL("entry %llu behind the window's end", i);
				     if ((tce & 0xfff) != TCE_PERM_READ &&
					 (tce & 0xfff) != (TCE_PERM_READ | TCE_PERM_WRITE))
					     FAKE_FAIL("entry %llu has bits 0x%llx", i,
						       tce & 0xfff);
				     if (tce_hpa(tce) & (bit(shift) - 1))
					     FAKE_FAIL("entry %llu names 0x%llx", i, tce);
				     if (!UserMemory::here->is_pinned(tce_hpa(tce), bit(shift)))
					     FAKE_FAIL("entry %llu names memory that is not pinned",
						       i);
				     if (tce & TCE_PERM_WRITE &&
					 !UserMemory::here->is_writable(tce_hpa(tce), bit(shift)))
					     FAKE_FAIL("entry %llu: read-only memory", i);
				     if (!cached)
					     w.cache.set(i, tce);
			     });
		}
	}
}

/* --- Windows -------------------------------------------------------------- */

void Ioda::forget_cache(u32 pe)
{
	for (HwWindow &w : win[pe])
		w.cache.clear();
}

void Ioda::kill(tce_ktable *k, u64 index, u64 nr)
{
	kills++;
	killed_entries += nr;
	if (!nr || index < k->shape.offset || index - k->shape.offset >= k->shape.entries ||
	    nr > k->shape.entries - (index - k->shape.offset)) {
		FAKE_FAIL("kill of %llu entries at 0x%llx of a table of 0x%llx at 0x%llx", nr,
			  index, k->shape.entries, k->shape.offset);
		return;
	}

	const u64 first = index - k->shape.offset;

	if (on_kill)
		on_kill(on_kill_arg, first, nr);
	for (auto &pe : win) {
		for (HwWindow &w : pe) {
			if (w.table == k)
				w.cache.zero(first, nr);
		}
	}
}

void Ioda::forget_stuck()
{
	tce_ktable *gone[kMaxLost + kMaxPes * TCE_MAX_WINDOWS];
	u32 n = 0;
	{
		Guard g;

		while (nr_lost)
			gone[n++] = lost[--nr_lost];
		for (auto &pe : win) {
			for (HwWindow &w : pe) {
				if (!w.stuck)
					continue;
				gone[n++] = w.table;
				w.table = nullptr;
				w.stuck = false;
				w.cache.clear();
			}
		}
	}
	while (n)
		ktable_put(gone[--n]);
}

void Ioda::check_balance() const
{
	for (u32 pe = 0; pe < kMaxPes; pe++) {
		for (u32 slot = 0; slot < TCE_MAX_WINDOWS; slot++) {
			if (win[pe][slot].table)
				FAKE_FAIL("PE %u: window %u is set at the end", pe, slot);
		}
	}
	if (nr_lost)
		FAKE_FAIL("%u tables of windows that firmware did not unset", nr_lost);
}

void Ioda::check_levels() const
{
	if (live_levels)
		FAKE_FAIL("%llu levels of tables left at the end", live_levels);
}

} // namespace fake

using namespace fake;

void *tce_port_level_alloc(unsigned long bytes, int node)
{
	expect_process_context("tce_port_level_alloc");
	{
		Guard g;

		if (Base::here->forbid_alloc)
			FAKE_FAIL("a level is allocated where no allocation is allowed");
		if (bytes < 4096 || !power_of_two(bytes) || bytes > bit(kApart))
			FAKE_FAIL("a level of %lu bytes", bytes);
		if (node < -1 || node >= static_cast<int>(kMaxPes))
			FAKE_FAIL("a level on node %d", node);
		Alloc::here->total_allocs++;
		Ioda::here->nodes |= 1u << static_cast<u32>(node + 1);
		if (Base::here->inject(Site::LevelAlloc))
			return nullptr;
	}
	return Ioda::here->level_alloc(bytes);
}

void tce_port_level_free(void *p, unsigned long bytes)
{
	Ioda::here->level_free(p, bytes);
}

tce_u64 tce_port_level_address(const void *p)
{
	Guard g;

	return Ioda::here->address_of(p);
}

int tce_port_ioda_set_window(struct tce_port_group *grp, unsigned int slot, struct tce_ktable *k,
			     int for_kvm)
{
	moment();
	expect_process_context("tce_port_ioda_set_window");

	Guard guard;
	tce_port_group &g = check_group(grp);
	Ioda &ioda = *Ioda::here;
	const tce_ktable_shape &shape = k->shape;
	const u64 start = slot ? g.ddw_start : g.default_start;

	if (Base::here->config.platform != TCE_PLATFORM_IODA2 || slot >= TCE_MAX_WINDOWS ||
	    !shape.base)
		env_panic(__FILE__, __LINE__, "no such window");
	if (Base::here->forbid_alloc)
		FAKE_FAIL("a window is set where no allocation is allowed");
	if (shape.offset << shape.page_shift != start)
		FAKE_FAIL("window %u is set with a table for 0x%llx", slot,
			  shape.offset << shape.page_shift);
	if (!shape.levels || shape.levels > 5 || !ioda.level_at(ioda.address_of(shape.base)))
		FAKE_FAIL("a table of %u levels at %p", shape.levels, shape.base);
	if (!(g.caps.pgsizes & bit(shape.page_shift)))
		FAKE_FAIL("the PE has no pages of 2^%u bytes", shape.page_shift);
	if (Base::here->inject(Site::IodaSet))
		return err::kIo;

	HwWindow &w = ioda.win[g.index][slot];

	if (w.table && !w.stuck)
		FAKE_FAIL("PE %u: window %u is set already", g.index, slot);
	if (w.table && ioda.nr_lost < Ioda::kMaxLost)
		ioda.lost[ioda.nr_lost++] = w.table;
	w.table = k;
	w.stuck = false;
	w.shape = shape;
	if (w.reach() < shape.entries)
		FAKE_FAIL("a table of %llu entries for a window of %llu", w.reach(), shape.entries);
	if (shape.levels * w.level_bits() + shape.page_shift > 59)
		FAKE_FAIL("indices of %u bits reach bit 59", shape.levels * w.level_bits());
	k->refs++;
	if (for_kvm) {
		k->refs++;
		g.slot[slot] = k;
	}
	ioda.forget_cache(g.index);
	ioda.sets++;
	return 0;
}

int tce_port_ioda_unset_window(struct tce_port_group *grp, unsigned int slot)
{
	moment();
	tce_ktable *shown, *walked = nullptr;
	int rc = 0;

	expect_process_context("tce_port_ioda_unset_window");
	{
		Guard guard;
		tce_port_group &g = check_group(grp);
		Ioda &ioda = *Ioda::here;

		if (slot >= TCE_MAX_WINDOWS)
			env_panic(__FILE__, __LINE__, "no such window");

		HwWindow &w = ioda.win[g.index][slot];

		if (!w.table || w.stuck) {
			FAKE_FAIL("PE %u: window %u is unset, it is not there", g.index, slot);
			return 0;
		}
		shown = g.slot[slot];
		g.slot[slot] = nullptr;
		if (Base::here->inject(Site::IodaUnset)) {
			w.stuck = true;
			rc = err::kIo;
		} else {
			walked = w.table;
			w.table = nullptr;
			ioda.forget_cache(g.index);
		}
		ioda.unsets++;
	}
	if (shown)
		ktable_put(shown);
	if (walked)
		ktable_put(walked);
	return rc;
}

void tce_port_ioda_kill(struct tce_ktable *k, tce_u64 index, tce_u64 nr)
{
	moment();
	Guard g;

	Ioda::here->kill(k, index, nr);
}

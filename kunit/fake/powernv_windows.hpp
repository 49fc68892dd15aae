// SPDX-License-Identifier: GPL-2.0-only
/*
 * PowerNV's hardware (IODA2): it walks the tables that it is told of, and
 * caches what it reads.
 *
 * Model
 *  - Levels of tables are real memory with made-up physical addresses.  A walk
 *    starts at the base that the window was set with and follows what stands in
 *    the levels, big-endian; a pointer to anything but a level of the right
 *    size fails the case.
 *  - Hardware knows the size of level pages and their number, not that of the
 *    window: it reads what lies behind the window's end as well.
 *  - A translation that was once read stays in the PE's cache until a kill
 *    covers it or a window of the PE is set or unset, whatever the table says.
 *    What a device can reach is the table and the cache.
 *  - snoop() reads everything there is, as the worst device would; Rig does so
 *    after every call.  It also checks what stands there: pinned memory, no odd
 *    bits, nothing outside.
 *  - A window that firmware does not unset stays walked, and linked for kills,
 *    until another one is set in its place or forget_stuck().
 */
#ifndef TCE_FAKE_IODA_HPP
#define TCE_FAKE_IODA_HPP

#include "alloc.hpp"
#include "ktable.hpp"
#include "mm.hpp"

namespace fake {

inline constexpr u32 kMaxPes = 4;

/* A translation that a device can use. */
struct HwEntry {
	u64 at; /* bus address */
	u64 tce;
	u32 page_shift;
	bool cached; /* and the table says something else */

	bool names(u64 hpa, u64 bytes) const
	{
		const u64 page = tce & ~0xfffull;

		return page < hpa + bytes && hpa < page + bit(page_shift);
	}
};

/* One window of a PE: where it starts walking, and what it remembers. */
struct HwWindow {
	tce_ktable *table; /* referenced; nullptr: no window */
	bool stuck;	   /* firmware did not unset it */
	tce_ktable_shape shape;
	Sparse cache; /* by entry from the window's first */

	u32 level_bits() const;
	/* Entries that the hardware can tell apart. */
	u64 reach() const { return bit(level_bits() * shape.levels); }
	u64 start() const { return shape.offset << shape.page_shift; }
};

class Ioda : public Part<Ioda> {
public:
	~Ioda();

	/* --- Levels --- */

	u64 live_levels = 0, live_bytes = 0;
	u32 nodes = 0; /* bit n + 1: a level was made for node n */
	void *level_alloc(u64 bytes);
	void level_free(void *p, u64 bytes);
	u64 address_of(const void *p) const;
	/*
	 * The level at a physical address, nullptr if there is none; its size.
	 */
	const void *level_at(u64 hpa, u64 *bytes = nullptr) const;

	/* --- Windows --- */

	HwWindow win[kMaxPes][TCE_MAX_WINDOWS] = {};
	u64 sets = 0, unsets = 0;
	u64 kills = 0, killed_entries = 0;
	/*
	 * For cases that look at every moment: called in a kill, before it
	 * takes effect.
	 */
	void (*on_kill)(void *arg, u64 first, u64 nr) = nullptr;
	void *on_kill_arg = nullptr;

	void kill(tce_ktable *k, u64 index, u64 nr);
	void forget_cache(u32 pe);
	/*
	 * The host resets its PEs: windows that are stuck go.  Cases call it.
	 */
	void forget_stuck();
	/*
	 * References that stand for tables that firmware has been told of in
	 * vain.
	 */
	static constexpr u32 kMaxLost = 64;
	tce_ktable *lost[kMaxLost] = {};
	u32 nr_lost = 0;

	/* --- Devices --- */

	/*
	 * A device of @pe uses a bus address: the entry, 0 if it is stopped.
	 * The caller holds the world's lock, or is alone.
	 */
	u64 access(u32 pe, u64 at);
	u32 page_shift_at(u32 pe, u64 at);
	void snoop();
	void check_balance() const;
	void check_levels() const;
	void reset_counts() { sets = unsets = kills = killed_entries = 0; }

	/*
	 * How many entries of a PE a device can use for which match(const
	 * HwEntry &) holds.
	 */
	template <typename Match> u64 count_reachable(u32 pe, Match match) const
	{
		u64 n = 0;

		for_each_reachable(pe, [&](const HwEntry &) { n++; }, match);
		return n;
	}
	/* fn(const HwEntry &) for each of them. */
	template <typename Fn> void for_each_reachable(u32 pe, Fn fn) const
	{
		for_each_reachable(pe, fn, [](const HwEntry &) { return true; });
	}
	template <typename Fn, typename Match>
	void for_each_reachable(u32 pe, Fn fn, Match match) const
	{
		for (const HwWindow &w : win[pe]) {
			if (!w.table)
				continue;
			scan(w, level_address(w.shape.base), w.shape.levels - 1, 0,
			     [&](u64 index, u64 tce) {
				     const HwEntry e = entry(w, index, tce, false);

				     if (match(e))
					     fn(e);
			     });
			w.cache.for_each([&](u64 index, u64 tce) {
				const HwEntry e = entry(w, index, tce, true);

				if (match(e) && walk(w, index) != tce)
					fn(e);
			});
		}
	}

	/*
	 * What stands in the table, whatever was cached; @index from the
	 * window's first.
	 */
	u64 walk(const HwWindow &w, u64 index) const;

private:
	static HwEntry entry(const HwWindow &w, u64 index, u64 tce, bool cached)
	{
		return { w.start() + (index << w.shape.page_shift), tce, w.shape.page_shift,
			 cached };
	}
	u64 level_address(const void *base) const { return address_of(base); }
	/*
	 * The words of a level that hardware goes on to, nullptr after a
	 * complaint.
	 */
	const u64 *follow(const HwWindow &w, u64 hpa) const;
	HwWindow *window_at(u32 pe, u64 at);

	/* fn(index, tce) for every live entry. */
	/* NOLINTBEGIN(misc-no-recursion): once a level, five times at most */
	template <typename Fn>
	void scan(const HwWindow &w, u64 hpa, u32 height, u64 index, Fn fn) const
	{
		const u64 *words = follow(w, hpa);
		const u32 bits = w.level_bits();

		for (u64 i = next_live(words, 0, bit(bits)); i < bit(bits);
		     i = next_live(words, i + 1, bit(bits))) {
			const u64 raw = height ? load_link(&words[i]) : load_entry(&words[i]);

			/* Gone meanwhile. */
			if (!raw)
				continue;
			if (height)
				scan(w, link(raw), height - 1, (index << bits) | i, fn);
			else
				fn((index << bits) | i, raw);
		}
	}
	/* NOLINTEND(misc-no-recursion) */
	/* What a link leads to is read after it. */
	static u64 load_link(const u64 *word)
	{
		return swap_be(__atomic_load_n(word, __ATOMIC_ACQUIRE));
	}
	static u64 load_entry(const u64 *word)
	{
		return swap_be(__atomic_load_n(word, __ATOMIC_RELAXED));
	}
	/* The first word from @i on that is not 0; @end if there is none. */
	static u64 next_live(const u64 *words, u64 i, u64 end);
	static u64 link(u64 raw);
	bool is_linked(const HwWindow &w, u64 hpa, u32 height, u64 wanted) const;

	u64 next_ = 1;
	Sparse number_of_; /* by address / 4096 */
	Sparse mem_of_;	   /* by number */
	Sparse bytes_of_;
};

template <> Ioda *Part<Ioda>::here;

} // namespace fake

#endif /* TCE_FAKE_IODA_HPP */

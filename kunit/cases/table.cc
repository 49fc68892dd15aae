// SPDX-License-Identifier: GPL-2.0-only
/*
 * The radix table by itself: every level, its borders, what is made on demand,
 * what a failed preparation leaves, and what hardware would see between any two
 * stores.
 */
#include "bench.hpp"

using namespace fake;
using tce::Geometry;
using tce::Hpa;
using tce::IndexRange;
using tce::Perm;
using tce::Tce;
using tce::TceIndex;
using tce::Uaddr;

/*
 * One entry on either side of every border of every level, and nothing in
 * between.
 */
TCE_CASE(table, every_level)
{
	const Geometry g = shape(param);
	Bench b(g);

	for (u32 level = 0; level < g.levels(); level++) {
		const u64 top = g.level_entries(level) - 1;
		const u64 tops[] = { 0, 1, top / 2, top };

		for (u64 slot : tops) {
			const u64 first = slot * g.reach(level);
			const u64 last = first + g.reach(level) - 1;

			if (last >= g.entries())
				continue;
			TCE_EXPECT_EQ(b.grow(first, first + 1), tce::Errc::Ok);
			TCE_EXPECT_EQ(b.grow(last, last + 1), tce::Errc::Ok);
			b.set(first, (first + 1) << 12);
			b.set(last, (last + 1) << 12);
			TCE_EXPECT_EQ(b.tce(first) >> 12, first + 1);
			TCE_EXPECT_EQ(b.tce(last) >> 12, last + 1);
			if (first)
				TCE_EXPECT_NE(b.tce(first - 1) >> 12, first + 1);
		}
	}
	TCE_EXPECT_EQ(b.table.leaf(TceIndex(0))->first().raw, 0);
	TCE_EXPECT(!b.table.next_leaf({ TceIndex(g.entries()), TceIndex(g.entries()) }));
}

/* What a table costs that holds next to nothing. */
TCE_CASE(table, on_demand)
{
	const Geometry g = shape(param);
	Bench b(g);

	TCE_EXPECT_EQ(b.w.live_bytes, 0);
	TCE_EXPECT_EQ(b.grow(g.entries() - 1, g.entries()), tce::Errc::Ok);
	TCE_EXPECT_EQ(b.leaves(), 1);
	/* A leaf with its user view, and one page per level above. */
	TCE_EXPECT_LE(b.w.live_bytes, 64 * 1024 * 5 + 256 + g.leaf_entries() * 17);
	TCE_EXPECT_EQ(b.pages(), one_of_each(g) / 4096);
	/* Again: nothing new. */
	TCE_EXPECT_EQ(b.grow(g.entries() - 1, g.entries()), tce::Errc::Ok);
	TCE_EXPECT_EQ(b.leaves(), 1);
	TCE_EXPECT_EQ(b.pages(), one_of_each(g) / 4096);
}

/* next_leaf() against looking at every leaf. */
TCE_CASE(table, holes)
{
	const Geometry g = shape(param);
	Bench b(g);
	Random random(param + 5);
	constexpr u32 kMade = 12;
	u64 made[kMade];

	for (u64 &at : made) {
		at = g.leaf_begin(TceIndex(random.below(g.entries()))).raw;
		TCE_ASSERT_EQ(b.grow(at, at + 1), tce::Errc::Ok);
	}
	for (u32 i = 0; i < 300; i++) {
		const u64 begin = random.below(g.entries());
		const u64 end = begin + 1 + random.below(g.entries() - begin);
		const tce::Leaf *found = b.table.next_leaf({ TceIndex(begin), TceIndex(end) });
		u64 want = ~0ull;

		for (u64 at : made) {
			if (at < end && at + g.leaf_entries() > begin && at < want)
				want = at;
		}
		TCE_EXPECT_EQ(found ? found->first().raw : ~0ull, want);
	}
}

TCE_CASE(table, cursor)
{
	const Geometry g = shape(param);
	Bench b(g);
	Random random(param + 9);

	for (u32 i = 0; i < 8; i++) {
		const u64 at = random.below(g.entries());

		TCE_ASSERT_EQ(b.grow(at, at + 1), tce::Errc::Ok);
	}

	tce::Cursor cursor(b.table, b.table.whole());
	u64 parts = 0, last_end = 0;

	while (const tce::Leaf *leaf = cursor.next()) {
		const IndexRange part = cursor.part();

		TCE_EXPECT(part.begin.raw >= last_end && leaf->first() <= part.begin &&
			   part.end <= leaf->end() && !part.empty());
		/* Over a hole, for its first entry alone. */
		TCE_EXPECT_EQ(b.table.next_leaf({ TceIndex(last_end), leaf->first() + 1 }), leaf);
		last_end = part.end.raw;
		parts++;
	}
	TCE_EXPECT_EQ(parts, b.leaves());
}

/* Every allocation and charge fails once: nothing is left of it. */
TCE_CASE(table, prepare_fails)
{
	const Geometry g = shape(param);
	u64 nth = 1;

	for (;; nth++) {
		Bench b(g);
		const u64 begin = g.entries() > 3 ? g.leaf_entries() / 2 : 0;
		u64 end = begin + 3 * g.leaf_entries();

		if (end > g.entries())
			end = g.entries();
		b.w.fail_nth(nth);

		const tce::Errc rc = b.grow(begin, end);
		const u64 fired = b.w.injected();
		const Site where = b.w.inject_state.last;

		b.w.fail_never();
		if (!fired) {
			TCE_EXPECT_EQ(rc, tce::Errc::Ok);
			break;
		}
		TCE_EXPECT_EQ(rc, where == Site::Killed ? tce::Errc::Intr : tce::Errc::NoMem);
		TCE_EXPECT_EQ(b.leaves(), 0);
		TCE_EXPECT_EQ(b.bytes(), 0);
		TCE_EXPECT_EQ(b.pages(), 0);
		TCE_EXPECT(!b.table.next_leaf(b.table.whole()));
		TCE_EXPECT_EQ(b.grow(begin, end), tce::Errc::Ok);
	}
	TCE_EXPECT_LE(2, nth);
}

/* Two prepare the same leaves; the second to hang them in gives his up. */
TCE_CASE(table, two_prepare)
{
	const Geometry g = shape(param);
	Bench b(g);
	const IndexRange range = { TceIndex(0), TceIndex(1) };
	{
		tce::PreparedLeaves one(b.charge), two(b.charge);

		TCE_ASSERT_EQ(b.table.prepare(range, one).error(), tce::Errc::Ok);
		TCE_ASSERT_EQ(b.table.prepare(range, two).error(), tce::Errc::Ok);
		b.table.link(two);

		const tce::Leaf *leaf = b.table.leaf(TceIndex(0));

		b.set(0, 0x5000);
		b.table.link(one);
		TCE_EXPECT_EQ(b.table.leaf(TceIndex(0)), leaf);
		TCE_EXPECT_EQ(b.tce(0), 0x5003);
	}
	TCE_EXPECT_EQ(b.leaves(), 1);
	TCE_EXPECT_EQ(b.pages(), one_of_each(g) / 4096);
}

TCE_CASE(table, live_and_pending)
{
	const Geometry g = shape(param);
	Bench b(g);
	Random random(param + 33);
	static constexpr u32 kMax = 8192;
	auto *pending = static_cast<bool *>(env_alloc(kMax, 8));
	u64 live = 0, nr_pending = 0;

	TCE_ASSERT_EQ(b.grow(0, 1), tce::Errc::Ok);

	tce::Leaf *leaf = b.table.leaf(TceIndex(0));
	const u64 n = leaf->entries();
	{
		tce::Guard guard(leaf->lock);

		TCE_EXPECT(n <= kMax);
		for (u32 i = 0; i < 2000; i++) {
			const TceIndex at(random.below(n));
			const bool was = leaf->tce(at).live();
			const bool is = random.one_in(2);

			leaf->set(at, { Tce(Hpa(at.raw << 12), Perm(is ? 1 : 0)), Uaddr(i) });
			live += is - was;
			TCE_EXPECT_EQ(leaf->user(at).raw, i);
			if (random.one_in(3)) {
				nr_pending -= pending[at.raw];
				pending[at.raw] = false;
				leaf->clear_pending(at);
			} else {
				nr_pending += !pending[at.raw];
				pending[at.raw] = true;
				leaf->set_pending(at);
			}
			TCE_EXPECT_EQ(leaf->live(), live);
			TCE_EXPECT_EQ(leaf->pending(), nr_pending);

			u64 from = random.below(n), to = random.below(n + 1), next = from;

			if (to < from)
				continue;
			while (next < to && !pending[next])
				next++;
			TCE_EXPECT_EQ(leaf->next_pending(TceIndex(from), TceIndex(to)).raw, next);
		}
	}
	env_free(pending);
}

/* Slots of the user view are apart from TCEs and from each other. */
TCE_CASE(table, user_view)
{
	const Geometry g = shape(param);
	Bench b(g);

	TCE_ASSERT_EQ(b.grow(0, 1), tce::Errc::Ok);

	tce::Leaf *leaf = b.table.leaf(TceIndex(0));

	for (u64 i = 0; i < leaf->entries(); i++)
		*leaf->user_slot(TceIndex(i)) = tce::Be64::from_cpu(0x1000 + i);
	tce::Guard guard(leaf->lock);

	for (u64 i = 0; i < leaf->entries(); i++) {
		TCE_EXPECT_EQ(leaf->user(TceIndex(i)).raw, 0x1000 + i);
		TCE_EXPECT(!leaf->tce(TceIndex(i)).live());
		leaf->set_user(TceIndex(i), Uaddr());
	}
}

/*
 * The history of a table: after any store every entry is what it was, what it
 * is to be, or closed, and no pointer leads to a level that is not complete.
 */
static void check_history(const Geometry &g, u64 seed, bool walked)
{
	Recorder rec(60000);
	u32 checked = 0;
	{
		Bench b(g, {}, { walked, walked ? 2 : -1 });
		Random random(seed);
		View view(g, walked);
		u32 seen = 0;

		/*
		 * Where it starts is told to the hardware before anything is in
		 * it.
		 */
		if (walked)
			TCE_EXPECT(b.table.make_root(b.charge).ok());
		view.make_root(b.table.root_page());

		for (u32 round = 0; round < 12; round++) {
			static constexpr u64 kRun = 24;
			const u64 begin = round % 3 == 2 ? 0 : random.below(g.entries());
			const u64 end = begin + kRun < g.entries() ? begin + kRun : g.entries();
			const u64 count = end - begin;
			u64 before[kRun] = {}, after[kRun] = {};

			for (u64 i = 0; i < count; i++) {
				before[i] = b.tce(begin + i);
				after[i] = random.one_in(4) ? 0 : (random.below(bit(30)) << 12) | 3;
			}
			TCE_ASSERT_EQ(b.grow(begin, end), tce::Errc::Ok);
			for (u64 i = 0; i < count; i++)
				b.set(begin + i, after[i] & ~0xfffull);

			/*
			 * Each event, seen by a device that looks at that
			 * moment.
			 */
			for (; seen < rec.count(); seen++) {
				view.apply(rec.at(seen));
				for (u64 i = 0; i < count; i++) {
					const View::Seen now = view.look(begin + i);

					checked++;
					if (now.broken || (now.tce != before[i] &&
							   now.tce != after[i] && now.tce)) {
						FAKE_FAIL("event %u: entry 0x%llx is 0x%llx%s",
							  seen, begin + i, now.tce,
							  now.broken ? ", broken" : "");
						return;
					}
				}
			}
			for (u64 i = 0; i < count; i++)
				TCE_EXPECT_EQ(view.look(begin + i).tce, after[i]);
		}
	}

	/* Its end: every level that was born dies, once. */
	View view(g, walked);

	for (u32 i = 0; i < rec.count(); i++)
		view.apply(rec.at(i));
	TCE_EXPECT_EQ(view.levels_alive(), 0);
	TCE_EXPECT_LT(0, checked);
}

TCE_CASE(table, history)
{
	check_history(shape(param), param + 71, false);
}

/*
 * The hardware's pointers lead to empty levels only, and to each before
 * anything is in it.
 */
TCE_CASE(table, history_walked)
{
	check_history(walked_shape(param), param + 171, true);
}

/* As prepare_fails, with levels for the hardware. */
TCE_CASE(table, prepare_walked_fails)
{
	const Geometry g = walked_shape(param);
	const u64 top = g.levels() == 1 ? g.entries() : bit(g.level_bits());
	const u64 kept = 8 * (top < g.entries() ? top : g.entries());
	u64 nth = 1;

	for (;; nth++) {
		Bench b(g, {}, { true, 1 });
		const u64 begin = g.entries() > 3 ? g.leaf_entries() / 2 : 0;
		u64 end = begin + 3 * g.leaf_entries();

		if (end > g.entries())
			end = g.entries();
		b.w.fail_nth(nth);

		const bool planted = b.table.make_root(b.charge).ok();
		const tce::Errc rc = planted ? b.grow(begin, end) : tce::Errc::NoMem;
		const u64 fired = b.w.injected();

		b.w.fail_never();
		if (!fired) {
			TCE_EXPECT_EQ(rc, tce::Errc::Ok);
			break;
		}
		if (g.levels() > 1 || !planted)
			TCE_EXPECT_EQ(b.leaves(), 0);
		/* The top stays, and is paid for. */
		TCE_EXPECT_EQ(b.pages(), planted ? kept / 4096 : 0);
		TCE_EXPECT_EQ(b.w.ioda.live_levels, planted ? 1 : 0);
		TCE_EXPECT_EQ(planted, b.table.root_page() != nullptr);
		TCE_EXPECT(b.table.make_root(b.charge).ok());
		TCE_EXPECT_EQ(b.grow(begin, end), tce::Errc::Ok);
		TCE_EXPECT(b.table.root_page());
	}
	TCE_EXPECT_LE(2, nth);
}

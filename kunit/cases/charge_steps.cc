// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an owner is charged, step by step through the life of a container:
 * f(state) is computed here from what was asked for, without the engine's
 * arithmetic.
 */
#include "params.hpp"
#include "rig.hpp"

using namespace fake;

namespace {

/*
 * log2 of the entries of a leaf: level pages are even, and of 512 to 8192
 * entries.
 */
u32 level_bits(u32 lg2, u32 levels)
{
	u32 fewest = 1, bits = 0;

	while (fewest * 13 < lg2)
		fewest++;
	levels = levels < fewest ? fewest : levels > 5 ? 5 : levels;
	while (levels > fewest && (levels - 1) * 9 >= lg2)
		levels--;
	while (bits * levels < lg2)
		bits++;
	if (bits < 9)
		bits = lg2 < 9 ? lg2 : 9;
	return bits;
}

/* The books of one window: the parts of each level that were ever touched. */
struct Book {
	u64 start, page;
	u64 entries;
	u32 lg2, bits;
	Sparse touched[5];

	void open(u64 at, u32 page_shift, u64 bytes, u32 levels)
	{
		lg2 = 0;
		while (bit(lg2 + page_shift) < bytes)
			lg2++;
		start = at;
		page = bit(page_shift);
		entries = bit(lg2);
		bits = level_bits(lg2, levels);
		for (Sparse &level : touched)
			level.clear();
	}
	void close() { entries = 0; }
	void touch(u64 at, u64 bytes)
	{
		const u64 first = (at - start) / page, last = (at - start + bytes - 1) / page;

		for (u32 level = 0; level * bits < lg2; level++) {
			const u32 below = (level + 1) * bits;

			for (u64 i = first >> below; i <= last >> below; i++)
				touched[level].set(i, 1);
		}
	}
	u64 pages() const
	{
		u64 sum = 0;

		for (u32 level = 0; entries && level * bits < lg2; level++) {
			const u32 left = lg2 - level * bits;

			sum += touched[level].used() * bit(left < bits ? left : bits) * 8;
		}
		return sum >> world->config.page_shift < at_most() ?
			       sum >> world->config.page_shift :
			       at_most();
	}
	/* What the in-tree driver takes for such a window at once. */
	u64 at_most() const { return entries * 8 >> world->config.page_shift; }
};

struct Books {
	explicit Books(Rig &rig) : r(rig) {}

	bool right() const
	{
		u64 sum = registered;

		for (const Book &book : window) {
			sum += book.pages();
			TCE_EXPECT_LE(book.pages(), book.at_most());
		}
		TCE_EXPECT_EQ(r.w.registered_pages(), registered);
		return TCE_EXPECT_EQ(r.w.locked_vm(), sum);
	}

	Rig &r;
	u64 registered = 0;
	Book window[2] = {};
};

} // namespace

TCE_CASE(charge, every_step)
{
	Rig r(with_system_pages(param));
	Books b(r);
	const u32 shift = r.w.config.page_shift;
	const u64 page = bit(shift);
	Random random(param + 5);

	TCE_EXPECT(b.right());
	TCE_ASSERT_EQ(r.reg(kUser, 4096 * page), 0);
	b.registered = 4096;
	TCE_EXPECT(b.right());
	TCE_EXPECT_EQ(r.reg(kUser, 4096 * page), err::kBusy);
	TCE_EXPECT_EQ(r.reg(kUser + page, page), err::kInval);
	TCE_EXPECT(b.right());
	for (u32 levels = 1; levels <= 5; levels++) {
		/*
		 * The default window's table comes with the first MAP that
		 * comes to it.
		 */
		if (levels > 1)
			TCE_ASSERT_EQ(r.create(12, kGiB, levels), 0);
		b.window[0].open(0, 12, kGiB, levels);
		TCE_EXPECT(b.right());
		TCE_ASSERT_EQ(r.create(shift, kTiB, levels), 0);
		TCE_ASSERT_EQ(r.start, kDdwStart);
		b.window[1].open(kDdwStart, shift, kTiB, levels);
		TCE_EXPECT(b.right());
		for (u64 n = rounds(40, 6); n; n--) {
			Book &book = b.window[random.below(2)];
			const u64 bytes = (1 + random.below(3000)) * page;
			const u64 at =
				book.start +
				(random.below(book.entries * book.page - bytes) & ~(page - 1));

			switch (random.below(5)) {
			case 0:
				TCE_EXPECT_EQ(r.unmap(at, bytes), 0);
				break;
			case 1:
				/*
				 * Refused for its arguments or for want of
				 * memory: nothing.
				 */
				TCE_EXPECT_EQ(r.map(kUser - page, at, bytes), err::kInval);
				r.w.fail_nth(1, site_bit(Site::MemMap));
				/* It fails only where nothing is mapped yet. */
				if (!r.map(kUser, at, bytes))
					book.touch(at, bytes);
				r.w.fail_nth(1, site_bit(Site::Charge));
				if (!r.map(kUser, at, bytes))
					book.touch(at, bytes);
				r.w.fail_never();
				break;
			case 2:
				/*
				 * By the hypervisor: the leaves are there, and
				 * paid for.
				 */
				r.w.fail_nth(1, kHcallSites);
				TCE_EXPECT_EQ(r.map(kUser, at, bytes), err::kIo);
				r.w.fail_never();
				book.touch(at, bytes);
				break;
			default:
				TCE_EXPECT_EQ(r.map(kUser, at, bytes), 0);
				book.touch(at, bytes);
			}
			if (!b.right())
				return;
		}
		TCE_EXPECT_EQ(r.unmap(0, kGiB), 0);
		TCE_EXPECT_EQ(r.unmap(kDdwStart, kTiB), 0);
		TCE_EXPECT(b.right());
		TCE_EXPECT_EQ(r.remove(levels & 1 ? 0 : kDdwStart), 0);
		b.window[levels & 1 ? 0 : 1].close();
		TCE_EXPECT(b.right());
		TCE_EXPECT_EQ(r.remove(levels & 1 ? kDdwStart : 0), 0);
		b.window[levels & 1 ? 1 : 0].close();
		TCE_EXPECT(b.right());
	}
	TCE_EXPECT_EQ(r.unreg(kUser, 4096 * page), 0);
	b.registered = 0;
	TCE_EXPECT(b.right());
}

/*
 * All of a window mapped: as much as the in-tree driver takes, and not a page
 * more.
 */
TCE_CASE(charge, full_window)
{
	Rig r(with_system_pages(param));

	TCE_ASSERT_EQ(r.reg(kUser, 64 * kMiB), 0);
	for (u64 bytes = 64 * kMiB; bytes >= 64 * kKiB; bytes /= 2) {
		TCE_ASSERT_EQ(r.create(12, bytes), 0);
		TCE_ASSERT_EQ(r.map(kUser, r.start, bytes), 0);
		TCE_EXPECT_EQ(r.w.locked_vm() - r.w.registered_pages(),
			      bytes / 4096 * 8 >> r.w.config.page_shift);
		TCE_ASSERT_EQ(r.remove(r.start), 0);
		TCE_EXPECT_EQ(r.w.locked_vm(), r.w.registered_pages());
	}
}

/* The limit is reached by one page fewer than it takes, at each point. */
TCE_CASE(charge, limit_at_every_point)
{
	Rig r(with_system_pages(param));
	const u64 page = bit(r.w.config.page_shift);
	u64 refused = 0;

	r.w.mm[0].limit = 1023;
	TCE_EXPECT_EQ(r.reg(kUser, 1024 * page), err::kNoMem);
	TCE_EXPECT_EQ(r.w.locked_vm(), 0);
	r.w.mm[0].limit = 1024;
	TCE_ASSERT_EQ(r.reg(kUser, 1024 * page), 0);
	TCE_ASSERT_EQ(r.create(r.w.config.page_shift, kTiB, 4), 0);
	for (u64 i = 0; i < 200; i += stride()) {
		const u64 at = kDdwStart + i * 5000 * page;
		const u64 locked = r.w.locked_vm(), live = r.w.live_tces();

		/* Whatever it takes is one page too many, until it has it. */
		for (r.w.mm[0].limit = locked;; r.w.mm[0].limit++) {
			const int rc = r.map(kUser, at, 1000 * page);

			if (!rc)
				break;
			TCE_EXPECT_EQ(rc, err::kNoMem);
			TCE_EXPECT_EQ(r.w.locked_vm(), locked);
			TCE_EXPECT_EQ(r.w.live_tces(), live);
			if (++refused > 10000)
				return;
		}
		TCE_EXPECT_EQ(r.w.locked_vm(), r.w.mm[0].limit);
		TCE_EXPECT_EQ(r.w.live_tces(), live + 1000);
	}
	TCE_EXPECT_LE(20, refused * stride());
}

/* KVM still holds the table; it costs nobody anything any more. */
TCE_CASE(charge, removed_under_kvm)
{
	Rig r(with_system_pages(param));
	const u64 page = bit(r.w.config.page_shift);
	GuestTable table;
	Kvm kvm(&r.w.mm[0], kUser);

	TCE_ASSERT_EQ(r.reg(kUser, 1024 * page), 0);
	TCE_ASSERT_EQ(r.create(r.w.config.page_shift, kTiB), 0);
	table.page_shift = r.w.config.page_shift;
	table.offset = kDdwStart / page;
	table.size = kTiB / page;
	TCE_ASSERT_EQ(kvm.attach(table, 0), 0);
	for (u64 i = 0; i < 64; i++)
		TCE_EXPECT_EQ(r.map(kUser + i * page, kDdwStart + i * 10000 * page, page), 0);
	TCE_EXPECT_LT(r.w.registered_pages(), r.w.locked_vm());
	const u64 bytes = r.w.live_bytes;

	TCE_EXPECT_EQ(r.remove(kDdwStart), 0);
	TCE_EXPECT_EQ(r.w.live_ktables, 1);
	TCE_EXPECT_EQ(r.w.locked_vm(), r.w.registered_pages());
	/* What KVM holds is empty. */
	TCE_EXPECT_EQ(r.w.counters[TCE_COUNT_LEAVES], 0);
	TCE_EXPECT_LT(r.w.live_bytes, bytes / 4);
	kvm.release(table);
	TCE_EXPECT_EQ(r.w.locked_vm(), r.w.registered_pages());
	TCE_EXPECT_EQ(r.unreg(kUser, 1024 * page), 0);
	TCE_EXPECT_EQ(r.w.locked_vm(), 0);
}

/*
 * Memory is charged once whoever registers it, tables to the one who has them.
 */
TCE_CASE(charge, two_containers)
{
	Config config = with_system_pages(param);

	config.groups = 2;

	Rig r(config, 2, false);
	const u64 page = bit(config.page_shift);

	TCE_ASSERT_EQ(r.attach(0, 0), 0);
	TCE_ASSERT_EQ(r.attach(1, 1), 0);
	for (u32 c = 0; c < 2; c++) {
		TCE_ASSERT_EQ(r.reg(kUser, 8192 * page, c), 0);
		TCE_EXPECT_EQ(r.w.locked_vm(), 8192);
	}
	for (u32 c = 0; c < 2; c++)
		TCE_ASSERT_EQ(r.map(kUser, 0, 8192 * 4096, kRw, c), 0);

	/* 16 leaves, and the level above them. */
	const u64 table = (8192 + 512) * 8 / page;

	TCE_EXPECT_EQ(r.w.locked_vm(), 8192 + 2 * table);
	r.detach(0);
	TCE_EXPECT_EQ(r.w.locked_vm(), 8192 + table);
	r.close(0);
	TCE_EXPECT_EQ(r.w.locked_vm(), 8192 + table);
	r.detach(1);
	TCE_EXPECT_EQ(r.w.locked_vm(), 8192);
	r.close(1);
	TCE_EXPECT_EQ(r.w.locked_vm(), 0);
}

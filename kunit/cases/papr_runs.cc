// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs of TCEs: how many hypercalls it takes to map, to unmap, to make a window
 * and to remove it.  What is counted is what the hypervisor saw.
 */
#include "params.hpp"
#include "rig.hpp"

using namespace fake;

namespace {

constexpr u64 kRun = 512;

u64 runs_of(u64 entries)
{
	return (entries + kRun - 1) / kRun;
}

/* Firmware that has every page size and windows as large as they come. */
Config any_window()
{
	Config config;

	config.fw.pgsizes = bit(12) | bit(16) | bit(21) | bit(24) | bit(28) | bit(30) | bit(34);
	config.fw.largest = ~0ull;
	return config;
}

} // namespace

/* Wherever it starts, and however large the leaves are. */
TCE_CASE(papr, gigabyte_unaligned)
{
	Rig r;
	const u64 at = kDdwStart + 300 * kGiB + 77 * 4096;

	TCE_ASSERT_EQ(r.reg(kUser, kGiB), 0);
	TCE_ASSERT_EQ(r.create(12, kTiB, 1), 0);
	r.w.reset_counts();
	TCE_ASSERT_EQ(r.map(kUser, at, kGiB), 0);
	TCE_EXPECT_LE(r.w.hcall_total(), 513);
	TCE_EXPECT_EQ(r.w.live_tces(), kGiB / 4096);
	TCE_EXPECT(r.reaches(at, kUser));
	TCE_EXPECT(r.reaches(at + kGiB - 4096, kUser + kGiB - 4096));

	r.w.reset_counts();
	TCE_ASSERT_EQ(r.unmap(at, kGiB), 0);
	TCE_EXPECT_LE(r.w.hcall_total(), 513);
	TCE_EXPECT_EQ(r.w.live_tces(), 0);
}

/* One run more than fit, whatever the shape. */
TCE_CASE(papr, any_start)
{
	static constexpr u64 kStarts[] = { 0, 1, 77, 511, 512, 513, 1023, 5000, 8191, 8192 };
	static constexpr u64 kLengths[] = { 2, 511, 512, 513, 1024, 1500, 2048 };
	const Shape &s = kShapes[param];
	Config config = any_window();

	config.page_shift = s.page_shift < 16 ? 12 : 16;

	Rig r(config);
	const u64 page = bit(s.page_shift);
	const u64 entries = bit(s.window_shift - s.page_shift);
	const u64 base = bit(41);
	/* As much memory as the fake walks through in no time. */
	const u64 most = 2 * page < 4 * kGiB ? 4 * kGiB : 2 * page;

	r.w.make_contiguous(base, base + bit(36), 35);
	TCE_ASSERT_EQ(r.reg(base, 2048 * page < most ? 2048 * page : most), 0);
	TCE_ASSERT_EQ(r.create(s.page_shift, bit(s.window_shift), s.levels), 0);
	for (u64 first : kStarts) {
		for (u64 length : kLengths) {
			if (first >= entries || length > entries - first || length * page > most)
				continue;

			const u64 at = r.start + first * page;

			r.w.reset_counts();
			TCE_ASSERT_EQ(r.map(base, at, length * page), 0);
			TCE_EXPECT_LE(r.w.hcall_total(), runs_of(length) + 1);
			TCE_EXPECT_EQ(r.w.live_tces(), length);
			TCE_EXPECT(r.reaches(at, base));
			TCE_EXPECT(r.reaches(at + (length - 1) * page, base + (length - 1) * page));
			/*
			 * The hypervisor was told of these entries and of no
			 * other.
			 */
			TCE_EXPECT_EQ(r.w.hcalls[static_cast<u32>(Op::Put)].entries +
					      r.w.hcalls[static_cast<u32>(Op::PutIndirect)].entries,
				      length);
			r.w.reset_counts();
			TCE_ASSERT_EQ(r.unmap(at, length * page), 0);
			TCE_EXPECT_LE(r.w.hcall_total(), runs_of(length) + 1);
			TCE_EXPECT_EQ(r.w.live_tces(), 0);
		}
	}
}

/* One entry: one H_PUT_TCE, there and back.  No list, no run. */
TCE_CASE(papr, one_entry)
{
	static constexpr u64 kAt[] = { 0, 511, 512, 262143 };
	Rig r;

	TCE_ASSERT_EQ(r.reg(kUser, 4 * kMiB), 0);
	for (u64 at : kAt) {
		r.w.reset_counts();
		TCE_EXPECT_EQ(r.map(kUser, at * 4096, 4096), 0);
		TCE_EXPECT(r.reaches(at * 4096, kUser));
		TCE_EXPECT_EQ(r.unmap(at * 4096, 4096), 0);
		TCE_EXPECT_EQ(r.w.hcall_calls(Op::Put), 2);
		TCE_EXPECT_EQ(r.w.hcall_total(), 2);
		TCE_EXPECT_EQ(r.w.live_tces(), 0);
	}
	/* What is left of a run of 512 the same. */
	r.w.reset_counts();
	TCE_EXPECT_EQ(r.map(kUser, 0, 513 * 4096), 0);
	TCE_EXPECT_EQ(r.w.hcall_calls(Op::PutIndirect), 1);
	TCE_EXPECT_EQ(r.w.hcall_calls(Op::Put), 1);
	TCE_EXPECT_EQ(r.unmap(0, 513 * 4096), 0);
	TCE_EXPECT_EQ(r.w.hcall_calls(Op::Stuff), 1);
	TCE_EXPECT_EQ(r.w.hcall_total(), 4);
}

namespace {

struct Replaced {
	u64 entries;
	u64 closed;
};

void count_replaced(void *arg, const FwWindow &, u64, u64 old_tce, u64 new_tce)
{
	auto *seen = static_cast<Replaced *>(arg);

	seen->entries++;
	seen->closed += old_tce && !new_tce;
}

} // namespace

/*
 * What is replaced is not closed first: a call a run, and the device never
 * faults.
 */
TCE_CASE(papr, over_live_entries)
{
	Rig r(with_system_pages(param));
	Replaced seen = {};

	TCE_ASSERT_EQ(r.reg(kUser, 32 * kMiB), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, 16 * kMiB), 0);
	r.w.watch = count_replaced;
	r.w.watch_arg = &seen;
	r.w.reset_counts();
	TCE_ASSERT_EQ(r.map(kUser + 16 * kMiB, 0, 16 * kMiB), 0);
	TCE_EXPECT_EQ(r.w.hcall_total(), 8);
	TCE_EXPECT_EQ(seen.entries, 4096);
	TCE_EXPECT_EQ(seen.closed, 0);
	r.w.watch = nullptr;
	TCE_EXPECT(r.reaches(5 * kMiB, kUser + 21 * kMiB));
}

/* A run ends where the memory of one region does. */
TCE_CASE(papr, several_regions)
{
	Rig r;

	for (u64 i = 0; i < 8; i++)
		TCE_ASSERT_EQ(r.reg(kUser + i * kMiB, kMiB), 0);
	r.w.reset_counts();
	TCE_ASSERT_EQ(r.map(kUser, 0x3000, 8 * kMiB), 0);
	/* 2048 entries, seven borders inside, four runs of a leaf. */
	TCE_EXPECT_LE(r.w.hcall_total(), runs_of(2048) + 1 + 7);
	TCE_EXPECT_EQ(r.w.live_tces(), 2048);
	r.w.reset_counts();
	TCE_ASSERT_EQ(r.unmap(0, kGiB), 0);
	TCE_EXPECT_LE(r.w.hcall_total(), runs_of(2048) + 1);
}

/* Holes cost nothing: not the calls, not the time to look for them. */
TCE_CASE(papr, sparse_unmap)
{
	const Shape &s = kShapes[param];
	Rig r(any_window());
	const u64 page = bit(s.page_shift);
	const u64 entries = bit(s.window_shift - s.page_shift);
	const u64 base = bit(41);
	constexpr u64 kStep = bit(28);
	u64 runs = 0, mapped = 0, last = ~0ull;
	Random random(param + 1);

	r.w.make_contiguous(base, base + bit(36), 35);
	TCE_ASSERT_EQ(r.reg(base, page < 65536 ? 65536 : page), 0);
	TCE_ASSERT_EQ(r.create(s.page_shift, bit(s.window_shift), s.levels), 0);

	/* Ascending, so that entries and runs can be counted on the way. */
	for (u64 i = 0; i < 40; i++) {
		const u64 slice = entries / 40;
		const u64 at = slice ? i * slice + random.below(slice) : i;

		if (at >= entries)
			break;
		TCE_ASSERT_EQ(r.map(base, r.start + at * page, page), 0);
		mapped++;
		runs += at / kRun != last;
		last = at / kRun;
	}
	TCE_EXPECT_EQ(r.w.live_tces(), mapped);
	r.w.reset_counts();
	TCE_EXPECT_EQ(r.unmap(r.start, bit(s.window_shift)), 0);
	TCE_EXPECT_EQ(r.w.hcall_total(), runs);
	/* What goes is looked at as well, a step of system pages at a time. */
	TCE_EXPECT_LE(r.w.yields, 41 + mapped * (page < kStep ? page : kStep) / kStep + 1);
	TCE_EXPECT_EQ(r.w.live_tces(), 0);

	/* Again: now there is nothing. */
	r.w.reset_counts();
	TCE_EXPECT_EQ(r.unmap(r.start, bit(s.window_shift)), 0);
	TCE_EXPECT_EQ(r.w.hcall_total(), 0);
	TCE_EXPECT_EQ(r.w.total_allocs, 0);
}

/*
 * Nothing is mapped: a window of any size costs next to nothing, from CREATE to
 * REMOVE.
 */
TCE_CASE(papr, empty_window)
{
	const Shape &s = kShapes[param];
	Rig r(any_window());
	const u64 before = r.w.live_bytes;

	for (u32 levels = 0; levels <= 5; levels++) {
		r.w.reset_counts();
		TCE_ASSERT_EQ(r.create(s.page_shift, bit(s.window_shift), levels), 0);
		TCE_EXPECT_LT(r.w.peak_bytes - before, kMiB);
		TCE_EXPECT_LE(r.w.total_allocs, 8);
		TCE_EXPECT_EQ(r.w.hcall_total(), 0);
		TCE_EXPECT_EQ(r.unmap(r.start, bit(s.window_shift)), err::kPerm);
		TCE_ASSERT_EQ(r.remove(r.start), 0);
		TCE_EXPECT_EQ(r.w.hcall_total(), 0);
		TCE_EXPECT_LE(r.w.yields, 16);
	}
}

/*
 * With a few entries it costs those, whether it is removed or its group leaves.
 */
TCE_CASE(papr, few_entries)
{
	static constexpr u64 kAt[] = { 0, 5 * kMiB, 700 * kGiB, kTiB - 4096 };
	Rig r(with_firmware(param));

	TCE_ASSERT_EQ(r.reg(kUser, kMiB), 0);
	for (u32 way = 0; way < 2; way++) {
		TCE_ASSERT_EQ(r.create(12, kTiB), 0);
		for (u64 at : kAt)
			TCE_ASSERT_EQ(r.map(kUser, r.start + at, 4096), 0);
		TCE_ASSERT_EQ(r.map(kUser, r.start + kGiB, 64 * kKiB), 0);
		r.w.reset_counts();
		if (way == 0)
			TCE_EXPECT_EQ(r.remove(r.start), 0);
		else
			r.detach(0);
		TCE_EXPECT_EQ(r.w.hcall_total(), 5);
		TCE_EXPECT_LE(r.w.yields, 64);
		TCE_EXPECT_EQ(r.w.live_tces(), 0);
		TCE_EXPECT_EQ(r.w.total_allocs, 0);
	}
}

/*
 * Coming and going: the default window is cleared in runs, and only when it is
 * taken over.
 */
TCE_CASE(papr, take_over)
{
	Rig r(with_system_pages(param), 1, false);

	r.w.reset_counts();
	TCE_ASSERT_EQ(r.attach(0), 0);
	TCE_EXPECT_LE(r.w.hcall_total(), 512);
	TCE_EXPECT_EQ(r.w.hcalls[static_cast<u32>(Op::Stuff)].entries, kGiB / 4096);
	TCE_EXPECT_EQ(r.w.yields, 512);
	r.w.reset_counts();
	r.detach(0);
	TCE_EXPECT_EQ(r.w.hcall_total(), 0);
	TCE_EXPECT_EQ(r.w.ddw_calls[1] + r.w.ddw_calls[2] + r.w.ddw_calls[3], 0);
}

/* Firmware without H_PUT_TCE_INDIRECT and H_STUFF_TCE: the same, one by one. */
TCE_CASE(papr, without_multitce)
{
	Config config = with_system_pages(param);

	config.fw.has_multitce = false;
	config.fw.default_size = 8 * kMiB;

	Rig r(config);

	TCE_EXPECT_EQ(r.w.hcall_calls(Op::Put), 2048);
	TCE_ASSERT_EQ(r.reg(kUser, 8 * kMiB), 0);
	r.w.reset_counts();
	TCE_ASSERT_EQ(r.map(kUser, 64 * kKiB, 3 * kMiB), 0);
	TCE_EXPECT_EQ(r.w.hcall_calls(Op::Put), 768);
	TCE_EXPECT(r.reaches(64 * kKiB, kUser));
	TCE_EXPECT(r.reaches(3 * kMiB, kUser + 3 * kMiB - 64 * kKiB));
	TCE_ASSERT_EQ(r.map(kUser + 4 * kMiB, kMiB, 64 * kKiB), 0);
	TCE_EXPECT(r.reaches(kMiB, kUser + 4 * kMiB));
	r.w.reset_counts();
	TCE_ASSERT_EQ(r.unmap(64 * kKiB, 3 * kMiB), 0);
	TCE_EXPECT_EQ(r.w.hcall_calls(Op::Put), 768);
	TCE_EXPECT_EQ(r.w.live_tces(), 0);

	/* Few entries in a large window, removed with the window. */
	TCE_ASSERT_EQ(r.create(12, kTiB), 0);
	TCE_ASSERT_EQ(r.map(kUser, r.start + 3 * kGiB, 64 * kKiB), 0);
	TCE_ASSERT_EQ(r.map(kUser, r.start + 512 * kGiB, 64 * kKiB), 0);
	r.w.reset_counts();
	TCE_EXPECT_EQ(r.unmap(r.start, kTiB), 0);
	TCE_EXPECT_EQ(r.w.hcall_calls(Op::Put), 32);
	TCE_EXPECT_EQ(r.w.live_tces(), 0);
	TCE_ASSERT_EQ(r.map(kUser, r.start + 3 * kGiB, 64 * kKiB), 0);
	r.w.reset_counts();
	TCE_EXPECT_EQ(r.remove(r.start), 0);
	TCE_EXPECT_EQ(r.w.hcall_calls(Op::Put), 16);
	TCE_ASSERT_EQ(r.map(kUser, 0, 64 * kKiB), 0);
	TCE_EXPECT_EQ(r.unreg(kUser, 8 * kMiB), err::kBusy);
}

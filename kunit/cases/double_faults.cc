// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two things go wrong, the second while the first is put right: what the engine
 * cannot know any more it must take for the worse.
 */
#include "params.hpp"
#include "rig.hpp"

using namespace fake;

namespace {

constexpr u64 kPages = 300;
constexpr u64 kOther = 4 * kUser;

/*
 * The next call sets @apply entries and fails, all that follow fail and do
 * nothing.
 */
void half_a_push(World &w, u32 apply)
{
	w.script({ kAllOps, 0, 1, h::kHardware, apply, false });
	w.script({ kAllOps, 0, ~0ull, h::kHardware, 0, false });
}

/*
 * Memory that a device still gets to is pinned, and stays so until it does not.
 */
void expect_stuck(Rig &r, u64 user, u64 bytes)
{
	TCE_EXPECT(r.w.device_reaches_mem(*r.w.mem_lookup(&r.w.mm[0], user, bytes)));
	TCE_EXPECT_EQ(r.unreg(user, bytes), err::kBusy);
	TCE_EXPECT(r.w.is_pinned(r.w.hpa_of(&r.w.mm[0], user), bit(r.w.config.page_shift)));
}

} // namespace

/*
 * MAP over live entries: neither the old memory nor the new goes before all is
 * clear again.
 */
TCE_CASE(doubt, half_a_push)
{
	static constexpr u32 kApply[] = { 1, 7, kPages - 1 };

	for (u32 apply : kApply) {
		Rig r(with_system_pages(param));
		const u64 page = bit(r.w.config.page_shift);

		TCE_ASSERT_EQ(r.reg(kUser, kPages * page), 0);
		TCE_ASSERT_EQ(r.reg(kOther, kPages * page), 0);
		TCE_ASSERT_EQ(r.create(r.w.config.page_shift, kTiB), 0);
		TCE_ASSERT_EQ(r.map(kUser, r.start, kPages * page), 0);
		half_a_push(r.w, apply);
		TCE_EXPECT_EQ(r.map(kOther, r.start, kPages * page), err::kIo);
		expect_stuck(r, kUser, kPages * page);
		expect_stuck(r, kOther, kPages * page);
		r.w.no_scripts();
		/* A push elsewhere says nothing of these. */
		TCE_EXPECT_EQ(r.map(kUser, r.start + kGiB, page), 0);
		expect_stuck(r, kOther, kPages * page);
		TCE_EXPECT_EQ(r.unmap(r.start, 2 * kGiB), 0);
		TCE_EXPECT_EQ(r.w.live_tces(), 0);
		TCE_EXPECT_EQ(r.unreg(kOther, kPages * page), 0);
		TCE_EXPECT_EQ(r.unreg(kUser, kPages * page), 0);
		TCE_EXPECT_EQ(r.w.counters[TCE_COUNT_QUARANTINED], 0);
	}
}

/*
 * As many regions as there is room for are remembered; with one more nothing is
 * given back again.
 */
TCE_CASE(doubt, many_regions)
{
	constexpr u32 kRoom = 8;

	for (u32 regions = kRoom; regions <= kRoom + 1; regions++) {
		Rig r;
		const u64 page = bit(r.w.config.page_shift);

		TCE_ASSERT_EQ(r.create(12, kTiB), 0);
		for (u32 i = 0; i < regions; i++)
			TCE_ASSERT_EQ(r.reg(kUser + i * kMiB, 10 * page), 0);
		for (u32 i = 0; i < regions; i++) {
			half_a_push(r.w, 3);
			TCE_EXPECT_EQ(r.map(kUser + i * kMiB, r.start + i * kMiB, 10 * page),
				      err::kIo);
			r.w.no_scripts();
		}
		for (u32 i = 0; i < regions; i++)
			expect_stuck(r, kUser + i * kMiB, 10 * page);
		TCE_EXPECT_EQ(r.w.counters[TCE_COUNT_QUARANTINED], regions > kRoom ? 10 : 0);
		TCE_EXPECT_EQ(r.unmap(r.start, kGiB), 0);
		TCE_EXPECT_EQ(r.w.live_tces(), 0);
		for (u32 i = 0; i < regions; i++)
			TCE_EXPECT_EQ(r.unreg(kUser + i * kMiB, 10 * page),
				      regions > kRoom ? err::kBusy : 0);
		r.finish();
		TCE_EXPECT_EQ(r.w.registered_pages(), regions > kRoom ? regions * 10 : 0);
		r.w.skip_balance = regions > kRoom;
	}
}

/*
 * The same region in doubt twice, and another in between: each note is kept,
 * and given back once.
 */
TCE_CASE(doubt, one_region_twice)
{
	Rig r;
	const u64 page = bit(r.w.config.page_shift);

	TCE_ASSERT_EQ(r.create(12, kTiB), 0);
	TCE_ASSERT_EQ(r.reg(kUser, 10 * page), 0);
	TCE_ASSERT_EQ(r.reg(kOther, 10 * page), 0);
	for (u32 i = 0; i < 3; i++) {
		half_a_push(r.w, 10);
		TCE_EXPECT_EQ(r.map(i == 1 ? kOther : kUser, r.start + i * kGiB, 10 * page),
			      err::kIo);
		r.w.no_scripts();
	}
	TCE_EXPECT_EQ(r.w.mem_lookup(&r.w.mm[0], kUser, page)->mapped, 1 + 20);
	TCE_EXPECT_EQ(r.w.mem_lookup(&r.w.mm[0], kOther, page)->mapped, 1 + 10);
	for (u32 i = 0; i < 3; i++) {
		expect_stuck(r, kUser, 10 * page);
		TCE_EXPECT_EQ(r.unmap(r.start + (2 - i) * kGiB, 10 * page), 0);
	}
	TCE_EXPECT_EQ(r.unreg(kUser, 10 * page), 0);
	TCE_EXPECT_EQ(r.unreg(kOther, 10 * page), 0);
}

/*
 * A group that comes later brings the default window, which is half filled when
 * the hypervisor refuses, and is not cleared either.  What is left there is
 * closed, or the window reset, before the group goes back.
 */
TCE_CASE(doubt, joiner_half_filled)
{
	for (u32 reset = 0; reset < 2; reset++) {
		Config config;

		config.groups = 2;
		config.fw.default_size = 16 * kMiB;
		config.fw.has_reset = reset;

		Rig r(config, 1, false);

		TCE_ASSERT_EQ(r.attach(0), 0);
		TCE_ASSERT_EQ(r.reg(kUser, kMiB), 0);
		TCE_ASSERT_EQ(r.map(kUser, 0, kMiB), 0);
		/* Taking over comes first, and clears the window. */
		r.w.script({ op_bit(Op::PutIndirect), 0, 1, h::kHardware, 100, false });
		r.w.script({ op_bit(Op::Stuff), 8, 1, h::kHardware, 0, false });
		TCE_EXPECT_EQ(r.attach(1), err::kIo);
		r.w.no_scripts();
		TCE_EXPECT(r.closed(0, ~0ull, 1));
		TCE_EXPECT_EQ(r.w.live_tces(), kMiB / 4096);
		TCE_ASSERT_EQ(r.attach(1), 0);
		TCE_EXPECT_EQ(r.unmap(0, kMiB), 0);
		TCE_EXPECT_EQ(r.unreg(kUser, kMiB), 0);
	}
}

/*
 * Nor can the group be handed back clean: a device that is not ours any more
 * reaches the memory.
 */
TCE_CASE(doubt, joiner_half_filled_for_good)
{
	Config config;

	config.groups = 2;
	config.fw.default_size = 16 * kMiB;
	config.fw.has_reset = param;

	Rig r(config, 1, false);

	TCE_ASSERT_EQ(r.attach(0), 0);
	TCE_ASSERT_EQ(r.reg(kUser, kMiB), 0);
	TCE_ASSERT_EQ(r.reg(kOther, kMiB), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, kMiB), 0);
	r.w.fail_nth(1, kDdwSites, true);
	r.w.script({ op_bit(Op::PutIndirect), 0, 1, h::kHardware, 100, false });
	r.w.script({ op_bit(Op::Stuff), 8, ~0ull, h::kHardware, 0, false });
	TCE_EXPECT_EQ(r.attach(1), err::kIo);
	r.w.no_scripts();
	r.w.fail_never();
	TCE_EXPECT(!r.closed(0, ~0ull, 1));
	TCE_EXPECT_EQ(r.unmap(0, kMiB), 0);
	/* Which memory it is nobody knows. */
	TCE_EXPECT_EQ(r.unreg(kUser, kMiB), err::kBusy);
	TCE_EXPECT_EQ(r.unreg(kOther, kMiB), err::kBusy);
	r.finish();
	TCE_EXPECT(r.w.is_pinned(r.w.hpa_of(&r.w.mm[0], kUser), 4096));
	r.w.skip_balance = true;
}

/* UNMAP: a group that refuses does not keep the others' entries open. */
TCE_CASE(doubt, closed_in_the_others)
{
	for (u64 skip = 0; skip < 3; skip++) {
		Config config = with_system_pages(param);

		config.groups = 3;

		Rig r(config);
		const u64 page = bit(config.page_shift);

		TCE_ASSERT_EQ(r.reg(kUser, kPages * page), 0);
		TCE_ASSERT_EQ(r.create(config.page_shift, kTiB), 0);
		TCE_ASSERT_EQ(r.map(kUser, r.start, kPages * page), 0);
		r.w.script({ kAllOps, skip, 1, h::kHardware, 0, true });
		TCE_EXPECT_EQ(r.unmap(r.start, kPages * page), err::kIo);
		r.w.no_scripts();
		TCE_EXPECT_EQ(r.w.live_tces(), kPages);
		TCE_EXPECT_EQ(r.unreg(kUser, kPages * page), err::kBusy);
		TCE_EXPECT_EQ(r.unmap(r.start, kPages * page), 0);
		TCE_EXPECT_EQ(r.unreg(kUser, kPages * page), 0);
	}
}

/* MAP: notes that are refused leave nothing behind, no leaf either. */
TCE_CASE(doubt, notes_refused)
{
	Rig r(with_system_pages(param));
	const u64 page = bit(r.w.config.page_shift);

	TCE_ASSERT_EQ(r.reg(kUser, 20 * page), 0);
	TCE_ASSERT_EQ(r.reg(kUser + 20 * page, 20 * page), 0);
	TCE_ASSERT_EQ(r.create(r.w.config.page_shift, kTiB), 0);

	const u64 locked = r.w.locked_vm();
	const s64 leaves = r.w.counters[TCE_COUNT_LEAVES];

	for (u64 nth = 1; nth <= 2; nth++) {
		r.w.fail_nth(nth, site_bit(Site::MemMap));
		TCE_EXPECT_NE(r.map(kUser, r.start, 40 * page), 0);
		r.w.fail_never();
		TCE_EXPECT_EQ(r.w.counters[TCE_COUNT_LEAVES], leaves);
		TCE_EXPECT_EQ(r.w.locked_vm(), locked);
		TCE_EXPECT_EQ(r.w.mem_lookup(&r.w.mm[0], kUser, page)->mapped, 1);
	}
	TCE_EXPECT_EQ(r.unreg(kUser, 20 * page), 0);
	TCE_EXPECT_EQ(r.unreg(kUser + 20 * page, 20 * page), 0);
}

/* Addresses that are aligned to nothing. */
TCE_CASE(doubt, odd_addresses)
{
	static constexpr u64 kOff[] = { 1, 8, 512, 2048, 4095 };
	Rig r(with_system_pages(param));
	const u64 page = bit(r.w.config.page_shift);

	TCE_ASSERT_EQ(r.reg(kUser, 4 * page), 0);
	TCE_ASSERT_EQ(r.create(12, kTiB), 0);
	for (u64 off : kOff) {
		TCE_EXPECT_EQ(r.map(kUser + off, r.start, 4096), err::kInval);
		TCE_EXPECT_EQ(r.map(kUser, r.start + off, 4096), err::kInval);
		TCE_EXPECT_EQ(r.map(kUser, r.start, 4096 + off), err::kInval);
		TCE_EXPECT_EQ(r.unmap(r.start + off, 4096), err::kInval);
		TCE_EXPECT_EQ(r.unmap(r.start, 4096 + off), err::kInval);
		TCE_EXPECT_EQ(r.reg(8 * kUser + off, page), err::kInval);
		TCE_EXPECT_EQ(r.reg(8 * kUser, page + off), err::kInval);
		TCE_EXPECT_EQ(r.unreg(kUser + off, 4 * page), err::kInval);
		TCE_EXPECT_EQ(r.unreg(kUser, 4 * page + off), err::kInval);
		TCE_EXPECT_EQ(r.remove(r.start + off), err::kInval);
	}
	TCE_EXPECT_EQ(r.w.live_tces(), 0);
}

/*
 * Notes that somebody has lost: nothing names the memory any more when the last
 * window of its owner is gone, so it is given back, however many notes there
 * are.  Unless a device may still reach it.
 */
TCE_CASE(doubt, notes_lost)
{
	Rig r;
	const bool stuck = param;

	TCE_ASSERT_EQ(r.reg(kUser, kMiB), 0);
	TCE_ASSERT_EQ(r.reg(kOther, kMiB), 0);
	TCE_ASSERT_EQ(r.create(12, kTiB), 0);
	TCE_ASSERT_EQ(r.map(kUser, r.start, 4096), 0);
	r.w.mem_lookup(&r.w.mm[0], kOther, 4096)->mapped += 100000;
	TCE_EXPECT_EQ(r.unreg(kOther, kMiB), err::kBusy);
	if (stuck)
		r.w.fail_nth(1, kHcallSites | kDdwSites, true);
	r.finish();
	r.w.fail_never();
	TCE_EXPECT_EQ(r.w.registered_pages(), stuck ? 512 : 0);
	TCE_EXPECT_EQ(r.w.live_mems(), stuck ? 2 : 0);
	TCE_EXPECT_EQ(r.w.mm[0].refs, stuck ? 1 : 0);
	r.w.skip_balance = stuck;
}

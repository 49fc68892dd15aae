// SPDX-License-Identifier: GPL-2.0-only
/*
 * Windows of the firmware: what is really there, and what the device tree says
 * of it, after each step of those who use windows; firmware that fails, lacks
 * calls, or puts windows where they cannot be.
 */
#include "params.hpp"
#include "rig.hpp"

using namespace fake;

namespace {

enum Call : u32 { kQuery, kCreate, kRemove, kReset };

/* The default window of a group in the firmware, made by the firmware. */
bool default_there(const Rig &r, u32 group = 0)
{
	const FwWindow &w = r.w.groups[group].win[0];

	return w.live && w.is_default && w.start == r.w.groups[group].default_start;
}

u32 windows_there(const Rig &r, u32 group = 0)
{
	u32 n = 0;

	for (const FwWindow &w : r.w.groups[group].win)
		n += w.live;
	return n;
}

/*
 * "ibm,dma-window" is there or not, and which window the other property
 * describes, if any.
 */
constexpr u64 kNoDdw = ~0ull;

bool tree_says(const Rig &r, bool has_default, u64 ddw_start = kNoDdw)
{
	const tce_dt_windows &dt = r.w.groups[0].dt;

	if (!dt.has_default != !has_default)
		return false;
	return ddw_start == kNoDdw ? !dt.has_ddw : dt.has_ddw && dt.start == ddw_start;
}

u64 rtas_calls(const Rig &r)
{
	return r.w.ddw_calls[kCreate] + r.w.ddw_calls[kRemove] + r.w.ddw_calls[kReset];
}

} // namespace

/*
 * Nothing else is open: it goes, its place is free, and a reset brings it back.
 */
TCE_CASE(papr, default_is_removed)
{
	Rig r(with_firmware(param));
	const u64 page = bit(r.w.config.page_shift);

	TCE_EXPECT(default_there(r) && tree_says(r, true));
	TCE_ASSERT_EQ(r.reg(kUser, 16 * page), 0);
	/* With a table and entries, and without. */
	for (u32 touched = 0; touched < 2; touched++) {
		if (touched)
			TCE_EXPECT_EQ(r.map(kUser, 0, 16 * page), 0);
		r.w.reset_counts();
		TCE_EXPECT_EQ(r.remove(0), 0);
		TCE_EXPECT_EQ(r.w.ddw_calls[kRemove], 1);
		TCE_EXPECT_EQ(rtas_calls(r), 1);
		TCE_EXPECT_EQ(windows_there(r), 0);
		TCE_EXPECT(tree_says(r, false));
		TCE_EXPECT(!r.w.groups[0].slot[0]);
		TCE_EXPECT_EQ(r.remove(0), err::kInval);
		TCE_EXPECT_EQ(r.map(kUser, 0, page), err::kNxio);

		r.w.reset_counts();
		TCE_EXPECT_EQ(r.create(12, kGiB), 0);
		TCE_EXPECT_EQ(r.start, 0);
		TCE_EXPECT_EQ(r.w.ddw_calls[kReset], 1);
		TCE_EXPECT_EQ(rtas_calls(r), 1);
		TCE_EXPECT(default_there(r) && tree_says(r, true));
		TCE_EXPECT_EQ(r.w.live_tces(), 0);
	}
	/* Its place taken by a large one. */
	for (u32 shift = 16; shift <= 21; shift += 5) {
		TCE_EXPECT_EQ(r.remove(0), 0);
		TCE_EXPECT_EQ(r.create(shift, kTiB, 1), 0);
		TCE_EXPECT_EQ(r.start, 0);
		TCE_EXPECT_EQ(windows_there(r), 1);
		TCE_EXPECT(tree_says(r, false, 0));
		TCE_EXPECT_EQ(r.w.groups[0].dt.page_shift, shift);
		TCE_EXPECT_EQ(r.w.groups[0].dt.window_shift, 40);
	}
	r.detach(0);
	TCE_EXPECT(default_there(r) && tree_says(r, true));
	TCE_EXPECT_EQ(windows_there(r), 1);
}

/*
 * Another one is open: it stays in the firmware, empty, where nobody gets at
 * it.
 */
TCE_CASE(papr, default_is_parked)
{
	Rig r(with_firmware(param));
	const u64 page = bit(r.w.config.page_shift);

	TCE_ASSERT_EQ(r.reg(kUser, 1024 * page), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, 1000 * page), 0);
	TCE_ASSERT_EQ(r.create(r.w.config.page_shift, kTiB), 0);
	TCE_ASSERT_EQ(r.map(kUser, kDdwStart + 5 * page, page), 0);
	TCE_EXPECT(tree_says(r, true, kDdwStart));
	for (u32 i = 0; i < 3; i++) {
		r.w.reset_counts();
		TCE_EXPECT_EQ(r.remove(0), 0);
		TCE_EXPECT(default_there(r) && tree_says(r, true, kDdwStart));
		TCE_EXPECT(r.closed(0, kGiB));
		TCE_EXPECT(!r.w.groups[0].slot[0] && r.w.groups[0].slot[1]);
		TCE_EXPECT_EQ(r.map(kUser, 0, page), err::kNxio);
		TCE_EXPECT_EQ(r.create(12, kGiB), 0);
		TCE_EXPECT_EQ(r.start, 0);
		/* All of it without a word to the firmware. */
		TCE_EXPECT_EQ(rtas_calls(r), 0);
		TCE_EXPECT(r.closed(0, kGiB));
		TCE_EXPECT_EQ(r.map(kUser + page, 7 * page, page), 0);
		TCE_EXPECT(r.reaches(7 * page, kUser + page));
		TCE_EXPECT(r.reaches(kDdwStart + 5 * page, kUser));
	}
	/*
	 * It does not take up the place of a window that userspace could have.
	 */
	TCE_EXPECT_EQ(r.remove(0), 0);
	TCE_EXPECT_EQ(r.remove(kDdwStart), 0);
	TCE_EXPECT_EQ(r.create(16, kTiB), 0);
	TCE_EXPECT_EQ(r.start, 0);
	TCE_EXPECT(tree_says(r, false, 0));
	TCE_EXPECT_EQ(windows_there(r), 1);
	/*
	 * Removing a window that is not the default one brings that back, or a
	 * reset does.
	 */
	TCE_EXPECT_EQ(r.remove(0), 0);
	TCE_EXPECT_EQ(r.create(12, kGiB), 0);
	TCE_EXPECT(default_there(r) && tree_says(r, true));
}

/*
 * QEMU's reset takes both away, in this order or in that, and then wants the
 * small one.
 */
TCE_CASE(papr, both_removed)
{
	Rig r(with_firmware(param));
	const u64 page = bit(r.w.config.page_shift);

	TCE_ASSERT_EQ(r.reg(kUser, 16 * page), 0);
	for (u32 order = 0; order < 8; order++) {
		TCE_ASSERT_EQ(r.map(kUser, 3 * page, page), 0);
		TCE_ASSERT_EQ(r.create(r.w.config.page_shift, 64 * kGiB, order % 4), 0);
		TCE_ASSERT_EQ(r.start, kDdwStart);
		TCE_ASSERT_EQ(r.map(kUser, kDdwStart, 16 * page), 0);
		TCE_EXPECT_EQ(r.remove(order & 1 ? kDdwStart : 0), 0);
		TCE_EXPECT_EQ(r.remove(order & 1 ? 0 : kDdwStart), 0);
		TCE_EXPECT_EQ(r.w.live_tces(), 0);
		TCE_EXPECT(!r.w.groups[0].slot[0] && !r.w.groups[0].slot[1]);
		TCE_EXPECT(!r.w.groups[0].dt.has_ddw);
		TCE_EXPECT_EQ(r.create(12, kGiB, 2), 0);
		TCE_EXPECT_EQ(r.start, 0);
		TCE_EXPECT(default_there(r) && tree_says(r, true));
	}
}

/*
 * One after the other, in every state of the default window, everything a
 * CREATE needs fails.
 */
TCE_CASE(papr, failed_create_is_forgotten)
{
	static constexpr Site kSites[] = { Site::DdwQuery, Site::DdwCreate, Site::KtableCreate,
					   Site::Alloc };

	for (u32 state = 0; state < 4; state++) {
		for (Site site : kSites) {
			Rig r(with_firmware(param));
			const u64 page = bit(r.w.config.page_shift);
			const u64 expected = state < 2 ? kDdwStart : 0;

			TCE_ASSERT_EQ(r.reg(kUser, 16 * page), 0);
			if (state == 1)
				TCE_ASSERT_EQ(r.map(kUser, 0, page), 0);
			if (state == 3) {
				/* Parked, and then the other one goes. */
				TCE_ASSERT_EQ(r.create(16, kGiB), 0);
				TCE_ASSERT_EQ(r.remove(0), 0);
				TCE_ASSERT_EQ(r.remove(kDdwStart), 0);
			}
			if (state == 2)
				TCE_ASSERT_EQ(r.remove(0), 0);

			const u64 charged = r.w.locked_vm(), blocks = r.w.live_blocks;

			for (u32 i = 0; i < 3; i++) {
				r.w.fail_nth(1, site_bit(site));
				TCE_EXPECT_EQ(r.create(r.w.config.page_shift, kTiB),
					      site == Site::DdwQuery || site == Site::DdwCreate ?
						      err::kIo :
						      err::kNoMem);
				TCE_EXPECT_EQ(r.w.injected(), 1);
				r.w.fail_never();
				TCE_EXPECT(!r.w.window_at(0, kDdwStart));
				TCE_EXPECT(!r.w.groups[0].dt.has_ddw && !r.w.groups[0].slot[1]);
				TCE_EXPECT_EQ(r.w.locked_vm(), charged);
				TCE_EXPECT_EQ(r.w.live_blocks, blocks);
				TCE_EXPECT(state != 1 || r.reaches(0, kUser));
			}
			TCE_EXPECT_EQ(r.create(r.w.config.page_shift, kTiB), 0);
			TCE_EXPECT_EQ(r.start, expected);
			TCE_EXPECT_EQ(r.map(kUser, r.start, 16 * page), 0);
		}
	}
}

/* What the firmware says it cannot do is not asked of it. */
TCE_CASE(papr, query_is_believed)
{
	Config config;

	config.fw.pgsizes = bit(12) | bit(24);
	config.fw.largest = bit(20);

	Rig r(config, 1, false);

	/* The device tree promised more, as after a migration. */
	r.w.groups[0].caps.pgsizes = bit(12) | bit(16) | bit(24);
	TCE_ASSERT_EQ(r.attach(0), 0);
	r.w.reset_counts();
	TCE_EXPECT_EQ(r.create(16, kGiB), err::kInval);
	TCE_EXPECT_EQ(r.create(12, 8 * kGiB), err::kInval);
	TCE_EXPECT_EQ(r.create(24, bit(45)), err::kInval);
	TCE_EXPECT_EQ(r.create(21, kGiB), err::kInval);
	TCE_EXPECT_EQ(rtas_calls(r), 0);
	TCE_EXPECT_EQ(r.create(12, 4 * kGiB), 0);
	TCE_EXPECT_EQ(r.create(24, bit(44)), err::kNoSpc);
	TCE_EXPECT_EQ(r.w.ddw_calls[kCreate], 1);
	TCE_EXPECT_EQ(r.remove(r.start), 0);
	TCE_EXPECT_EQ(r.create(24, bit(44)), 0);
}

/*
 * More entries than firmware survives being asked for, though it offers them:
 * refused unseen.
 */
TCE_CASE(papr, too_many_entries)
{
	Config config = with_firmware(param);

	config.fw.pgsizes = bit(12) | bit(16) | bit(24);
	config.fw.largest = bit(37);

	Rig r(config);

	r.w.reset_counts();
	for (u32 again = 0; again < 3; again++) {
		TCE_EXPECT_EQ(r.create(12, bit(44)), err::kInval);
		TCE_EXPECT_EQ(r.create(12, bit(49)), err::kInval);
		TCE_EXPECT_EQ(r.create(16, bit(48)), err::kInval);
		TCE_EXPECT_EQ(r.create(24, bit(56)), err::kInval);
		/* Nothing has changed, and nobody was asked. */
		TCE_EXPECT_EQ(rtas_calls(r), 0);
		TCE_EXPECT_EQ(r.w.ddw_calls[kQuery], 0);
		TCE_EXPECT(default_there(r) && windows_there(r) == 1);
	}
	TCE_EXPECT_EQ(r.create(24, bit(55)), 0);
	TCE_EXPECT_EQ(r.remove(r.start), 0);
	TCE_EXPECT_EQ(r.create(12, bit(43)), 0);
	TCE_EXPECT_EQ(r.w.ddw_calls[kCreate], 2);
}

/*
 * The firmware is busy for good, or the caller is killed: there may be a
 * window, and it goes.
 */
TCE_CASE(papr, busy_for_too_long)
{
	static constexpr int kErrors[] = { err::kBusy, err::kIntr };
	static constexpr Site kSites[] = { Site::DdwQuery, Site::DdwCreate };

	for (const int error : kErrors) {
		Rig r(with_firmware(param));

		r.w.ddw_error = error;
		for (const Site site : kSites) {
			r.w.fail_nth(1, site_bit(site));
			TCE_EXPECT_EQ(r.create(16, kGiB), error);
			TCE_EXPECT_EQ(r.w.injected(), 1);
			r.w.fail_never();
			TCE_EXPECT(default_there(r) && windows_there(r) == 1);
		}
		/* The one that was asked for came after all. */
		r.w.groups[0].win[1].live = true;
		r.w.groups[0].win[1].liobn = r.w.groups[0].caps.default_liobn + 1;
		r.w.groups[0].win[1].start = kDdwStart;
		r.w.groups[0].win[1].page_shift = 16;
		r.w.groups[0].win[1].window_shift = 30;
		r.w.skip_dt = true;
		r.w.reset_counts();
		r.detach(0);
		TCE_EXPECT_EQ(r.w.ddw_calls[kReset], 1);
		TCE_EXPECT(default_there(r) && windows_there(r) == 1);
		r.w.skip_dt = false;
	}
}

/*
 * Addresses that no window can have: refused, and taken back from the firmware.
 */
TCE_CASE(papr, wrong_address)
{
	static constexpr struct {
		u64 start;
		u32 page_shift;
	} kWrong[] = {
		{ 0,		     12 }, /* on top of the default window */
		{ 512 * kMiB,	      12 }, /* in the middle of it */
		{ kGiB - 4096,      12 }, /* over its end */
		{ 0 - 64 * kGiB,	 12 }, /* to the end of all addresses */
		{ 0 - 32 * kGiB,	 12 }, /* beyond it */
		{ kDdwStart + 4096, 16 }, /* not on a page */
	};

	for (const auto &wrong : kWrong) {
		for (u32 state = 0; state < 3; state++) {
			Rig r(with_firmware(param));

			r.w.make_contiguous(0x40000000, 0x80000000, 16);
			TCE_ASSERT_EQ(r.reg(0x40000000, kMiB), 0);
			/* Untouched, mapped, parked. */
			if (state > 0)
				TCE_ASSERT_EQ(r.map(0x40000000, kGiB - kMiB, kMiB), 0);
			if (state == 2) {
				TCE_ASSERT_EQ(r.create(16, kGiB), 0);
				TCE_ASSERT_EQ(r.remove(0), 0);
				TCE_ASSERT_EQ(r.remove(kDdwStart), 0);
				if (wrong.start < kGiB)
					continue;
				TCE_ASSERT_EQ(r.create(12, kGiB), 0);
			}
			r.w.groups[0].ddw_start = wrong.start;
			r.w.reset_counts();
			TCE_EXPECT_EQ(r.create(wrong.page_shift, 64 * kGiB), err::kIo);
			TCE_EXPECT_EQ(r.w.ddw_calls[kCreate], 1);
			TCE_EXPECT_EQ(r.w.ddw_calls[kRemove], 1);
			TCE_EXPECT_EQ(windows_there(r), 1);
			TCE_EXPECT(default_there(r) && tree_says(r, true));
			TCE_EXPECT(!r.w.groups[0].slot[1]);
			if (state == 1)
				TCE_EXPECT(r.reaches(kGiB - kMiB, 0x40000000));
			TCE_EXPECT_EQ(r.map(0x40000000, 0, kMiB), 0);
			TCE_EXPECT(r.reaches(0, 0x40000000));

			/* Nobody holds it against the firmware. */
			r.w.groups[0].ddw_start = kDdwStart;
			TCE_EXPECT_EQ(r.create(wrong.page_shift, 64 * kGiB), 0);
			TCE_EXPECT_EQ(r.start, kDdwStart);
		}
	}
}

/* It cannot even be taken back: then the entries of others are still right. */
TCE_CASE(papr, wrong_address_that_stays)
{
	Rig r(with_firmware(param));
	const u64 page = bit(r.w.config.page_shift);

	TCE_ASSERT_EQ(r.reg(kUser, 16 * page), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, page), 0);
	r.w.groups[0].ddw_start = kGiB / 2;
	r.w.fail_nth(1, site_bit(Site::DdwRemove), true);
	TCE_EXPECT_EQ(r.create(12, 64 * kGiB), err::kIo);
	r.w.fail_never();
	TCE_EXPECT(r.reaches(0, kUser));
	TCE_EXPECT_EQ(r.unmap(0, kGiB), 0);
	TCE_EXPECT_EQ(r.unreg(kUser, 16 * page), 0);
	/* The next one gets the group as it should be, see the end. */
	r.detach(0);
	TCE_EXPECT_EQ(windows_there(r), 1);
}

/* Firmware without windows to create: one window, in place, for ever. */
TCE_CASE(papr, no_ddw_at_all)
{
	Config config = with_system_pages(param);

	config.fw.has_ddw = false;
	config.fw.has_reset = false;
	config.fw.pgsizes = bit(12);

	Rig r(config);

	TCE_ASSERT_EQ(r.reg(kUser, kMiB), 0);
	for (u32 i = 0; i < 3; i++) {
		TCE_EXPECT_EQ(r.map(kUser, 0, kMiB), 0);
		TCE_EXPECT_EQ(r.remove(0), 0);
		TCE_EXPECT(default_there(r) && tree_says(r, true));
		TCE_EXPECT_EQ(r.w.live_tces(), 0);
		TCE_EXPECT_EQ(r.map(kUser, 0, kMiB), err::kNxio);
		TCE_EXPECT_EQ(r.create(12, 2 * kGiB), err::kNoSpc);
		TCE_EXPECT_EQ(r.create(16, kGiB), err::kInval);
		TCE_EXPECT_EQ(r.create(12, i ? kGiB : kGiB / 4, i), 0);
		TCE_EXPECT_EQ(r.start, 0);
	}
	TCE_EXPECT_EQ(rtas_calls(r) + r.w.ddw_calls[kQuery], 0);
	r.detach(0);
	TCE_EXPECT_EQ(rtas_calls(r), 0);
}

/*
 * What could not be brought back is not removed: DPDK gets a window, only not
 * at 0.
 */
TCE_CASE(papr, no_reset_at_all)
{
	Config config = with_system_pages(param);

	config.fw.has_reset = false;

	Rig r(config);
	const u64 page = bit(config.page_shift);

	TCE_ASSERT_EQ(r.reg(kUser, 16 * page), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, 16 * page), 0);
	TCE_EXPECT_EQ(r.remove(0), 0);
	TCE_EXPECT(default_there(r) && tree_says(r, true));
	TCE_EXPECT_EQ(r.w.live_tces(), 0);
	TCE_EXPECT_EQ(r.create(config.page_shift, kTiB, 1), 0);
	TCE_EXPECT_EQ(r.start, kDdwStart);
	TCE_EXPECT(tree_says(r, true, kDdwStart));
	TCE_EXPECT_EQ(r.map(kUser, kDdwStart, 16 * page), 0);
	TCE_EXPECT_EQ(r.create(12, kGiB), 0);
	TCE_EXPECT_EQ(r.start, 0);
	TCE_EXPECT_EQ(r.map(kUser, 0, 16 * page), 0);
	TCE_EXPECT_EQ(r.remove(kDdwStart), 0);
	TCE_EXPECT(r.reaches(0, kUser) && tree_says(r, true));
	r.detach(0);
	TCE_EXPECT(default_there(r) && tree_says(r, true));
	TCE_EXPECT_EQ(r.w.ddw_calls[kReset], 0);
}

/*
 * The reset at the very end fails: all else is back, and the next user brings
 * it about.
 */
TCE_CASE(papr, last_reset_refused)
{
	Rig r(with_firmware(param));
	const u64 page = bit(r.w.config.page_shift);

	TCE_ASSERT_EQ(r.reg(kUser, 16 * page), 0);
	TCE_ASSERT_EQ(r.remove(0), 0);
	r.w.fail_nth(1, site_bit(Site::DdwReset), true);
	TCE_EXPECT_EQ(r.create(12, kGiB), 0);
	TCE_EXPECT_EQ(r.start, 0);
	TCE_EXPECT_EQ(r.map(kUser, 0, page), 0);
	TCE_EXPECT(r.reaches(0, kUser));
	TCE_EXPECT_EQ(r.remove(0), 0);
	r.detach(0);
	TCE_EXPECT_LT(0, r.w.logs);
	TCE_EXPECT_EQ(r.unreg(kUser, 16 * page), 0);

	r.w.fail_never();
	r.w.allow_bad_hcalls = true;
	TCE_EXPECT_EQ(r.attach(0), 0);
	TCE_EXPECT(default_there(r));
	TCE_EXPECT_EQ(r.reg(kUser, 16 * page), 0);
	TCE_EXPECT_EQ(r.map(kUser, 0, page), 0);
	TCE_EXPECT(r.reaches(0, kUser));
}

/*
 * Has removing a window brought the default one back?  If nobody knows, a reset
 * makes sure.
 */
TCE_CASE(papr, last_query_refused)
{
	Rig r(with_firmware(param));
	const u64 page = bit(r.w.config.page_shift);

	TCE_ASSERT_EQ(r.reg(kUser, 16 * page), 0);
	for (u32 i = 0; i < 3; i++) {
		TCE_ASSERT_EQ(r.remove(0), 0);
		TCE_ASSERT_EQ(r.create(r.w.config.page_shift, kTiB), 0);
		TCE_EXPECT_EQ(r.start, 0);
		r.w.fail_nth(1, site_bit(Site::DdwQuery));
		TCE_EXPECT_EQ(r.remove(0), 0);
		r.w.fail_never();
		TCE_EXPECT(default_there(r) && tree_says(r, true));
		TCE_EXPECT_EQ(r.create(12, kGiB), 0);
		TCE_EXPECT_EQ(r.start, 0);
	}
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * v1 containers: what fails half-way, what the platform refuses, and the end.
 */
#include "v1.hpp"

using namespace fake;
using namespace fake::v1;

/* It fails in the second run, or later: everything is as it was. */
TCE_CASE(v1, fails_half_way)
{
	static constexpr u64 kBytes = 1600 * 4096;
	constexpr u64 kHole = kGiB;

	for (u32 live = 0; live < 2; live++) {
		Rig r(config_of(param));
		Snapshot before, after;

		r.w.make_hole(kHole + 1200 * 4096, kHole + 1216 * 4096);
		TCE_ASSERT_EQ(r.enable(), 0);
		TCE_ASSERT_EQ(r.map(kUser, 0, 65536), 0);
		if (live)
			TCE_ASSERT_EQ(r.map(kUser, 0, kWindow), 0);
		before.take(r.w);
		TCE_EXPECT_EQ(r.map(kHole, 65536, kBytes), err::kFault);
		after.take(r.w);
		TCE_EXPECT(before == after);
		for (u64 nth = 1; nth < 20; nth++) {
			r.w.fail_nth(nth, site_bit(Site::Pin) | kAllocSites);

			const int rc = r.map(kUser + kGiB, 65536, kBytes);
			const u64 fired = r.w.injected();

			r.w.fail_never();
			if (!fired) {
				TCE_EXPECT_EQ(rc, 0);
				/* A list, and four runs of pages. */
				TCE_EXPECT_LE(6, nth);
				break;
			}
			TCE_EXPECT_EQ(rc, err::kNoMem);
			after.take(r.w);
			TCE_EXPECT(before == after);
		}
		check_pins(r, live ? kEntries : 16 + 1600);
	}
}

/* A fatal signal: the range is as it was, or closed. */
TCE_CASE(v1, killed)
{
	for (u64 nth = 1;; nth += stride()) {
		Rig r(config_of(param));
		Snapshot before, after;

		TCE_ASSERT_EQ(r.enable(), 0);
		TCE_ASSERT_EQ(r.map(kUser, 0, 2000 * 4096), 0);
		before.take(r.w);
		r.w.fail_nth(nth, site_bit(Site::Killed));

		const int rc = r.map(kUser + kGiB, 4096, 1600 * 4096);
		const u64 fired = r.w.injected(), looks = r.w.inject_state.seen;

		r.w.fail_never();
		if (!fired) {
			TCE_EXPECT_EQ(rc, 0);
			/* Four runs are pinned, four are mapped. */
			TCE_EXPECT_EQ(looks, 8);
			break;
		}
		TCE_EXPECT_EQ(rc, err::kIntr);
		after.take(r.w);
		TCE_EXPECT(after.is_part_of(before, before));
		TCE_EXPECT_EQ(r.w.live_pins, r.w.live_tces());
		TCE_EXPECT(r.reaches(0, kUser));
	}
}

/* A hypervisor that does not close entries: they stay pinned, and charged. */
TCE_CASE(v1, disable_refused)
{
	Rig r(config_of(param));

	TCE_ASSERT_EQ(r.enable(), 0);
	TCE_EXPECT_EQ(r.map(kUser, 0, 1000 * 4096), 0);

	const u64 locked = r.w.locked_vm();

	r.w.fail_nth(1, kHcallSites, true);
	TCE_EXPECT_EQ(r.disable(), err::kIo);
	TCE_EXPECT_EQ(r.unmap(0, kWindow), err::kIo);
	r.w.fail_never();
	check_pins(r, 1000);
	TCE_EXPECT_EQ(r.w.locked_vm(), locked);
	TCE_EXPECT_EQ(r.enable(), err::kBusy);
	TCE_EXPECT_EQ(r.disable(), 0);
	check_pins(r, 0);
}

/*
 * Pages that a device may still have when its group has gone stay pinned for
 * good: neither DISABLE nor another ENABLE makes them cheaper.
 */
TCE_CASE(v1, disable_with_pins_that_stay)
{
	constexpr u64 kPages = 1000;
	Rig r(config_of(param));
	const u64 cost = (kPages * 4096 + bit(r.w.config.page_shift) - 1) >> r.w.config.page_shift;

	TCE_ASSERT_EQ(r.enable(), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, kPages * 4096), 0);
	r.w.fail_nth(1, kHcallSites | kDdwSites, true);
	r.detach(0);
	r.w.fail_never();
	check_pins(r, kPages);
	TCE_EXPECT_EQ(r.w.counters[TCE_COUNT_QUARANTINED], kPages);
	TCE_EXPECT_EQ(r.w.locked_vm(), charge_of(r));
	TCE_EXPECT_EQ(r.disable(), 0);
	TCE_EXPECT_EQ(r.w.locked_vm(), cost);
	TCE_EXPECT_EQ(r.attach(0), 0);
	TCE_EXPECT_EQ(r.enable(), 0);
	TCE_EXPECT_EQ(r.w.locked_vm(), charge_of(r));
	TCE_EXPECT_EQ(r.disable(), 0);
	TCE_EXPECT_EQ(r.w.locked_vm(), cost);
	/* Nobody is left to be charged. */
	r.finish();
	TCE_EXPECT_EQ(r.w.locked_vm(), 0);
	TCE_EXPECT_EQ(r.w.live_pins, kPages);
	r.w.skip_balance = true;
}

/*
 * MAP that the hypervisor refuses, and then does not even close: no page is let
 * go.
 */
TCE_CASE(v1, map_refused)
{
	for (u32 live = 0; live < 2; live++) {
		for (u64 nth = 1; nth < 6; nth++) {
			for (u32 sticky = 0; sticky < 2; sticky++) {
				Rig r(config_of(param));

				TCE_ASSERT_EQ(r.enable(), 0);
				TCE_ASSERT_EQ(r.map(kUser, 0, live ? kWindow : 4096), 0);
				r.w.fail_nth(nth, kHcallSites, sticky, h::kHardware, 7);

				const int rc = r.map(kUser + kGiB, 4096, 1200 * 4096);
				const bool fired = r.w.injected();

				r.w.fail_never();
				TCE_EXPECT_EQ(rc, fired ? err::kIo : 0);
				TCE_EXPECT_LE(r.w.live_tces(), r.w.live_pins);
				/* Once it listens again all of it goes. */
				TCE_EXPECT_EQ(r.unmap(0, kWindow), 0);
				TCE_EXPECT_EQ(r.w.live_tces(), 0);
				if (!sticky)
					TCE_EXPECT_EQ(r.w.live_pins, 0);
				r.w.skip_balance = r.w.live_pins;
			}
		}
	}
}

/* What a device may have of a MAP that failed stays pinned. */
TCE_CASE(v1, half_a_push)
{
	Rig r(config_of(param));

	TCE_ASSERT_EQ(r.enable(), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, 600 * 4096), 0);
	r.w.script({ kAllOps, 0, 1, h::kHardware, 7, false });
	r.w.script({ kAllOps, 0, ~0ull, h::kHardware, 0, false });
	TCE_EXPECT_EQ(r.map(kUser + kGiB, 0, 100 * 4096), err::kIo);
	r.w.no_scripts();
	TCE_EXPECT_EQ(r.w.live_pins, 700);
	TCE_EXPECT_EQ(r.w.counters[TCE_COUNT_QUARANTINED], 100);
	TCE_EXPECT_EQ(r.unmap(0, kWindow), 0);
	TCE_EXPECT_EQ(r.w.live_tces(), 0);
	TCE_EXPECT_EQ(r.w.live_pins, 100);
	r.w.skip_balance = true;
}

/*
 * A window of many leaves: runs end with them, and they are made before pages
 * are pinned.
 */
TCE_CASE(v1, several_leaves)
{
	Config config = config_of(param);

	config.fw.default_size = kGiB;

	Rig r(config);

	TCE_ASSERT_EQ(r.enable(), 0);
	TCE_EXPECT_EQ(r.map(kUser, 300 * 4096, 600 * 4096), 0);
	check_pins(r, 600);
	TCE_EXPECT(r.reaches(899 * 4096, kUser + 599 * 4096));
	/*
	 * The list of pages and the leaf, or leaf and page, in front of the
	 * first pin.
	 */
	r.w.fail_nth(2, kAllocSites | site_bit(Site::Pin));
	TCE_EXPECT_EQ(r.map(kUser, kGiB / 2, 4096), err::kNoMem);
	TCE_EXPECT_NE(number(r.w.inject_state.last), number(Site::Pin));
	r.w.fail_never();
	check_pins(r, 600);
}

/* Everything is in use, and the process is gone. */
TCE_CASE(v1, close_with_things_mapped)
{
	for (u32 how = 0; how < 3; how++) {
		Rig r(config_of(param));

		TCE_ASSERT_EQ(r.enable(), 0);
		TCE_ASSERT_EQ(r.map(kUser, 0, kWindow), 0);
		if (how)
			run_as(how);
		r.w.reset_counts();
		if (how == 2) {
			r.detach(0);
			TCE_EXPECT_EQ(r.w.live_pins, 0);
			TCE_EXPECT_EQ(r.w.locked_vm(), charge_of(r));
		}
		r.finish();
		/* PowerNV: the window goes as a whole. */
		TCE_EXPECT_EQ(r.w.ioda.kills, 0);
		TCE_EXPECT_EQ(r.w.live_pins + r.w.live_tces() + r.w.locked_vm(), 0);
	}
}

/* Firmware does not let go of the window. */
TCE_CASE(v1, close_refused)
{
	Config config = config_of(param | 2);
	Rig r(config);

	TCE_ASSERT_EQ(r.enable(), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, kWindow), 0);
	r.w.fail_nth(1, site_bit(Site::IodaUnset));
	r.finish();
	TCE_EXPECT_EQ(r.w.injected(), 1);
	TCE_EXPECT_LE(kEntries / 512, r.w.ioda.kills);
	TCE_EXPECT_EQ(r.w.live_pins + r.w.locked_vm(), 0);
	r.w.ioda.forget_stuck();
}

/* The table cannot be made, or the firmware does not take it. */
TCE_CASE(v1, first_map_fails)
{
	for (u64 nth = 1;; nth++) {
		Rig r(config_of(param));

		TCE_ASSERT_EQ(r.enable(), 0);
		r.w.fail_nth(nth, kAllSites & ~kHcallSites & ~kDdwSites);

		const int rc = r.map(kUser, kWindow - 700 * 4096, 600 * 4096);
		const bool fired = r.w.injected();

		r.w.fail_never();
		TCE_EXPECT_EQ(r.w.live_pins, r.w.live_tces());
		if (!fired) {
			TCE_EXPECT_EQ(rc, 0);
			TCE_EXPECT_LE(5, nth);
			break;
		}
		TCE_EXPECT_NE(rc, 0);
		TCE_EXPECT_EQ(r.w.live_pins, 0);
		TCE_EXPECT_EQ(r.map(kUser, kWindow - 700 * 4096, 600 * 4096), 0);
		check_pins(r, 600);
	}
}

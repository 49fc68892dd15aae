// SPDX-License-Identifier: GPL-2.0-only
/*
 * Windows that the firmware does not remove, entries that do not close, and how
 * that ends.
 */
#include "params.hpp"
#include "rig.hpp"

using namespace fake;

namespace {

enum Call : u32 { kQuery, kCreate, kRemove, kReset };

/* Memory for windows with pages of 64K as well. */
class Stage {
public:
	explicit Stage(const Config &config = {}, bool attach = true) : r(config, 1, attach)
	{
		r.w.make_contiguous(kUser, kUser + kMiB, 16);
		TCE_EXPECT_EQ(r.reg(kUser, kMiB), 0);
	}

	/* No entry is closed by hypercalls from now on. */
	void refuse_to_close() { r.w.script({ kAllOps, 0, ~0ull, h::kHardware, 0, true }); }
	u64 calls(Call call) const { return r.w.ddw_calls[call]; }

	Rig r;
};

/*
 * A small default window with entries that did not close is parked beside a
 * large one.
 */
class Parked : public Stage {
public:
	Parked() : Stage(small())
	{
		TCE_EXPECT_EQ(r.map(kUser, 0, kMiB), 0);
		TCE_EXPECT_EQ(r.create(16, 64 * kGiB), 0);
		refuse_to_close();
		TCE_EXPECT_EQ(r.remove(0), 0);
		TCE_EXPECT(!r.closed(0, kMiB));
		TCE_EXPECT_EQ(r.unreg(kUser, kMiB), err::kBusy);
		TCE_EXPECT_EQ(calls(kReset), 0);
	}

private:
	static Config small()
	{
		Config config;

		config.fw.default_size = 16 * kMiB;
		return config;
	}
};

} // namespace

/*
 * Windows that touch are not in each other's way, wherever the default window
 * is.
 */
TCE_CASE(papr, neighbours)
{
	static constexpr struct {
		u64 default_start, ddw_start;
		bool default_goes;
	} kPlaces[] = {
		{ 0,	     64 * kGiB, true  },
		{ 64 * kGiB, 0,		true  },
		{ 0,	     kGiB,	   false },
		{ 64 * kGiB, 0,		false },
	};

	for (const auto &place : kPlaces) {
		Config config;

		config.fw.default_start = place.default_start;
		config.fw.ddw_start = place.ddw_start;

		Stage s(config);
		Rig &r = s.r;

		if (place.default_goes) {
			TCE_EXPECT_EQ(r.remove(place.default_start), 0);
			TCE_EXPECT_EQ(r.create(16, 64 * kGiB), 0);
			TCE_EXPECT_EQ(r.start, place.default_start);
		}
		TCE_EXPECT_EQ(r.create(16, 64 * kGiB), 0);
		TCE_EXPECT_EQ(r.start, place.ddw_start);
		/* Of two the device tree describes the first one. */
		TCE_EXPECT_EQ(r.w.groups[0].dt.start,
			      place.default_goes ? place.default_start : place.ddw_start);
		TCE_EXPECT_EQ(r.map(kUser, place.ddw_start + 64 * kGiB - kMiB, kMiB), 0);
		TCE_EXPECT(r.reaches(place.ddw_start + 64 * kGiB - 1, kUser + kMiB - 1));
		TCE_EXPECT_EQ(r.map(kUser, place.default_start, 65536), 0);
		TCE_EXPECT(r.reaches(place.default_start, kUser));
	}
}

/* The default window has pages of 4K: it is none of 64K, however small. */
TCE_CASE(papr, small_window_of_large_pages)
{
	Stage s;

	TCE_EXPECT_EQ(s.r.remove(0), 0);
	TCE_EXPECT_EQ(s.r.create(16, 512 * kMiB), 0);
	TCE_EXPECT_EQ(s.r.map(kUser, s.r.start, 131072), 0);
	TCE_EXPECT(s.r.reaches(s.r.start + 65536, kUser + 65536));
}

/* How large a window may be matters only where there is room for one. */
TCE_CASE(papr, no_room_for_any)
{
	Config config;

	config.fw.max_windows = 1;
	config.fw.largest = bit(10);

	Stage s(config);

	TCE_EXPECT_EQ(s.r.create(12, kGiB), err::kNoSpc);
}

/*
 * CREATE that nobody waited for: the window that may be there goes by a reset,
 * once.
 */
TCE_CASE(papr, create_broken_off)
{
	for (u32 how = 0; how < 2; how++) {
		Stage s;
		Rig &r = s.r;

		r.w.ddw_error = err::kBusy;
		r.w.fail_nth(1, site_bit(Site::DdwCreate));
		TCE_EXPECT_EQ(r.create(16, kTiB), err::kBusy);
		r.w.fail_never();
		TCE_EXPECT_EQ(s.calls(kReset), 0);
		if (how) {
			TCE_EXPECT_EQ(r.remove(0), 0);
			TCE_EXPECT_EQ(s.calls(kReset), 1);
			continue;
		}
		for (u32 i = 0; i < 2; i++) {
			TCE_EXPECT_EQ(r.create(16, kTiB), 0);
			TCE_EXPECT_EQ(s.calls(kReset), 1);
			TCE_EXPECT_EQ(r.remove(r.start), 0);
			TCE_EXPECT_EQ(s.calls(kReset), 1);
		}
	}
}

/*
 * A default window of which nobody knows whether it is there is brought back
 * before the group goes.
 */
TCE_CASE(papr, default_not_removed)
{
	Stage s;

	s.r.w.fail_nth(1, site_bit(Site::DdwRemove));
	TCE_EXPECT_EQ(s.r.remove(0), 0);
	s.r.w.fail_never();
	TCE_EXPECT_EQ(s.calls(kReset), 0);
	s.r.detach(0);
	TCE_EXPECT_EQ(s.calls(kReset), 1);
}

/*
 * ... and stands where it has to, for the window of one that joins to come up
 * elsewhere.
 */
TCE_CASE(papr, default_of_joiner_not_removed)
{
	Config config;

	config.groups = 2;

	Stage s(config, false);

	TCE_ASSERT_EQ(s.r.attach(0), 0);
	TCE_ASSERT_EQ(s.r.create(16, 64 * kGiB), 0);
	TCE_ASSERT_EQ(s.r.remove(0), 0);
	s.r.w.fail_nth(1, site_bit(Site::DdwRemove));
	TCE_EXPECT_EQ(s.r.attach(1), 0);
	s.r.w.fail_never();
	TCE_EXPECT(s.r.w.window_at(1, kDdwStart));
	TCE_EXPECT_EQ(s.calls(kReset), 1);
}

/*
 * The first MAP fails: userspace has its default window as before, and can let
 * go of it.
 */
TCE_CASE(papr, first_map_fails)
{
	Stage s;

	s.r.w.fail_nth(1, site_bit(Site::FlushCreate));
	TCE_EXPECT_EQ(s.r.map(kUser, 0, 4096), err::kNoMem);
	s.r.w.fail_never();
	TCE_EXPECT_EQ(s.r.remove(0), 0);
	TCE_EXPECT_EQ(s.calls(kRemove), 1);
	TCE_EXPECT(!s.r.w.window_at(0, 0));
}

/*
 * Nothing closes the entries of the only window, and firmware does not remove
 * it: a reset, at once.
 */
TCE_CASE(papr, reset_at_once)
{
	Stage s;
	Rig &r = s.r;

	TCE_ASSERT_EQ(r.remove(0), 0);
	TCE_ASSERT_EQ(r.create(16, 64 * kGiB), 0);
	TCE_ASSERT_EQ(r.map(kUser, r.start, kMiB), 0);
	s.refuse_to_close();
	r.w.fail_nth(1, site_bit(Site::DdwRemove));
	TCE_EXPECT_EQ(r.remove(r.start), 0);
	TCE_EXPECT_EQ(s.calls(kReset), 1);
	TCE_EXPECT_EQ(r.w.live_tces(), 0);
	TCE_EXPECT_EQ(r.unreg(kUser, kMiB), 0);
}

/*
 * A second window that is not removed, but closed, says nothing of the first.
 */
TCE_CASE(papr, two_not_removed)
{
	Stage s;
	Rig &r = s.r;

	TCE_ASSERT_EQ(r.remove(0), 0);
	TCE_ASSERT_EQ(r.create(16, 64 * kGiB), 0);
	TCE_ASSERT_EQ(r.create(16, 64 * kGiB), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, kMiB), 0);
	r.w.fail_nth(1, site_bit(Site::DdwRemove) | site_bit(Site::DdwReset), true);
	s.refuse_to_close();
	TCE_EXPECT_EQ(r.remove(0), 0);
	r.w.no_scripts();
	TCE_EXPECT_EQ(r.remove(kDdwStart), 0);
	TCE_EXPECT(!r.closed(0, kMiB));
	TCE_EXPECT_EQ(r.unreg(kUser, kMiB), err::kBusy);
	r.w.fail_never();
	r.detach(0);
	TCE_EXPECT_EQ(r.unreg(kUser, kMiB), 0);
}

/*
 * The default window is not userspace's again as long as old entries are in it.
 */
TCE_CASE(papr, parked_is_wanted)
{
	Parked s;
	Rig &r = s.r;

	TCE_EXPECT_EQ(r.create(12, 16 * kMiB), err::kNoSpc);
	TCE_EXPECT_EQ(r.unreg(kUser, kMiB), err::kBusy);
	r.w.no_scripts();
	TCE_EXPECT_EQ(r.create(12, 16 * kMiB), 0);
	TCE_EXPECT_EQ(r.start, 0);
	TCE_EXPECT_EQ(r.w.live_tces(), 0);
	TCE_EXPECT_EQ(r.unreg(kUser, kMiB), 0);
}

/* The reset that closes them comes when the other window is gone. */
TCE_CASE(papr, parked_is_alone)
{
	Parked s;

	TCE_EXPECT_EQ(s.r.remove(kDdwStart), 0);
	TCE_EXPECT_EQ(s.calls(kReset), 1);
	TCE_EXPECT_EQ(s.r.w.live_tces(), 0);
	TCE_EXPECT_EQ(s.r.unreg(kUser, kMiB), 0);
}

/* ... or, if that one is refused, when the group goes back. */
TCE_CASE(papr, parked_goes_back)
{
	Parked s;

	s.r.w.fail_nth(1, site_bit(Site::DdwReset));
	s.r.detach(0);
	s.r.w.fail_never();
	s.r.w.no_scripts();
	TCE_EXPECT_EQ(s.calls(kReset), 2);
	TCE_EXPECT(s.r.closed(0, ~0ull));
	TCE_EXPECT_EQ(s.r.w.counters[TCE_COUNT_QUARANTINED], 0);
	TCE_EXPECT_EQ(s.r.unreg(kUser, kMiB), 0);
}

/*
 * A joiner's window that was half filled and closed again is closed, once is
 * enough.
 */
TCE_CASE(papr, joiner_is_closed_once)
{
	Config config;

	config.groups = 2;
	config.fw.default_size = 16 * kMiB;
	config.fw.has_reset = false;

	Stage s(config, false);

	TCE_ASSERT_EQ(s.r.attach(0), 0);
	TCE_ASSERT_EQ(s.r.map(kUser, 0, kMiB), 0);
	s.r.w.reset_counts();
	s.r.w.script({ op_bit(Op::PutIndirect), 0, 1, h::kHardware, 100, false });
	TCE_EXPECT_EQ(s.r.attach(1), err::kIo);
	s.r.w.no_scripts();
	/* To take it over, and what may have come through. */
	TCE_EXPECT_EQ(s.r.w.hcall_calls(Op::Stuff), 16 * kMiB / 4096 / 512 + 1);
	TCE_EXPECT(s.r.closed(0, ~0ull, 1));
}

/* One by one: those behind a busy one wait for it. */
TCE_CASE(papr, busy_one_by_one)
{
	constexpr u64 kTries = 6;
	Config config;

	config.fw.has_multitce = false;
	config.fw.default_size = kMiB;

	Stage s(config);

	TCE_ASSERT_EQ(s.r.map(kUser, 0, 4 * 4096), 0);
	s.r.w.reset_counts();
	s.r.w.script({ op_bit(Op::Put), 0, kTries, h::kBusy, 0, false });
	TCE_EXPECT_EQ(s.r.unmap(0, 4 * 4096), 0);
	TCE_EXPECT_EQ(s.r.w.hcall_calls(Op::Put), kTries + 4);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * What goes to the hypervisor: how many calls, and what happens when it says
 * no.
 */
#include "params.hpp"
#include "rig.hpp"

#include "papr_status.hpp"

using namespace fake;

namespace {

Config without_multitce()
{
	Config config;

	config.fw.has_multitce = false;
	return config;
}

} // namespace

/* --- How many ------------------------------------------------------------- */

TCE_CASE(papr, map_1g)
{
	Rig r(with_system_pages(param));

	TCE_ASSERT_EQ(r.reg(kUser, kGiB), 0);
	r.w.reset_counts();
	TCE_ASSERT_EQ(r.map(kUser, 0, kGiB), 0);
	TCE_EXPECT_EQ(r.w.live_tces(), 262144);
	TCE_EXPECT_LE(r.w.hcall_total(), 513);
	log("MAP of 1 GiB of 4K TCEs: %llu hypercalls", r.w.hcall_total());
	TCE_EXPECT(r.reaches(0, kUser) && r.reaches(kGiB - 4096, kUser + kGiB - 4096));

	r.w.reset_counts();
	TCE_ASSERT_EQ(r.unmap(0, kGiB), 0);
	TCE_EXPECT_EQ(r.w.live_tces(), 0);
	TCE_EXPECT_LE(r.w.hcall_total(), 513);
	log("UNMAP of it: %llu hypercalls", r.w.hcall_total());
}

/* A run does not have to begin where a leaf begins. */
TCE_CASE(papr, map_off_by_one)
{
	Rig r;

	TCE_ASSERT_EQ(r.reg(kUser, 64 * kMiB), 0);
	r.w.reset_counts();
	TCE_ASSERT_EQ(r.map(kUser, 4096, 64 * kMiB), 0);
	TCE_EXPECT_LE(r.w.hcall_total(), 64 * kMiB / 4096 / 512 * 2 + 2);
	r.w.reset_counts();
	TCE_ASSERT_EQ(r.unmap(4096, 64 * kMiB), 0);
	TCE_EXPECT_LE(r.w.hcall_total(), 64 * kMiB / 4096 / 512 + 2);
}

/* The cost of UNMAP is that of what is mapped. */
TCE_CASE(papr, unmap_sparse)
{
	Rig r;

	TCE_ASSERT_EQ(r.reg(kUser, kMiB), 0);
	r.w.reset_counts();
	TCE_EXPECT_EQ(r.unmap(0, kGiB), 0);
	TCE_EXPECT_EQ(r.w.hcall_total(), 0);
	for (u64 i = 0; i < 3; i++)
		TCE_ASSERT_EQ(r.map(kUser, i * 100 * kMiB, 4096), 0);
	r.w.reset_counts();
	TCE_EXPECT_EQ(r.unmap(0, kGiB), 0);
	TCE_EXPECT_LE(r.w.hcall_total(), 3);
	r.w.reset_counts();
	TCE_EXPECT_EQ(r.unmap(0, kGiB), 0);
	TCE_EXPECT_EQ(r.w.hcall_total(), 0);
}

TCE_CASE(papr, window_1t)
{
	Rig r;

	TCE_ASSERT_EQ(r.reg(kUser, 65536), 0);

	const u64 before = r.w.live_bytes;

	r.w.reset_counts();
	TCE_ASSERT_EQ(r.create(12, kTiB, 1), 0);
	TCE_EXPECT_LE(r.w.peak_bytes - before, kMiB);
	TCE_EXPECT_EQ(r.w.hcall_total(), 0);
	log("CREATE of 1 TiB: %llu bytes", r.w.peak_bytes - before);
	TCE_ASSERT_EQ(r.remove(kDdwStart), 0);
	TCE_EXPECT_EQ(r.w.hcall_total(), 0);
	TCE_EXPECT_EQ(r.w.live_bytes, before);

	/* And one in which a page is mapped, at either end. */
	TCE_ASSERT_EQ(r.create(12, kTiB, 4), 0);
	TCE_ASSERT_EQ(r.map(kUser, kDdwStart, 4096), 0);
	TCE_ASSERT_EQ(r.map(kUser, kDdwStart + kTiB - 4096, 4096), 0);
	r.w.reset_counts();
	TCE_ASSERT_EQ(r.remove(kDdwStart), 0);
	TCE_EXPECT_LE(r.w.hcall_total(), 4);
}

/*
 * 16384 regions of 64 KiB, one by one: nothing in it may cost per region and
 * region.
 */
TCE_CASE(papr, many_regions)
{
	Rig r;
	const u64 n = 16384 * env_knob(ENV_EFFORT) / 100 + 16;

	for (u64 i = 0; i < n && i < 1024; i++) {
		TCE_ASSERT_EQ(r.reg(bit(32) + i * 0x20000, 65536), 0);
		TCE_ASSERT_EQ(r.map(bit(32) + i * 0x20000, i * 65536, 65536), 0);
	}
	r.w.reset_counts();
	TCE_EXPECT_EQ(r.unmap(0, kGiB), 0);
	TCE_EXPECT_LE(r.w.hcall_total(), n * 16 / 512 + 1);
	for (u64 i = 0; i < n && i < 1024; i++)
		TCE_EXPECT_EQ(r.unreg(bit(32) + i * 0x20000, 65536), 0);
}

TCE_CASE(papr, no_multitce)
{
	Rig r(without_multitce());

	TCE_ASSERT_EQ(r.reg(kUser, 2 * kMiB), 0);
	r.w.reset_counts();
	TCE_ASSERT_EQ(r.map(kUser, 0, 2 * kMiB), 0);
	TCE_EXPECT_EQ(r.w.hcall_total(), 512);
	TCE_EXPECT_EQ(r.w.hcall_calls(Op::Put), 512);
	TCE_EXPECT(r.reaches(0, kUser) && r.reaches(2 * kMiB - 4096, kUser + 2 * kMiB - 4096));
	r.w.reset_counts();
	TCE_ASSERT_EQ(r.unmap(kMiB, kMiB), 0);
	TCE_EXPECT_EQ(r.w.hcall_total(), 256);
	TCE_EXPECT_EQ(r.w.live_tces(), 256);
}

/* --- Saying no ------------------------------------------------------------ */

TCE_CASE(papr, status)
{
	static constexpr struct {
		long status;
		int err;
	} kTable[] = {
		{ h::kSuccess,	       0		 },
		{ h::kClosed,	      err::kIo    },
		{ h::kNotAvailable,	    err::kIo    },
		{ h::kConstrained,	   err::kIo    },
		{ h::kPartial,	       err::kIo	},
		{ h::kInProgress,	  err::kIo	   },
		{ h::kTooHard,	       err::kIo	},
		{ h::kHardware,		err::kIo	 },
		{ h::kFunction,		err::kIo	 },
		{ h::kPrivilege,		 err::kIo	  },
		{ h::kParameter,		 err::kIo	  },
		{ h::kAuthority,		 err::kIo	  },
		{ h::kPermission,	  err::kIo	   },
		{ h::kNotEnoughResources, err::kIo	   },
		{ h::kNoMem,		     err::kNoMem },
		{ h::kResource,		err::kNoMem },
		{ 9906,			err::kIo	 },
		{ -9005,			 err::kIo	  },
		{ -512,			err::kIo	 },
		{ 1000000,		   err::kIo    },
	};
	Rig r;

	TCE_ASSERT_EQ(r.reg(kUser, kMiB), 0);
	for (const auto &row : kTable) {
		TCE_EXPECT_EQ(tce::papr::to_errc(row.status), row.err);
		if (row.status)
			r.w.script({ kAllOps, 0, 1, row.status, 0, false });
		TCE_EXPECT_EQ(r.map(kUser, 0, 8192), row.err);
		r.w.no_scripts();
		TCE_EXPECT_EQ(r.unmap(0, kGiB), 0);
	}
	/*
	 * Nothing that firmware says is a positive answer, or no error at all.
	 */
	for (long status = -600; status < 10000; status++) {
		const int err = static_cast<int>(tce::papr::to_errc(status));

		TCE_EXPECT(status ? err == err::kIo || err == err::kNoMem : err == 0);
	}
}

TCE_CASE(papr, busy)
{
	static constexpr long kBusy[] = { 1, 9900, 9901, 9902, 9903, 9904, 9905 };
	Rig r;

	TCE_ASSERT_EQ(r.reg(kUser, kMiB), 0);
	for (long status : kBusy) {
		r.w.reset_counts();
		r.w.script({ kAllOps, 0, 5, status, 0, false });
		TCE_EXPECT_EQ(r.map(kUser, 0, kMiB), 0);
		TCE_EXPECT_EQ(r.w.pauses(), 5);
		TCE_EXPECT_EQ(r.w.live_tces(), 256);
		/* Half of it was done before the hypervisor had to go. */
		r.w.script({ op_bit(Op::Stuff), 0, 3, status, 100, false });
		TCE_EXPECT_EQ(r.unmap(0, kMiB), 0);
		TCE_EXPECT_EQ(r.w.live_tces(), 0);
		TCE_EXPECT_EQ(r.w.pauses(), 8);
	}
}

/* A hypervisor that is busy for ever has refused; the ioctl comes back. */
TCE_CASE(papr, busy_for_ever)
{
	Rig r;

	TCE_ASSERT_EQ(r.reg(kUser, kMiB), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, 8192), 0);
	r.w.script({ op_bit(Op::PutIndirect), 0, ~0ull, h::kBusy, 0, false });
	TCE_EXPECT_EQ(r.map(kUser, kMiB, kMiB), err::kIo);
	TCE_EXPECT(r.closed(kMiB, kMiB));
	r.w.no_scripts();
	TCE_EXPECT_EQ(r.unmap(0, kGiB), 0);
	TCE_EXPECT_EQ(r.unreg(kUser, kMiB), 0);
}

namespace {

/*
 * Entries of [0, 8 * 512) are kUser's before; MAP is to make them 2 * kUser's.
 */
constexpr u64 kRange = 4 * 512 * 4096;

struct Half {
	u64 nth;
	u32 apply;
	bool sticky;
	long status;
};

/*
 * MAP over live entries while the hypervisor refuses a call.  Whatever it did
 * of it: the range is as it was, or closed, and nothing outside has changed.
 */
void refuse_map(const Config &config, const Half &half, bool over_live)
{
	Rig r(config);
	const u64 at = kMiB + 4096 * 7;

	TCE_ASSERT_EQ(r.reg(kUser, kRange), 0);
	TCE_ASSERT_EQ(r.reg(4 * kUser, kRange), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, 4096), 0);
	TCE_ASSERT_EQ(r.map(kUser, at + kRange, 4096), 0);
	if (over_live)
		TCE_ASSERT_EQ(r.map(kUser, at, kRange), 0);

	r.w.fail_nth(half.nth, kHcallSites, half.sticky, half.status, half.apply);

	const int rc = r.map(4 * kUser, at, kRange);
	const u64 fired = r.w.injected();

	r.w.fail_never();
	if (!fired) {
		TCE_EXPECT_EQ(rc, 0);
		return;
	}
	TCE_EXPECT_EQ(rc, err::kIo);
	TCE_EXPECT(r.reaches(0, kUser) && r.reaches(at + kRange, kUser));

	u64 old = 0, other = 0;

	/* What is neither is closed. */
	for (u64 i = 0; i < kRange; i += 4096) {
		if (!r.w.tce_at(0, at + i))
			continue;
		if (r.reaches(at + i, kUser + i))
			old++;
		else
			other++;
	}
	/* A hypervisor that refuses to close as well leaves what it likes. */
	if (!half.sticky)
		TCE_EXPECT_EQ(other, 0);
	if (!over_live && !half.sticky)
		TCE_EXPECT_EQ(old, 0);

	/* What it can be told now it is told, and everything comes back. */
	TCE_EXPECT_EQ(r.map(4 * kUser, at, kRange), 0);
	TCE_EXPECT(r.reaches(at, 4 * kUser) &&
		   r.reaches(at + kRange - 4096, 4 * kUser + kRange - 4096));
	TCE_EXPECT_EQ(r.unmap(0, kGiB), 0);
	TCE_EXPECT_EQ(r.w.live_tces(), 0);
	if (!half.sticky) {
		TCE_EXPECT_EQ(r.unreg(kUser, kRange), 0);
		TCE_EXPECT_EQ(r.unreg(4 * kUser, kRange), 0);
	}
}

} // namespace

TCE_CASE(papr, map_refused)
{
	static constexpr u32 kApply[] = { 0, 1, 255, 512 };

	Trials trials(param);

	for (u64 nth = 1; nth <= 9; nth++) {
		for (u32 apply : kApply) {
			if (trials.next())
				refuse_map({}, { nth, apply, false, h::kHardware }, param);
			if (trials.next())
				refuse_map({}, { nth, apply, true, h::kParameter }, param);
		}
	}
}

TCE_CASE(papr, map_refused_one_by_one)
{
	static constexpr u64 kNth[] = { 1, 2, 500, 505, 506, 700, 2047, 2048 };

	Trials trials(param);

	for (u64 nth : kNth) {
		if (trials.next())
			refuse_map(without_multitce(), { nth, 0, false, h::kHardware }, param);
		if (trials.next())
			refuse_map(without_multitce(), { nth, 1, false, h::kHardware }, param);
	}
	refuse_map(without_multitce(), { 700, 0, true, h::kHardware }, param);
}

/* What does not close is still mapped, and says so. */
TCE_CASE(papr, unmap_refused)
{
	static constexpr u32 kApply[] = { 0, 1, 255, 512 };
	const u64 bytes = 4 * 512 * 4096;

	for (u64 nth = 1; nth <= 5; nth++) {
		for (u32 apply : kApply) {
			Rig r;

			TCE_ASSERT_EQ(r.reg(kUser, bytes), 0);
			TCE_ASSERT_EQ(r.map(kUser, 0, bytes), 0);
			r.w.fail_nth(nth, kHcallSites, false, h::kHardware, apply);

			const int rc = r.unmap(0, kGiB);
			const u64 fired = r.w.injected();

			r.w.fail_never();
			TCE_EXPECT_EQ(rc, fired ? err::kIo : 0);
			/*
			 * Half of it may be closed in truth, all of it counts
			 * as mapped.
			 */
			TCE_EXPECT_EQ(r.w.live_tces(), fired ? 512 - apply : 0);
			TCE_EXPECT_EQ(r.unreg(kUser, bytes), fired ? err::kBusy : 0);
			TCE_EXPECT_EQ(r.unmap(0, kGiB), 0);
			TCE_EXPECT_EQ(r.w.live_tces(), 0);
			if (fired)
				TCE_EXPECT_EQ(r.unreg(kUser, bytes), 0);
		}
	}
}

/* --- The end, with a hypervisor that does not help ------------------------ */

/*
 * Nothing closes, but windows can be removed: with the window the entries are
 * gone.
 */
TCE_CASE(papr, no_clear_but_remove)
{
	Rig r(with_firmware(param));
	const u64 page = bit(r.w.config.page_shift);

	TCE_ASSERT_EQ(r.reg(kUser, 64 * page), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, 64 * page), 0);
	TCE_ASSERT_EQ(r.create(r.w.config.page_shift, kTiB), 0);
	TCE_ASSERT_EQ(r.map(kUser, kDdwStart, 64 * page), 0);
	r.w.fail_nth(1, kHcallSites, true);
	TCE_EXPECT_EQ(r.remove(kDdwStart), 0);
	r.detach(0);
	r.w.fail_never();
	TCE_EXPECT_EQ(r.w.live_tces(), 0);
	TCE_EXPECT_EQ(r.unreg(kUser, 64 * page), 0);
}

/* The firmware does not remove windows, but they can be cleared. */
TCE_CASE(papr, no_remove_but_clear)
{
	Rig r(with_firmware(param));
	const u64 page = bit(r.w.config.page_shift);

	TCE_ASSERT_EQ(r.reg(kUser, 64 * page), 0);
	TCE_ASSERT_EQ(r.create(r.w.config.page_shift, kTiB), 0);
	TCE_ASSERT_EQ(r.map(kUser, kDdwStart, 64 * page), 0);
	r.w.fail_nth(1, site_bit(Site::DdwRemove), true);
	r.remove(kDdwStart);
	TCE_EXPECT_EQ(r.w.live_tces(), 0);
	TCE_EXPECT_EQ(r.unreg(kUser, 64 * page), 0);
	/* The next one of this group gets a reset. */
	r.detach(0);
	r.w.fail_never();
	r.w.check_balance_of_firmware();
	TCE_EXPECT_EQ(r.attach(0), 0);
	TCE_EXPECT_EQ(r.create(r.w.config.page_shift, kTiB), 0);
}

/*
 * Neither: a device may reach the pages until the machine is rebooted.  They
 * stay pinned, whatever happens to the process; nothing else is lost.
 */
TCE_CASE(papr, quarantine)
{
	Config config = with_firmware(param);

	Rig r(config);
	const u64 page = bit(config.page_shift);

	TCE_ASSERT_EQ(r.reg(kUser, 64 * page), 0);
	TCE_ASSERT_EQ(r.reg(2 * kUser, 64 * page), 0);
	TCE_ASSERT_EQ(r.create(config.page_shift, kTiB), 0);
	TCE_ASSERT_EQ(r.map(kUser, kDdwStart, 64 * page), 0);
	r.w.fail_nth(1, kHcallSites | kDdwSites, true);
	r.remove(kDdwStart);
	TCE_EXPECT_EQ(r.unreg(kUser, 64 * page), err::kBusy);
	TCE_EXPECT_EQ(r.unreg(2 * kUser, 64 * page), 0);
	r.finish();
	r.w.fail_never();
	TCE_EXPECT_EQ(r.w.live_tces(), 64);
	TCE_EXPECT(r.w.is_pinned(r.w.hpa_of(&r.w.mm[0], kUser), page));
	TCE_EXPECT_NE(r.w.counters[TCE_COUNT_QUARANTINED], 0);
	TCE_EXPECT_EQ(r.w.registered_pages(), 64);

	/* All else is back. */
	TCE_EXPECT_EQ(r.w.live_blocks + r.w.live_ktables, 0);
	TCE_EXPECT_EQ(r.w.mm[0].locked_port, 0);
	r.w.skip_balance = true;
}

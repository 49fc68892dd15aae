// SPDX-License-Identifier: GPL-2.0-only
/* Several groups in one container: one shadow, a copy in every LIOBN. */
#include "params.hpp"
#include "rig.hpp"

using namespace fake;

namespace {

constexpr u32 kBoth = TCE_PERM_READ | TCE_PERM_WRITE;

Config with_groups(unsigned int firmware, u32 groups)
{
	Config config = with_firmware(firmware);

	config.groups = groups;
	return config;
}

/* Both groups have the same entries. */
void expect_same(Rig &r, u32 a, u32 b)
{
	for (u32 n = 0; n < 2; n++) {
		const FwWindow &wa = r.w.groups[a].win[n];
		FwWindow *wb = wa.live ? r.w.window_at(b, wa.start) : nullptr;
		u64 differ = 0;

		if (!wa.live)
			continue;
		TCE_REQUIRE(wb && wb->start == wa.start && wb->page_shift == wa.page_shift);
		wa.tces.for_each([&](u64 i, u64 tce) { differ += wb->tces.get(i) != tce; });
		TCE_EXPECT_EQ(differ, 0);
		TCE_EXPECT_EQ(wb->tces.used(), wa.tces.used());
	}
}

} // namespace

/* The audit's row 11. */
TCE_CASE(group, mirrored)
{
	Rig r(with_groups(param, 3));
	const u64 page = bit(r.w.config.page_shift);

	TCE_ASSERT_EQ(r.reg(kUser, 1024 * page), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, 1024 * page), 0);
	for (u32 g = 0; g < 3; g++) {
		TCE_EXPECT(r.reaches(0, kUser, kBoth, g));
		TCE_EXPECT(r.reaches(1023 * page, kUser + 1023 * page, kBoth, g));
	}
	TCE_ASSERT_EQ(r.create(r.w.config.page_shift, kTiB), 0);
	TCE_EXPECT_EQ(r.start, kDdwStart);
	TCE_ASSERT_EQ(r.map(kUser, kDdwStart + kTiB / 2, 100 * page), 0);
	expect_same(r, 0, 1);
	expect_same(r, 0, 2);
	TCE_ASSERT_EQ(r.unmap(kDdwStart + kTiB / 2, 50 * page), 0);
	TCE_ASSERT_EQ(r.unmap(10 * page, 700 * page), 0);
	expect_same(r, 0, 1);
	expect_same(r, 0, 2);
	/* All show the same table to KVM. */
	/* Each group has a table of its own for KVM, all of the same window. */
	TCE_EXPECT_EQ(r.w.groups[0].slot[0]->table, r.w.groups[2].slot[0]->table);
	TCE_EXPECT_NE(r.w.groups[0].slot[0], r.w.groups[2].slot[0]);
	TCE_EXPECT_EQ(r.w.groups[0].slot[1]->table, r.w.groups[1].slot[1]->table);
	TCE_EXPECT_EQ(r.w.live_ktables, 6);
}

TCE_CASE(group, memory_does_not_grow)
{
	u64 charged[2];

	for (u32 n = 0; n < 2; n++) {
		Rig r(with_groups(1, n ? 4 : 1));

		TCE_ASSERT_EQ(r.reg(kUser, 64 * kMiB), 0);
		TCE_ASSERT_EQ(r.map(kUser, 0, 64 * kMiB), 0);
		charged[n] = r.w.locked_vm();
	}
	TCE_EXPECT_EQ(charged[0], charged[1]);
}

/* A group that comes late has all that is mapped. */
TCE_CASE(group, late_joiner)
{
	Rig r(with_groups(param, 2), 1, false);
	const u64 page = bit(r.w.config.page_shift);

	TCE_ASSERT_EQ(r.attach(0), 0);
	TCE_ASSERT_EQ(r.reg(kUser, 2048 * page), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, 700 * page), 0);
	TCE_ASSERT_EQ(r.map(kUser, kGiB - page, page, TCE_MAP_READ), 0);
	TCE_ASSERT_EQ(r.create(r.w.config.page_shift, kTiB), 0);
	TCE_ASSERT_EQ(r.map(kUser, kDdwStart + 513 * page, 2000 * page), 0);
	TCE_ASSERT_EQ(r.unmap(kDdwStart + 1000 * page, page), 0);
	TCE_ASSERT_EQ(r.attach(1), 0);
	expect_same(r, 0, 1);
	TCE_EXPECT(r.reaches(kGiB - page, kUser, TCE_PERM_READ, 1));
	TCE_ASSERT_EQ(r.map(kUser + page, 0, page), 0);
	TCE_ASSERT_EQ(r.unmap(kDdwStart, kTiB), 0);
	expect_same(r, 0, 1);
	/* And again, after it was gone. */
	r.detach(1);
	TCE_EXPECT(r.reaches(0, kUser + page));
	TCE_ASSERT_EQ(r.map(kUser, 0, 10 * page), 0);
	TCE_ASSERT_EQ(r.attach(1), 0);
	expect_same(r, 0, 1);
}

/* The default window was given up before the second group came. */
TCE_CASE(group, late_joiner_without_default)
{
	Rig r(with_groups(param, 2), 1, false);

	TCE_ASSERT_EQ(r.attach(0), 0);
	TCE_ASSERT_EQ(r.remove(0), 0);
	TCE_ASSERT_EQ(r.attach(1), 0);
	TCE_ASSERT_EQ(r.create(16, kTiB), 0);
	TCE_EXPECT_EQ(r.start, 0);
	r.detach(1);
	TCE_ASSERT_EQ(r.attach(1), 0);
	TCE_EXPECT(r.w.window_at(1, kTiB - 1));
	r.detach(1);
	TCE_ASSERT_EQ(r.create(16, kTiB), 0);
	TCE_ASSERT_EQ(r.remove(0), 0);
	TCE_ASSERT_EQ(r.attach(1), 0);
	TCE_EXPECT(r.w.window_at(1, kDdwStart));
	/*
	 * The first group's default window is gone, the other window in the way
	 * of a reset.
	 */
	TCE_EXPECT_NE(r.create(12, kGiB), 0);
	TCE_EXPECT(r.w.window_at(0, kDdwStart) && r.w.window_at(1, kDdwStart));
	TCE_ASSERT_EQ(r.remove(kDdwStart), 0);
	TCE_EXPECT_EQ(r.create(12, kGiB), 0);
	TCE_EXPECT_EQ(r.start, 0);
	expect_same(r, 0, 1);
}

/* Firmware that puts windows elsewhere: it cannot be the same container. */
TCE_CASE(group, different_addresses)
{
	Rig r(with_groups(param, 2), 1, false);
	const u64 page = bit(r.w.config.page_shift);

	r.w.groups[1].ddw_start = bit(58);
	TCE_ASSERT_EQ(r.attach(0), 0);
	TCE_ASSERT_EQ(r.reg(kUser, 16 * page), 0);
	TCE_ASSERT_EQ(r.create(r.w.config.page_shift, kTiB), 0);
	TCE_ASSERT_EQ(r.map(kUser, kDdwStart, 16 * page), 0);
	TCE_EXPECT_EQ(r.attach(1), err::kPerm);
	TCE_EXPECT(r.reaches(kDdwStart, kUser));
	TCE_EXPECT(!r.w.window_at(1, bit(58)));
	TCE_ASSERT_EQ(r.remove(kDdwStart), 0);

	/*
	 * With the default window alone it gets on; CREATE is what fails then.
	 */
	TCE_ASSERT_EQ(r.attach(1), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, 16 * page), 0);
	TCE_EXPECT_EQ(r.create(r.w.config.page_shift, kTiB), err::kPerm);
	TCE_EXPECT(!r.w.window_at(0, kDdwStart) && !r.w.window_at(1, bit(58)));
	TCE_EXPECT(r.reaches(0, kUser, kBoth, 0) && r.reaches(0, kUser, kBoth, 1));
	TCE_EXPECT_EQ(r.w.live_ktables, 2);
}

TCE_CASE(group, different_default)
{
	Rig r(with_groups(1, 2), 1, false);

	TCE_ASSERT_EQ(r.attach(0), 0);
	r.w.groups[1].caps.default_size = 2 * kGiB;
	TCE_EXPECT_EQ(r.attach(1), err::kPerm);
	r.w.groups[1].caps.default_size = kGiB;
	r.w.groups[1].caps.default_start = kGiB;
	TCE_EXPECT_EQ(r.attach(1), err::kPerm);
	r.w.groups[1].caps.default_start = 0;
	TCE_EXPECT_EQ(r.attach(1), 0);
	TCE_EXPECT_EQ(r.attach(1), err::kBusy);
}

/* What one of them cannot do none of them does. */
TCE_CASE(group, common_page_sizes)
{
	Rig r(with_groups(1, 2), 1, false);
	tce_info info = {};

	/* Whoever comes first. */
	for (u32 less = 0; less < 2; less++) {
		r.w.groups[less].caps.max_windows = 1;
		TCE_ASSERT_EQ(r.attach(0), 0);
		TCE_ASSERT_EQ(r.attach(1), 0);
		TCE_EXPECT_EQ(r.info(&info), 0);
		TCE_EXPECT_EQ(info.max_windows, 1);
		r.w.groups[less].caps.max_windows = 2;
		r.detach(0);
		r.detach(1);
	}
	r.w.groups[1].caps.pgsizes = bit(12) | bit(24);
	TCE_ASSERT_EQ(r.attach(0), 0);
	TCE_ASSERT_EQ(r.attach(1), 0);
	TCE_EXPECT_EQ(r.info(&info), 0);
	TCE_EXPECT_EQ(info.pgsizes, bit(12) | bit(24));
	TCE_EXPECT_EQ(info.max_windows, 2);
	TCE_EXPECT_EQ(r.create(16, kGiB), err::kInval);
	TCE_EXPECT_EQ(r.create(24, kGiB), 0);
}

/* The audit's row 12. */
TCE_CASE(group, detach_one)
{
	for (u32 gone = 0; gone < 3; gone++) {
		Rig r(with_groups(param, 3));
		const u64 page = bit(r.w.config.page_shift);
		const u32 one = (gone + 1) % 3, two = (gone + 2) % 3;

		TCE_ASSERT_EQ(r.reg(kUser, 64 * page), 0);
		TCE_ASSERT_EQ(r.map(kUser, 0, 64 * page), 0);
		TCE_ASSERT_EQ(r.create(r.w.config.page_shift, kTiB), 0);
		TCE_ASSERT_EQ(r.map(kUser, kDdwStart, 64 * page), 0);
		r.detach(gone);
		TCE_EXPECT(r.closed(0, ~0ull, gone));
		TCE_EXPECT(!r.w.window_at(gone, kDdwStart));
		TCE_EXPECT(!r.w.groups[gone].slot[0] && !r.w.groups[gone].slot[1]);
		TCE_EXPECT(r.reaches(kDdwStart, kUser, kBoth, one));
		TCE_EXPECT(r.reaches(63 * page, kUser + 63 * page, kBoth, two));
		expect_same(r, one, two);
		TCE_EXPECT_EQ(r.unreg(kUser, 64 * page), err::kBusy);
		TCE_ASSERT_EQ(r.map(kUser, 100 * page, page), 0);
		expect_same(r, one, two);
		/*
		 * What it showed to KVM is not what is in the other groups'
		 * way.
		 */
		TCE_ASSERT_EQ(r.remove(kDdwStart), 0);
		TCE_ASSERT_EQ(r.unmap(0, kGiB), 0);
		TCE_EXPECT_EQ(r.unreg(kUser, 64 * page), 0);
	}
}

/* Without a group there are no windows; the memory stays. */
TCE_CASE(group, last_detach)
{
	Rig r(with_groups(param, 2));
	const u64 page = bit(r.w.config.page_shift);

	TCE_ASSERT_EQ(r.reg(kUser, 64 * page), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, 64 * page), 0);
	TCE_ASSERT_EQ(r.create(r.w.config.page_shift, kTiB), 0);
	TCE_ASSERT_EQ(r.map(kUser, kDdwStart, 64 * page), 0);
	r.detach(1);
	r.detach(0);
	r.w.check_balance_of_firmware();
	TCE_EXPECT_EQ(r.w.live_ktables, 0);
	TCE_EXPECT_EQ(r.w.locked_vm(), 64);
	TCE_EXPECT_EQ(r.map(kUser, 0, page), err::kNxio);
	TCE_EXPECT_EQ(r.create(16, kTiB), err::kNxio);
	/* It begins again as new. */
	TCE_ASSERT_EQ(r.attach(1), 0);
	TCE_EXPECT_EQ(r.w.live_tces(), 0);
	TCE_EXPECT_EQ(r.map(kUser, 0, page), 0);
	TCE_EXPECT(r.reaches(0, kUser, kBoth, 1));
	r.detach(1);
	TCE_EXPECT_EQ(r.unreg(kUser, 64 * page), 0);
}

/* The firmware of the second group says no: the first one's is as it was. */
TCE_CASE(group, second_refuses)
{
	for (u64 nth = 1; nth < 12; nth++) {
		Rig r(with_groups(param, 2));
		const u64 page = bit(r.w.config.page_shift);

		TCE_ASSERT_EQ(r.reg(kUser, 16 * page), 0);
		TCE_ASSERT_EQ(r.map(kUser, 0, 16 * page), 0);
		r.w.fail_nth(nth, site_bit(Site::DdwCreate) | site_bit(Site::DdwQuery) |
					  kAllocSites | site_bit(Site::KtableCreate));

		const int rc = r.create(r.w.config.page_shift, kTiB);
		const u64 fired = r.w.injected();

		r.w.fail_never();
		TCE_EXPECT_EQ(!rc, !fired);
		if (!fired)
			break;
		TCE_EXPECT(!r.w.window_at(0, kDdwStart) && !r.w.window_at(1, kDdwStart));
		TCE_EXPECT(r.reaches(0, kUser, kBoth, 0) && r.reaches(0, kUser, kBoth, 1));
		TCE_EXPECT_EQ(r.w.live_ktables, 2);
		TCE_EXPECT_EQ(r.create(r.w.config.page_shift, kTiB), 0);
		TCE_EXPECT_EQ(r.start, kDdwStart);
	}
}

/*
 * A group that cannot be filled is not attached, and the others do not notice.
 */
TCE_CASE(group, join_refused)
{
	Config config = with_groups(param, 2);
	u64 nth = 1;

	config.fw.default_size = 32 * kMiB;
	for (;; nth += stride()) {
		Rig r(config, 1, false);
		const u64 page = bit(config.page_shift);

		TCE_ASSERT_EQ(r.attach(0), 0);
		TCE_ASSERT_EQ(r.reg(kUser, 300 * page), 0);
		TCE_ASSERT_EQ(r.map(kUser, 0, 300 * page), 0);
		TCE_ASSERT_EQ(r.create(r.w.config.page_shift, kTiB), 0);
		TCE_ASSERT_EQ(r.map(kUser, kDdwStart, 300 * page), 0);
		r.w.fail_nth(nth, kAllSites, false, h::kHardware, 7);

		const int rc = r.attach(1);
		const u64 fired = r.w.injected();

		r.w.fail_never();
		if (!fired) {
			TCE_EXPECT_EQ(rc, 0);
			break;
		}
		if (rc) {
			TCE_EXPECT(r.closed(0, ~0ull, 1));
			TCE_EXPECT(r.w.groups[1].win[0].live && !r.w.groups[1].win[1].live);
			TCE_EXPECT(!r.w.groups[1].slot[0] && !r.w.groups[1].slot[1]);
			TCE_EXPECT_EQ(r.attach(1), 0);
		}
		expect_same(r, 0, 1);
	}
	TCE_EXPECT_LE(20, nth);
}

/* MAP: the first group's hypervisor took it, the second one's did not. */
TCE_CASE(group, map_refused_in_one)
{
	for (u64 nth = 1; nth <= 8; nth++) {
		Rig r(with_groups(param, 2));
		const u64 page = bit(r.w.config.page_shift);

		TCE_ASSERT_EQ(r.reg(kUser, 1024 * page), 0);
		TCE_ASSERT_EQ(r.reg(4 * kUser, 1024 * page), 0);
		TCE_ASSERT_EQ(r.map(kUser, 0, 1024 * page), 0);
		r.w.fail_nth(nth, kHcallSites, false, h::kHardware, 3);

		const int rc = r.map(4 * kUser, 0, 1024 * page);
		const u64 fired = r.w.injected();

		r.w.fail_never();
		TCE_EXPECT_EQ(rc, fired ? err::kIo : 0);
		expect_same(r, 0, 1);
		TCE_EXPECT_EQ(r.unmap(0, kGiB), 0);
		TCE_EXPECT_EQ(r.unreg(kUser, 1024 * page), 0);
		TCE_EXPECT_EQ(r.unreg(4 * kUser, 1024 * page), 0);
	}
}

/* UNMAP closes in every group as far as it goes. */
TCE_CASE(group, unmap_refused_in_one)
{
	for (u64 nth = 1; nth <= 4; nth++) {
		Rig r(with_groups(param, 2));
		const u64 page = bit(r.w.config.page_shift);

		TCE_ASSERT_EQ(r.reg(kUser, 1024 * page), 0);
		TCE_ASSERT_EQ(r.map(kUser, 0, 1024 * page), 0);
		r.w.fail_nth(nth, kHcallSites);

		const int rc = r.unmap(0, kGiB);
		const u64 fired = r.w.injected();

		r.w.fail_never();
		TCE_EXPECT_EQ(rc, fired ? err::kIo : 0);
		TCE_EXPECT_EQ(r.unreg(kUser, 1024 * page), fired ? err::kBusy : 0);
		if (!fired)
			continue;
		TCE_EXPECT_EQ(r.unmap(0, kGiB), 0);
		TCE_EXPECT_EQ(r.w.live_tces(), 0);
		TCE_EXPECT_EQ(r.unreg(kUser, 1024 * page), 0);
	}
}

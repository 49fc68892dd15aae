// SPDX-License-Identifier: GPL-2.0-only
/*
 * v1 containers (VFIO_SPAPR_TCE_IOMMU): one group, its default window, ENABLE charges for all
 * of it, every TCE pins its page for itself.  The fake counts pins a page and looks, whenever one
 * goes, that no more entries name the page than it has pins left.
 */
#include "params.hpp"
#include "rig.hpp"
#include "snapshot.hpp"

using namespace fake;

namespace {

constexpr u64 kWindow = 8 * kMiB;
constexpr u64 kEntries = kWindow / 4096;

Config config_of(unsigned int param)
{
	Config c = with_host(param);

	c.version = TCE_V1;
	c.fw.default_size = kWindow;
	return c;
}

u64 charge_of(const Rig &r)
{
	return kWindow >> r.w.config.page_shift;
}

/* As many pins as live entries, and never for more than what is charged. */
void check_pins(const Rig &r, u64 entries)
{
	TCE_EXPECT_EQ(r.w.live_pins, entries);
	TCE_EXPECT_EQ(r.w.live_tces(), entries);
}

} // namespace

TCE_CASE(v1, enable)
{
	Config config = config_of(param);

	config.locked_limit = kWindow >> config.page_shift;

	Rig r(config, 2, false);

	TCE_EXPECT_EQ(r.enable(), err::kNoDev);
	TCE_EXPECT_EQ(r.disable(), 0);
	TCE_ASSERT_EQ(r.attach(0), 0);
	TCE_EXPECT_EQ(r.disable(), 0);
	TCE_ASSERT_EQ(r.enable(), 0);
	TCE_EXPECT_EQ(r.w.locked_vm(), charge_of(r));
	TCE_EXPECT_EQ(r.enable(), err::kBusy);
	TCE_EXPECT_EQ(r.w.locked_vm(), charge_of(r));
	/* Others may look only at their own. */
	run_as(1);
	TCE_EXPECT_EQ(r.enable(), err::kPerm);
	TCE_EXPECT_EQ(r.disable(), err::kPerm);
	run_as(0);
	for (u32 i = 0; i < 3; i++) {
		TCE_EXPECT_EQ(r.disable(), 0);
		TCE_EXPECT_EQ(r.w.locked_vm(), 0);
		TCE_EXPECT_EQ(r.disable(), 0);
		TCE_EXPECT_EQ(r.enable(), 0);
		TCE_EXPECT_EQ(r.w.locked_vm(), charge_of(r));
	}
	/* Closed while it is enabled. */
	r.finish();
	TCE_EXPECT_EQ(r.w.locked_vm(), 0);
}

TCE_CASE(v1, limit)
{
	Config config = config_of(param);

	config.locked_limit = (kWindow >> config.page_shift) - 1;

	Rig r(config);

	TCE_EXPECT_EQ(r.enable(), err::kNoMem);
	TCE_EXPECT_EQ(r.w.locked_vm(), 0);
	TCE_EXPECT_EQ(r.map(kUser, 0, 65536), err::kPerm);
	r.w.mm[0].limit++;
	TCE_EXPECT_EQ(r.enable(), 0);
}

TCE_CASE(v1, not_enabled)
{
	Rig r(config_of(param));

	TCE_EXPECT_EQ(r.map(kUser, 0, 65536), err::kPerm);
	TCE_EXPECT_EQ(r.unmap(0, 65536), err::kPerm);
	TCE_ASSERT_EQ(r.enable(), 0);
	TCE_EXPECT_EQ(r.unmap(0, 65536), 0);
	TCE_EXPECT_EQ(r.map(kUser, 0, 65536), 0);
	TCE_ASSERT_EQ(r.disable(), 0);
	TCE_EXPECT_EQ(r.map(kUser, 0, 65536), err::kPerm);
	TCE_EXPECT_EQ(r.unmap(0, 65536), err::kPerm);
	TCE_EXPECT_EQ(r.w.live_pins, 0);
}

TCE_CASE(v1, info)
{
	Rig r(config_of(param));
	tce_info info = {};

	TCE_EXPECT_EQ(r.info(&info), 0);
	TCE_EXPECT_EQ(info.dma32_start, 0);
	TCE_EXPECT_EQ(info.dma32_size, kWindow);
}

/* One pin a TCE, and back; several TCEs of 4K lie in one page of 64K. */
TCE_CASE(v1, pins)
{
	Rig r(config_of(param));

	TCE_ASSERT_EQ(r.enable(), 0);
	TCE_EXPECT_EQ(r.map(kUser + 4096, 3 * 4096, 5 * 4096), 0);
	check_pins(r, 5);
	TCE_EXPECT(r.reaches(3 * 4096, kUser + 4096));
	TCE_EXPECT(r.reaches(7 * 4096 + 4095, kUser + 5 * 4096 + 4095));
	TCE_EXPECT_EQ(r.w.tce_at(0, 2 * 4096), 0);
	TCE_EXPECT_EQ(r.w.tce_at(0, 8 * 4096), 0);
	/* The same page again: a pin of its own. */
	TCE_EXPECT_EQ(r.map(kUser + 4096, kWindow - 4096, 4096), 0);
	check_pins(r, 6);
	TCE_EXPECT_EQ(r.unmap(3 * 4096, 4096), 0);
	check_pins(r, 5);
	TCE_EXPECT(r.reaches(kWindow - 4096, kUser + 4096));
	/* Holes are fine, and cost nothing. */
	TCE_EXPECT_EQ(r.unmap(0, kWindow / 2), 0);
	check_pins(r, 1);
	TCE_EXPECT_EQ(r.unmap(kWindow - 4096, 4096), 0);
	check_pins(r, 0);
	/* All of it, in several runs. */
	TCE_EXPECT_EQ(r.map(kUser, 0, kWindow), 0);
	check_pins(r, kEntries);
	TCE_EXPECT(r.reaches(kWindow - 4096, kUser + kWindow - 4096));
	TCE_EXPECT_EQ(r.w.locked_vm() - charge_of(r),
		      r.w.config.page_shift == 12 ? kEntries * 8 / 4096 : 0);
	TCE_EXPECT_EQ(r.unmap(0, kWindow), 0);
	check_pins(r, 0);
}

TCE_CASE(v1, arguments)
{
	static constexpr struct {
		u64 vaddr, iova, bytes;
		u32 flags;
		int rc;
	} kBad[] = {
		{kUser, 0, 0, kRw, err::kInval},
		{kUser, 0, 4096, 0, err::kInval},
		{kUser, 0, 4096, 4, err::kInval},
		{kUser + 1, 0, 4096, kRw, err::kInval},
		{kUser, 512, 4096, kRw, err::kInval},
		{kUser, 0, 4097, kRw, err::kInval},
		{kUser, kWindow - 4096, 8192, kRw, err::kInval},
		{kUser, kWindow, 4096, kRw, err::kNxio},
		{kUser, 0, ~0xfffull, kRw, err::kInval},
		{0 - 4096ull, 0, 8192, kRw, err::kInval},
		{bit(43), 0, 4096, kRw, err::kFault},
	};
	Rig r(config_of(param));

	TCE_ASSERT_EQ(r.enable(), 0);
	for (u32 round = 0; round < 2; round++) {
		for (const auto &bad : kBad)
			TCE_EXPECT_EQ(r.map(bad.vaddr, bad.iova, bad.bytes, bad.flags), bad.rc);
		check_pins(r, round);
		TCE_EXPECT_EQ(r.unmap(0, 0), err::kInval);
		TCE_EXPECT_EQ(r.unmap(0, kWindow + 4096), err::kInval);
		TCE_EXPECT_EQ(r.unmap(kWindow, 4096), err::kNxio);
		TCE_EXPECT_EQ(r.map(kUser, 0, 4096), 0);
	}
	run_as(1);
	TCE_EXPECT_EQ(r.map(kUser, 0, 4096), err::kPerm);
	TCE_EXPECT_EQ(r.unmap(0, 4096), err::kPerm);
	run_as(0);
	check_pins(r, 1);
}

TCE_CASE(v1, map_over_live)
{
	Rig r(config_of(param));

	TCE_ASSERT_EQ(r.enable(), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, 600 * 4096), 0);
	/* Other pages, the same pages, fewer rights. */
	TCE_EXPECT_EQ(r.map(kUser + kGiB, 4096, 598 * 4096), 0);
	check_pins(r, 600);
	TCE_EXPECT(r.reaches(0, kUser) && r.reaches(599 * 4096, kUser + 599 * 4096));
	TCE_EXPECT(r.reaches(4096, kUser + kGiB));
	TCE_EXPECT_EQ(r.map(kUser + kGiB, 4096, 598 * 4096), 0);
	check_pins(r, 600);

	const u64 dirty = r.w.dirtied;

	TCE_EXPECT_EQ(r.map(kUser + kGiB, 4096, 4096, TCE_MAP_READ), 0);
	TCE_EXPECT_EQ(r.w.dirtied, dirty + 1);
	TCE_EXPECT(r.reaches(4096, kUser + kGiB, TCE_PERM_READ));
	TCE_EXPECT_EQ(r.map(kUser, 4096, 4096), 0);
	TCE_EXPECT_EQ(r.w.dirtied, dirty + 1);
	check_pins(r, 600);
}

/* Memory that the process may only read: for a device that only reads. */
TCE_CASE(v1, read_only)
{
	Rig r(config_of(param));
	constexpr u64 kRo = 0x40000000;

	r.w.make_read_only(kRo, kRo + 4 * kMiB);
	TCE_ASSERT_EQ(r.enable(), 0);
	TCE_EXPECT_EQ(r.map(kRo, 0, 520 * 4096, TCE_MAP_READ), 0);
	check_pins(r, 520);
	TCE_EXPECT(r.reaches(519 * 4096, kRo + 519 * 4096, TCE_PERM_READ));
	TCE_EXPECT_EQ(r.map(kRo, kMiB * 4, 4096, TCE_MAP_WRITE), err::kFault);
	TCE_EXPECT_EQ(r.map(kRo, kMiB * 4, 4096, kRw), err::kFault);
	TCE_EXPECT_EQ(r.map(kRo, 0, 4096, kRw), err::kFault);
	/* Its last page, and one behind it. */
	TCE_EXPECT_EQ(r.map(kRo + 4 * kMiB - 4096, 4 * kMiB, 8192, TCE_MAP_WRITE), err::kFault);
	TCE_EXPECT_EQ(r.map(kRo + 4 * kMiB, 4 * kMiB, 4096, TCE_MAP_WRITE), 0);
	check_pins(r, 521);
	TCE_EXPECT(r.reaches(0, kRo, TCE_PERM_READ));
	TCE_EXPECT_EQ(r.unmap(0, kWindow), 0);
	check_pins(r, 0);
}

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
				TCE_EXPECT_LE(3, nth);
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
	for (u64 nth = 1;; nth++) {
		Rig r(config_of(param));
		Snapshot before, after;

		TCE_ASSERT_EQ(r.enable(), 0);
		TCE_ASSERT_EQ(r.map(kUser, 0, 2000 * 4096), 0);
		before.take(r.w);
		r.w.fail_nth(nth, site_bit(Site::Killed));

		const int rc = r.map(kUser + kGiB, 4096, 1600 * 4096);
		const u64 fired = r.w.injected();

		r.w.fail_never();
		if (!fired) {
			TCE_EXPECT_EQ(rc, 0);
			TCE_EXPECT_LE(5, nth);
			break;
		}
		TCE_EXPECT_EQ(rc, err::kIntr);
		after.take(r.w);
		TCE_EXPECT(after.is_part_of(before));
		TCE_EXPECT_EQ(r.w.live_pins, r.w.live_tces());
		TCE_EXPECT(r.reaches(0, kUser));
	}
}

/* DISABLE leaves nothing pinned that is not charged any more. */
TCE_CASE(v1, disable_unmaps)
{
	Rig r(config_of(param));

	for (u32 i = 0; i < 3; i++) {
		TCE_ASSERT_EQ(r.enable(), 0);
		TCE_EXPECT_EQ(r.map(kUser, 0, kWindow), 0);
		TCE_EXPECT_EQ(r.disable(), 0);
		check_pins(r, 0);
		/* The window has its table; that is charged, the window is not. */
		TCE_EXPECT_LE(r.w.locked_vm(), kEntries * 8 / 4096);
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

/* MAP that the hypervisor refuses, and then does not even close: no page is let go. */
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

TCE_CASE(v1, one_group)
{
	Config config = config_of(param);

	config.groups = 2;

	Rig r(config, 2, false);

	TCE_ASSERT_EQ(r.attach(0), 0);
	TCE_EXPECT_EQ(r.attach(1), err::kBusy);
	TCE_EXPECT_EQ(r.attach(0), err::kBusy);
	TCE_ASSERT_EQ(r.attach(1, 1), 0);
	TCE_ASSERT_EQ(r.enable(0), 0);
	TCE_ASSERT_EQ(r.enable(1), 0);
	TCE_EXPECT_EQ(r.w.locked_vm(), 2 * charge_of(r));
	TCE_EXPECT_EQ(r.map(kUser, 0, 65536, kRw, 0), 0);
	TCE_EXPECT(r.closed(0, kWindow, 1));
	TCE_EXPECT_EQ(r.map(kUser, 0, 4096, kRw, 1), 0);
	TCE_EXPECT_EQ(r.w.live_pins, 17);
	r.detach(0);
	TCE_EXPECT_EQ(r.w.live_pins, 1);
	TCE_EXPECT(r.reaches(0, kUser, 3, 1));
	TCE_EXPECT_EQ(r.map(kUser, 0, 4096, kRw, 0), err::kNxio);
}

/* What the other version has answers -EINVAL, and does nothing. */
TCE_CASE(v1, other_version)
{
	Config config = config_of(param);
	{
		Rig r(config);

		for (u32 i = 0; i < 2; i++) {
			TCE_EXPECT_EQ(r.reg(kUser, 65536), err::kInval);
			TCE_EXPECT_EQ(r.unreg(kUser, 65536), err::kInval);
			TCE_EXPECT_EQ(r.create(12, kGiB), err::kInval);
			TCE_EXPECT_EQ(r.remove(0), err::kInval);
			if (!i)
				TCE_EXPECT_EQ(r.enable(), 0);
			TCE_EXPECT_EQ(r.w.registered_pages(), 0);
		}
		TCE_EXPECT_EQ(r.map(kUser, 0, 65536), 0);
	}
	config.version = TCE_V2;

	Rig r(config);

	TCE_EXPECT_EQ(r.enable(), err::kInval);
	TCE_EXPECT_EQ(r.disable(), err::kInval);
	TCE_EXPECT_EQ(r.w.locked_vm(), 0);
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

/* KVM never gets to see the table. */
TCE_CASE(v1, no_kvm)
{
	Rig r(config_of(param));
	Kvm kvm(&r.w.mm[0], 0);
	GuestTable table;

	table.size = kEntries;
	TCE_ASSERT_EQ(r.enable(), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, 65536), 0);
	TCE_EXPECT(!r.w.groups[0].slot[0] && !r.w.groups[0].slot[1]);
	TCE_EXPECT_EQ(kvm.attach(table, 0), err::kInval);
	TCE_EXPECT_EQ(r.unmap(0, kWindow), 0);
	TCE_EXPECT(!r.w.groups[0].slot[0] && !r.w.groups[0].slot[1]);
	TCE_EXPECT_EQ(r.w.syncs, 0);
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

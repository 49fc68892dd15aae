// SPDX-License-Identifier: GPL-2.0-only
/*
 * v1 containers (VFIO_SPAPR_TCE_IOMMU): one group, its default window, ENABLE
 * charges for all of it, every TCE pins its page for itself.  The fake counts
 * pins a page and looks, whenever one goes, that no more entries name the page
 * than it has pins left.
 */
#include "v1.hpp"

using namespace fake;
using namespace fake::v1;

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

/* There is nothing to enable. */
TCE_CASE(v1, no_default_window)
{
	Rig r(config_of(param), 1, false);

	r.w.groups[0].caps.default_size = 0;
	TCE_ASSERT_EQ(r.attach(0), 0);
	TCE_EXPECT_EQ(r.enable(), err::kPerm);
	TCE_EXPECT_EQ(r.map(kUser, 0, 65536), err::kPerm);
	TCE_EXPECT_EQ(r.w.mm[0].refs, 0);
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
		{ kUser,	 0,		    0,	       kRw, err::kInval },
		{ kUser,	 0,		    4096,	  0,   err::kInval },
		{ kUser,	 0,		    4096,	  4,   err::kInval },
		{ kUser + 1,   0,		4096,      kRw, err::kInval },
		{ kUser,	 512,	      4096,	    kRw, err::kInval },
		{ kUser,	 0,		    4097,	  kRw, err::kInval },
		{ kUser,	 kWindow - 4096, 8192,      kRw, err::kInval },
		{ kUser,	 kWindow,	  4096,	kRw, err::kNxio	},
		{ kUser,	 0,		    ~0xfffull, kRw, err::kInval },
		{ 0 - 4096ull, 0,		  8192,	kRw, err::kInval },
		{ bit(43),	   0,	      4096,	    kRw, err::kFault },
	};
	Rig r(config_of(param));

	TCE_ASSERT_EQ(r.enable(), 0);
	for (u32 round = 0; round < 2; round++) {
		for (const auto &bad : kBad) {
			TCE_EXPECT_EQ(r.map(bad.vaddr, bad.iova, bad.bytes, bad.flags), bad.rc);
			/*
			 * The default window gets its table for a MAP that can
			 * go on.
			 */
			if (!round && bad.rc != err::kFault)
				TCE_EXPECT_EQ(r.w.live_ktables, 0);
		}
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

/*
 * More pins than the window has pages, for the time of a MAP: they are charged
 * as well.
 */
TCE_CASE(v1, charged_besides)
{
	constexpr u64 kMore = 160;
	Rig r(config_of(param));
	Snapshot before, after;

	TCE_ASSERT_EQ(r.enable(), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, kWindow - 16 * 4096), 0);

	const u64 locked = r.w.locked_vm();

	/* Where there is room in the window nothing more is charged. */
	r.w.mm[0].limit = locked;
	TCE_EXPECT_EQ(r.map(kUser + kGiB, 0, 16 * 4096), 0);
	TCE_EXPECT_EQ(r.map(kUser + kGiB, 0, 17 * 4096), err::kNoMem);
	before.take(r.w);
	r.w.mm[0].limit = locked + (kMore - 16) * 4096 / bit(r.w.config.page_shift);
	TCE_EXPECT_EQ(r.map(kUser + kGiB, 0, (kMore + 1) * 4096), err::kNoMem);
	after.take(r.w);
	TCE_EXPECT(before == after);
	TCE_EXPECT_EQ(r.map(kUser + kGiB, 0, kMore * 4096), 0);
	TCE_EXPECT_EQ(r.w.locked_vm(), locked);
	check_pins(r, kEntries - 16);
	TCE_EXPECT_EQ(r.disable(), 0);
	TCE_EXPECT_EQ(r.w.locked_vm(), locked - charge_of(r));
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

/* DISABLE leaves nothing pinned that is not charged any more. */
TCE_CASE(v1, disable_unmaps)
{
	Rig r(config_of(param));

	for (u32 i = 0; i < 3; i++) {
		TCE_ASSERT_EQ(r.enable(), 0);
		TCE_EXPECT_EQ(r.map(kUser, 0, kWindow), 0);
		TCE_EXPECT_EQ(r.disable(), 0);
		check_pins(r, 0);
		/*
		 * The window has its table; that is charged, the window is not.
		 */
		TCE_EXPECT_LE(r.w.locked_vm(), kEntries * 8 / 4096);
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
	/* Were it to see it all the same, it could do nothing with it. */
	TCE_ASSERT_EQ(r.w.live_ktables, 1);
	TCE_EXPECT(!tce_table_useraddr(r.w.ktables->table, 0, 1));
	TCE_EXPECT_EQ(kvm.do_unmap(r.w.ktables, 0), h::kSuccess);
	kvm.kill(r.w.ktables, 0);
	check_pins(r, 16);
	TCE_EXPECT_EQ(r.w.counters[TCE_COUNT_KVM_UPDATES] + r.w.counters[TCE_COUNT_KVM_KILLS], 0);
	TCE_EXPECT_EQ(r.unmap(0, kWindow), 0);
	TCE_EXPECT(!r.w.groups[0].slot[0] && !r.w.groups[0].slot[1]);
	TCE_EXPECT_EQ(r.w.syncs, 0);
}

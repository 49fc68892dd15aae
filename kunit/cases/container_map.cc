// SPDX-License-Identifier: GPL-2.0-only
/* Containers: memory is registered, mapped, unmapped, shared. */
#include "params.hpp"
#include "rig.hpp"

using namespace fake;

TCE_CASE(container, map_rights)
{
	Rig r(with_system_pages(param));
	const u64 page = bit(r.w.config.page_shift);

	TCE_ASSERT_EQ(r.reg(kUser, 4 * page), 0);
	TCE_EXPECT_EQ(r.map(kUser, 0, page, TCE_MAP_READ), 0);
	TCE_EXPECT_EQ(r.map(kUser + page, page, page, TCE_MAP_WRITE), 0);
	TCE_EXPECT_EQ(r.map(kUser + 2 * page, 2 * page, page, kRw), 0);
	TCE_EXPECT(r.reaches(0, kUser, TCE_PERM_READ));
	TCE_EXPECT(r.reaches(page, kUser + page, TCE_PERM_WRITE));
	TCE_EXPECT(r.reaches(2 * page, kUser + 2 * page));
	/* What a device may have written to is dirty, and nothing else. */
	TCE_EXPECT_EQ(r.unmap(0, page), 0);
	TCE_EXPECT_EQ(r.w.dirtied, 0);
	TCE_EXPECT_EQ(r.unmap(page, 2 * page), 0);
	TCE_EXPECT_EQ(r.w.dirtied, 2 * page / 4096);
}

/* Only what was done is counted, an entry that was closed before not again. */
TCE_CASE(container, counts)
{
	Rig r;
	const auto mapped = [&] { return r.w.counters[TCE_COUNT_TCES_MAPPED]; };
	const auto unmapped = [&] { return r.w.counters[TCE_COUNT_TCES_UNMAPPED]; };

	TCE_ASSERT_EQ(r.reg(kUser, kMiB), 0);
	TCE_EXPECT_EQ(r.map(kUser, 0, kMiB), 0);
	TCE_EXPECT_EQ(mapped(), 256);
	r.w.script({ kAllOps, 0, 1, h::kHardware, 0, false });
	TCE_EXPECT_EQ(r.map(kUser, kMiB, kMiB), err::kIo);
	TCE_EXPECT_EQ(mapped(), 256);
	TCE_EXPECT_EQ(unmapped(), 0);
	r.w.script({ kAllOps, 0, ~0ull, h::kHardware, 0, false });
	TCE_EXPECT_EQ(r.unmap(0, kMiB), err::kIo);
	r.w.no_scripts();
	TCE_EXPECT_EQ(unmapped(), 0);
	TCE_EXPECT_EQ(r.unmap(0, 4096), 0);
	TCE_EXPECT_EQ(unmapped(), 1);
	TCE_EXPECT_EQ(r.unmap(0, kGiB), 0);
	TCE_EXPECT_EQ(unmapped(), 256);
}

/* 4K IOMMU pages on 64K system pages, and the other way round. */
TCE_CASE(container, parts_of_a_page)
{
	Rig r(with_system_pages(param));
	const u64 page = bit(r.w.config.page_shift);

	TCE_ASSERT_EQ(r.reg(kUser, 4 * page), 0);
	TCE_EXPECT_EQ(r.map(kUser + 4 * page - 4096, 0x5000, 4096), 0);
	TCE_EXPECT(r.reaches(0x5000, kUser + 4 * page - 4096));
	TCE_EXPECT_EQ(r.map(kUser + page - 4096, 0x6000, 8192), 0);
	TCE_EXPECT(r.reaches(0x6000, kUser + page - 4096));
	TCE_EXPECT(r.reaches(0x7000, kUser + page));
	TCE_EXPECT_EQ(r.unmap(0x5000, 4096), 0);
	TCE_EXPECT_EQ(r.unmap(0x7000, 4096), 0);
	TCE_EXPECT_EQ(r.unreg(kUser, 4 * page), err::kBusy);
	TCE_EXPECT_EQ(r.unmap(0x6000, 4096), 0);
	TCE_EXPECT_EQ(r.unreg(kUser, 4 * page), 0);
}

/* Larger than a system page only where the memory really is one block. */
TCE_CASE(container, contiguous)
{
	Rig r;
	const u64 at = 0x40000000;

	r.w.make_contiguous(at, at + 256 * kMiB, 24);
	r.w.make_odd(at + 3 * kMiB + 0x5000);
	TCE_ASSERT_EQ(r.reg(at, 256 * kMiB), 0);
	TCE_ASSERT_EQ(r.create(21, 64 * kGiB), 0);
	TCE_EXPECT_EQ(r.map(at, kDdwStart, 2 * kMiB), 0);
	TCE_EXPECT_EQ(r.map(at + 2 * kMiB, kDdwStart + 2 * kMiB, 2 * kMiB), err::kPerm);
	TCE_EXPECT_EQ(r.map(at, kDdwStart, 256 * kMiB), err::kPerm);
	TCE_EXPECT(r.reaches(kDdwStart, at));
	TCE_EXPECT_EQ(r.w.live_tces(), 1);
	TCE_EXPECT_EQ(r.map(at + 4 * kMiB, kDdwStart, 128 * kMiB), 0);
	TCE_EXPECT(r.reaches(kDdwStart, at + 4 * kMiB));
	TCE_EXPECT_EQ(r.w.live_tces(), 64);
	TCE_ASSERT_EQ(r.remove(kDdwStart), 0);

	TCE_ASSERT_EQ(r.create(24, 64 * kGiB), 0);
	TCE_EXPECT_EQ(r.map(at, kDdwStart, 16 * kMiB), err::kPerm);
	TCE_EXPECT_EQ(r.map(at + 16 * kMiB, kDdwStart, 16 * kMiB), 0);
	TCE_EXPECT_EQ(r.map(at + 2 * kMiB, kDdwStart, 16 * kMiB), err::kInval);
}

TCE_CASE(container, map_over_live)
{
	Rig r(with_system_pages(param));
	const u64 page = bit(r.w.config.page_shift);

	TCE_ASSERT_EQ(r.reg(kUser, 8 * page), 0);
	TCE_ASSERT_EQ(r.reg(2 * kUser, 8 * page), 0);
	TCE_EXPECT_EQ(r.map(kUser, 0, 8 * page), 0);
	TCE_EXPECT_EQ(r.map(kUser, 0, 8 * page), 0);
	TCE_EXPECT_EQ(r.map(2 * kUser, 4 * page, 4 * page), 0);
	for (u32 i = 0; i < 2; i++) {
		TCE_EXPECT(r.reaches(3 * page, kUser + 3 * page));
		TCE_EXPECT(r.reaches(4 * page, 2 * kUser));
		/* Refused at first: it is as it was. */
		r.w.script({ kAllOps, 0, 1, h::kHardware, 0, false });
		TCE_EXPECT_EQ(r.map(kUser, 0, 8 * page), err::kIo);
		r.w.no_scripts();
	}
	TCE_EXPECT_EQ(r.unreg(kUser, 8 * page), err::kBusy);
	TCE_EXPECT_EQ(r.map(2 * kUser, 0, 8 * page, TCE_MAP_READ), 0);
	TCE_EXPECT_EQ(r.unreg(kUser, 8 * page), 0);
	TCE_EXPECT_EQ(r.unreg(2 * kUser, 8 * page), err::kBusy);
	TCE_EXPECT_EQ(r.unmap(0, 8 * page), 0);
	TCE_EXPECT_EQ(r.unreg(2 * kUser, 8 * page), 0);
}

/* The same page at several bus addresses counts as often. */
TCE_CASE(container, aliases)
{
	Rig r(with_system_pages(param));
	const u64 page = bit(r.w.config.page_shift);

	TCE_ASSERT_EQ(r.reg(kUser, page), 0);
	for (u64 i = 0; i < 700; i++)
		TCE_EXPECT_EQ(r.map(kUser, i * page, page), 0);
	for (u64 i = 0; i < 700; i++) {
		TCE_EXPECT_EQ(r.unreg(kUser, page), err::kBusy);
		TCE_EXPECT_EQ(r.unmap(i * page, page), 0);
	}
	TCE_EXPECT_EQ(r.unreg(kUser, page), 0);
}

TCE_CASE(container, several_regions)
{
	Rig r(with_system_pages(param));
	const u64 page = bit(r.w.config.page_shift);

	for (u64 i = 0; i < 64; i++)
		TCE_ASSERT_EQ(r.reg(kUser + i * 16 * page, 16 * page), 0);
	/* Across all of them, and over the borders of runs and leaves. */
	TCE_EXPECT_EQ(r.map(kUser, kGiB - 1024 * page, 1024 * page), 0);
	TCE_EXPECT_EQ(r.map(kUser + page, 300 * page, 1000 * page), 0);
	TCE_EXPECT(r.reaches(300 * page, kUser + page));
	TCE_EXPECT(r.reaches(1299 * page, kUser + 1000 * page));
	TCE_EXPECT(r.reaches(kGiB - page, kUser + 1023 * page));
	/* A hole in the middle: nothing happens. */
	TCE_EXPECT_EQ(r.unmap(0, kGiB), 0);
	TCE_EXPECT_EQ(r.unreg(kUser + 40 * 16 * page, 16 * page), 0);
	TCE_EXPECT_EQ(r.map(kUser, 0, 1024 * page), err::kInval);
	TCE_EXPECT_EQ(r.w.live_tces(), 0);
	TCE_EXPECT_EQ(r.map(kUser, 0, 640 * page), 0);
	TCE_EXPECT_EQ(r.unmap(0, kGiB), 0);
	for (u64 i = 0; i < 64; i++) {
		if (i != 40)
			TCE_EXPECT_EQ(r.unreg(kUser + i * 16 * page, 16 * page), 0);
	}
}

/* An IOMMU page that begins in one region and ends in the next is neither's. */
TCE_CASE(container, page_over_two_regions)
{
	Rig r;

	r.w.make_contiguous(0x40000000, 0x80000000, 24);
	TCE_ASSERT_EQ(r.reg(0x40000000, 0x8000), 0);
	TCE_ASSERT_EQ(r.reg(0x40008000, 0x8000), 0);
	TCE_ASSERT_EQ(r.create(16, kGiB), 0);
	TCE_EXPECT_EQ(r.map(0x40000000, kDdwStart, 0x10000), err::kInval);
	TCE_EXPECT_EQ(r.map(0x40000000, 0, 0x10000), 0);
	TCE_EXPECT_EQ(r.w.live_tces(), 16);
}

TCE_CASE(container, killed)
{
	Rig r;

	TCE_ASSERT_EQ(r.reg(kUser, 64 * kMiB), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, kMiB), 0);
	/* Before anything is done, and in the middle of it. */
	for (u64 nth = 1; nth < 200; nth += nth < 40 ? 1 : 23) {
		r.w.fail_nth(nth, site_bit(Site::Killed));

		const int rc = r.map(kUser, kMiB, 64 * kMiB - kMiB);

		if (!r.w.injected()) {
			TCE_EXPECT_EQ(rc, 0);
			break;
		}
		TCE_EXPECT_EQ(rc, err::kIntr);
		TCE_EXPECT(r.closed(kMiB, kGiB));
	}
	/* It looks once a leaf, but behind the last one, and once a run. */
	r.w.fail_nth(~0ull, site_bit(Site::Killed));
	TCE_EXPECT_EQ(r.map(kUser, kMiB, 64 * kMiB - kMiB), 0);
	TCE_EXPECT_EQ(r.w.inject_state.seen, 31 + 32);
	r.w.fail_never();
	TCE_EXPECT(r.reaches(0, kUser));
	TCE_EXPECT_EQ(r.unmap(0, kGiB), 0);
	TCE_EXPECT_EQ(r.unreg(kUser, 64 * kMiB), 0);
}

/*
 * Large pages are looked up in steps of 65536 system pages; a region counts as
 * one.
 */
TCE_CASE(container, looks_for_signals)
{
	Rig r;
	const u64 at = 0x40000000;

	r.w.make_contiguous(at, at + 256 * kMiB, 24);
	TCE_ASSERT_EQ(r.reg(at, 256 * kMiB), 0);
	TCE_ASSERT_EQ(r.create(24, 64 * kGiB), 0);
	r.w.fail_nth(~0ull, site_bit(Site::Killed));
	TCE_EXPECT_EQ(r.map(at, kDdwStart, 256 * kMiB), 0);
	/* ... and once behind the run. */
	TCE_EXPECT_EQ(r.w.inject_state.seen, 2);
}

/*
 * Two MAPs are the first at the same time: one of them makes the table, for
 * both.
 */
TCE_CASE(container, two_first_maps)
{
	Rig r;
	struct Other {
		Rig &r;
		bool done;
	} other = { r, false };

	TCE_ASSERT_EQ(r.reg(kUser, kMiB), 0);
	r.w.moment_arg = &other;
	r.w.on_moment = [](void *arg, bool) {
		auto &o = *static_cast<Other *>(arg);

		if (o.done || env_self()->nr_held)
			return;
		o.done = true;
		TCE_EXPECT_EQ(o.r.map(kUser + 4096, 4096, 4096), 0);
	};
	TCE_EXPECT_EQ(r.map(kUser, 0, 4096), 0);
	r.w.on_moment = nullptr;
	TCE_EXPECT(other.done);
	TCE_EXPECT_EQ(r.w.counters[TCE_COUNT_WINDOWS_CREATED], 1);
	TCE_EXPECT(r.reaches(0, kUser));
	TCE_EXPECT(r.reaches(4096, kUser + 4096));
}

/* Nobody who is killed waits for a busy hypervisor. */
TCE_CASE(container, killed_in_unmap)
{
	Rig r;

	TCE_ASSERT_EQ(r.reg(kUser, kMiB), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, kMiB), 0);
	r.w.reset_counts();
	r.w.script({ kAllOps, 0, ~0ull, h::kLongBusy100Sec, 0, false });
	env_self()->killed = true;
	TCE_EXPECT_EQ(r.unmap(0, kMiB), err::kIo);
	TCE_EXPECT_EQ(r.w.pauses(), 1);
	env_self()->killed = false;
	r.w.no_scripts();
	TCE_EXPECT(r.reaches(0, kUser));
	TCE_EXPECT_EQ(r.unmap(0, kMiB), 0);
	TCE_EXPECT_EQ(r.unreg(kUser, kMiB), 0);
}

/* The same of MAP: it leaves what was there. */
TCE_CASE(container, killed_in_map)
{
	Rig r;

	TCE_ASSERT_EQ(r.reg(kUser, 2 * kMiB), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, kMiB), 0);
	r.w.reset_counts();
	r.w.script({ kAllOps, 0, 1, h::kLongBusy100Sec, 0, false });
	env_self()->killed = true;
	TCE_EXPECT_EQ(r.map(kUser + kMiB, 0, kMiB), err::kIo);
	TCE_EXPECT_EQ(r.w.pauses(), 1);
	env_self()->killed = false;
	r.w.no_scripts();
	TCE_EXPECT(r.reaches(0, kUser));
	TCE_EXPECT_EQ(r.unmap(0, kMiB), 0);
	TCE_EXPECT_EQ(r.unreg(kUser, 2 * kMiB), 0);
}

/*
 * Around the number of pages that MAP has room for without asking for memory.
 */
TCE_CASE(container, few_pages)
{
	Rig r;

	TCE_ASSERT_EQ(r.reg(kUser, kMiB), 0);
	for (u64 n = 14; n < 20; n++) {
		TCE_EXPECT_EQ(r.map(kUser, 0, n * 4096), 0);
		TCE_EXPECT(r.reaches((n - 1) * 4096, kUser + (n - 1) * 4096));
		TCE_EXPECT_EQ(r.unmap(0, n * 4096), 0);
	}
}

TCE_CASE(container, yields)
{
	Rig r;

	TCE_ASSERT_EQ(r.reg(kUser, 256 * kMiB), 0);
	r.w.reset_counts();
	TCE_ASSERT_EQ(r.map(kUser, 0, 256 * kMiB), 0);
	/*
	 * 128 leaves, but behind the last one; 64 at a time when they are hung
	 * in; 128 runs.
	 */
	TCE_EXPECT_EQ(r.w.yields, 127 + 1 + 128);
	r.w.reset_counts();
	TCE_ASSERT_EQ(r.unmap(0, 256 * kMiB), 0);
	TCE_EXPECT_LE(8, r.w.yields);
	/* Leaves that are not wanted go as they came. */
	r.w.reset_counts();
	r.w.fail_nth(1, site_bit(Site::MemMap));
	TCE_EXPECT_EQ(r.map(kUser, 256 * kMiB, 256 * kMiB), err::kNxio);
	r.w.fail_never();
	TCE_EXPECT_EQ(r.w.yields, 127 + 1);
}

/* One pin and one charge, whoever registers it. */
TCE_CASE(container, shared_memory)
{
	Config config = with_system_pages(param);

	config.groups = 2;

	Rig r(config, 2, false);
	const u64 page = bit(r.w.config.page_shift);

	TCE_ASSERT_EQ(r.attach(0, 0), 0);
	TCE_ASSERT_EQ(r.attach(1, 1), 0);
	TCE_ASSERT_EQ(r.reg(kUser, 8 * page, 0), 0);
	TCE_ASSERT_EQ(r.reg(kUser, 8 * page, 1), 0);
	TCE_EXPECT_EQ(r.w.registered_pages(), 8);
	TCE_EXPECT_EQ(r.map(kUser, 0, 8 * page, kRw, 0), 0);
	TCE_EXPECT_EQ(r.map(kUser, page, 4 * page, kRw, 1), 0);
	/* Whoever is not the last one can go. */
	TCE_EXPECT_EQ(r.unmap(page, 4 * page, 1), 0);
	TCE_EXPECT_EQ(r.unreg(kUser, 8 * page, 1), 0);
	TCE_EXPECT_EQ(r.map(kUser, page, 4 * page, kRw, 1), err::kInval);
	TCE_EXPECT_EQ(r.unreg(kUser, 8 * page, 0), err::kBusy);
	TCE_EXPECT_EQ(r.reg(kUser, 8 * page, 1), 0);
	TCE_EXPECT_EQ(r.map(kUser, page, 4 * page, kRw, 1), 0);
	r.detach(0);
	r.close(0);
	TCE_EXPECT_EQ(r.w.registered_pages(), 8);
	TCE_EXPECT(r.reaches(page, kUser, TCE_PERM_READ | TCE_PERM_WRITE, 1));
	TCE_EXPECT_EQ(r.unreg(kUser, 8 * page, 1), err::kBusy);
	TCE_EXPECT_EQ(r.unmap(0, kGiB, 1), 0);
	TCE_EXPECT_EQ(r.unreg(kUser, 8 * page, 1), 0);
}

/* The audit's row 13: what the other container registered is not mine. */
TCE_CASE(container, not_my_region)
{
	Config config = with_system_pages(param);

	config.groups = 2;

	Rig r(config, 2, false);
	const u64 page = bit(r.w.config.page_shift);

	TCE_ASSERT_EQ(r.attach(0, 0), 0);
	TCE_ASSERT_EQ(r.attach(1, 1), 0);
	TCE_ASSERT_EQ(r.reg(kUser, 8 * page, 0), 0);
	TCE_EXPECT_EQ(r.map(kUser, 0, page, kRw, 1), err::kPerm);
	TCE_ASSERT_EQ(r.reg(2 * kUser, 8 * page, 1), 0);
	TCE_EXPECT_EQ(r.map(kUser, 0, page, kRw, 1), err::kInval);
	TCE_EXPECT_EQ(r.unreg(kUser, 8 * page, 1), err::kNoEnt);
	TCE_EXPECT_EQ(r.map(2 * kUser, 0, page, kRw, 1), 0);
	TCE_EXPECT_EQ(r.map(2 * kUser, 0, page, kRw, 0), err::kInval);
}

/* QEMU is killed: nothing is unmapped, nobody says a word. */
TCE_CASE(container, owner_dies)
{
	Config config = with_firmware(param);

	config.groups = 2;

	Rig r(config);
	const u64 page = bit(r.w.config.page_shift);

	TCE_ASSERT_EQ(r.reg(kUser, 64 * page), 0);
	TCE_ASSERT_EQ(r.reg(2 * kUser, 64 * page), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, 64 * page), 0);
	TCE_ASSERT_EQ(r.create(r.w.config.page_shift, kTiB), 0);
	TCE_ASSERT_EQ(r.map(2 * kUser, kDdwStart + kTiB / 2, 64 * page), 0);
	/* Somebody else's work queue. */
	run_as(3);
	r.finish();
	TCE_EXPECT_EQ(r.w.locked_vm(), 0);
	TCE_EXPECT_EQ(r.w.unpinned_pages, 128);
	run_as(0);
}

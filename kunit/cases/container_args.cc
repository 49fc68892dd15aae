// SPDX-License-Identifier: GPL-2.0-only
/*
 * Containers: what is refused, with which errno, and that nothing has changed
 * then.
 */
#include "params.hpp"
#include "unchanged.hpp"

using namespace fake;

namespace {

constexpr u64 kTop = ~0ull;

} // namespace

TCE_CASE(container, info)
{
	Config config;

	config.fw.pgsizes = bit(12) | bit(16) | bit(24);

	Rig r(config, 1, false);
	tce_info info = {};

	TCE_EXPECT_EQ(r.info(&info), err::kNxio);
	TCE_ASSERT_EQ(r.attach(0), 0);
	TCE_EXPECT_EQ(r.info(&info), 0);
	TCE_EXPECT_EQ(info.dma32_start, 0);
	TCE_EXPECT_EQ(info.dma32_size, kGiB);
	TCE_EXPECT_EQ(info.pgsizes, bit(12) | bit(16) | bit(24));
	TCE_EXPECT_EQ(info.max_windows, 2);
	TCE_EXPECT_EQ(info.levels, 5);
	r.detach(0);
	TCE_EXPECT_EQ(r.info(&info), err::kNxio);
	/*
	 * Firmware may have more windows than the kernel has tables for, and
	 * less.
	 */
	for (u32 windows = 1; windows < 5; windows++) {
		r.w.groups[0].caps.max_windows = windows;
		TCE_ASSERT_EQ(r.attach(0), 0);
		TCE_EXPECT_EQ(r.info(&info), 0);
		TCE_EXPECT_EQ(info.max_windows, windows < 2 ? 1 : 2);
		r.detach(0);
	}
}

TCE_CASE(container, register_args)
{
	Rig r(with_system_pages(param));
	const u64 page = bit(r.w.config.page_shift);

	TCE_ASSERT_EQ(r.reg(kUser, 16 * page), 0);
	TCE_EXPECT_EQ(r.w.locked_vm(), 16);

	Unchanged unchanged(r);
	u32 touched = 0;

	r.w.faulting = [](void *arg, tce_mm &) { ++*static_cast<u32 *>(arg); };
	r.w.faulting_arg = &touched;
	TCE_EXPECT_EQ(tce_container_register(r.c[0], 1, 2 * kUser, page), err::kInval);
	TCE_EXPECT_EQ(tce_container_register(r.c[0], ~0u, 2 * kUser, page), err::kInval);
	TCE_EXPECT_EQ(r.reg(2 * kUser, 0), err::kInval);
	TCE_EXPECT_EQ(r.reg(2 * kUser + page / 2, page), err::kInval);
	TCE_EXPECT_EQ(r.reg(2 * kUser, page + 1), err::kInval);
	TCE_EXPECT_EQ(r.reg(2 * kUser, page - 1), err::kInval);
	TCE_EXPECT_EQ(r.reg(0 - page, 2 * page), err::kInval);
	TCE_EXPECT_EQ(r.reg(page, 0 - page), err::kInval);
	TCE_EXPECT_EQ(r.reg(kUser, 16 * page), err::kBusy);
	TCE_EXPECT_EQ(r.reg(kUser, page), err::kInval);
	TCE_EXPECT_EQ(r.reg(kUser + 15 * page, page), err::kInval);
	TCE_EXPECT_EQ(r.reg(kUser + 15 * page, 2 * page), err::kInval);
	TCE_EXPECT_EQ(r.reg(kUser - page, 2 * page), err::kInval);
	TCE_EXPECT_EQ(r.reg(kUser - page, 20 * page), err::kInval);
	/* None of these has begun to pin anything. */
	TCE_EXPECT_EQ(touched, 0);
	/* Nothing is mapped there. */
	TCE_EXPECT_EQ(r.reg(bit(62), page), err::kFault);
	r.w.make_hole(3 * kUser + page, 3 * kUser + 2 * page);
	TCE_EXPECT_EQ(r.reg(3 * kUser, 2 * page), err::kFault);
}

TCE_CASE(container, register_neighbours)
{
	Rig r(with_system_pages(param));
	const u64 page = bit(r.w.config.page_shift);

	/* Touching is not overlapping. */
	TCE_EXPECT_EQ(r.reg(kUser, page), 0);
	TCE_EXPECT_EQ(r.reg(kUser + page, page), 0);
	TCE_EXPECT_EQ(r.reg(kUser - page, page), 0);
	TCE_EXPECT_EQ(r.w.locked_vm(), 3);
	TCE_EXPECT_EQ(r.unreg(kUser, page), 0);
	TCE_EXPECT_EQ(r.reg(kUser, page), 0);
	TCE_EXPECT_EQ(r.unreg(kUser - page, page), 0);
	TCE_EXPECT_EQ(r.w.locked_vm(), 2);
}

TCE_CASE(container, register_limit)
{
	Config config;

	config.locked_limit = 10;

	Rig r(config);

	TCE_EXPECT_EQ(r.reg(kUser, 11 * 4096), err::kNoMem);
	TCE_EXPECT_EQ(r.reg(kUser, 10 * 4096), 0);
	TCE_EXPECT_EQ(r.reg(2 * kUser, 4096), err::kNoMem);
	TCE_EXPECT_EQ(r.w.locked_vm(), 10);
	TCE_EXPECT_EQ(r.unreg(kUser, 10 * 4096), 0);
	TCE_EXPECT_EQ(r.reg(2 * kUser, 4096), 0);
	TCE_EXPECT_EQ(r.w.locked_vm(), 1);
}

/* Killed while another registration of the process is under way. */
TCE_CASE(container, register_killed)
{
	Rig r;
	{
		TCE_ASSERT_EQ(r.reg(2 * kUser, 4096), 0);

		Unchanged unchanged(r);

		r.w.fail_nth(1, site_bit(Site::Killed));
		TCE_EXPECT_EQ(r.reg(kUser, 16 * 4096), err::kIntr);
		TCE_EXPECT_EQ(r.w.injected(), 1);
	}
	/* It ended before the limit was looked at: nobody is told of it. */
	r.w.mm[0].limit = 2;
	r.w.fail_nth(1, site_bit(Site::Killed));
	TCE_EXPECT_EQ(r.reg(kUser, 16 * 4096), err::kIntr);
	TCE_EXPECT_EQ(r.w.logs, 0);
	r.w.mm[0].limit = ~0ull;
	r.w.fail_never();
	TCE_EXPECT_EQ(r.reg(kUser, 16 * 4096), 0);
}

/* What it takes to remember memory is there before the memory is pinned. */
TCE_CASE(container, register_no_memory)
{
	Rig r;
	u32 pinned = 0;

	r.w.faulting = [](void *arg, tce_mm &) { ++*static_cast<u32 *>(arg); };
	r.w.faulting_arg = &pinned;
	for (u64 nth = 1; nth < 10; nth++) {
		r.w.fail_nth(nth, kAllocSites);

		const int rc = r.reg(kUser, 16 * 4096);
		const bool failed = r.w.injected();

		r.w.fail_never();
		TCE_EXPECT_EQ(rc, failed ? err::kNoMem : 0);
		TCE_EXPECT_EQ(pinned, failed ? 0 : 1);
		TCE_EXPECT_EQ(r.w.locked_vm(), failed ? 0 : 16);
		if (!failed)
			return;
	}
	TCE_EXPECT(false);
}

TCE_CASE(container, unregister_args)
{
	Rig r(with_system_pages(param));
	const u64 page = bit(r.w.config.page_shift);

	/* No owner yet. */
	TCE_EXPECT_EQ(r.unreg(kUser, page), err::kPerm);
	TCE_ASSERT_EQ(r.reg(kUser, 16 * page), 0);
	{
		Unchanged unchanged(r);

		TCE_EXPECT_EQ(tce_container_unregister(r.c[0], 1, kUser, 16 * page), err::kInval);
		TCE_EXPECT_EQ(r.unreg(kUser, 0), err::kInval);
		TCE_EXPECT_EQ(r.unreg(kUser + 1, 16 * page), err::kInval);
		TCE_EXPECT_EQ(r.unreg(kUser, 16 * page - 1), err::kInval);
		TCE_EXPECT_EQ(r.unreg(kUser, 15 * page), err::kNoEnt);
		TCE_EXPECT_EQ(r.unreg(kUser + page, 15 * page), err::kNoEnt);
		TCE_EXPECT_EQ(r.unreg(kUser, 17 * page), err::kNoEnt);
		TCE_EXPECT_EQ(r.unreg(2 * kUser, page), err::kNoEnt);
	}
	TCE_EXPECT_EQ(r.unreg(kUser, 16 * page), 0);
	TCE_EXPECT_EQ(r.unreg(kUser, 16 * page), err::kNoEnt);
}

/* The audit's row 1: it is refused, it stays, it goes when nothing names it. */
TCE_CASE(container, unregister_mapped)
{
	Rig r(with_system_pages(param));
	const u64 page = bit(r.w.config.page_shift);

	TCE_ASSERT_EQ(r.reg(kUser, 16 * page), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, 16 * page), 0);
	TCE_EXPECT_EQ(r.unreg(kUser, 16 * page), err::kBusy);
	TCE_EXPECT(r.reaches(0, kUser));
	TCE_EXPECT_EQ(r.w.registered_pages(), 16);
	TCE_EXPECT_EQ(r.unmap(0, 15 * page), 0);
	TCE_EXPECT_EQ(r.unreg(kUser, 16 * page), err::kBusy);
	TCE_EXPECT_EQ(r.map(kUser, page, page), 0);
	TCE_EXPECT_EQ(r.unmap(0, kGiB), 0);
	TCE_EXPECT_EQ(r.unreg(kUser, 16 * page), 0);
	TCE_EXPECT_EQ(r.w.registered_pages(), 0);
}

TCE_CASE(container, create_args)
{
	Config config;

	config.fw.pgsizes = bit(12) | bit(16) | bit(24);
	config.fw.largest = bit(31);

	Rig r(config, 2, false);

	TCE_EXPECT_EQ(r.create(12, kGiB), err::kNxio);
	TCE_ASSERT_EQ(r.attach(0), 0);
	TCE_ASSERT_EQ(r.create(16, 64 * kGiB), 0);
	TCE_EXPECT_EQ(r.start, kDdwStart);
	TCE_ASSERT_EQ(r.remove(kDdwStart), 0);

	Unchanged unchanged(r);
	static constexpr struct {
		u32 shift;
		u64 size;
	} kBad[] = {
		{ 0,    kGiB	  },
		     { 11,   kGiB	},
		      { 13,   kGiB	 },
		    { 21,	  kGiB	       },
		{ 34,   bit(40)     },
		     { 35,   bit(40)	   },
		      { 63,   kGiB	 },
		    { 64,	  kGiB	       },
		{ 0x8c, kGiB	     },
		     { ~0u,  kGiB	 },
		      { 12,   0	      },
		    { 12,	  2048	       },
		{ 12,   3 * kMiB    },
		     { 16,   32768	 },
		      { 24,   kMiB	 },
		    { 12,	  kTop	       },
		{ 12,   kGiB + 4096 },
	};

	for (const auto &bad : kBad)
		TCE_EXPECT_EQ(r.create(bad.shift, bad.size), err::kInval);

	u64 start = 0x1234;

	TCE_EXPECT_EQ(tce_container_create_window(r.c[0], 1, 16, kGiB, 1, &start), err::kInval);
	TCE_EXPECT_EQ(start, 0x1234);
	/* More entries than the firmware can have. */
	TCE_EXPECT_EQ(r.create(12, bit(44)), err::kInval);
	TCE_EXPECT_EQ(r.create(12, bit(63)), err::kInval);
}

TCE_CASE(container, create_limit)
{
	Rig r;

	TCE_ASSERT_EQ(r.create(16, 64 * kGiB), 0);
	{
		Unchanged unchanged(r);

		TCE_EXPECT_EQ(r.create(16, 64 * kGiB), err::kNoSpc);
		TCE_EXPECT_EQ(r.create(12, kGiB), err::kNoSpc);
	}
	TCE_EXPECT_EQ(r.remove(0), 0);
	TCE_EXPECT_EQ(r.create(12, kGiB), 0);
	TCE_EXPECT_EQ(r.create(12, kGiB), err::kNoSpc);
}

/* The audit's rows 19 and 20. */
TCE_CASE(container, remove_args)
{
	Rig r({}, 1, false);

	TCE_EXPECT_EQ(r.remove(0), err::kNxio);
	TCE_ASSERT_EQ(r.attach(0), 0);
	TCE_ASSERT_EQ(r.create(16, 64 * kGiB), 0);
	{
		Unchanged unchanged(r);

		TCE_EXPECT_EQ(r.remove(kDdwStart + 0x12345), err::kInval);
		TCE_EXPECT_EQ(r.remove(kDdwStart + 0x10000), err::kInval);
		TCE_EXPECT_EQ(r.remove(kDdwStart - 0x10000), err::kInval);
		TCE_EXPECT_EQ(r.remove(4096), err::kInval);
		TCE_EXPECT_EQ(r.remove(kTop), err::kInval);
		TCE_EXPECT_EQ(tce_container_remove_window(r.c[0], 1, 0), err::kInval);
		TCE_EXPECT_EQ(tce_container_remove_window(r.c[0], 1, kDdwStart), err::kInval);
	}
	TCE_EXPECT_EQ(r.remove(kDdwStart), 0);
	TCE_EXPECT_EQ(r.remove(kDdwStart), err::kInval);
	TCE_EXPECT_EQ(r.remove(0), 0);
	TCE_EXPECT_EQ(r.remove(0), err::kInval);
}

/* The audit's rows 6 and 7. */
TCE_CASE(container, map_args)
{
	Rig r(with_system_pages(param));
	const u64 page = bit(r.w.config.page_shift);

	TCE_EXPECT_EQ(r.map(kUser, 0, page), err::kPerm);
	TCE_ASSERT_EQ(r.reg(kUser, 64 * page), 0);
	TCE_ASSERT_EQ(r.create(16, kGiB), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, 4 * page), 0);

	Unchanged unchanged(r);

	TCE_EXPECT_EQ(r.map(kUser, 0, page, 0), err::kInval);
	TCE_EXPECT_EQ(r.map(kUser, 0, page, 4), err::kInval);
	TCE_EXPECT_EQ(r.map(kUser, 0, page, 7), err::kInval);
	TCE_EXPECT_EQ(r.map(kUser, 0, page, ~0u), err::kInval);
	TCE_EXPECT_EQ(r.map(kUser, 0, 0), err::kInval);
	TCE_EXPECT_EQ(r.map(kUser + 1, 0, 4096), err::kInval);
	TCE_EXPECT_EQ(r.map(kUser, 1, 4096), err::kInval);
	TCE_EXPECT_EQ(r.map(kUser, 0, 4095), err::kInval);
	TCE_EXPECT_EQ(r.map(kUser, 0, 4097), err::kInval);
	TCE_EXPECT_EQ(r.map(kUser, 0, ~4095ull), err::kInval);
	TCE_EXPECT_EQ(r.map(kUser, 4096, ~4095ull), err::kInval);
	TCE_EXPECT_EQ(r.map(0 - page, 0, 2 * page), err::kInval);
	/* Aligned to 4K, not to the window's 64K. */
	TCE_EXPECT_EQ(r.map(kUser + 4096, kDdwStart, 65536), err::kInval);
	TCE_EXPECT_EQ(r.map(kUser, kDdwStart + 4096, 65536), err::kInval);
	TCE_EXPECT_EQ(r.map(kUser, kDdwStart, 4096), err::kInval);
	/* Out of the window, by an entry and by far. */
	TCE_EXPECT_EQ(r.map(kUser, kGiB - 4096, 8192), err::kInval);
	TCE_EXPECT_EQ(r.map(kUser, kGiB - 4096, 4 * kMiB), err::kInval);
	TCE_EXPECT_EQ(r.map(kUser, kDdwStart + kGiB - 65536, 131072), err::kInval);
	/* Not in a window at all. */
	TCE_EXPECT_EQ(r.map(kUser, kGiB, page), err::kNxio);
	TCE_EXPECT_EQ(r.map(kUser, kDdwStart - 65536, 65536), err::kNxio);
	TCE_EXPECT_EQ(r.map(kUser, kDdwStart + kGiB, 65536), err::kNxio);
	TCE_EXPECT_EQ(r.map(kUser, ~0xffffull, 65536), err::kNxio);
	/* Not registered, or not all of it. */
	TCE_EXPECT_EQ(r.map(2 * kUser, 0, page), err::kInval);
	TCE_EXPECT_EQ(r.map(kUser + 63 * page, 0, 2 * page), err::kInval);
	TCE_EXPECT_EQ(r.map(kUser - page, 0, 2 * page), err::kInval);
}

TCE_CASE(container, unmap_args)
{
	Rig r(with_system_pages(param));
	const u64 page = bit(r.w.config.page_shift);

	TCE_EXPECT_EQ(r.unmap(0, page), err::kPerm);
	TCE_ASSERT_EQ(r.reg(kUser, 64 * page), 0);
	/*
	 * First the default window has no table, then it has one: the answers
	 * are the same.
	 */
	for (u32 round = 0; round < 2; round++) {
		{
			Unchanged unchanged(r);

			TCE_EXPECT_EQ(tce_container_unmap(r.c[0], 1, 0, page), err::kInval);
			TCE_EXPECT_EQ(r.unmap(0, 0), err::kInval);
			TCE_EXPECT_EQ(r.unmap(1, 4096), err::kInval);
			TCE_EXPECT_EQ(r.unmap(0, 4097), err::kInval);
			TCE_EXPECT_EQ(r.unmap(0, 4095), err::kInval);
			TCE_EXPECT_EQ(r.unmap(4096, ~4095ull), err::kInval);
			TCE_EXPECT_EQ(r.unmap(kGiB - 4096, 8192), err::kInval);
			TCE_EXPECT_EQ(r.unmap(0, 2 * kGiB), err::kInval);
			TCE_EXPECT_EQ(r.unmap(kGiB, 4096), err::kNxio);
			TCE_EXPECT_EQ(r.unmap(kDdwStart, 65536), err::kNxio);
			/* Holes are fine. */
			TCE_EXPECT_EQ(r.unmap(kMiB, 4096), 0);
			TCE_EXPECT_EQ(r.unmap(kMiB, kGiB - kMiB), 0);
		}
		TCE_ASSERT_EQ(r.map(kUser, 0, 4 * page), 0);
	}
}

TCE_CASE(container, foreign_process)
{
	Rig r({}, 2);
	tce_info info = {};

	TCE_ASSERT_EQ(r.reg(kUser, 65536), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, 65536), 0);

	run_as(1);
	{
		Unchanged unchanged(r);

		TCE_EXPECT_EQ(r.reg(2 * kUser, 4096), err::kPerm);
		TCE_EXPECT_EQ(r.unreg(kUser, 65536), err::kPerm);
		TCE_EXPECT_EQ(r.map(kUser, 0, 4096), err::kPerm);
		TCE_EXPECT_EQ(r.unmap(0, 4096), err::kPerm);
		TCE_EXPECT_EQ(r.create(16, kGiB), err::kPerm);
		TCE_EXPECT_EQ(r.remove(0), err::kPerm);
		TCE_EXPECT_EQ(r.info(&info), err::kPerm);
	}
	/* Another container is another owner's. */
	TCE_EXPECT_EQ(r.reg(kUser, 65536, 1), 0);
	TCE_EXPECT_EQ(r.w.locked_vm(1), 16);
	TCE_EXPECT_EQ(r.unreg(kUser, 65536, 1), 0);

	run_as(0);
	TCE_EXPECT_EQ(r.info(&info), 0);
	/* Whoever closes it may be somebody else. */
	run_as(1);
	r.finish();
	run_as(0);
}

TCE_CASE(container, refused_arguments_own_nothing)
{
	Rig r;

	/* The first call with good arguments makes the owner. */
	TCE_EXPECT_EQ(r.reg(kUser, 0), err::kInval);
	TCE_EXPECT_EQ(r.create(11, kGiB), err::kInval);
	TCE_EXPECT_EQ(r.remove(4096), err::kInval);
	run_as(1);
	TCE_EXPECT_EQ(r.reg(kUser, 4096), 0);
	run_as(0);
	TCE_EXPECT_EQ(r.reg(kUser, 4096), err::kPerm);
}

TCE_CASE(container, closed)
{
	Rig r;
	tce_info info = {};
	u64 start;

	TCE_ASSERT_EQ(r.reg(kUser, 65536), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, 65536), 0);
	r.detach(0);
	tce_container_close(r.c[0]);
	TCE_EXPECT_EQ(r.w.locked_vm(), 0);
	TCE_EXPECT_EQ(r.w.mm[0].refs, 0);

	TCE_EXPECT_EQ(r.attach(0), err::kNoDev);
	TCE_EXPECT_EQ(r.reg(kUser, 4096), err::kNoDev);
	TCE_EXPECT_EQ(r.unreg(kUser, 4096), err::kNoDev);
	TCE_EXPECT_EQ(r.map(kUser, 0, 4096), err::kNoDev);
	TCE_EXPECT_EQ(r.unmap(0, 4096), err::kNoDev);
	TCE_EXPECT_EQ(tce_container_create_window(r.c[0], 0, 12, kGiB, 1, &start), err::kNoDev);
	TCE_EXPECT_EQ(r.remove(0), err::kNoDev);
	TCE_EXPECT_EQ(r.info(&info), err::kNoDev);
	tce_container_free(r.c[0]);
	r.c[0] = nullptr;
}

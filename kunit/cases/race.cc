// SPDX-License-Identifier: GPL-2.0-only
/* Threads that make ioctls. */
#include "params.hpp"
#include "race.hpp"

using namespace fake;
using namespace fake::threads;

/* The audit's row 16 (A6): notes and entries do not come apart. */
TCE_CASE(race, map_and_unmap)
{
	Rig r(small());
	Race race = { &r, nullptr, nullptr, rounds(200), 0, 0, 0, 0 };

	TCE_ASSERT_EQ(r.reg(kA, kBytes), 0);
	TCE_ASSERT_EQ(r.reg(kB, kBytes), 0);
	TCE_ASSERT_EQ(r.map(kB, 4 * kMiB, 4096), 0);
	run(race, { [](Race &x) {
			   for (u64 i = 0; i < x.n; i++, env_yield()) {
				   x.allow(map(x, kA, 0, 4096 * 8), 0);
				   x.allow(map(x, kB, 0, 4096 * 8), 0);
			   }
		   },
		    [](Race &x) {
			    while (x.goes_on())
				    x.allow(unmap(x, 0, 4096 * 8), 0);
		    },
		    [](Race &x) {
			    while (x.goes_on()) {
				    const int rc = unreg(x, kB, kBytes);

				    if (rc != err::kBusy)
					    x.bad(rc ? rc : 1);
			    }
		    } });
	TCE_EXPECT_EQ(r.map(kA, 0, 4096 * 8), 0);
	check_exact(r.w, kA);
	check_exact(r.w, kB);
	TCE_EXPECT_EQ(r.unmap(0, 8 * kMiB), 0);
	TCE_EXPECT_EQ(r.unreg(kA, kBytes), 0);
	TCE_EXPECT_EQ(r.unreg(kB, kBytes), 0);
}

/*
 * Two MAP of different memory at the same place: one of them wins every entry.
 */
TCE_CASE(race, map_and_map)
{
	Rig r(small());
	Race race = { &r, nullptr, nullptr, rounds(200), 0, 0, 0, 0 };

	TCE_ASSERT_EQ(r.reg(kA, kBytes), 0);
	TCE_ASSERT_EQ(r.reg(kB, kBytes), 0);
	run(race, { [](Race &x) {
			   for (u64 i = 0; i < x.n; i++, env_yield())
				   x.allow(map(x, kA, 300 * 4096, kBytes), 0);
		   },
		    [](Race &x) {
			    while (x.goes_on())
				    x.allow(map(x, kB, 400 * 4096, kBytes), 0);
		    },
		    [](Race &x) {
			    while (x.goes_on())
				    x.allow(map(x, kB, 100 * 4096, kBytes), 0);
		    } });
	check_exact(r.w, kA);
	check_exact(r.w, kB);
}

/* The audit's row 14 (A2). */
TCE_CASE(race, map_and_windows)
{
	Rig r(small());
	Race race = { &r, nullptr, nullptr, rounds(300), 0, 0, 0, 0 };

	TCE_ASSERT_EQ(r.reg(kA, kBytes), 0);
	run(race, { [](Race &x) {
			   for (u64 i = 0; i < x.n; i++, env_yield()) {
				   x.allow(create(x, 12, kGiB), 0);
				   x.allow(remove(x, kDdwStart), 0);
			   }
		   },
		    [](Race &x) {
			    while (x.goes_on())
				    x.allow(map(x, kA, kDdwStart + 100 * 4096, kBytes), err::kNxio);
		    },
		    [](Race &x) {
			    while (x.goes_on())
				    x.allow(unmap(x, kDdwStart, kMiB), err::kNxio);
		    } });
	TCE_EXPECT_EQ(r.unreg(kA, kBytes), 0);
}

/* The audit's row 15 (A5): the default window is made once. */
TCE_CASE(race, first_map)
{
	for (u64 i = 0; i < rounds(100); i++) {
		Rig r(small());
		Race race = { &r, nullptr, nullptr, 1, 0, 0, 0, 0 };

		TCE_ASSERT_EQ(r.reg(kA, kBytes), 0);
		run(race, { [](Race &x) { x.allow(map(x, kA, 0, 4096), 0); },
			    [](Race &x) { x.allow(map(x, kA + 4096, 4096, 4096), 0); },
			    [](Race &x) { x.allow(map(x, kA, 512 * 4096, 4096), 0); } });
		TCE_EXPECT_EQ(r.w.live_tces(), 3);
		TCE_EXPECT_EQ(r.w.live_ktables, 1);
	}
}

/* A7, A12: mapped and gone at the same time. */
TCE_CASE(race, map_and_unregister)
{
	Rig r(small());
	Race race = { &r, nullptr, nullptr, rounds(1500), 0, 0, 0, 0 };

	TCE_ASSERT_EQ(r.reg(kB, kBytes), 0);
	run(race, { [](Race &x) {
			   for (u64 i = 0; i < x.n; i++, env_yield()) {
				   x.allow(reg(x, kA, kBytes), err::kBusy);
				   x.allow(unreg(x, kA, kBytes), err::kBusy, err::kNoEnt);
			   }
		   },
		    [](Race &x) {
			    while (x.goes_on()) {
				    x.allow(map(x, kA, 0, kBytes), err::kInval);
				    x.allow(unmap(x, 0, kBytes), 0);
			    }
		    },
		    [](Race &x) {
			    while (x.goes_on()) {
				    x.allow(reg(x, kA, kBytes), err::kBusy);
				    x.allow(unreg(x, kA, kBytes), err::kBusy, err::kNoEnt);
			    }
		    } });
	TCE_EXPECT_EQ(r.unmap(0, 8 * kMiB), 0);
	check_exact(r.w, kB);
}

/* A13d: the container is closed under its callers. */
TCE_CASE(race, close)
{
	for (u64 i = 0; i < rounds(60); i++) {
		Rig r(small());
		Race race = { &r, nullptr, nullptr, 1, 0, 0, 0, 0 };

		TCE_ASSERT_EQ(r.reg(kA, kBytes), 0);
		TCE_ASSERT_EQ(r.map(kA, 0, 4096), 0);
		run(race, { [](Race &x) {
				   for (u32 n = 0; n < 20; n++)
					   env_yield();
				   tce_container_detach(x.r->c[0], &x.r->w.groups[0]);
				   tce_container_close(x.r->c[0]);
			   },
			    [](Race &x) {
				    while (x.goes_on()) {
					    x.allow(map(x, kA, 0, kBytes), err::kNxio, err::kNoDev);
					    x.allow(unmap(x, 0, kBytes), err::kNxio, err::kNoDev);
				    }
			    },
			    [](Race &x) {
				    while (x.goes_on()) {
					    x.allow(reg(x, kB, kBytes), err::kBusy, err::kNoDev);
					    x.allow(unreg(x, kB, kBytes), err::kNoEnt, err::kNoDev);
				    }
			    } });
		TCE_EXPECT_EQ(r.w.registered_pages(), 0);
		TCE_EXPECT_EQ(r.w.mm[0].refs, 0);
		r.forget_groups();
	}
}

/* The same memory, at once, from everywhere. */
TCE_CASE(race, register_same)
{
	Rig r(small(2), 2, false);
	Race race = { &r, nullptr, nullptr, rounds(3000), 0, 0, 0, 0 };

	TCE_ASSERT_EQ(r.attach(0, 0), 0);
	TCE_ASSERT_EQ(r.attach(1, 1), 0);
	run(race, { [](Race &x) {
			   for (u64 i = 0; i < x.n; i++, env_yield()) {
				   x.allow(reg(x, kA, kBytes, 0), err::kBusy);
				   x.allow(unreg(x, kA, kBytes, 0), err::kNoEnt);
			   }
		   },
		    [](Race &x) {
			    while (x.goes_on()) {
				    x.allow(reg(x, kA, kBytes, 0), err::kBusy);
				    x.allow(unreg(x, kA, kBytes, 0), err::kNoEnt);
			    }
		    },
		    [](Race &x) {
			    while (x.goes_on()) {
				    x.allow(reg(x, kA, kBytes, 1), err::kBusy);
				    x.allow(unreg(x, kA, kBytes, 1), err::kNoEnt);
			    }
		    } });
}

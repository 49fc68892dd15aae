// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the hypervisor answers, and what comes of it: the busy ones are asked
 * again, by whoever makes the call; every other status is an errno; one that is
 * busy for ever has refused.
 */
#include "guest.hpp"
#include "params.hpp"
#include "rig.hpp"

using namespace fake;

namespace {

struct Answer {
	long status;
	int rc;
};

constexpr long kMostBusy[] = { h::kBusy, 9900, 9901, 9902, 9903, 9904, 9905 };

/* asm/hvcall.h, what there is of it, and numbers around it. */
constexpr Answer kAnswers[] = {
	{ 2,	       err::kIo    }, /* H_CLOSED */
	{ 3,	       err::kIo    }, /* H_NOT_AVAILABLE */
	{ 4,	       err::kIo    }, /* H_CONSTRAINED */
	{ 5,	       err::kIo    }, /* H_PARTIAL */
	{ 14,	      err::kIo    }, /* H_IN_PROGRESS */
	{ 15,	      err::kIo    }, /* H_PAGE_REGISTERED */
	{ 16,	      err::kIo    }, /* H_PARTIAL_STORE */
	{ 17,	      err::kIo    }, /* H_PENDING */
	{ 18,	      err::kIo    }, /* H_CONTINUE */
	{ 9899,		err::kIo	 },
	  { 9906,		  err::kIo	   }, /* H_LONG_BUSY_END_RANGE + 1 */
	{ 9999,		err::kIo	 }, /* H_TOO_HARD */
	{ -1,	      err::kIo    }, /* H_HARDWARE */
	{ -2,	      err::kIo    }, /* H_FUNCTION */
	{ -3,	      err::kIo    }, /* H_PRIVILEGE */
	{ -4,	      err::kIo    }, /* H_PARAMETER: not EINTR */
	{ -5,	      err::kIo    }, /* H_BAD_MODE */
	{ -6,	      err::kIo    }, /* H_PTEG_FULL */
	{ -7,	      err::kIo    }, /* H_NOT_FOUND */
	{ -8,	      err::kIo    }, /* H_RESERVED_DABR */
	{ -9,	      err::kNoMem }, /* H_NO_MEM */
	{ -10,	       err::kIo	}, /* H_AUTHORITY */
	{ -11,	       err::kIo	}, /* H_PERMISSION: not EAGAIN */
	{ -12,	       err::kIo	}, /* H_DROPPED: not ENOMEM */
	{ -16,	       err::kNoMem }, /* H_RESOURCE: not EBUSY */
	{ -22,	       err::kIo	},
	  { -44,		 err::kIo	  }, /* H_NOT_ENOUGH_RESOURCES */
	{ -55,	       err::kIo	}, /* H_P2 */
	{ -67,	       err::kIo	}, /* H_UNSUPPORTED */
	{ -75,	       err::kIo	}, /* H_OVERLAP */
	{ -9000,		 err::kIo	  }, /* H_MULTI_THREADS_ACTIVE */
	{ 0x7fffffff,      err::kIo    },
	  { -0x7fffffff - 1, err::kIo    },
	{ 1L << 32,	    err::kIo    }, /* 0 in an int */
};

} // namespace

/* At every place where an answer comes back to userspace. */
TCE_CASE(papr, every_status)
{
	Config config;

	config.fw.default_size = 8 * kMiB;
	config.groups = 2;

	Rig r(config, 1, false);

	TCE_ASSERT_EQ(r.attach(0), 0);
	TCE_ASSERT_EQ(r.reg(kUser, kMiB), 0);
	TCE_ASSERT_EQ(r.map(kUser, 4 * kMiB, kMiB), 0);
	for (const Answer &a : kAnswers) {
		/* A list, and one entry. */
		for (u64 bytes = 4096; bytes <= kMiB; bytes += kMiB - 4096) {
			r.w.script({ kAllOps, 0, 1, a.status, 0, false });
			TCE_EXPECT_EQ(r.map(kUser, 0, bytes), a.rc);
			TCE_EXPECT(r.closed(0, kMiB));
			TCE_ASSERT_EQ(r.map(kUser, 0, bytes), 0);
			r.w.script({ kAllOps, 0, 1, a.status, 0, false });
			TCE_EXPECT_EQ(r.unmap(0, bytes), a.rc);
			TCE_EXPECT(r.reaches(0, kUser));
			TCE_EXPECT_EQ(r.unmap(0, bytes), 0);
		}
		/*
		 * A group comes: what the host left does not go, or it cannot
		 * be filled.
		 */
		r.w.script({ kAllOps, 0, 1, a.status, 0, false });
		r.w.fail_nth(1, site_bit(Site::DdwReset), true);
		TCE_EXPECT_EQ(r.attach(1), a.rc);
		r.w.fail_never();
		r.w.script({ op_bit(Op::PutIndirect), 0, 1, a.status, 0, false });
		TCE_EXPECT_EQ(r.attach(1), a.rc);
		TCE_EXPECT(r.closed(0, ~0ull, 1));
		TCE_EXPECT_EQ(r.w.pauses(), 0);
	}
	TCE_EXPECT(r.reaches(4 * kMiB, kUser));
	TCE_EXPECT_EQ(r.w.live_tces(), 256);
}

/*
 * H_BUSY 150 times on end: asked again, ever more slowly, but not for longer
 * than a second.
 */
TCE_CASE(papr, busy_for_long)
{
	Rig r;

	TCE_ASSERT_EQ(r.reg(kUser, kMiB), 0);
	r.w.script({ kAllOps, 0, 150, h::kBusy, 0, false });
	TCE_EXPECT_EQ(r.map(kUser, 0, kMiB), 0);
	TCE_EXPECT_EQ(r.w.live_tces(), 256);
	TCE_EXPECT_LE(10, r.w.waits);
	TCE_EXPECT_LE(r.w.waited_ms, 1000);
	r.w.script({ kAllOps, 0, 150, h::kBusy, 0, false });
	TCE_EXPECT_EQ(r.unmap(0, kMiB), 0);
	TCE_EXPECT_EQ(r.w.live_tces(), 0);
	/*
	 * For ever: the ioctl comes back after a second, to undo it is not
	 * waited as long again.
	 */
	r.w.waited_ms = 0;
	r.w.script({ kAllOps, 0, ~0ull, h::kBusy, 0, false });
	TCE_EXPECT_EQ(r.map(kUser, 0, kMiB), err::kIo);
	TCE_EXPECT_LE(1000, r.w.waited_ms);
	TCE_EXPECT_LE(r.w.waited_ms, 1100);
	r.w.no_scripts();
	TCE_EXPECT_EQ(r.unmap(0, kMiB), 0);
	/* It has answered since: there is a second for it again. */
	r.w.script({ kAllOps, 0, 150, h::kBusy, 0, false });
	TCE_EXPECT_EQ(r.map(kUser, 0, kMiB), 0);
	r.w.no_scripts();
	TCE_EXPECT_EQ(r.unmap(0, kMiB), 0);
}

/* KVM cannot wait so long: the deferred flush does, and nothing is lost. */
TCE_CASE(papr, busy_under_kvm)
{
	guest::Guest g(12, 12);

	g.r.w.script({ kAllOps, 0, 150, h::kBusy, 0, false });
	TCE_EXPECT_EQ(g.put_in_kernel(3, guest::kBoth), h::kSuccess);
	TCE_EXPECT_EQ(g.r.w.waits, 0);
	TCE_EXPECT_LE(g.r.w.delayed_us, 50000);
	TCE_EXPECT_EQ(g.r.w.live_tces(), 0);
	TCE_EXPECT_EQ(g.r.w.run_deferred(), 1);
	TCE_EXPECT(g.reaches(3, 0));
	/* What the guest closes, and its owner unregisters, is closed. */
	g.r.w.script({ kAllOps, 0, 150, h::kBusy, 0, false });
	TCE_EXPECT_EQ(g.put_in_kernel(3, 0), h::kSuccess);
	TCE_EXPECT_EQ(g.r.unreg(guest::kRam, guest::kRamSize), 0);
	TCE_EXPECT_EQ(g.r.w.live_tces(), 0);
	TCE_EXPECT_EQ(g.r.w.counters[TCE_COUNT_KVM_LOST], 0);
}

/* Busy at any call of anything that makes one: it is as if nothing had been. */
TCE_CASE(papr, busy_anywhere)
{
	Config config = with_firmware(param);
	u64 asked = 0;

	config.groups = 2;
	config.fw.default_size = 8 * kMiB;
	for (long status : kMostBusy) {
		for (u32 apply = 0; apply <= 300; apply += 300) {
			Rig r(config, 1, false);
			const u64 page = bit(config.page_shift);

			/*
			 * Each call that is made is answered so twice, from
			 * here on.
			 */
			r.w.script({ kAllOps, 0, 2, status, apply, false });
			TCE_ASSERT_EQ(r.attach(0), 0);
			TCE_EXPECT_EQ(r.w.pauses(), 2);
			TCE_ASSERT_EQ(r.reg(kUser, 600 * page), 0);
			TCE_ASSERT_EQ(r.create(r.w.config.page_shift, kTiB), 0);
			r.w.script({ kAllOps, 1, 2, status, apply, false });
			TCE_ASSERT_EQ(r.map(kUser, r.start + page, 600 * page), 0);
			TCE_EXPECT_EQ(r.w.pauses(), 4);
			TCE_EXPECT_EQ(r.w.live_tces(), 600);
			r.w.script({ op_bit(Op::PutIndirect), 1, 2, status, apply, false });
			TCE_ASSERT_EQ(r.attach(1), 0);
			TCE_EXPECT_EQ(r.w.pauses(), 6);
			TCE_EXPECT_EQ(r.w.live_tces(), 1200);
			r.w.script({ kAllOps, 1, 2, status, apply, false });
			TCE_EXPECT_EQ(r.unmap(r.start, 300 * page), 0);
			TCE_EXPECT_EQ(r.w.pauses(), 8);
			TCE_EXPECT_EQ(r.w.live_tces(), 2 * 301);
			r.w.script({ kAllOps, 1, 2, status, apply, false });
			r.detach(0);
			TCE_EXPECT_EQ(r.w.pauses(), 10);
			TCE_EXPECT_EQ(r.w.live_tces(), 301);
			r.w.script({ kAllOps, 1, 2, status, apply, false });
			TCE_EXPECT_EQ(r.remove(r.start), 0);
			TCE_EXPECT_EQ(r.w.pauses(), 12);
			TCE_EXPECT_EQ(r.unreg(kUser, 600 * page), 0);
			asked += r.w.pauses();
			r.w.no_scripts();
		}
	}
	TCE_EXPECT_EQ(asked, 7 * 2 * 12);
}

/* Whoever is still busy in the end has refused; nothing waits for ever. */
TCE_CASE(papr, busy_for_good)
{
	Config config;

	config.fw.default_size = 8 * kMiB;
	config.fw.has_multitce = !param;

	Rig r(config);
	const Script busy = { kAllOps, 0, ~0ull, h::kBusy, 0, false };

	TCE_ASSERT_EQ(r.reg(kUser, kMiB), 0);
	TCE_ASSERT_EQ(r.reg(2 * kUser, kMiB), 0);
	TCE_ASSERT_EQ(r.map(kUser, kMiB, 8192), 0);

	r.w.reset_counts();
	r.w.script(busy);
	TCE_EXPECT_EQ(r.unmap(kMiB, 8192), err::kIo);
	TCE_EXPECT_LE(r.w.pauses(), 4000);
	TCE_EXPECT(r.reaches(kMiB, kUser));
	TCE_EXPECT_EQ(r.unreg(kUser, kMiB), err::kBusy);

	/*
	 * Nothing was there, and nothing is: the hypervisor did not do a thing.
	 */
	r.w.reset_counts();
	TCE_EXPECT_EQ(r.map(2 * kUser, 0, 8192), err::kIo);
	TCE_EXPECT_LE(r.w.pauses(), 10000);
	TCE_EXPECT(r.closed(0, kMiB));
	/* The same over live entries. */
	TCE_EXPECT_EQ(r.map(2 * kUser, kMiB, 8192), err::kIo);
	TCE_EXPECT(r.reaches(kMiB, kUser));
	r.w.no_scripts();

	TCE_EXPECT_EQ(r.unmap(0, 8 * kMiB), 0);
	TCE_EXPECT_EQ(r.w.live_tces(), 0);
	TCE_EXPECT_EQ(r.unreg(kUser, kMiB), 0);
	TCE_EXPECT_EQ(r.unreg(2 * kUser, kMiB), 0);
	r.detach(0);
	r.w.script(busy);
	r.w.fail_nth(1, site_bit(Site::DdwReset), true);
	TCE_EXPECT_EQ(r.attach(0), err::kIo);
	r.w.fail_never();
	/* What cannot be cleared can be reset. */
	TCE_EXPECT_EQ(r.attach(0), 0);
	r.w.no_scripts();
}

int tce_params_multitce(unsigned int i, char *buf, unsigned long bytes)
{
	static const char *const names[] = { "in_runs", "one_by_one" };

	return named(names, i, buf, bytes);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the administrator is told, of whom, and that nobody can talk over
 * somebody else.
 */
#include "params.hpp"
#include "rig.hpp"

using namespace fake;

namespace {

/*
 * Two processes with a container and a group each; their firmware puts windows
 * where none can be.
 */
class Two {
public:
	explicit Two(Config config = {}) : r(with_two(config), 2, false)
	{
		TCE_EXPECT_EQ(r.attach(0, 0), 0);
		TCE_EXPECT_EQ(r.attach(1, 1), 0);
		for (u32 i = 0; i < 2; i++) {
			run_as(i + 1);
			TCE_EXPECT_EQ(r.reg(kUser, 64 * 4096, i), 0);
		}
		r.w.groups[0].ddw_start = r.w.groups[1].ddw_start = kDdwStart + 4096;
	}
	~Two() { run_as(0); }

	/* Makes the firmware be complained of. */
	void complain(u32 container, u32 times)
	{
		run_as(container + 1);
		while (times--)
			TCE_EXPECT_EQ(r.create(16, kGiB, 1, container), err::kIo);
	}

	Rig r;

private:
	static Config with_two(Config config)
	{
		config.groups = 2;
		return config;
	}
};

} // namespace

/* Every message says whose process and groups it is about. */
TCE_CASE(log, names)
{
	Two two;
	World &w = two.r.w;

	two.complain(0, 1);
	TCE_EXPECT_EQ(w.logs, 1);
	TCE_EXPECT(w.last_log_says("process[1] group 0: group 0: firmware put"));
	two.complain(1, 1);
	TCE_EXPECT(w.last_log_says("process[2] group 1: group 1: firmware put"));
	/* A group more, and one fewer. */
	two.r.detach(1);
	run_as(1);
	TCE_ASSERT_EQ(two.r.attach(1, 0), 0);
	two.complain(0, 1);
	TCE_EXPECT(w.last_log_says("process[1] groups 0,1: group 1: firmware put"));
	two.r.detach(0);
	two.complain(0, 1);
	TCE_EXPECT(w.last_log_says("process[1] group 1: group 1: firmware put"));
}

/* Who makes one kind of noise hides neither others nor other kinds. */
TCE_CASE(log, limits)
{
	Config config;

	config.locked_limit = 64;

	Two two(config);
	World &w = two.r.w;

	two.complain(0, 10 * TCE_LOG_BURST);
	TCE_EXPECT_EQ(w.logs_of[TCE_LOG_WINDOWS], TCE_LOG_BURST);
	TCE_EXPECT_EQ(w.suppressed_logs, 9 * TCE_LOG_BURST);
	TCE_EXPECT_EQ(two.r.reg(2 * kUser, 4096, 0), err::kNoMem);
	TCE_EXPECT_EQ(w.logs_of[TCE_LOG_MEMLOCK], 1);
	two.complain(1, 1);
	TCE_EXPECT_EQ(w.logs_of[TCE_LOG_WINDOWS], TCE_LOG_BURST + 1);
	TCE_EXPECT(w.last_log_says("process[2] group 1: "));
}

/*
 * The one that matters: bytes stay pinned, of whom, and which group has them.
 */
TCE_CASE(log, kept)
{
	Two two;
	Rig &r = two.r;

	r.w.groups[1].ddw_start = kDdwStart;
	two.complain(0, 10 * TCE_LOG_BURST);
	run_as(2);
	TCE_ASSERT_EQ(r.create(12, kGiB, 1, 1), 0);
	TCE_ASSERT_EQ(r.map(kUser, kDdwStart, 64 * 4096, kRw, 1), 0);
	r.w.fail_nth(1, kHcallSites | kDdwSites, true);
	/* As many complaints of the others as there may be, first. */
	for (u32 i = 0; i < TCE_LOG_BURST; i++)
		TCE_EXPECT_EQ(r.unmap(kDdwStart, 64 * 4096, 1), err::kIo);
	run_as(0);
	r.detach(1);
	r.close(1);
	TCE_EXPECT_EQ(r.w.logs_of[TCE_LOG_KEPT], 1);
	TCE_EXPECT(r.w.last_log_says("process[2] group 1: 262144 bytes stay pinned"));
	r.w.fail_never();
	r.finish();
	r.w.skip_balance = true;
}

/* Out of RLIMIT_MEMLOCK: for what, and how much it is. */
TCE_CASE(log, memlock)
{
	Config config;

	config.locked_limit = 67;

	Two two(config);
	Rig &r = two.r;

	r.w.groups[0].ddw_start = kDdwStart;
	run_as(1);
	TCE_EXPECT_EQ(r.reg(2 * kUser, 4 * 4096, 0), err::kNoMem);
	TCE_EXPECT_EQ(r.w.logs_of[TCE_LOG_MEMLOCK], 1);
	TCE_EXPECT(r.w.last_log_says("process[1] group 0: memory to register: 4 pages, 64 of 67"));
	TCE_ASSERT_EQ(r.create(12, kGiB, 1, 0), 0);
	for (u64 at = 0; at < 4; at++) {
		TCE_EXPECT_EQ(r.map(kUser, kDdwStart + at * 512 * 4096, 4096, kRw, 0),
			      at < 2 ? 0 : err::kNoMem);
	}
	TCE_EXPECT_EQ(r.w.logs_of[TCE_LOG_MEMLOCK], 3);
	TCE_EXPECT(r.w.last_log_says("process[1] group 0: tables: 1 pages, 67 of 67"));
	/* What fails for another reason is not the limit's. */
	r.w.fail_nth(1, site_bit(Site::MemGet));
	r.w.mm[1].limit = ~0ull;
	TCE_EXPECT_EQ(r.reg(2 * kUser, 3 * 4096, 0), err::kNoMem);
	TCE_EXPECT_EQ(r.w.logs_of[TCE_LOG_MEMLOCK], 3);
	r.w.fail_never();

	/*
	 * With a container for each message there are no more of them than with
	 * one.
	 */
	for (u32 i = 0; i < 3 * TCE_LOG_BURST; i++) {
		run_as(0);
		r.detach(1);
		r.close(1);
		r.reopen(1);
		TCE_ASSERT_EQ(r.attach(1, 1), 0);
		run_as(2);
		TCE_EXPECT_EQ(r.reg(kUser, 68 * 4096, 1), err::kNoMem);
	}
	TCE_EXPECT_EQ(r.w.logs_of[TCE_LOG_MEMLOCK], TCE_LOG_BURST);
}

TCE_CASE(log, memlock_v1)
{
	Config config = with_host(param);

	config.version = TCE_V1;
	config.fw.default_size = 8 * kMiB;
	config.locked_limit = (8 * kMiB >> config.page_shift) - 1;

	Rig r(config);

	TCE_EXPECT_EQ(r.enable(), err::kNoMem);
	TCE_EXPECT_EQ(r.w.logs_of[TCE_LOG_MEMLOCK], 1);
	TCE_EXPECT(r.w.last_log_says("process[0] group 0: memory to map: "));
	r.w.mm[0].limit = ~0ull;
	TCE_EXPECT_EQ(r.enable(), 0);
	TCE_EXPECT_EQ(r.w.logs_of[TCE_LOG_MEMLOCK], 1);
}

/*
 * A table that hardware walks is charged while it is made: that is somebody's,
 * too.
 */
TCE_CASE(log, memlock_of_a_root)
{
	Config config = with_powernv();

	config.locked_limit = 20;

	Rig r(config);

	TCE_ASSERT_EQ(r.reg(kUser, 16 * 4096), 0);
	/* 64 KiB in one piece, twelve pages more than is left. */
	TCE_EXPECT_EQ(r.create(12, 32 * kMiB), err::kNoMem);
	TCE_EXPECT_EQ(r.w.logs_of[TCE_LOG_MEMLOCK], 1);
	TCE_EXPECT(r.w.last_log_says("process[0] group 0: tables: 16 pages, 16 of 20 are in use"));
	TCE_EXPECT_EQ(r.w.locked_vm(), 16);
}

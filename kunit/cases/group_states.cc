// SPDX-License-Identifier: GPL-2.0-only
/*
 * Groups that come and go in every state that a container's windows can be in:
 * after each step every group's LIOBNs have the same entries, and nobody's DMA
 * has been touched.
 */
#include "params.hpp"
#include "rig.hpp"

using namespace fake;

namespace {

constexpr u32 kBoth = TCE_PERM_READ | TCE_PERM_WRITE;
constexpr u64 kPages = 2048;

/* The default window, and what else is there. */
enum State : u32 {
	kUntouched,
	kTouched,
	kRemoved,
	kUntouchedDdw,
	kTouchedDdw,
	kParkedDdw,
	kBackDdw, /* parked, and wanted again */
	kLarge,	  /* at the default window's address */
	kLargeDdw,
	kStates
};

bool has_default(u32 state)
{
	return state == kTouched || state == kTouchedDdw || state == kBackDdw;
}

bool has_ddw(u32 state)
{
	return state >= kUntouchedDdw && state != kLarge;
}

/*
 * Entries of all kinds: runs, single ones, more than a run, in several leaves,
 * with a hole.
 */
void fill(Rig &r, u64 start, u64 bytes)
{
	const u64 page = bit(r.w.config.page_shift);

	TCE_EXPECT_EQ(r.map(kUser, start, 700 * page), 0);
	TCE_EXPECT_EQ(r.unmap(start + 100 * page, page), 0);
	TCE_EXPECT_EQ(r.map(kUser + page, start + 1500 * page, page, TCE_MAP_READ), 0);
	TCE_EXPECT_EQ(r.map(kUser + 5 * page, start + bytes / 2, 1030 * page), 0);
	TCE_EXPECT_EQ(r.map(kUser, start + bytes - page, page, TCE_MAP_WRITE), 0);
}

void bring_about(Rig &r, u32 state)
{
	const u32 shift = r.w.config.page_shift;

	if (state == kRemoved || state >= kLarge)
		TCE_EXPECT_EQ(r.remove(0), 0);
	if (state >= kLarge) {
		TCE_EXPECT_EQ(r.create(shift, kTiB), 0);
		TCE_EXPECT_EQ(r.start, 0);
		fill(r, 0, kTiB);
	}
	if (has_ddw(state)) {
		TCE_EXPECT_EQ(r.create(shift, kTiB, 4), 0);
		TCE_EXPECT_EQ(r.start, kDdwStart);
		fill(r, kDdwStart, kTiB);
	}
	if (state == kParkedDdw || state == kBackDdw)
		TCE_EXPECT_EQ(r.remove(0), 0);
	if (state == kBackDdw)
		TCE_EXPECT_EQ(r.create(12, r.w.config.fw.default_size), 0);
	if (has_default(state))
		fill(r, 0, r.w.config.fw.default_size);
}

/*
 * Live windows of a group that KVM and userspace can see: the same, with the
 * same entries.
 */
void expect_same(Rig &r, u32 a, u32 b)
{
	for (u32 slot = 0; slot < TCE_MAX_WINDOWS; slot++) {
		const tce_ktable *k = r.w.groups[a].slot[slot];

		const tce_ktable *other = r.w.groups[b].slot[slot];

		TCE_EXPECT_EQ(!other, !k);
		if (!k || !other)
			continue;
		TCE_EXPECT_EQ(other->table, k->table);

		const u64 start = k->shape.offset << k->shape.page_shift;
		const FwWindow *one = r.w.window_at(a, start), *two = r.w.window_at(b, start);

		TCE_REQUIRE(one && two);
		TCE_EXPECT_EQ(one->start, two->start);
		TCE_EXPECT_EQ(one->page_shift, two->page_shift);
		TCE_EXPECT_EQ(one->window_shift, two->window_shift);
		TCE_EXPECT_EQ(one->tces.used(), two->tces.used());

		u64 differ = 0;

		one->tces.for_each([&](u64 i, u64 tce) { differ += two->tces.get(i) != tce; });
		TCE_EXPECT_EQ(differ, 0);
	}
}

Config groups(unsigned int firmware, u32 n)
{
	Config config = with_firmware(firmware);

	config.groups = n;
	return config;
}

u64 live_in(const Rig &r, u32 group)
{
	return r.w.groups[group].win[0].tces.used() + r.w.groups[group].win[1].tces.used();
}

} // namespace

/* In every state one joins, does as the others do, leaves, and joins again. */
TCE_CASE(group, any_state)
{
	for (u32 state = 0; state < kStates; state++) {
		Rig r(groups(param, 3), 1, false);
		const u64 page = bit(r.w.config.page_shift);

		TCE_ASSERT_EQ(r.attach(0), 0);
		TCE_ASSERT_EQ(r.reg(kUser, kPages * page), 0);
		bring_about(r, state);

		const u64 live = live_in(r, 0), locked = r.w.locked_vm();

		TCE_ASSERT_EQ(r.attach(1), 0);
		TCE_EXPECT_EQ(r.attach(1), err::kBusy);
		expect_same(r, 0, 1);
		TCE_EXPECT_EQ(live_in(r, 1), live);
		TCE_ASSERT_EQ(r.attach(2), 0);
		expect_same(r, 0, 2);
		TCE_EXPECT_EQ(r.w.locked_vm(), locked);

		/* The first one goes; the others do not notice. */
		r.detach(0);
		TCE_EXPECT_EQ(live_in(r, 0), 0);
		TCE_EXPECT_EQ(live_in(r, 1), live);
		expect_same(r, 1, 2);
		if (has_ddw(state))
			TCE_EXPECT(r.reaches(kDdwStart + kTiB / 2, kUser + 5 * page, kBoth, 2));
		if (has_ddw(state))
			TCE_EXPECT_EQ(r.unmap(kDdwStart, kTiB / 2), 0);
		else if (state != kRemoved)
			TCE_EXPECT_EQ(r.map(kUser, 7 * page, 800 * page), 0);
		expect_same(r, 1, 2);
		TCE_ASSERT_EQ(r.attach(0), 0);
		expect_same(r, 1, 0);
		r.detach(2);
		expect_same(r, 1, 0);

		/* Windows come and go for those that are there. */
		if (has_ddw(state)) {
			TCE_EXPECT_EQ(r.remove(kDdwStart), 0);
			expect_same(r, 1, 0);
		}
		if (state != kRemoved)
			TCE_EXPECT_EQ(r.remove(0), state == kParkedDdw ? err::kInval : 0);
		TCE_EXPECT_EQ(live_in(r, 0) + live_in(r, 1), 0);
		TCE_EXPECT_EQ(r.unreg(kUser, kPages * page), 0);
		TCE_EXPECT_EQ(r.create(12, kGiB), 0);
		TCE_EXPECT_EQ(r.start, 0);
		expect_same(r, 1, 0);
	}
}

/*
 * A joiner that fails at whatever it needs: as if it had not come, and then it
 * comes.
 */
TCE_CASE(group, joiner_fails_anywhere)
{
	static constexpr State kSome[] = { kTouchedDdw, kParkedDdw, kLargeDdw };

	for (State state : kSome) {
		Config config = groups(param, 2);
		u64 failed = 0;

		config.fw.default_size = 256 * kMiB;
		for (u64 nth = 1;; nth += stride()) {
			Rig r(config, 1, false);
			const u64 page = bit(config.page_shift);

			TCE_ASSERT_EQ(r.attach(0), 0);
			TCE_ASSERT_EQ(r.reg(kUser, kPages * page), 0);
			bring_about(r, state);

			const u64 live = live_in(r, 0), blocks = r.w.live_blocks;

			r.w.fail_nth(nth, kAllSites & ~site_bit(Site::HStuff), false, h::kHardware,
				     3);

			const int rc = r.attach(1);
			const u64 fired = r.w.injected();

			r.w.fail_never();
			TCE_EXPECT_EQ(live_in(r, 0), live);
			if (rc) {
				failed++;
				/*
				 * EPERM: no reset, so a window came up
				 * elsewhere.
				 */
				TCE_EXPECT(rc == err::kIo || rc == err::kNoMem || rc == err::kPerm);
				TCE_EXPECT_EQ(live_in(r, 1), 0);
				TCE_EXPECT_EQ(r.w.live_blocks, blocks);
				TCE_EXPECT(r.w.groups[1].win[0].live &&
					   r.w.groups[1].win[0].is_default);
				TCE_EXPECT(!r.w.groups[1].win[1].live);
				TCE_EXPECT(!r.w.groups[1].slot[0] && !r.w.groups[1].slot[1]);
				TCE_ASSERT_EQ(r.attach(1), 0);
			}
			expect_same(r, 0, 1);
			if (!fired)
				break;
		}
		TCE_EXPECT_LE(4, failed * stride());
	}
}

/* What a group costs does not depend on how much is mapped. */
TCE_CASE(group, cost_of_a_group)
{
	u64 cost[2];

	for (u32 n = 0; n < 2; n++) {
		Rig r(groups(param, 4), 1, false);
		const u64 page = bit(r.w.config.page_shift);

		TCE_ASSERT_EQ(r.attach(0), 0);
		TCE_ASSERT_EQ(r.reg(kUser, kPages * page), 0);
		TCE_ASSERT_EQ(r.create(r.w.config.page_shift, kTiB), 0);
		for (u64 i = 0; i < (n ? rounds(50, 8) : 1); i++)
			TCE_ASSERT_EQ(r.map(kUser, kDdwStart + i * 10 * kGiB, kPages * page), 0);

		const u64 before = r.w.live_bytes;

		for (u32 g = 1; g < 4; g++)
			TCE_ASSERT_EQ(r.attach(g), 0);
		cost[n] = r.w.live_bytes - before;
		TCE_EXPECT_LT(cost[n], 3 * kKiB);
		/* A call a run and group, to fill it and to map. */
		r.w.reset_counts();
		TCE_ASSERT_EQ(r.unmap(kDdwStart, 512 * page), 0);
		TCE_EXPECT_EQ(r.w.hcall_total(), 4);
		TCE_ASSERT_EQ(r.map(kUser, kDdwStart, 512 * page), 0);
		TCE_EXPECT_EQ(r.w.hcall_total(), 8);
	}
	TCE_EXPECT_EQ(cost[0], cost[1]);
}

/*
 * Two hypervisors' worth of trouble: the one that leaves badly does not take
 * the other along.
 */
TCE_CASE(group, leaves_in_trouble)
{
	static constexpr u32 kSites[] = { kHcallSites, site_bit(Site::DdwRemove),
					  kHcallSites | site_bit(Site::DdwRemove) };

	for (u32 sites : kSites) {
		Rig r(groups(param, 2));
		const u64 page = bit(r.w.config.page_shift);

		TCE_ASSERT_EQ(r.reg(kUser, kPages * page), 0);
		bring_about(r, kTouchedDdw);

		const u64 live = live_in(r, 1);

		r.w.fail_nth(1, sites, true);
		r.detach(0);
		r.w.fail_never();
		/* A reset did it. */
		TCE_EXPECT_EQ(live_in(r, 0), 0);
		TCE_EXPECT_EQ(live_in(r, 1), live);
		TCE_EXPECT(r.reaches(kDdwStart, kUser, kBoth, 1));
		TCE_EXPECT_EQ(r.unmap(0, kGiB), 0);
		TCE_EXPECT_EQ(r.unmap(kDdwStart, kTiB), 0);
		TCE_EXPECT_EQ(r.unreg(kUser, kPages * page), 0);
		TCE_EXPECT_EQ(r.attach(0), 0);
		expect_same(r, 0, 1);
	}
}

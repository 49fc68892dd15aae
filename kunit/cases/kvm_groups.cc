// SPDX-License-Identifier: GPL-2.0-only
/*
 * A group that comes or goes while KVM changes the window, and a hypervisor or
 * a firmware that refuses something at that: what a group can reach that is not
 * in the window any more is known, and what KVM does is not held up.
 */
#include "guest.hpp"
#include "params.hpp"

using namespace fake;
using guest::Guest;
using guest::kBoth;
using guest::kRam;
using guest::kRamSize;

namespace {

/* Of two leaves. */
constexpr u64 kNear = 3, kFar = 20000;

enum class Does : u32 { Nothing, Closes, ClosesWithoutKill, Replaces, Count };

/*
 * At the nth moment at which no lock is in its way a vCPU does something to an
 * entry.
 */
struct Meanwhile {
	Guest *g;
	u64 nth;
	Does does;
	u64 entry;
	long status = h::kSuccess; /* of what the hypervisor answers for the other group, once */
	bool for_good = false;	   /* from then on the firmware removes no window */
	u64 seen = 0;
	bool come = false;
	bool filled = false; /* the entry had got to the other group */

	static Config two_groups()
	{
		Config config;

		config.groups = 2;
		return config;
	}
	void begin()
	{
		g->r.w.moment_arg = this;
		g->r.w.on_moment = at_moment;
	}
	void end()
	{
		g->r.w.on_moment = nullptr;
		g->r.w.no_scripts();
	}

private:
	static void at_moment(void *arg, bool spinning)
	{
		Meanwhile &m = *static_cast<Meanwhile *>(arg);

		if (!spinning && ++m.seen == m.nth)
			m.act();
	}
	void act()
	{
		World &w = g->r.w;
		const FwWindow *window = w.window_at(1, g->at);
		const Vcpu other(2);

		come = true;
		filled = window && w.tce_at(1, g->address(entry));
		if (status != h::kSuccess && window)
			w.script({ kAllOps, 0, 1, status, 0, false, window->liobn });
		if (for_good && filled)
			w.fail_nth(1, kDdwSites, true);
		switch (does) {
		case Does::Closes:
			TCE_EXPECT_EQ(g->put_in_kernel(entry, 0), h::kSuccess);
			break;
		case Does::ClosesWithoutKill:
			TCE_EXPECT_EQ(g->kvm.do_unmap(g->ktable(), g->index(entry)), h::kSuccess);
			break;
		case Does::Replaces:
			TCE_EXPECT_EQ(g->put_in_kernel(entry, 0x5000 | kBoth), h::kSuccess);
			break;
		default:
			break;
		}
	}
};

/*
 * The second group leaves with two entries mapped; @stays: its window does, in
 * the firmware.
 */
void leave(Meanwhile &m, bool stays)
{
	Guest &g = *m.g;
	World &w = g.r.w;

	w.skip_balance = stays;
	TCE_ASSERT_EQ(g.by_ioctl(kNear, 0x1000 | kBoth), h::kSuccess);
	TCE_ASSERT_EQ(g.by_ioctl(kFar, 0x2000 | kBoth), h::kSuccess);
	if (stays)
		w.fail_nth(1, kDdwSites, true);
	m.begin();
	g.r.detach(1);
	m.end();
	w.fail_never();
	TCE_EXPECT(g.reaches(kNear, 0x1000));
}

/*
 * All is closed in the end, and the memory is given back unless a device
 * reaches it, or may do so.
 */
void expect_nothing_left(Guest &g, bool may_reach = false)
{
	World &w = g.r.w;

	w.run_deferred();
	TCE_EXPECT_EQ(g.r.unmap(g.at, 64 * kGiB), 0);
	TCE_EXPECT(g.r.closed(0, ~0ull, 0));
	if (!g.r.closed(0, ~0ull, 1))
		TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), err::kBusy);
	else if (!may_reach)
		TCE_EXPECT_EQ(g.r.unreg(kRam, kRamSize), 0);
}

} // namespace

/*
 * One that leaves gets to know of all that is closed meanwhile; @param: its
 * window stays in the firmware.
 */
TCE_CASE(kvm, leaver_misses_nothing)
{
	for (u32 does = 0; does < static_cast<u32>(Does::Count); does++) {
		for (u64 nth = 1;; nth += stride()) {
			Guest g(12, 12, Meanwhile::two_groups());
			Meanwhile m = { &g, nth, static_cast<Does>(does), kFar };

			g.r.w.strict_notes = true;
			leave(m, param);
			TCE_EXPECT(g.r.closed(0, ~0ull, 1));
			expect_nothing_left(g);
			if (!m.come)
				break;
		}
	}
}

/*
 * What does not close in one that leaves: the firmware has to remove it, or the
 * memory stays.
 */
TCE_CASE(kvm, leaver_refuses)
{
	u64 stuck = 0;

	for (u64 nth = 1;; nth += stride()) {
		Guest g(12, 12, Meanwhile::two_groups());
		Meanwhile m = { &g, nth, Does::Closes, kFar, h::kHardware };

		leave(m, param);
		stuck += !g.r.closed(0, ~0ull, 1);
		expect_nothing_left(g, param);
		if (!m.come)
			break;
	}
	if (!param)
		TCE_EXPECT_EQ(stuck, 0);
}

/*
 * One that is being filled has an entry already that KVM closes, and does not
 * close it: it does not join, and that it is clear again nobody says.
 */
TCE_CASE(kvm, joiner_does_not_close)
{
	u64 filled = 0;

	for (u64 nth = 1;; nth += stride()) {
		Guest g(12, 12, Meanwhile::two_groups());
		Meanwhile m = { &g, nth, Does::Closes, kNear, h::kHardware, param != 0 };
		World &w = g.r.w;

		w.skip_balance = param;
		g.r.detach(1);
		TCE_ASSERT_EQ(g.by_ioctl(kNear, 0x1000 | kBoth), h::kSuccess);
		TCE_ASSERT_EQ(g.by_ioctl(kFar, 0x2000 | kBoth), h::kSuccess);
		m.begin();

		const int rc = g.r.attach(1);

		m.end();
		w.fail_never();
		TCE_EXPECT(g.reaches(kFar, 0x2000));
		filled += m.filled && rc == err::kIo;
		expect_nothing_left(g, param);
		if (!m.come)
			break;
	}
	/* With gaps it may not have been hit. */
	TCE_EXPECT(filled || stride() > 1);
}

/* One that is busy while it is being filled is not one that refuses. */
TCE_CASE(kvm, joiner_is_busy)
{
	static constexpr Does kDoes[] = { Does::Closes, Does::Replaces };

	for (Does does : kDoes) {
		for (u64 nth = 1;; nth += stride()) {
			Guest g(12, 12, Meanwhile::two_groups());
			Meanwhile m = { &g, nth, does, kNear, h::kLongBusy1Msec };

			g.r.w.strict_notes = true;
			g.r.detach(1);
			TCE_ASSERT_EQ(g.by_ioctl(kNear, 0x1000 | kBoth), h::kSuccess);
			TCE_ASSERT_EQ(g.by_ioctl(kFar, 0x2000 | kBoth), h::kSuccess);
			m.begin();
			TCE_EXPECT_EQ(g.r.attach(1), 0);
			m.end();
			g.r.w.run_deferred();
			TCE_EXPECT(g.r.reaches(g.address(kFar), kRam + 0x2000, kBoth, 1));
			if (m.come && does == Does::Closes)
				TCE_EXPECT(g.r.closed(g.address(kNear), 4096, 1));
			else
				TCE_EXPECT(g.r.reaches(g.address(kNear),
						       kRam + (m.come ? 0x5000 : 0x1000), kBoth,
						       1));
			expect_nothing_left(g);
			if (!m.come)
				break;
		}
	}
}

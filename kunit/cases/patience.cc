// SPDX-License-Identifier: GPL-2.0-only
/* How long the engine waits for a hypervisor that is busy, and for whom. */
#include "case.hpp"
#include "patience.hpp"

using namespace fake;
using tce::Patience;

namespace {

/* A world without anything, for the time that passes. */
struct Clock {
	World &w = *make<World>(Config());

	Clock() = default;
	~Clock() { unmake(&w); }
	Clock(const Clock &) = delete;
	Clock &operator=(const Clock &) = delete;

	/* Waits as often as it is worth it. */
	u64 wait_out(Patience::Kind kind, long status)
	{
		Patience patience(kind);
		u64 n = 0;

		while (n < 10000 && patience.wait(status))
			n++;
		return n;
	}
};

} // namespace

/* H_BUSY: 1, 2, 4, then 8 ms each, a second in all. */
TCE_CASE(patience, short_busy)
{
	static constexpr Patience::Kind kKinds[] = { Patience::Kind::Killable,
						     Patience::Kind::Stubborn };

	for (Patience::Kind kind : kKinds) {
		Clock clock;

		TCE_EXPECT_EQ(clock.wait_out(kind, h::kBusy), 128);
		TCE_EXPECT_EQ(clock.w.waited_ms, 1000);
		TCE_EXPECT_EQ(clock.w.waits, 128);
		TCE_EXPECT_EQ(clock.w.delays, 0);
	}
}

/* H_LONG_BUSY_ORDER_*: what they say, ten minutes in all. */
TCE_CASE(patience, long_busy)
{
	u64 ms = 1;

	for (long status = h::kLongBusy1Msec; status <= h::kLongBusy100Sec; status++, ms *= 10) {
		Clock clock;
		Patience patience(Patience::Kind::Stubborn);

		TCE_EXPECT(patience.wait(status));
		TCE_EXPECT_EQ(clock.w.waited_ms, ms);
		/* A second for the short ones besides. */
		TCE_EXPECT(patience.wait(h::kBusy));
		TCE_EXPECT_LE(clock.w.waited_ms, ms + 2);
	}

	Clock clock;

	TCE_EXPECT_EQ(clock.wait_out(Patience::Kind::Stubborn, h::kLongBusy100Sec), 6);
	TCE_EXPECT_EQ(clock.w.waited_ms, 600 * 1000);
}

/* KVM's callbacks: some milliseconds, without sleeping. */
TCE_CASE(patience, atomic)
{
	static constexpr long kStatus[] = { h::kBusy, h::kLongBusy1Msec, h::kLongBusy100Sec };

	for (long status : kStatus) {
		Clock clock;
		Patience patience(Patience::Kind::Atomic);
		u64 n = 0;

		TCE_EXPECT(!patience.sleeps());
		{
			Atomic atomic;

			while (n < 10000 && patience.wait(status))
				n++;
		}
		TCE_EXPECT_EQ(clock.w.waits, 0);
		TCE_EXPECT_EQ(clock.w.delays, n);
		TCE_EXPECT_LE(10 * 1000, clock.w.delayed_us);
		TCE_EXPECT_LE(clock.w.delayed_us, 20 * 1000);
		/* Longer each time, so that not many of them are made. */
		TCE_EXPECT_LE(n, 10);
	}
}

/* A fatal signal ends it for those who may be killed. */
TCE_CASE(patience, killed)
{
	Clock clock;

	env_self()->killed = true;
	TCE_EXPECT_EQ(clock.wait_out(Patience::Kind::Killable, h::kBusy), 0);
	TCE_EXPECT_EQ(clock.wait_out(Patience::Kind::Killable, h::kLongBusy100Sec), 0);
	TCE_EXPECT_EQ(clock.w.waits, 2);
	TCE_EXPECT_EQ(clock.wait_out(Patience::Kind::Stubborn, h::kBusy), 128);
	env_self()->killed = false;
}

/*
 * Who has waited in vain before waits a few times for a short busy one, and for
 * a long one not at all.
 */
TCE_CASE(patience, worn_out)
{
	Clock clock;
	Patience patience(Patience::Kind::Stubborn, true);
	u64 n = 0;

	TCE_EXPECT(!patience.wait(h::kLongBusy1Msec));
	TCE_EXPECT_EQ(clock.w.waits, 0);
	while (n < 100 && patience.wait(h::kBusy))
		n++;
	TCE_EXPECT_EQ(clock.w.waited_ms, 16);
	TCE_EXPECT_EQ(clock.w.waits, n);
}

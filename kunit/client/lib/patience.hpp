// SPDX-License-Identifier: GPL-2.0-only
//
// How long the programs wait before they say that something hangs; nothing else
// in them has a limit of its own.
//
// Machines are emulated, share their processors with others, and some have
// kernels that check everything: what takes a second may take a minute. So
// limits are many times what is usual. They cost nothing where all is well,
// since everybody goes on as soon as it has what it waits for.
#pragma once

#include <unistd.h>

#include <chrono>

namespace client {

using Clock = std::chrono::steady_clock;

// A whole case.
inline constexpr unsigned CASE_S = 300;
// One call, one transfer of a device, a process that was told to end or was
// killed, a look round by the next user.
inline constexpr unsigned PATIENCE_S = 120;
// What is not waited for but comes by itself: pages are unpinned after a grace
// period.
inline constexpr unsigned SOON_S = 30;

// From now on this process, and those that it starts, have so long.
void time_for(unsigned seconds);
// What is left of that, but for a tenth in which to say that it was not enough.
// Who has not been given anything has PATIENCE_S each time.
double seconds_left();

// True as soon as it is reached, false when the time is over.
template <class Reached>
bool within(double seconds, const Reached &reached, unsigned pause_us = 2000)
{
	const auto deadline = Clock::now() + std::chrono::duration<double>(seconds);
	while (!reached()) {
		if (Clock::now() > deadline)
			return false;
		::usleep(pause_us);
	}
	return true;
}

// Before the case is over.
template <class Reached> bool in_time(const Reached &reached, unsigned pause_us = 2000)
{
	return within(seconds_left(), reached, pause_us);
}

} // namespace client

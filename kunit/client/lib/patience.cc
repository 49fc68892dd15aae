// SPDX-License-Identifier: GPL-2.0-only
#include "patience.hpp"

#include <algorithm>
#include <optional>

namespace client {

namespace {

// Children of fork() have a copy.
std::optional<Clock::time_point> end;

} // namespace

void time_for(unsigned seconds)
{
	end = Clock::now() + std::chrono::milliseconds{ seconds * 900 };
}

double seconds_left()
{
	if (!end)
		return PATIENCE_S;
	return std::max(0.0, std::chrono::duration<double>(*end - Clock::now()).count());
}

} // namespace client

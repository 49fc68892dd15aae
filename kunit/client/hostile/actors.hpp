// SPDX-License-Identifier: GPL-2.0-only
//
// The processes of a round.
#pragma once

#include "caller.hpp"

#include <array>
#include <string_view>

namespace client::hostile {

// What a round looks like; all of it follows from its seed.
struct Plan {
	explicit Plan(u64 seed, Limits limits);

	u64 seed;
	Limits limits;
	unsigned users;	  // processes that call
	unsigned threads; // of each
	u64 calls;	  // after which it ends, if it does not take too long
	unsigned layout;  // which group is in which container when it begins
	bool slow;	  // one group is somebody's whose memory is slow to come
	bool kept;	  // who began it keeps its files open
	bool foreign;	  // the last user has no files but those that it is sent
	bool orderly;	  // ends without kill: who called looks at what is left of it

	std::string text() const;
};

// The process that opens files and starts the others, and starts them again.
int stage(const Plan &plan);

// What a process does that has become another program.
int linger();
inline constexpr std::string_view LINGER = "linger";

} // namespace client::hostile

// SPDX-License-Identifier: GPL-2.0-only
//
// A process whose memory is slow to come (slow_file.hpp): every page late, or never.
#pragma once

#include "random.hpp"

#include "host.hpp"

namespace client::hostile {

// Has `function`'s group, and containers of its own, which it also sends to who listens at `mail`.
// Ends by SIGKILL only; returns at once where the kernel has no FUSE.
void slow(const Function &function, int mail, u64 seed);

} // namespace client::hostile

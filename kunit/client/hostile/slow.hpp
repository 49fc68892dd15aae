// SPDX-License-Identifier: GPL-2.0-only
//
// A process whose memory is slow to come (slow_file.hpp): every page late, or
// never.
#pragma once

#include "check.hpp"

namespace client::hostile {

// Has a group, and a container of its own, which it also sends to who listens
// at `mail`. Ends by SIGKILL only; returns at once where the kernel has no
// FUSE.
void slow(int group, int mail, u64 seed);

} // namespace client::hostile

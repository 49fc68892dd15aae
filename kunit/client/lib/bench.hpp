// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include "check.hpp"

namespace client {

// Registers so many regions of 64 KiB, maps them one by one, unmaps all in one
// call, unregisters them, and prints the four times.
void run_bench(u64 regions);

} // namespace client

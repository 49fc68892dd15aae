// SPDX-License-Identifier: GPL-2.0-only
#pragma once

namespace client {

// Drives /dev/vfio as nobody should, in rounds, and prints one KTAP line for
// each.
int run_hostile(int argc, char **argv);
// What a process of a round becomes when it changes its program.
int linger_after_exec();

} // namespace client

/* SPDX-License-Identifier: GPL-2.0-only */
/* What vCPUs do to each other in one window, on clocks of their own. */
#ifndef TCE_BENCH_CONTENTION_HPP
#define TCE_BENCH_CONTENTION_HPP

namespace bench {

enum class Where { OneLeaf, OwnLeaf };

/*
 * @vcpus map and clear entries, each its own, and kill after each; the platform
 * takes @kill_ns for a kill.  Return: updates in a second of their clocks.
 */
double updates_per_second(unsigned int vcpus, Where where, unsigned int kill_ns);

} /* namespace bench */

#endif /* TCE_BENCH_CONTENTION_HPP */

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Virtual time: two cores cannot show what sixteen processors would do, and
 * what they show depends on who else is there.  So one thread plays all vCPUs.
 * Whose clock is behind does one update; a lock is had when the clock of who
 * had it before says so (null_port.cc), and the platform takes a fixed time.
 * The result is the same on every run.
 *
 * It is a bound: a vCPU that is behind does all of its update before another
 * one begins, and so may hold a lock earlier than one that came first.
 */
#include "contention.hpp"

#include "machine.hpp"

#include <algorithm>
#include <vector>

namespace bench {
namespace {

constexpr u64 kLeaf = 512;	       /* entries, of papr_4k's shape */
constexpr unsigned int kUpdates = 400; /* of each vCPU */
/* What the engine and KVM take for one besides, at 1 ns an instruction. */
constexpr u64 kWorkNs = 650;

} /* namespace */

double updates_per_second(unsigned int vcpus, Where where, unsigned int kill_ns)
{
	Machine machine({ .entries_lg2 = 14 });
	std::vector<u64> clocks(vcpus, 0);
	std::vector<bool> mapped(vcpus, false);

	machine.map(0, machine.entries());
	machine.unmap(0, machine.entries());
	null::port.config.kill_ns = kill_ns;
	for (u64 i = 0; i < static_cast<u64>(vcpus) * kUpdates; i++) {
		const auto behind = std::min_element(clocks.begin(), clocks.end());
		const auto v = static_cast<u64>(behind - clocks.begin());
		const u64 entry = where == Where::OneLeaf ? v : v * kLeaf;

		null::port.clock = &*behind;
		*behind += kWorkNs;
		if (mapped[v])
			machine.kvm_clear(entry);
		else
			machine.kvm_map(entry);
		machine.kvm_kill(entry, 1);
		mapped[v] = !mapped[v];
	}
	null::port.clock = nullptr;
	return static_cast<double>(vcpus) * kUpdates * 1e9 /
	       static_cast<double>(*std::max_element(clocks.begin(), clocks.end()));
}

} /* namespace bench */

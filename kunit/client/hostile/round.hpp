// SPDX-License-Identifier: GPL-2.0-only
//
// One round: processes come, call, are stopped and killed; then everything has
// to be as before.
#pragma once

#include "actors.hpp"
#include "ledger.hpp"

#include <string>
#include <vector>

namespace client::hostile {

struct Verdict {
	std::vector<std::string> wrong; // nothing: the round passed
	std::vector<std::string> calls; // who did what last, if something is wrong
	u64 count = 0;			// calls
	bool trusted = true;		// the machine can be used on
};

class Rounds {
public:
	Rounds(Limits limits, unsigned patience);

	Verdict play(u64 seed);

private:
	using Complaints = std::vector<std::string>;

	void disturb(const Plan &plan);
	bool end(const Plan &plan, pid_t stage, Complaints &wrong);
	bool all_close(Complaints &wrong);
	bool all_die(pid_t stage, Complaints &wrong);
	bool clean(Complaints &wrong);
	bool heard(Complaints &wrong);

	Limits limits_;
	unsigned patience_; // seconds that one call may take
	KernelLog log_;
	Ledger ledger_;
};

// A process with a charge that is soon exhausted asks for mappings here and
// there in a wide window. What the kernel grows by has a bound.
void miser(u64 seed, u64 most_entries);
// What the kernel has allocated for itself, in bytes.
u64 kernels_own();

} // namespace client::hostile

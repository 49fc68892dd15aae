// SPDX-License-Identifier: GPL-2.0-only
//
// The list of cases and their runner. A case is a function that throws when
// something is wrong; it runs in its own process. After every case, failed or
// not, the ledger must balance, the kernel must not have complained, and the
// next user must be able to open the group and get windows.
#pragma once

#include "check.hpp"

#include <string>
#include <vector>

namespace client {

// What a case needs of the machine; it is skipped (and counted as that) where
// this is missing.
struct Needs {
	unsigned groups = 1;
	unsigned cpus = 1;
	bool ddw = true;
	bool no_ddw = false;  // only makes sense where the platform makes no windows
	bool papr = false;    // only makes sense where a hypervisor has the tables
	bool powernv = false; // only makes sense where the hardware walks the driver's tables
	bool faults = false;  // makes allocations of the kernel fail, who complains of them
};

struct Case {
	const char *suite;
	const char *name;
	Needs needs;
	void (*body)();

	std::string full_name() const { return cat(suite, '.', name); }
};

std::vector<Case> &cases();

struct Registration {
	Registration(const char *suite, const char *name, Needs needs, void (*body)())
	{
		cases().push_back({ suite, name, needs, body });
	}
};

// CASE(suite, name, {.groups = 2}) { ... }
#define CASE(suite, name, ...)                                                \
	static void suite##_##name();                                         \
	static const ::client::Registration registered_##suite##_##name{      \
		#suite, #name, ::client::Needs{ __VA_ARGS__ }, suite##_##name \
	};                                                                    \
	static void suite##_##name()

struct Selection {
	std::vector<std::string> wanted;   // globs on full names; empty: all
	std::vector<std::string> unwanted; // globs, taken out again

	bool has(const Case &entry) const;
};

void list_cases(const Selection &selection);
// Runs what was selected, prints KTAP, answers the process's exit code.
int run_cases(const Selection &selection);

} // namespace client

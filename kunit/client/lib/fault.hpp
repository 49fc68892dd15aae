// SPDX-License-Identifier: GPL-2.0-only
//
// Fault injection of a debug kernel: the n-th thing that can fail (an
// allocation, a copy from or to userspace) of what this thread asks the kernel
// for fails.
#pragma once

#include "check.hpp"
#include "ledger.hpp"

#include <functional>

namespace client {

class Fault {
public:
	explicit Fault(u64 nth);
	~Fault();
	Fault(const Fault &) = delete;

	// Ends it. True if it came to the n-th.
	bool happened();
};

// Has the kernel fault injection? If so it is set up.
bool faults_available();
// Nothing fails inside this function of the kernel from now on, until the end
// of the case.
void spare(std::string_view function);
// Is a line of the kernel's log about an allocation that failed, and nothing
// else?
bool about_faults(std::string_view line);

// Calls with the first fault, the second, and so on, until there are no more:
// then it has worked. A call that fails says so by one of `errors`, and has
// changed nothing; one that works all the same is undone.
void fails_cleanly(std::string_view what, std::initializer_list<Status> errors,
		   const std::function<Status()> &call, const std::function<void()> &undo);

} // namespace client

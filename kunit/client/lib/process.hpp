// SPDX-License-Identifier: GPL-2.0-only
//
// Work in another process: each case runs in one, and some cases need a second
// one.
#pragma once

#include "check.hpp"

#include <sys/types.h>

#include <functional>
#include <string>

namespace client {

struct Outcome {
	enum class Kind { passed, failed, skipped, killed, hung } kind = Kind::passed;
	std::string text;
	double seconds = 0;
};

// Runs `body` in a child process and waits for it at most so long, which it is
// told (patience.hpp). A Failure or Skip thrown there comes back as the
// outcome. A child that cannot be killed is left behind ("hung").
Outcome run_in_child(const std::function<void()> &body, unsigned seconds);

// A child that the caller steers: started at once, killed and reaped at the end
// of its life.
class Child {
public:
	explicit Child(const std::function<int()> &body);
	Child(const Child &) = delete;
	~Child();

	pid_t pid() const { return pid_; }
	void kill();
	// The exit code, or 128 + the signal's number. Waits as long as the
	// case has time.
	int wait();

private:
	pid_t pid_ = -1;
};

// Gives up the right to lock more memory than RLIMIT_MEMLOCK says, and sets
// that limit.
void limit_locked_memory(u64 bytes);

} // namespace client

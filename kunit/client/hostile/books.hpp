// SPDX-License-Identifier: GPL-2.0-only
//
// What the processes of a round share: who they are, what they called last,
// what they found wrong, and when it is over. It lies in shared memory, so that
// it says what those did who were killed.
#pragma once

#include "check.hpp"

#include <sys/types.h>

#include <array>
#include <atomic>
#include <string>
#include <vector>

namespace client::hostile {

// A name is a literal: all processes are forks of one program, and have it at
// the same place.
struct Call {
	const char *name;
	std::array<u64, 4> arguments;
	long answer;
	u64 began; // milliseconds since the round began
	bool running;
};

// How often something was called, and did what it was asked for.
struct Tally {
	std::atomic<const char *> name;
	static constexpr size_t ERRORS = 128;

	std::atomic<u64> calls, done, took;
	std::array<std::atomic<u32>, ERRORS> errors;
};

// One thread's last calls.
struct Diary {
	static constexpr size_t KEPT = 8;

	pid_t pid;
	pid_t thread;
	const char *role;
	u64 count;
	std::array<Call, KEPT> calls;

	const Call *current() const;
	std::string last() const;
};

enum class State : u32 { unused, busy, closed };

// One process.
struct Person {
	std::atomic<State> state;
	std::atomic<pid_t> pid;
	// Ends by itself when it is told to stop; who does not is killed.
	std::atomic<bool> obeys;
	// May be stopped and killed at any moment.
	std::atomic<bool> prey;
};

class Books {
public:
	// One for the whole program, in shared memory.
	static Books &get();
	// Forgets the last round.
	void begin(u64 seed);

	u64 seed() const { return seed_; }
	u64 now() const;

	// A new process, or null when there are too many.
	Person *enter(bool obeys, bool prey);
	std::vector<Person *> people();

	// A new thread's diary, which is nobody's when there are too many.
	Diary &open_diary(const char *role);
	// The last calls of all threads, one a line; or only of those that are
	// in a call.
	std::vector<std::string> last_calls(bool only_running) const;
	u64 calls() const;

	// Of all rounds.
	void count(const char *name, long answer, u64 took);
	std::vector<std::string> tally() const;

	// Something is wrong; the round fails.
	void report(const std::string &problem);
	std::vector<std::string> problems() const;

	// Where a device may find something, and where nothing may be found any
	// more: it looks at both as often, and of the latter at the last ones.
	void hint(u64 iova) { hints_[next_hint_++ % MOST_HINTS] = iova; }
	void closed(u64 iova) { closed_[next_closed_++ % MOST_CLOSED] = iova; }
	u64 hinted(u64 which) const;

	std::atomic<bool> stop;	 // no more calls; let go of everything
	std::atomic<bool> check; // everybody has: is all given back?

private:
	static constexpr size_t MOST_PEOPLE = 64;
	static constexpr size_t MOST_DIARIES = 160;
	static constexpr size_t MOST_PROBLEMS = 8;
	static constexpr size_t MOST_HINTS = 32;
	static constexpr size_t MOST_CLOSED = 4;
	static constexpr size_t MOST_NAMES = 64;
	using Text = std::array<char, 240>;

	u64 seed_;
	u64 start_;
	std::atomic<size_t> people_used_;
	std::atomic<size_t> diaries_used_;
	std::atomic<size_t> problems_used_;
	std::atomic<u64> next_hint_;
	std::atomic<u64> next_closed_;
	std::array<std::atomic<u64>, MOST_HINTS> hints_;
	std::array<std::atomic<u64>, MOST_CLOSED> closed_;
	std::array<Person, MOST_PEOPLE> people_;
	std::array<Diary, MOST_DIARIES + 1> diaries_;
	std::array<Text, MOST_PROBLEMS> problems_;
	std::array<Tally, MOST_NAMES> tally_;
};

// Writes one call into a diary: it begins, it ends.
class Entry {
public:
	Entry(Diary &diary, const char *name, std::array<u64, 4> arguments);
	Entry(const Entry &) = delete;
	~Entry() { call_.running = false; }

	// Takes what a system call returned; answers -errno or the value.
	Status ends(long value);
	Status ends(Status status);

private:
	Call &call_;
};

} // namespace client::hostile

// SPDX-License-Identifier: GPL-2.0-only
//
// What the processes of a round share: what is to be done, what was done, and
// what went wrong.
#pragma once

#include "calls.hpp"
#include "memory.hpp"

#include <sys/types.h>

#include <string_view>

namespace hostile {

using client::Memory;

// What a round is like. Threads of the VMM make the things come and go that are
// said to.
struct Plan {
	u64 seed = 0;
	unsigned vcpus = 2;
	u64 first = 0;	     // where the entries begin that the guest likes best
	unsigned errors = 0; // percent of hypercalls for the VMM that it answers with an error

	bool foreign = false; // another process puts our first group before its own KVM
	bool keeps = false;   // and keeps our container open as well
	bool both = false;    // the container has both groups
	bool tables = false;  // KVM's tables come and go
	bool outside = false; // the guest asks for more than its tables have; needs tables that
			      // stay
	bool windows = false; // windows come and go
	bool memory = false;  // registered memory comes and goes
	bool slots = false;   // the guest's memory comes and goes
	bool early = false;   // the VMM is killed wherever it is, perhaps before there is a guest
	bool orderly = false; // the VMM ends by itself
	bool leaves = false;  // and takes the groups out of the container while the guest runs
};

struct Counts {
	std::atomic<u64> calls, done, refused, for_vmm, ioctls, attached, dma, canaries;
};

// Lies in memory that all of them share. A written canary, or anything else
// that is wrong, is a complaint.
struct Board {
	Counts counts;
	std::atomic<u64> window; // where the dynamic window is, once it is there
	std::atomic<bool> ready; // the guest runs
	std::atomic<bool> foreign_ready;
	std::atomic<pid_t> foreign;
	std::atomic<bool> over; // an orderly end is wanted
	std::atomic<bool> complaining;
	std::atomic<bool> complained;
	char complaint[400];

	void complain(std::string_view text);
};

// Where a foreign guest's favourite entries are.
inline constexpr u64 FOREIGN_FIRST = 3000;

// What memory is filled with that is nobody's but ours, and what the device
// writes.
inline constexpr u8 CANARY = 0xca;
inline constexpr u8 DEVICE = 0xed;

void set_canary(std::span<u8> bytes);
// Complains if somebody wrote there.
void check_canary(std::span<const u8> bytes, std::string_view what, Board &board);

// The VMM, in a process of its own: returns only when the plan says so.
void run_vmm(const Plan &plan, Board &board, const Memory &data, const Memory &foreign_data);

} // namespace hostile

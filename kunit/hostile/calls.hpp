// SPDX-License-Identifier: GPL-2.0-only
//
// What the guest asks for: hypercalls on its tables, sensible ones and others.
#pragma once

#include "payload.hpp"
#include "random.hpp"

#include <atomic>
#include <span>
#include <vector>

namespace hostile {

using client::u32;

// The guest's memory: what the VMM writes (the payload, its lists), and what
// devices reach.
inline constexpr u64 CONTROL = 0;
inline constexpr u64 DATA = 64 * client::MiB;

// Control memory: the payload, lists of TCEs for H_PUT_TCE_INDIRECT, each
// vCPU's list of calls.
inline constexpr u64 CODE = 0x10000;
inline constexpr u64 TCE_LISTS = 0x20000;
inline constexpr u64 TCE_LIST = 4096;
inline constexpr u64 TCE_LIST_COUNT = 8;
inline constexpr u64 CALLS = 0x40000;
inline constexpr u64 CALLS_SIZE = 0x1000;
inline constexpr u64 MOST_CALLS = CALLS_SIZE / sizeof(Call);

inline constexpr u64 TCE_READ = 1;
inline constexpr u64 TCE_WRITE = 2;

// A table that the guest knows, as its VMM makes it.
struct Target {
	u64 liobn = 0;
	u64 start = 0; // bus address
	u32 shift = 12;
	u64 entries = 0;
	// It has the window's size and stays attached as long as the guest
	// runs. Elsewhere 6.12's KVM itself writes over its table's end when
	// the guest asks for it.
	bool over_the_end = false;

	u64 page() const { return u64{ 1 } << shift; }
};

// Data memory is registered in slices. A guest mostly leaves those alone that
// its VMM wants back.
inline constexpr u64 SLICES = 6;
using Slices = std::atomic<u32>; // bit n: slice n is free to use

class Caller {
public:
	// Its favourite entries begin at `first`.
	Caller(u64 seed, u64 first, std::vector<Target> targets, u64 data_size,
	       const Slices &slices)
		: random_{ seed },
		  first_{ first },
		  targets_{ std::move(targets) },
		  slice_size_{ data_size / SLICES },
		  slices_{ slices }
	{
	}

	Call call();
	// New TCEs in a list, which a vCPU may be reading.
	void fill_list(std::span<u8> control);

private:
	u64 entry(const Target &target);
	u64 address(const Target &target);
	u64 tce(const Target &target);
	void put(Call &call, const Target &target);
	void put_indirect(Call &call, const Target &target);
	void stuff(Call &call, const Target &target);

	Random random_;
	u64 first_;
	std::vector<Target> targets_;
	u64 slice_size_;
	const Slices &slices_;
};

} // namespace hostile

// SPDX-License-Identifier: GPL-2.0-only
//
// Memory of a hostile process: a stretch of addresses where mappings of every
// kind come, change and go while they are registered and mapped for devices.
#pragma once

#include "books.hpp"
#include "random.hpp"

#include <array>
#include <atomic>

namespace client::hostile {

struct Range {
	u64 address = 0;
	u64 size = 0;
};

class Arena {
public:
	// `file` has FILE_SIZE bytes, and is shared with other processes.
	explicit Arena(int file);

	static constexpr u64 SLOT = 2 * MiB;
	static constexpr u64 SLOTS = 16;
	static constexpr u64 FILE_SIZE = 4 * MiB;

	// Where nothing stays as it is.
	bool holds(u64 address) const { return address - base_ < (SLOTS + 1) * SLOT; }
	// A range to be registered: one of not too many, so that others come
	// across it again.
	Range any(Random &random) const;
	// Changes what is behind some of the addresses.
	void churn(Random &random, Diary &diary);

	// What was registered of it not long ago.
	void remember(Range range);
	void forget(Range range);
	void forget_all();
	Range remembered(Random &random) const;

private:
	static u64 packed(Range range);
	void renew(Random &random, Diary &diary, Range range);
	void disturb(Random &random, Diary &diary, Range range);
	void move(Random &random, Diary &diary);
	void write(Diary &diary, Range range);

	u64 base_ = 0;
	int file_ = -1;
	int zeros_ = -1;
	std::array<std::atomic<u64>, 16> remembered_{};
	std::atomic<u64> next_ = 0;
};

} // namespace client::hostile

// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include "check.hpp"

#include <cstddef>

namespace client::hostile {

// Numbers that follow from a seed (splitmix64).
class Random {
public:
	explicit Random(u64 seed) : state_{ seed } {}

	u64 next()
	{
		u64 value = state_ += 0x9e3779b97f4a7c15;
		value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
		value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
		return value ^ (value >> 31);
	}
	u64 below(u64 limit) { return next() % limit; }
	unsigned index(size_t limit) { return static_cast<unsigned>(below(limit)); }
	bool one_in(u64 chances) { return below(chances) == 0; }
	template <class Value, size_t count> Value of(const Value (&values)[count])
	{
		return values[below(count)];
	}
	// Small numbers as often as large ones.
	u64 any_size() { return next() >> below(64); }

private:
	u64 state_;
};

// The seed of part number `part` of what has this seed.
inline u64 seed_of(u64 seed, u64 part)
{
	return Random{ seed ^ Random{ part }.next() }.next();
}

} // namespace client::hostile

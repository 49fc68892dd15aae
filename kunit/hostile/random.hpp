// SPDX-License-Identifier: GPL-2.0-only
//
// Random numbers that a seed tells: a round can be had again (what its threads
// make of it cannot).
#pragma once

#include "check.hpp"

#include <initializer_list>

namespace hostile {

using client::u64;

class Random {
public:
	explicit Random(u64 seed) : state_{ seed } {}

	// splitmix64
	u64 number()
	{
		u64 value = state_ += 0x9e3779b97f4a7c15;
		value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
		value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
		return value ^ (value >> 31);
	}
	u64 below(u64 limit) { return number() % limit; }
	bool percent(unsigned chance) { return below(100) < chance; }
	template <class T> T one_of(std::initializer_list<T> choices)
	{
		return choices.begin()[below(choices.size())];
	}

private:
	u64 state_;
};

} // namespace hostile

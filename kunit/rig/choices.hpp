// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a random run takes its decisions from: a generator with a seed, or the
 * bytes that a fuzzer made up.
 */
#ifndef TCE_CASES_CHOICES_HPP
#define TCE_CASES_CHOICES_HPP

#include "../fake/util.hpp"

namespace fake {

class Choices {
public:
	Choices(u64 seed, u64 steps) : random_(seed), steps_(steps) {}
	Choices(const unsigned char *bytes, u64 count) : random_(1), bytes_(bytes), left_(count) {}

	/* 0 .. n-1; 0 when there is nothing left to go by. */
	u64 below(u64 n)
	{
		if (n <= 1)
			return 0;
		if (!bytes_)
			return random_.below(n);

		u64 value = 0;

		for (u64 range = n - 1; range && left_; range >>= 8) {
			value = value << 8 | *bytes_++;
			left_--;
		}
		return value % n;
	}
	bool one_in(u64 n) { return below(n) == n - 1; }

	/* Is there another step? */
	bool go_on() { return bytes_ ? left_ > 0 : steps_-- > 0; }

private:
	Random random_;
	u64 steps_ = 0;
	const unsigned char *bytes_ = nullptr;
	u64 left_ = 0;
};

} // namespace fake

#endif /* TCE_CASES_CHOICES_HPP */

// SPDX-License-Identifier: GPL-2.0-only
#pragma once

namespace client {

struct Options {
	unsigned rounds = 0;	// how often races are tried; 0: each case's own number
	unsigned long seed = 0; // of random cases; 0: another one each time
};

inline Options &options()
{
	static Options chosen;
	return chosen;
}

inline unsigned rounds(unsigned usual)
{
	return options().rounds ? options().rounds : usual;
}

} // namespace client

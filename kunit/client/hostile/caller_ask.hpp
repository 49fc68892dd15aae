// SPDX-License-Identifier: GPL-2.0-only
//
// How a caller asks with a structure that begins with its size.
#pragma once

#include "caller.hpp"

#include <sys/ioctl.h>

namespace client::hostile {

inline constexpr unsigned LEAST_SHIFT = 12;

template <class Argument> void Caller::spoil(Argument &argument)
{
	if (random_.one_in(32)) {
		const u64 sizes[] = { 0,    1,	      sizeof argument - 1, sizeof argument + 1,
				      4096, ~u64{ 0 } };
		argument.argsz = static_cast<u32>(random_.of(sizes));
	}
	if (random_.one_in(64))
		argument.flags = static_cast<u32>(random_.any_size());
}

template <class Argument>
Status Caller::ask(const char *name, int file, unsigned long request, Argument &argument,
		   std::array<u64, 3> shown)
{
	argument.argsz = sizeof argument;
	spoil(argument);
	void *where = place(&argument, sizeof argument);
	Entry entry{
		diary_, name, { static_cast<u64>(file), shown[0], shown[1], shown[2] }
	};
	return entry.ends(::ioctl(file, request, where));
}

} // namespace client::hostile

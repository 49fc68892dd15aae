// SPDX-License-Identifier: GPL-2.0-only
#include "edu.hpp"

#include "patience.hpp"

#include <unistd.h>

#include <algorithm>

namespace client {

namespace {

constexpr u64 BUFFER = 0x40000;
constexpr u64 SOURCE = 0x80;
constexpr u64 TARGET = 0x88;
constexpr u64 LENGTH = 0x90;
constexpr u64 COMMAND = 0x98;

constexpr u64 RUN = 1;
constexpr u64 TO_MEMORY = 2;

} // namespace

void Edu::begin(u64 source, u64 target, u64 size, u64 command) const
{
	device_.write64(SOURCE, source);
	device_.write64(TARGET, target);
	device_.write64(LENGTH, size);
	device_.write64(COMMAND, command | RUN);
}

bool Edu::busy() const
{
	return device_.read64(COMMAND) & RUN;
}

void Edu::starts(u64 iova, u64 size, bool to_memory) const
{
	begin(to_memory ? BUFFER : iova, to_memory ? iova : BUFFER, size,
	      to_memory ? TO_MEMORY : 0);
}

void Edu::run(u64 source, u64 target, u64 size, u64 command) const
{
	begin(source, target, size, command);

	// So long it takes at least; asking it meanwhile is what keeps an
	// emulated machine busy.
	::usleep(95000);
	check(in_time([&] { return !busy(); }), "the device never ends its transfer");
}

void Edu::reads(u64 iova, u64 size, u64 at) const
{
	run(iova, BUFFER + at, size, 0);
}

void Edu::writes(u64 iova, u64 size, u64 at) const
{
	run(BUFFER + at, iova, size, TO_MEMORY);
}

void both_ways(const Edu &edu, u64 iova, std::span<u8> memory, u64 seed)
{
	const auto part = memory.first(std::min<u64>(memory.size(), Edu::BUFFER_SIZE));
	fill(part, seed);
	edu.reads(iova, part.size());
	std::fill(part.begin(), part.end(), u8{ 0 });
	edu.writes(iova, part.size());
	check(filled(part, seed),
	      cat("DMA at ", Hex{ iova }, " does not reach its memory both ways"));
}

void copies(const Edu &edu, u64 from, u64 to, u64 size)
{
	edu.reads(from, size);
	edu.writes(to, size);
}

} // namespace client

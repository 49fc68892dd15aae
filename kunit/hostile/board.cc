// SPDX-License-Identifier: GPL-2.0-only
#include "board.hpp"

#include <algorithm>

namespace hostile {

using namespace client;

// The first one counts.
void Board::complain(std::string_view text)
{
	if (complaining.exchange(true))
		return;
	const size_t length = std::min(text.size(), sizeof complaint - 1);
	std::copy_n(text.begin(), length, complaint);
	complaint[length] = '\0';
	complained = true;
}

void set_canary(std::span<u8> bytes)
{
	std::ranges::fill(bytes, CANARY);
}

void check_canary(std::span<const u8> bytes, std::string_view what, Board &board)
{
	const auto found = std::ranges::find_if(bytes, [](u8 byte) { return byte != CANARY; });
	if (found != bytes.end())
		board.complain(cat(what, " was written to at ", found - bytes.begin(), ": ",
				   Hex{ *found }));
}

} // namespace hostile

// SPDX-License-Identifier: GPL-2.0-only
#include "check.hpp"

#include <cstdio>
#include <cstring>

namespace client {

std::ostream &operator<<(std::ostream &out, Status status)
{
	if (status.value() > 0)
		return out << '+' << status.value() << " (a positive number)";
	if (status.value() == 0)
		return out << '0';
	const char *name = strerrorname_np(static_cast<int>(-status.value()));
	return out << '-' << (name ? name : std::to_string(-status.value()).c_str());
}

std::ostream &operator<<(std::ostream &out, Hex hex)
{
	char text[24];
	std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(hex.value));
	return out << text;
}

void fail(std::string_view text, std::source_location where)
{
	std::string_view file{ where.file_name() };
	file.remove_prefix(file.rfind('/') + 1);
	throw Failure{ cat(file, ':', where.line(), ": ", text) };
}

void skip(std::string_view why)
{
	throw Skip{ std::string{ why } };
}

void note(std::string_view text)
{
	std::printf("# %.*s\n", static_cast<int>(text.size()), text.data());
	std::fflush(stdout);
}

} // namespace client

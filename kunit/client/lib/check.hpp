// SPDX-License-Identifier: GPL-2.0-only
//
// What a case says when it finds something wrong: it throws. Everything a case
// holds (containers, groups, memory) is an object with a destructor, so a
// failed case lets go of all of it and the ledger can be checked after a
// failure too.
#pragma once

#include <cstdint>
#include <source_location>
#include <sstream>
#include <string>
#include <string_view>

namespace client {

using u8 = std::uint8_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

inline constexpr u64 KiB = 1024;
inline constexpr u64 MiB = 1024 * KiB;
inline constexpr u64 GiB = 1024 * MiB;
inline constexpr u64 TiB = 1024 * GiB;

struct Failure {
	std::string text;
};

struct Skip {
	std::string why;
};

// What a system call answered: the value if it is not negative, -errno
// otherwise. It prints by name. A positive number where 0 was expected is a
// defect of its own (userspace reads it as success), so it is kept and shown.
class Status {
public:
	constexpr Status() = default;
	constexpr explicit Status(long value) : value_{ value } {}

	constexpr long value() const { return value_; }
	constexpr bool ok() const { return value_ == 0; }
	constexpr bool operator==(const Status &) const = default;

private:
	long value_ = 0;
};

inline constexpr Status OK{ 0 };
constexpr Status refused(int err)
{
	return Status{ -static_cast<long>(err) };
}

std::ostream &operator<<(std::ostream &out, Status status);

// A number to be printed in hexadecimal.
struct Hex {
	u64 value;
	bool operator==(const Hex &) const = default;
};
std::ostream &operator<<(std::ostream &out, Hex hex);

template <class... Parts> std::string cat(const Parts &...parts)
{
	std::ostringstream out;
	(out << ... << parts);
	return out.str();
}

[[noreturn]] void fail(std::string_view text,
		       std::source_location where = std::source_location::current());
[[noreturn]] void skip(std::string_view why);

inline void check(bool holds, std::string_view what,
		  std::source_location where = std::source_location::current())
{
	if (!holds)
		fail(what, where);
}

template <class Left, class Right>
void expect(const Left &found, const Right &expected, std::string_view what,
	    std::source_location where = std::source_location::current())
{
	if (!(found == expected))
		fail(cat(what, ": found ", found, ", expected ", expected), where);
}

template <class Left, class Right>
void at_most(const Left &found, const Right &limit, std::string_view what,
	     std::source_location where = std::source_location::current())
{
	if (found > limit)
		fail(cat(what, ": found ", found, ", expected at most ", limit), where);
}

// One of several answers is right: where two implementations may differ and no
// user can tell.
inline void one_of(Status found, std::initializer_list<Status> expected, std::string_view what,
		   std::source_location where = std::source_location::current())
{
	std::string list;
	for (Status status : expected) {
		if (found == status)
			return;
		list += (list.empty() ? "" : " or ") + cat(status);
	}
	fail(cat(what, ": found ", found, ", expected ", list), where);
}

// A line of output that is not a result.
void note(std::string_view text);

} // namespace client

// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a test case is written with.
 *
 *	TCE_CASE(suite, name)		the body; list.h has to name it
 *	TCE_EXPECT_EQ(a, b) _NE _LT _LE	go on after a failure
 *	TCE_EXPECT(cond)
 *	TCE_ASSERT_EQ(a, b),
 *	TCE_REQUIRE(cond)		leave the function after a failure
 *
 * Both sides of a comparison are numbers, errno included; both are printed.
 */
#ifndef TCE_CASES_CASE_HPP
#define TCE_CASES_CASE_HPP

#include "../fake/world.hpp"
#include "case.h"
#include "../cases/list.h"

extern "C" {
#define TCE_DECLARE_SUITE(suite) TCE_CASES_##suite(TCE_CASE_DECLARE)
TCE_SUITES(TCE_DECLARE_SUITE)
#undef TCE_DECLARE_SUITE
}

/* A case that list.h does not name is undeclared, which is an error. */
#define TCE_CASE(suite, name)                                                          \
	static_assert(requires { TCE_CASE_BODY(suite, name)(0); }, "list.h names it"); \
	void TCE_CASE_BODY(suite, name)([[maybe_unused]] unsigned int param)

namespace fake {

template <typename T> constexpr s64 number(T value)
{
	return static_cast<s64>(value);
}

template <typename T> s64 number(T *pointer)
{
	return static_cast<s64>(reinterpret_cast<unsigned long>(pointer));
}

inline s64 number(decltype(nullptr))
{
	return 0;
}

/* Reports a comparison that did not hold; a and b are its operands. */
void mismatch(const char *file, int line, const char *what, s64 a, s64 b);

template <typename A, typename B>
bool compare_eq(const A &a, const B &b, const char *file, int line, const char *what)
{
	if (number(a) == number(b))
		return true;
	mismatch(file, line, what, number(a), number(b));
	return false;
}

template <typename A, typename B>
bool compare_ne(const A &a, const B &b, const char *file, int line, const char *what)
{
	if (number(a) != number(b))
		return true;
	mismatch(file, line, what, number(a), number(b));
	return false;
}

template <typename A, typename B>
bool compare_le(const A &a, const B &b, const char *file, int line, const char *what)
{
	if (static_cast<u64>(number(a)) <= static_cast<u64>(number(b)))
		return true;
	mismatch(file, line, what, number(a), number(b));
	return false;
}

template <typename A, typename B>
bool compare_lt(const A &a, const B &b, const char *file, int line, const char *what)
{
	if (static_cast<u64>(number(a)) < static_cast<u64>(number(b)))
		return true;
	mismatch(file, line, what, number(a), number(b));
	return false;
}

} // namespace fake

#define TCE_EXPECT_EQ(a, b) ::fake::compare_eq(a, b, __FILE__, __LINE__, #a " == " #b)
#define TCE_EXPECT_NE(a, b) ::fake::compare_ne(a, b, __FILE__, __LINE__, #a " != " #b)
#define TCE_EXPECT_LE(a, b) ::fake::compare_le(a, b, __FILE__, __LINE__, #a " <= " #b)
#define TCE_EXPECT_LT(a, b) ::fake::compare_lt(a, b, __FILE__, __LINE__, #a " < " #b)
#define TCE_EXPECT(cond) \
	((cond) ? true : (::fake::fail_at(__FILE__, __LINE__, "not true: %s", #cond), false))

#define TCE_ASSERT_EQ(a, b)               \
	do {                              \
		if (!TCE_EXPECT_EQ(a, b)) \
			return;           \
	} while (0)
#define TCE_REQUIRE(cond)              \
	do {                           \
		if (!TCE_EXPECT(cond)) \
			return;        \
	} while (0)

#endif /* TCE_CASES_CASE_HPP */

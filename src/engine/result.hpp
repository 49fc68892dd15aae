/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Errors are values.
 *
 * A function that can fail returns Result<T>, or Status where there is nothing
 * but success to report; ignoring one does not compile.  Errc holds the
 * negative errno that the caller of the engine will see, so nothing is
 * translated on the way up.
 */
#pragma once

#include "ktl.hpp"

namespace tce {

/* uapi/asm-generic/errno-base.h */
enum class Errc : int {
	Ok = 0,
	Perm = -1,
	NoEnt = -2,
	Intr = -4,
	Io = -5,
	Nxio = -6,
	NoMem = -12,
	Fault = -14,
	Busy = -16,
	NoDev = -19,
	Inval = -22,
	NoSpc = -28,
};

template <class T> class [[nodiscard]] Result {
public:
	/* NOLINTBEGIN(google-explicit-constructor): "return value;" and "return Errc::Inval;" are meant to work */
	constexpr Result(T value) : value_(move(value)) {}
	/* @error: not Ok: there is no value. */
	constexpr Result(Errc error) : error_(TCE_ASSERT(error != Errc::Ok) ? error : Errc::Io) {}
	/* NOLINTEND(google-explicit-constructor) */

	[[nodiscard]] constexpr bool ok() const { return error_ == Errc::Ok; }
	[[nodiscard]] constexpr Errc error() const { return error_; }
	/* Only after ok(): TCE_TRY and explicit checks see to it. */
	[[nodiscard]] constexpr T &value() { return value_; }
	[[nodiscard]] constexpr T take() { return move(value_); }

private:
	T value_{};
	Errc error_ = Errc::Ok;
};

struct Unit {};

template <> class [[nodiscard]] Result<Unit> {
public:
	constexpr Result() = default;
	/* NOLINTNEXTLINE(google-explicit-constructor): as above */
	constexpr Result(Errc error) : error_(error) {}

	/* What a function of port.h returned. */
	[[nodiscard]] static constexpr Result from_port(int err)
	{
		return Result(static_cast<Errc>(err < 0 ? err : 0));
	}

	[[nodiscard]] constexpr bool ok() const { return error_ == Errc::Ok; }
	[[nodiscard]] constexpr Errc error() const { return error_; }
	[[nodiscard]] constexpr int to_errno() const { return static_cast<int>(error_); }
	constexpr Unit take() const { return {}; }

private:
	Errc error_ = Errc::Ok;
};

using Status = Result<Unit>;

static_assert(sizeof(Result<u64>) <= 16 && sizeof(Status) == sizeof(int));
static_assert(Status::from_port(-12).error() == Errc::NoMem && Status::from_port(7).ok());

/* The value of @expr, or out of the function with its error. */
#define TCE_TRY(expr)                            \
	({                                       \
		auto tce_try_ = (expr);          \
		if (!tce_try_.ok()) [[unlikely]] \
			return tce_try_.error(); \
		tce_try_.take();                 \
	})

} /* namespace tce */

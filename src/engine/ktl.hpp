/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The little that the engine needs of a standard library.
 *
 * No std header is included anywhere in the engine: what the kernel's flags
 * leave of libstdc++ differs between compilers, and every name here is a few
 * lines.  Memory order is spelled out in the names of Atomic's functions and of
 * those of memory.hpp; nothing else in the engine issues a barrier.
 */
#pragma once

#include <tce/engine.h>
#include <tce/port.h>

namespace tce {

using u8 = unsigned char;
using u16 = unsigned short;
using u32 = tce_u32;
using u64 = tce_u64;
using usize = decltype(sizeof(0));

static_assert(sizeof(u32) == 4 && sizeof(u64) == 8 && sizeof(void *) == 8);

/*
 * Invariants: a broken one is reported (fatal on the host), then the caller
 * goes on.
 */
#define TCE_ASSERT(cond) ((cond) ? true : (::tce_port_warn(#cond, __FILE__, __LINE__), false))

template <class T> struct RemoveReference {
	using Type = T;
};
template <class T> struct RemoveReference<T &> {
	using Type = T;
};
template <class T> struct RemoveReference<T &&> {
	using Type = T;
};

template <class T>
[[nodiscard]] constexpr typename RemoveReference<T>::Type &&move(T &&value) noexcept
{
	return static_cast<typename RemoveReference<T>::Type &&>(value);
}

template <class T> constexpr T min(T a, T b)
{
	return b < a ? b : a;
}
template <class T> constexpr T max(T a, T b)
{
	return a < b ? b : a;
}

template <class T> constexpr T exchange(T &object, T value)
{
	T old = move(object);
	object = move(value);
	return old;
}

constexpr bool is_power_of_two(u64 x)
{
	return x && !(x & (x - 1));
}
static_assert(is_power_of_two(1) && is_power_of_two(1ull << 63) && !is_power_of_two(0) &&
	      !is_power_of_two(3));

/* Floor of the base-2 logarithm; @x is not 0. */
constexpr unsigned int log2_floor(u64 x)
{
	return 63u - static_cast<unsigned int>(__builtin_clzll(x));
}
static_assert(log2_floor(1) == 0 && log2_floor(4095) == 11 && log2_floor(~0ull) == 63);

constexpr unsigned int div_round_up(unsigned int a, unsigned int b)
{
	return (a + b - 1) / b;
}

/* True if [start, start + size) goes beyond the last address: its end wraps. */
constexpr bool wraps(u64 start, u64 size)
{
	return start + size < start;
}
static_assert(wraps(~0ull - 4095, 4096) && !wraps(~0ull - 4095, 4095) && !wraps(0, ~0ull));

/*
 * Placement new under a name of its own, so that <new> is not needed and not
 * disturbed.
 */
struct Place {};

} /* namespace tce */

inline void *operator new(tce::usize, tce::Place, void *at) noexcept
{
	return at;
}
inline void operator delete(void *, tce::Place, void *) noexcept {}

namespace tce {

/*
 * For types that own something: they can be neither copied nor moved by
 * accident.
 */
class Pinned {
public:
	Pinned(const Pinned &) = delete;
	Pinned &operator=(const Pinned &) = delete;

protected:
	constexpr Pinned() = default;
	~Pinned() = default;
};

/*
 * One of two types, chosen when it is made.  visit() is the only way in: what
 * is asked of the one is asked of the other.
 */
template <class A, class B> class Either : Pinned {
public:
	enum class Which { First, Second };

	/* NOLINTBEGIN(cppcoreguidelines-pro-type-union-access): what a variant is made of */
	template <class Args> Either(Which which, const Args &args) : which_(which)
	{
		if (which_ == Which::First)
			new (Place{}, &first_) A(args);
		else
			new (Place{}, &second_) B(args);
	}
	~Either()
	{
		if (which_ == Which::First)
			first_.~A();
		else
			second_.~B();
	}

	template <class Visit> auto visit(Visit visit)
	{
		return which_ == Which::First ? visit(first_) : visit(second_);
	}
	template <class Visit> auto visit(Visit visit) const
	{
		return which_ == Which::First ? visit(first_) : visit(second_);
	}
	/* NOLINTEND(cppcoreguidelines-pro-type-union-access) */

private:
	const Which which_;
	union {
		A first_;
		B second_;
	};
};

template <class T> class Atomic : Pinned {
public:
	constexpr explicit Atomic(T value = {}) : value_(value) {}

	[[nodiscard]] T load_relaxed() const { return load<__ATOMIC_RELAXED>(); }
	[[nodiscard]] T load_acquire() const { return load<__ATOMIC_ACQUIRE>(); }
	[[nodiscard]] T load_ordered() const { return load<__ATOMIC_SEQ_CST>(); }
	void store_relaxed(T v) { __atomic_store(&value_, &v, __ATOMIC_RELAXED); }
	void store_release(T v) { __atomic_store(&value_, &v, __ATOMIC_RELEASE); }
	void store_ordered(T v) { __atomic_store(&value_, &v, __ATOMIC_SEQ_CST); }
	T add_ordered(T v) { return __atomic_fetch_add(&value_, v, __ATOMIC_SEQ_CST); }
	T sub_ordered(T v) { return __atomic_fetch_sub(&value_, v, __ATOMIC_SEQ_CST); }
	T or_ordered(T v) { return __atomic_fetch_or(&value_, v, __ATOMIC_SEQ_CST); }
	T and_ordered(T v) { return __atomic_fetch_and(&value_, v, __ATOMIC_SEQ_CST); }
	T exchange_acquire(T v) { return __atomic_exchange_n(&value_, v, __ATOMIC_ACQUIRE); }
	/* @old: what was expected; on failure, what is there. */
	bool replace_release(T &old, T v)
	{
		return __atomic_compare_exchange_n(&value_, &old, v, true, __ATOMIC_RELEASE,
						   __ATOMIC_RELAXED);
	}

private:
	template <int order> [[nodiscard]] T load() const
	{
		T v;

		__atomic_load(&value_, &v, order);
		return v;
	}

	T value_;
};

/* Take @object out of the list that begins at @head; false: it is not there. */
template <class T> bool remove_from(T *&head, const T &object, T *T::*next)
{
	for (T **link = &head; *link; link = &((*link)->*next)) {
		if (*link == &object) {
			*link = object.*next;
			return true;
		}
	}
	return false;
}

/*
 * An object in port memory, or nullptr.  Arguments go to the constructor by
 * value.
 */
template <class T, class... Args> [[nodiscard]] T *make_object(Args... args)
{
	void *at = tce_port_alloc(sizeof(T));

	return at ? new (Place{}, at) T(args...) : nullptr;
}

template <class T> void destroy_object(T *object)
{
	if (!object)
		return;
	object->~T();
	tce_port_free(object);
}

} /* namespace tce */

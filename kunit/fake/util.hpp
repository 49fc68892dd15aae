// SPDX-License-Identifier: GPL-2.0-only
/*
 * Small tools for the fake: no library, no constructors at load time.
 */
#ifndef TCE_FAKE_UTIL_HPP
#define TCE_FAKE_UTIL_HPP

#include <tce/port.h>

#include "env.h"

namespace fake {

using u64 = tce_u64;
using u32 = tce_u32;
using s64 = long long;

/* Negative errno, as the boundary speaks. */
namespace err {
inline constexpr int kPerm = -1;
inline constexpr int kNoEnt = -2;
inline constexpr int kIntr = -4;
inline constexpr int kIo = -5;
inline constexpr int kNxio = -6;
inline constexpr int kNoMem = -12;
inline constexpr int kFault = -14;
inline constexpr int kBusy = -16;
inline constexpr int kNoDev = -19;
inline constexpr int kInval = -22;
inline constexpr int kNoSpc = -28;
} // namespace err

/* Hypercall status, PAPR "Hypervisor Call Return Codes". */
namespace h {
inline constexpr long kSuccess = 0;
inline constexpr long kBusy = 1;
inline constexpr long kClosed = 2;
inline constexpr long kNotAvailable = 3;
inline constexpr long kConstrained = 4;
inline constexpr long kPartial = 5;
inline constexpr long kInProgress = 14;
inline constexpr long kLongBusy1Msec = 9900;
inline constexpr long kLongBusy10Msec = 9901;
inline constexpr long kLongBusy100Sec = 9905;
inline constexpr long kTooHard = 9999;
inline constexpr long kHardware = -1;
inline constexpr long kFunction = -2;
inline constexpr long kPrivilege = -3;
inline constexpr long kParameter = -4;
inline constexpr long kNoMem = -9;
inline constexpr long kAuthority = -10;
inline constexpr long kPermission = -11;
inline constexpr long kResource = -16;
inline constexpr long kNotEnoughResources = -44;
} // namespace h

constexpr u64 bit(unsigned int n)
{
	return 1ull << n;
}

/* Big-endian to the processor's order, or back. */
constexpr u64 swap_be(u64 x)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap64(x) : x;
}

/* A case has failed for a reason the fake found. */
#define FAKE_FAIL(...) ::fake::fail_at(__FILE__, __LINE__, __VA_ARGS__)
void fail_at(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* While one of these lives, what the fake finds is counted and not reported. */
class Caught {
public:
	Caught();
	~Caught();
	Caught(const Caught &) = delete;
	Caught &operator=(const Caught &) = delete;

	u32 count() const { return count_; }

private:
	friend void fail_at(const char *file, int line, const char *fmt, ...);

	u32 count_ = 0;
	Caught *outer_;
};

bool is_catching();

void log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * The fake's own lock: every port call takes it, none calls the engine with it.
 */
class Guard {
public:
	Guard() { env_world_lock(); }
	~Guard() { env_world_unlock(); }
	Guard(const Guard &) = delete;
	Guard &operator=(const Guard &) = delete;
};

/*
 * An array of u64 with 2^64 elements, nearly all of them 0.  It keeps its
 * blocks until it goes: cases fill and clear some of these thousands of times.
 */
class Sparse {
public:
	Sparse() = default;
	~Sparse();
	Sparse(const Sparse &) = delete;
	Sparse &operator=(const Sparse &) = delete;

	u64 get(u64 index) const;
	/* Returns what was there. */
	u64 exchange(u64 index, u64 value);
	void set(u64 index, u64 value) { exchange(index, value); }
	/* Returns what is there then. */
	u64 add(u64 index, s64 difference);
	/* Elements @first .. @first + @nr - 1 are 0 then. */
	void zero(u64 first, u64 nr);
	void clear();

	/* Elements that are not 0. */
	u64 used() const { return used_; }

	/* fn(index, value) for every element that is not 0, in no order. */
	template <typename Fn>
	void for_each(Fn fn) const
	{
		for (const Block *p = blocks_; p; p = p->next) {
			for (u32 i = 0; p->used && i < kBlock; i++) {
				if (p->value[i])
					fn(p->key * kBlock + i, p->value[i]);
			}
		}
	}

private:
	static constexpr u32 kBlock = 240; /* with its head it fits 2 KiB */
	static constexpr u32 kBucketsLg2 = 8;
	static constexpr u32 kBuckets = 1u << kBucketsLg2;

	struct Block {
		Block *next;	  /* of all */
		Block *in_bucket; /* the next one there */
		u64 key;
		u32 used;
		u64 value[kBlock];
	};

	static u32 hash(u64 key);
	Block *find(u64 key) const;
	Block &make(u64 key);
	u64 put(Block &block, u32 at, u64 value);

	Block **buckets_ = nullptr;
	Block *blocks_ = nullptr, *spare_ = nullptr;
	u64 used_ = 0;
};

/*
 * Makes an object in memory from env_alloc(); <new> stays out of freestanding
 * code.
 */
struct Place {
	void *at;
};

/* xorshift64*: the same numbers everywhere for one seed. */
class Random {
public:
	explicit Random(u64 seed) : state_(seed ? seed : 0x9e3779b97f4a7c15ull) {}

	u64 next()
	{
		state_ ^= state_ >> 12;
		state_ ^= state_ << 25;
		state_ ^= state_ >> 27;
		return state_ * 0x2545f4914f6cdd1dull;
	}
	/* 0 .. n-1 */
	u64 below(u64 n) { return n ? (next() >> 11) % n : 0; }
	bool one_in(u64 n) { return below(n) == 0; }

private:
	u64 state_;
};

template <typename T, typename... Args>
T *make(const Args &...args);

template <typename T>
void unmake(T *p)
{
	if (!p)
		return;
	p->~T();
	env_free(p);
}

} // namespace fake

inline void *operator new(decltype(sizeof(0)), fake::Place place) noexcept
{
	return place.at;
}

inline void operator delete(void *, fake::Place) noexcept {}

namespace fake {

template <typename T, typename... Args>
T *make(const Args &...args)
{
	return new (Place{ env_alloc(sizeof(T), alignof(T)) }) T(args...);
}

} // namespace fake

#endif /* TCE_FAKE_UTIL_HPP */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What depends on the processor, see memory.hpp: for little-endian POWER.
 *
 * Before POWER10 there is no instruction that swaps the bytes of a register,
 * and compilers do not use the swapping loads and stores for atomic accesses:
 * what they make of a conversion is nine instructions.
 */
#pragma once

#include "tce_format.hpp"

namespace tce {

struct Cpu {
	/* One 8-byte access each, relaxed (Power ISA, ldbrx and stdbrx). */
	[[nodiscard]] static u64 load_be(const Be64 *entry)
	{
		u64 value;

		/* NOLINTNEXTLINE(hicpp-no-assembler): no other way to name the instruction */
		asm volatile("ldbrx %0,%y1" : "=r"(value) : "Z"(*entry));
		return value;
	}
	static void store_be(Be64 *entry, u64 value)
	{
		/* NOLINTNEXTLINE(hicpp-no-assembler): no other way to name the instruction */
		asm volatile("stdbrx %1,%y0" : "=Z"(*entry) : "r"(value));
	}
	/*
	 * A pointer that is followed at once: loads that depend on it come
	 * after it (Power ISA Book II, "Storage Access Ordering"), as the
	 * kernel's READ_ONCE() and rcu_dereference() have it.
	 */
	template <class T> [[nodiscard]] static T *load_to_follow(const Atomic<T *> &pointer)
	{
		return pointer.load_relaxed();
	}
};

} /* namespace tce */

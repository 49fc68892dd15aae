/* SPDX-License-Identifier: GPL-2.0-only */
/* What depends on the processor, see memory.hpp: for all of them. */
#pragma once

#include "tce_format.hpp"

namespace tce {

struct Cpu {
	/* One 8-byte access each, relaxed. */
	[[nodiscard]] static u64 load_be(const Be64 *entry)
	{
		Be64 value;

		__atomic_load(entry, &value, __ATOMIC_RELAXED);
		return value.to_cpu();
	}
	static void store_be(Be64 *entry, u64 value)
	{
		Be64 be = Be64::from_cpu(value);

		__atomic_store(entry, &be, __ATOMIC_RELAXED);
	}
	/*
	 * A pointer that is followed at once: what it points to was complete
	 * before the pointer was stored.
	 */
	template <class T> [[nodiscard]] static T *load_to_follow(const Atomic<T *> &pointer)
	{
		return pointer.load_acquire();
	}
};

} /* namespace tce */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the engine touches what somebody else may be reading: the stores of a table.
 *
 * The table is a template over this policy, so that a test can put a recorder in its
 * place and look at every state in between.  Rules that any policy keeps:
 *  - an entry changes by one 8-byte store, never in two halves;
 *  - a level is complete (zeroed, or filled) before the pointer to it can be seen.
 * Ordering towards a device or a hypervisor is the publisher's business: the hypercall
 * is a full barrier.
 */
#pragma once

#include "tce_format.hpp"

namespace tce {

struct HwMemory {
	/* An entry, a TCE or a user address. */
	static void store(Be64 *entry, Be64 value)
	{
		__atomic_store(entry, &value, __ATOMIC_RELAXED);
	}
	[[nodiscard]] static Be64 load(const Be64 *entry)
	{
		Be64 value;

		__atomic_load(entry, &value, __ATOMIC_RELAXED);
		return value;
	}

	/* A level of @bytes has come into being at @level, all zero; or is about to be freed. */
	static void on_alloc(const void *level, usize bytes)
	{
		(void)level;
		(void)bytes;
	}
	static void on_free(const void *level) { (void)level; }

	/* Hang @level under @slot, where nothing hangs. */
	static void link(Atomic<void *> &slot, void *level) { slot.store_ordered(level); }
	/* The same for the hardware: all that was stored to the level comes before. */
	static void store_link(Be64 *entry, Be64 value)
	{
		__atomic_store(entry, &value, __ATOMIC_RELEASE);
	}
};

} /* namespace tce */

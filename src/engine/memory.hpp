/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the engine touches what somebody else may be reading: the stores of a
 * table.
 *
 * Rules that hold everywhere:
 *  - an entry changes by one 8-byte store, never in two halves;
 *  - a level is complete (zeroed, or filled) before the pointer to it can be
 *    seen.
 * Ordering towards a device or a hypervisor is the publisher's business: the
 * hypercall is a full barrier.
 *
 * Which instructions convert an entry on its way is the business of cpu.hpp,
 * which the include path chooses: any_cpu/ (wherever a sanitizer looks on), or
 * ppc64le/.
 *
 * Watch is told of every store before it is done.  The include path chooses it:
 * nobody in the module (unwatched/), a recorder in tests (kunit/rig/watched/),
 * which looks at every state in between.
 */
#pragma once

#include "cpu.hpp"
#include "tce_format.hpp"
#include "watch.hpp"

namespace tce {

struct Memory {
	/* An entry, a TCE or a user address. */
	static void store(Be64 *entry, Be64 value)
	{
		Watch::on_store(entry, value);
		__atomic_store(entry, &value, __ATOMIC_RELAXED);
	}
	[[nodiscard]] static Be64 load(const Be64 *entry)
	{
		Be64 value;

		__atomic_load(entry, &value, __ATOMIC_RELAXED);
		return value;
	}
	/* The same, converted on the way; cpu.hpp knows how best. */
	static void store_cpu(Be64 *entry, u64 value)
	{
		Watch::on_store(entry, Be64::from_cpu(value));
		Cpu::store_be(entry, value);
	}
	[[nodiscard]] static u64 load_cpu(const Be64 *entry) { return Cpu::load_be(entry); }

	/*
	 * Hang @level, whose entries are at @words, under @slot, where nothing
	 * hangs.
	 */
	static void link(Atomic<void *> &slot, void *level, const void *words)
	{
		Watch::on_link(&slot, words);
		slot.store_ordered(level);
	}
	/*
	 * The same for the hardware: all that was stored to the level comes
	 * before.
	 */
	static void store_link(Be64 *entry, Be64 value)
	{
		Watch::on_hw_link(entry, value);
		__atomic_store(entry, &value, __ATOMIC_RELEASE);
	}
};

} /* namespace tce */

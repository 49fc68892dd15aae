/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who is told of a table's stores, see src/engine/memory.hpp: a recorder, while
 * there is one (recorder.hpp).
 */
#ifndef TCE_RIG_WATCH_HPP
#define TCE_RIG_WATCH_HPP

#include "tce_format.hpp"

namespace tce {

struct Watch {
	struct Event {
		enum Kind : u32 { Born, Dies, Store, Link, HwLink };

		Kind kind;
		u64 at;	   /* address */
		u64 value; /* bytes of a level, entry, address of a level */
	};

	static void on_alloc(const void *level, usize bytes) { tell(Event::Born, level, bytes); }
	static void on_free(const void *level) { tell(Event::Dies, level, 0); }
	static void on_store(const Be64 *entry, Be64 value)
	{
		tell(Event::Store, entry, value.to_cpu());
	}
	static void on_link(const Atomic<void *> *slot, const void *words)
	{
		tell(Event::Link, slot, address(words));
	}
	static void on_hw_link(const Be64 *entry, Be64 value)
	{
		tell(Event::HwLink, entry, value.to_cpu());
	}

	static bool recorded; /* somebody listens */

private:
	static u64 address(const void *p) { return reinterpret_cast<unsigned long>(p); }
	static void tell(Event::Kind kind, const void *at, u64 value)
	{
		if (recorded)
			record(kind, at, value);
	}
	static void record(Event::Kind kind, const void *at, u64 value);
};

} /* namespace tce */

#endif /* TCE_RIG_WATCH_HPP */

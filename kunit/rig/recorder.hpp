// SPDX-License-Identifier: GPL-2.0-only
/*
 * A memory policy for the engine's table that writes down every store.
 *
 * The same calls as HwMemory; each leaves an event behind.  From any prefix of the
 * events View rebuilds what was in memory then, and walks it as hardware would.
 */
#ifndef TCE_CASES_RECORDER_HPP
#define TCE_CASES_RECORDER_HPP

#include "case.hpp"

#include "table.hpp"

namespace fake {

struct Event {
	enum Kind : u32 { Born, Dies, Store, Link, HwLink };

	Kind kind;
	u64 at;	   /* address */
	u64 value; /* bytes of a level, entry, address of a level */
};

class Recorder {
public:
	explicit Recorder(u32 capacity);
	~Recorder();
	Recorder(const Recorder &) = delete;
	Recorder &operator=(const Recorder &) = delete;

	void add(Event e);
	u32 count() const { return count_; }
	const Event &at(u32 i) const { return events_[i]; }

	static Recorder *current;

private:
	Event *events_;
	const u32 capacity_;
	u32 count_ = 0;
};

/* What memory looked like after the first so many events. */
class View {
public:
	explicit View(const tce::Geometry &geometry, bool walked = false)
		: geometry_(geometry), walked_(walked)
	{
	}

	/* Goes on to the next event. */
	void apply(const Event &e);

	struct Seen {
		bool broken; /* a pointer leads to what is no level */
		u64 tce;     /* 0: closed, or there is no level */
	};
	Seen look(u64 index) const;
	/* The hardware starts at this level, as it is told in it_base. */
	void make_root(const void *root) { planted_ = reinterpret_cast<unsigned long>(root); }

	u64 levels_alive() const { return born_.used(); }

private:
	Seen look_hw(u64 index) const;

	const tce::Geometry geometry_;
	const bool walked_;
	u64 planted_ = 0;
	Sparse words_;		 /* by address / 8 */
	Sparse born_;		 /* bytes, by address / 8 */
	u64 root_ = 0;		 /* address of the pointer to the top */
	bool hw_linked_ = false; /* just now, and ours is next */
};

struct RecordingMemory {
	static void store(tce::Be64 *entry, tce::Be64 value)
	{
		note({ Event::Store, address(entry), value.to_cpu() });
		tce::HwMemory::store(entry, value);
	}
	static tce::Be64 load(const tce::Be64 *entry) { return tce::HwMemory::load(entry); }
	static void on_alloc(const void *level, tce::usize bytes)
	{
		for (tce::usize i = 0; i < bytes; i++) {
			if (static_cast<const unsigned char *>(level)[i])
				FAKE_FAIL("a level is born that is not zero");
		}
		note({ Event::Born, address(level), bytes });
	}
	static void on_free(const void *level) { note({ Event::Dies, address(level), 0 }); }
	static void link(tce::Atomic<void *> &slot, void *level)
	{
		note({ Event::Link, address(&slot), address(level) });
		tce::HwMemory::link(slot, level);
	}
	static void store_link(tce::Be64 *entry, tce::Be64 value)
	{
		const void *level = world->ioda.level_at(tce_hpa(value.to_cpu()));

		if ((value.to_cpu() & 0xfff) != 3 || !level)
			FAKE_FAIL("a link to nowhere, 0x%llx", value.to_cpu());
		note({ Event::HwLink, address(entry), address(level) });
		tce::HwMemory::store_link(entry, value);
	}

private:
	static u64 address(const void *p) { return reinterpret_cast<unsigned long>(p); }
	static void note(Event e)
	{
		if (Recorder::current)
			Recorder::current->add(e);
	}
};

using RecTable = tce::BasicTable<RecordingMemory>;
using RecLeaf = tce::BasicLeaf<RecordingMemory>;
using RecPrepared = tce::BasicPreparedLeaves<RecordingMemory>;
using RecCursor = tce::BasicCursor<RecordingMemory>;

} // namespace fake

#endif /* TCE_CASES_RECORDER_HPP */

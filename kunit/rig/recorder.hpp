// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes down every store of the engine's tables, while there is one.
 *
 * Each leaves an event behind (watched/watch.hpp).  From any prefix of the
 * events View rebuilds what was in memory then, and walks it as hardware would.
 */
#ifndef TCE_CASES_RECORDER_HPP
#define TCE_CASES_RECORDER_HPP

#include "case.hpp"

#include "table.hpp"

namespace fake {

using Event = tce::Watch::Event;

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
	void make_root(const void *root) { make_root(reinterpret_cast<unsigned long>(root)); }
	void make_root(u64 address) { planted_ = address; }

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

} // namespace fake

#endif /* TCE_CASES_RECORDER_HPP */

// SPDX-License-Identifier: GPL-2.0-only
/*
 * What userspace and a device can tell of a world, to compare before and after.
 *
 * In it: the windows that are visible, every live entry, registered memory,
 * notes, pins, and what every process is charged.  Not in it: LIOBNs, and a
 * default window that firmware has but nobody uses.
 */
#ifndef TCE_CASES_SNAPSHOT_HPP
#define TCE_CASES_SNAPSHOT_HPP

#include "case.hpp"

namespace fake {

class Snapshot {
public:
	void take(const World &w);

	bool operator==(const Snapshot &other) const;

	/*
	 * Entries are those of @before or closed, and nothing else has changed
	 * but for notes: what a MAP or UNMAP may leave that the hypervisor
	 * refused.  Levels that have come stay, and are paid for: no more of
	 * them than with success, which is @done.  With v1 nobody pays for
	 * those.
	 */
	bool is_part_of(const Snapshot &before, const Snapshot &done) const;

	/*
	 * Then the first window's table does not matter, nor what an owner is
	 * charged.
	 */
	void forget_default() { but_default_ = true; }

	u64 live() const { return tces_.used(); }
	u64 notes() const { return notes_; }

private:
	struct Shape {
		bool visible;
		u32 page_shift;
		u64 offset;
		u64 entries;

		bool operator==(const Shape &) const = default;
	};

	bool same_frame(const Snapshot &other) const;
	bool charged_within(const Snapshot &least, const Snapshot &most) const;

	bool but_default_ = false;
	bool pays_for_levels_ = false;

	Shape shape_[kMaxGroups][TCE_MAX_WINDOWS] = {};
	Sparse tces_; /* by group and bus address */
	u64 sum_ = 0; /* of tces_ */
	u64 registered_[kMaxMms] = {};
	u64 charged_[kMaxMms] = {};
	u64 mems_ = 0;
	u64 notes_ = 0;
};

} // namespace fake

#endif /* TCE_CASES_SNAPSHOT_HPP */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registered memory of a container.
 *
 * Regions never overlap (the registry shared with KVM sees to that), so they
 * are a set ordered by start, and the region that holds an address is the last
 * one that starts at or before it.  The index is a skip list: search, insert
 * and erase take O(log n) steps whatever the order of registration, without
 * rotation or recursion.  The heights come from a seed that userspace cannot
 * guess.
 *
 * The index has no lock of its own; its container's lock protects it.
 */
#pragma once

#include "result.hpp"
#include "types.hpp"

namespace tce {

class RegionIndex;

class Region : Pinned {
public:
	/* Enough for 4^10 regions at one in four going up. */
	static constexpr unsigned int kMaxHeight = 10;

	explicit Region(Uaddr start, u64 size, tce_mem *mem = nullptr)
		: start_(start), size_(size), mem_(mem)
	{
	}

	[[nodiscard]] Uaddr start() const { return start_; }
	[[nodiscard]] Uaddr end() const { return start_ + size_; }
	[[nodiscard]] u64 size() const { return size_; }
	[[nodiscard]] tce_mem *mem() const { return mem_; }
	/* Before anybody else sees it. */
	void pinned(tce_mem *mem) { mem_ = mem; }
	[[nodiscard]] bool holds(Uaddr at) const { return start_ <= at && at < end(); }

private:
	friend class RegionIndex;

	const Uaddr start_;
	const u64 size_;
	tce_mem *mem_;
	Region *next_[kMaxHeight] = {};
	u8 height_ = 0;
};

class RegionIndex : Pinned {
public:
	explicit RegionIndex(u64 seed) : random_(seed | 1) {}
	~RegionIndex() { TCE_ASSERT(empty()); }

	/* The region that holds @at, or nullptr. */
	[[nodiscard]] Region *find(Uaddr at) const;
	/* The region that is exactly this, or nullptr. */
	[[nodiscard]] Region *find_exact(Uaddr start, u64 size) const;
	/* The first one by address, or nullptr. */
	[[nodiscard]] Region *first() const { return head_[0]; }
	/* The next one by address, or nullptr. */
	[[nodiscard]] static Region *after(const Region &region) { return region.next_[0]; }
	/* True if a region touches [start, start + size). */
	[[nodiscard]] bool overlaps(Uaddr start, u64 size) const;

	/*
	 * @region must not overlap another one.  The index does not own
	 * regions.
	 */
	void insert(Region &region);
	void erase(Region &region);

	[[nodiscard]] bool empty() const { return !head_[0]; }
	[[nodiscard]] u64 count() const { return count_; }

private:
	/*
	 * The last region that starts before @at, or nullptr; on the way, the
	 * links to it.
	 */
	Region *before(Uaddr at, Region **path[Region::kMaxHeight]);
	unsigned int random_height();

	Region *head_[Region::kMaxHeight] = {};
	u64 count_ = 0;
	u64 random_;
};

/* Consecutive addresses are mostly in the same region: ask that one first. */
class RegionCursor {
public:
	explicit RegionCursor(const RegionIndex &index) : index_(index) {}

	[[nodiscard]] Region *at(Uaddr address)
	{
		if (!last_ || !last_->holds(address))
			last_ = index_.find(address);
		return last_;
	}

private:
	const RegionIndex &index_;
	Region *last_ = nullptr;
};

} /* namespace tce */

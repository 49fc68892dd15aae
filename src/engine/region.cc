// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registered memory of a container, see region.hpp.
 */
#include "region.hpp"

namespace tce {

Region *RegionIndex::find(Uaddr at) const
{
	Region *const *links = head_;
	Region *best = nullptr;

	for (unsigned int h = Region::kMaxHeight; h-- > 0;) {
		while (links[h] && links[h]->start_ <= at) {
			best = links[h];
			links = best->next_;
		}
	}
	return best && best->holds(at) ? best : nullptr;
}

Region *RegionIndex::find_exact(Uaddr start, u64 size) const
{
	Region *region = find(start);

	return region && region->start_ == start && region->size_ == size ? region : nullptr;
}

bool RegionIndex::overlaps(Uaddr start, u64 size) const
{
	const Uaddr last = start + (size - 1);
	Region *const *links = head_;
	Region *best = nullptr;

	/*
	 * Only the last region that starts at or before the end can reach into
	 * the range.
	 */
	for (unsigned int h = Region::kMaxHeight; h-- > 0;) {
		while (links[h] && links[h]->start_ <= last) {
			best = links[h];
			links = best->next_;
		}
	}
	return best && start < best->end();
}

Region *RegionIndex::before(Uaddr at, Region **path[Region::kMaxHeight])
{
	Region **links = head_;
	Region *best = nullptr;

	for (unsigned int h = Region::kMaxHeight; h-- > 0;) {
		while (links[h] && links[h]->start_ < at) {
			best = links[h];
			links = best->next_;
		}
		path[h] = &links[h];
	}
	return best;
}

unsigned int RegionIndex::random_height()
{
	unsigned int height = 1;

	/*
	 * xorshift64*: Vigna, "An experimental exploration of Marsaglia's
	 * xorshift generators".
	 */
	random_ ^= random_ >> 12;
	random_ ^= random_ << 25;
	random_ ^= random_ >> 27;
	for (u64 bits = (random_ * 0x2545f4914f6cdd1dull) >> 32;
	     height < Region::kMaxHeight && !(bits & 3); bits >>= 2)
		height++;
	return height;
}

void RegionIndex::insert(Region &region)
{
	Region **path[Region::kMaxHeight];

	before(region.start_, path);
	region.height_ = static_cast<u8>(random_height());
	for (unsigned int h = 0; h < region.height_; h++) {
		region.next_[h] = *path[h];
		*path[h] = &region;
	}
	count_++;
}

void RegionIndex::erase(Region &region)
{
	Region **path[Region::kMaxHeight];

	before(region.start_, path);
	for (unsigned int h = 0; h < region.height_; h++) {
		if (TCE_ASSERT(*path[h] == &region))
			*path[h] = region.next_[h];
	}
	count_--;
}

} /* namespace tce */

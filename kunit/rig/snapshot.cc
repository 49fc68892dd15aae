// SPDX-License-Identifier: GPL-2.0-only
/* What userspace and a device can tell of a world. */
#include "snapshot.hpp"

namespace fake {
namespace {

u64 mix(u64 key, u64 value)
{
	u64 x = key * 0x9e3779b97f4a7c15ull ^ value;

	x ^= x >> 31;
	x *= 0xbf58476d1ce4e5b9ull;
	return x ^ x >> 29;
}

} // namespace

void Snapshot::take(const World &w)
{
	tces_.clear();
	sum_ = 0;
	but_default_ = false;
	pays_for_levels_ = w.config.version == TCE_V2;
	mems_ = w.live_mems();
	notes_ = w.live_pins;
	for (u32 i = 0; i < kMaxMms; i++) {
		registered_[i] = w.registered_pages(i);
		charged_[i] = w.locked_vm(i);
		for (const tce_mem *mem = w.mm[i].mems; mem; mem = mem->next)
			notes_ += static_cast<u64>(mem->mapped - 1);
	}
	for (u32 g = 0; g < kMaxGroups; g++) {
		const tce_port_group &group = w.groups[g];

		for (u32 n = 0; n < TCE_MAX_WINDOWS; n++) {
			const tce_ktable *k = group.slot[n];

			shape_[g][n] = k ? Shape{ true, k->shape.page_shift, k->shape.offset,
						  k->shape.entries } :
					   Shape{};
		}
		w.for_each_tce(g, [&](u64 at, u64 tce) {
			const u64 key = at >> 12 | static_cast<u64>(g) << 60;

			tces_.set(key, tce);
			sum_ += mix(key, tce);
		});
	}
}

bool Snapshot::same_frame(const Snapshot &other) const
{
	const bool forgets = but_default_ || other.but_default_;

	for (u32 g = 0; g < kMaxGroups; g++) {
		for (u32 n = 0; n < TCE_MAX_WINDOWS; n++) {
			if (!(n == 0 && forgets) && !(shape_[g][n] == other.shape_[g][n]))
				return false;
		}
	}
	for (u32 i = 0; i < kMaxMms; i++) {
		if (registered_[i] != other.registered_[i])
			return false;
	}
	return mems_ == other.mems_;
}

bool Snapshot::charged_within(const Snapshot &least, const Snapshot &most) const
{
	for (u32 i = 0; i < kMaxMms; i++) {
		if (charged_[i] < least.charged_[i] || charged_[i] > most.charged_[i])
			return false;
	}
	return true;
}

bool Snapshot::operator==(const Snapshot &other) const
{
	const bool forgets = but_default_ || other.but_default_;

	return same_frame(other) && (forgets || charged_within(other, other)) &&
	       notes_ == other.notes_ && tces_.used() == other.tces_.used() && sum_ == other.sum_;
}

bool Snapshot::is_part_of(const Snapshot &before, const Snapshot &done) const
{
	const bool forgets = but_default_ || before.but_default_;
	const Snapshot &most = pays_for_levels_ ? done : before;
	bool part = same_frame(before) && (forgets || charged_within(before, most));

	tces_.for_each([&](u64 key, u64 tce) { part = part && before.tces_.get(key) == tce; });
	return part;
}

} // namespace fake

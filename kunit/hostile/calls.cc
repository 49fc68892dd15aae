// SPDX-License-Identifier: GPL-2.0-only
#include "calls.hpp"

namespace hostile {

// Mostly the same few entries, which all vCPUs fight for; the end; anywhere.
u64 Caller::entry(const Target &target)
{
	const u64 kind = random_.below(100);
	if (kind < 60)
		return (first_ + random_.below(4)) % target.entries;
	if (kind < 80)
		return (first_ + random_.below(1024)) % target.entries;
	if (kind < 90)
		return target.entries - 1 - random_.below(4);
	return random_.below(target.entries);
}

u64 Caller::address(const Target &target)
{
	const u64 slice = random_.below(SLICES);
	const bool free = slices_ >> slice & 1;
	if (!free && !random_.percent(2))
		return address(target);
	return DATA + slice * slice_size_ + (random_.below(slice_size_) & ~(target.page() - 1));
}

u64 Caller::tce(const Target &target)
{
	const u64 kind = random_.below(100);
	const u64 rights = kind < 70 ? TCE_READ | TCE_WRITE :
			   kind < 85 ? random_.one_of({ TCE_READ, TCE_WRITE }) :
				       0;
	u64 place = address(target);
	switch (random_.below(40)) {
	case 0: // misaligned
		place += 1024;
		break;
	case 1: // no memory there
		place += 1024 * client::GiB;
		break;
	case 2: // never registered
		place = CONTROL;
		break;
	}
	return place | rights;
}

void Caller::put(Call &call, const Target &target)
{
	call.number = H_PUT_TCE;
	call.arguments[2] = random_.percent(30) ? 0 : tce(target);
}

void Caller::put_indirect(Call &call, const Target &target)
{
	call.number = H_PUT_TCE_INDIRECT;
	call.arguments[2] = TCE_LISTS + random_.below(TCE_LIST_COUNT) * TCE_LIST;
	call.arguments[3] = 1 + random_.below(random_.one_of<u64>({ 1, 4, 32, 512 }));
	switch (random_.below(40)) {
	case 0:
		call.arguments[2] += 8;
		break;
	case 1:
		call.arguments[2] = 1024 * client::GiB;
		break;
	case 2:
		call.arguments[3] = random_.one_of<u64>({ 0, 513, -1UL });
		break;
	}
	const u64 index = (call.arguments[1] - target.start) >> target.shift;
	if (!target.over_the_end && call.arguments[3] <= 512 && call.arguments[3] &&
	    index + call.arguments[3] > target.entries)
		call.arguments[3] = 1;
}

void Caller::stuff(Call &call, const Target &target)
{
	call.number = H_STUFF_TCE;
	// Bits that give no rights may be any.
	call.arguments[2] = random_.one_of<u64>({ 0, 0, 0xdead0000, TCE_READ | TCE_WRITE });
	call.arguments[3] = 1 + random_.below(random_.one_of<u64>({ 1, 4, 64, 600 }));
	u64 left = target.entries - ((call.arguments[1] - target.start) >> target.shift);
	if (target.over_the_end && random_.percent(5)) {
		left = 1 + random_.below(8);
		call.arguments[1] = target.start + ((target.entries - left) << target.shift);
		call.arguments[3] = left + random_.one_of<u64>({ 1, 512, 100000 });
	} else if (!target.over_the_end && call.arguments[3] > left) {
		call.arguments[3] = left;
	}
}

Call Caller::call()
{
	const Target &target = targets_[random_.below(targets_.size())];
	Call call{};
	call.arguments[0] = target.liobn;
	call.arguments[1] = target.start + (entry(target) << target.shift);

	const u64 kind = random_.below(100);
	if (kind < 45)
		put(call, target);
	else if (kind < 70)
		put_indirect(call, target);
	else if (kind < 92)
		stuff(call, target);
	else
		call.number = H_GET_TCE;

	switch (random_.below(60)) {
	case 0: // misaligned
		call.arguments[1] += random_.one_of<u64>({ 1, 8, 2048 });
		break;
	case 1: // before the table, or behind it
		call.arguments[1] = random_.percent(50) ?
					    target.start - target.page() :
					    target.start + (target.entries << target.shift);
		break;
	case 2: // nobody's
		call.arguments[0] = target.liobn + 0x1000;
		break;
	}
	return call;
}

void Caller::fill_list(std::span<u8> control)
{
	const u64 list = random_.below(TCE_LIST_COUNT);
	const Target &target = targets_[random_.below(targets_.size())];
	auto *entries = reinterpret_cast<volatile u64 *>(&control[TCE_LISTS + list * TCE_LIST]);
	const bool clean = random_.percent(60);
	for (u64 index = 0; index < TCE_LIST / sizeof(u64); ++index) {
		const u64 value = clean ? address(target) | TCE_READ | TCE_WRITE : tce(target);
		entries[index] = __builtin_bswap64(value);
	}
}

} // namespace hostile

// SPDX-License-Identifier: GPL-2.0-only
/* A leaf: its beginning, its end, its pending entries, see leaf.hpp. */
#include "leaf.hpp"

namespace tce {

HwPage HwPage::make(usize bytes, int node)
{
	auto *entries = static_cast<Be64 *>(tce_port_level_alloc(bytes, node));

	return { entries, entries ? bytes : 0 };
}

void HwPage::free()
{
	if (entries)
		tce_port_level_free(entries, bytes);
	*this = {};
}

Be64 HwPage::link() const
{
	return Tce(Hpa(tce_port_level_address(entries)), Perm(Perm::kMask)).to_be();
}

Leaf::Leaf(TceIndex first, u64 entries, HwPage page) : first_(first), entries_(entries), page_(page)
{
	Watch::on_alloc(tces(), entries_ * sizeof(Be64));
}

Leaf::~Leaf()
{
	Watch::on_free(tces());
	page_.free();
}

usize Leaf::bytes_for(u64 entries, HwPage page)
{
	return sizeof(Leaf) + entries * (page.entries ? 1 : 2) * sizeof(Be64) +
	       words(entries) * sizeof(u64);
}

TceIndex Leaf::next_pending(TceIndex from, TceIndex to) const
{
	for (u64 i = at(from); i < at(to);) {
		const u64 rest = bits()[i / 64] >> (i % 64);

		if (rest)
			return TceIndex(
				min((first_ + i).raw + static_cast<u64>(__builtin_ctzll(rest)),
				    to.raw));
		i = (i | 63) + 1;
	}
	return to;
}

} /* namespace tce */

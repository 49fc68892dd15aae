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

Leaf *Leaf::make(TceIndex first, u64 entries, usize page_bytes, int numa)
{
	const usize bytes = entries * sizeof(Be64);
	void *at = tce_port_alloc(sizeof(Leaf) + (entries + 63) / 64 * sizeof(u64));
	void *own = tce_port_alloc(page_bytes ? bytes : 2 * bytes);
	HwPage page;

	if (page_bytes)
		page = HwPage::make(page_bytes, numa);
	if (at && own && (!page_bytes || page.entries))
		return new (Place{}, at) Leaf(first, entries, page, static_cast<Be64 *>(own));
	page.free();
	tce_port_free(own);
	tce_port_free(at);
	return nullptr;
}

Leaf::Leaf(TceIndex first, u64 entries, HwPage page, Be64 *own)
	: first_(first),
	  entries_(entries),
	  page_(page),
	  users_(own),
	  tces_(page.entries ? page.entries : own + entries)
{
	Watch::on_alloc(tces_, entries_ * sizeof(Be64));
}

Leaf::~Leaf()
{
	Watch::on_free(tces_);
	page_.free();
	tce_port_free(users_);
}

TceIndex Leaf::next_bit(TceIndex from, TceIndex to, u64 flip) const
{
	for (u64 i = at(from); i < at(to);) {
		const u64 rest = (bits()[i / 64] ^ flip) >> (i % 64);

		if (rest)
			return TceIndex(
				min((first_ + i).raw + static_cast<u64>(__builtin_ctzll(rest)),
				    to.raw));
		i = (i | 63) + 1;
	}
	return to;
}

IndexRange Leaf::pending_run(TceIndex from, TceIndex to, u64 bridge) const
{
	to = TceIndex(min(to.raw, from.raw + kRun));

	IndexRange run = { from, next_bit(from, to, ~0ull) };

	while (bridge && run.end < to) {
		const TceIndex far(min(to.raw, run.end.raw + bridge + 1));
		const TceIndex next = next_bit(run.end, far, 0);

		if (next == far)
			break;
		run.end = next_bit(next, to, ~0ull);
	}
	return run;
}

void Leaf::clear_pending(IndexRange run)
{
	u64 left = pending();

	for (u64 i = at(run.begin); left && i < at(run.end);) {
		const u64 n = min(at(run.end) - i, 64 - i % 64);
		const u64 mask = (~0ull >> (64 - n)) << (i % 64);

		left -= static_cast<u64>(__builtin_popcountll(bits()[i / 64] & mask));
		bits()[i / 64] &= ~mask;
		i += n;
	}
	pending_.store_release(left);
}

} /* namespace tce */

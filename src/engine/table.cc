// SPDX-License-Identifier: GPL-2.0-only
/* The radix tree: how it grows, and how it goes, see table.hpp. */
#include "table.hpp"

namespace tce {

Leaf *Table::next_leaf(IndexRange range) const
{
	for (TceIndex at = range.begin; at < range.end;) {
		void *level = Cpu::load_to_follow(root_);
		unsigned int height = geometry_.levels() - 1;

		while (height && level) {
			level = below(level, geometry_.slot(height, at));
			height--;
		}
		if (level)
			return static_cast<Leaf *>(level);
		/*
		 * Nothing below the entry of @height + 1 that we looked
		 * through: on to its neighbour.
		 */
		const u64 hole = height + 1 < geometry_.levels() ? geometry_.reach(height + 1) :
								   geometry_.entries();
		at = TceIndex((at.raw | (hole - 1)) + 1);
	}
	return nullptr;
}

/* The hardware's pointer first: who finds ours may rely on it. */
bool Table::hang(Hook place, void *level, const void *words, const HwPage &page)
{
	Guard guard(grow_);

	if (place.slot->load_relaxed())
		return false;
	if (page.entries && place.entry)
		Memory::store_link(place.entry, page.link());
	Memory::link(*place.slot, level, words);
	return true;
}

/*
 * On to the next level: where what leads to @index hangs in the node of
 * @height, if there is one.
 */
Table::Hook Table::hook_below(const Hook &above, unsigned int height, TceIndex index) const
{
	auto *node = above.slot ? static_cast<Node *>(above.slot->load_acquire()) : nullptr;

	if (!node)
		return {};

	const u64 slot = geometry_.slot(height, index);

	return { &node->slots()[slot], node->page.entries ? &node->page.entries[slot] : nullptr };
}

Status Table::prepare_node(unsigned int height, TceIndex first, PreparedLeaves &leaves)
{
	return leaves.add_node(height, first, geometry_.level_entries(height), walked_bytes(),
			       walk_.node);
}

Status Table::prepare_leaf(TceIndex index, PreparedLeaves &leaves)
{
	Hook place = { &root_, nullptr };

	for (unsigned int height = geometry_.levels() - 1; height; height--) {
		const TceIndex first = node_begin(height, index);

		place = hook_below(place, height, index);
		if (!place.slot && !leaves.has_node(height, first))
			TCE_TRY(prepare_node(height, first, leaves));
	}
	if (place.slot && place.slot->load_acquire())
		return {};
	return leaves.add(index, geometry_.leaf_entries(), walked_bytes(), walk_.node);
}

Status Table::prepare(IndexRange range, PreparedLeaves &leaves)
{
	for (TceIndex at = geometry_.leaf_begin(range.begin);;) {
		TCE_TRY(prepare_leaf(at, leaves));
		at += geometry_.leaf_entries();
		if (range.end <= at)
			return {};
		/* A leaf may be large: a step. */
		tce_port_yield();
		if (tce_port_killed())
			return Errc::Intr;
	}
}

/*
 * What was missing is prepared, or somebody else has hung it in; and no level
 * ever goes.
 */
Table::Hook Table::leaf_place(TceIndex index, PreparedLeaves &leaves)
{
	Hook place = { &root_, nullptr };

	for (unsigned int height = geometry_.levels() - 1; height; height--) {
		if (!place.slot)
			return {};
		if (!place.slot->load_acquire()) {
			Node *fresh = leaves.pop_node(height, node_begin(height, index));

			if (!TCE_ASSERT(fresh))
				return {};
			if (!hang(place, fresh, fresh->slots(), fresh->page))
				leaves.discard(fresh);
		}
		place = hook_below(place, height, index);
	}
	return place;
}

void Table::link(PreparedLeaves &leaves)
{
	Steps steps(Steps::kLevels);

	while (Leaf *leaf = leaves.pop()) {
		const Hook place = leaf_place(leaf->first(), leaves);

		if (place.slot && hang(place, leaf, leaf->words(), leaf->page()))
			tce_port_count(TCE_COUNT_LEAVES, 1);
		else
			leaves.discard(leaf);
		steps.go(1);
	}
}

Status Table::make_root(TableCharge &charge)
{
	const unsigned int height = geometry_.levels() - 1;
	PreparedLeaves leaves(charge);

	if (!height) {
		TCE_TRY(prepare(whole(), leaves));
		link(leaves);
		return {};
	}
	TCE_TRY(prepare_node(height, TceIndex(0), leaves));

	Node *top = leaves.pop_node(height, TceIndex(0));

	if (!hang({ &root_, nullptr }, top, top->slots(), top->page))
		leaves.discard(top);
	return {};
}

Be64 *Table::root_page() const
{
	void *root = root_.load_acquire();

	if (!root)
		return nullptr;
	return geometry_.levels() > 1 ? static_cast<Node *>(root)->page.entries :
					static_cast<Leaf *>(root)->page().entries;
}

void Table::clear()
{
	Steps steps(Steps::kLevels);

	free_level(root_.load_relaxed(), geometry_.levels() - 1, steps);
	root_.store_relaxed(nullptr);
}

/* NOLINTNEXTLINE(misc-no-recursion): once a level, five times at most */
void Table::free_level(void *level, unsigned int height, Steps &steps)
{
	if (!level)
		return;
	steps.go(1);
	if (!height) {
		destroy_object(static_cast<Leaf *>(level));
		tce_port_count(TCE_COUNT_LEAVES, -1);
		return;
	}
	for (u64 i = 0; i < geometry_.level_entries(height); i++)
		free_level(below(level, i), height - 1, steps);
	PreparedLeaves::free_node(static_cast<Node *>(level));
}

} /* namespace tce */

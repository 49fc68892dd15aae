/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Levels that are made and charged but hang nowhere yet, leaves and what is missing above them.
 *
 * MAP makes all that its range lacks before it changes anything.  Only when nothing can fail any
 * more they are hung in, BasicTable::link(); of a MAP that is refused nothing is left.
 */
#pragma once

#include "geometry.hpp"
#include "leaf.hpp"
#include "steps.hpp"

namespace tce {

/* An upper level; the slots follow it in memory. */
struct Node {
	using Slot = Atomic<void *>;

	HwPage page;
	TceIndex first;	      /* below it */
	u64 charged = 0;      /* bytes */
	Node *next = nullptr; /* of the prepared ones */

	[[nodiscard]] Slot *slots() { return reinterpret_cast<Slot *>(this + 1); }
};

/*
 * In the order of the table: prepared by ascending index, and taken so.  What is not taken is
 * undone.
 */
template <class Memory> class BasicPreparedLeaves : Pinned {
public:
	using Leaf = BasicLeaf<Memory>;

	explicit BasicPreparedLeaves(TableCharge &charge) : charge_(charge) {}
	~BasicPreparedLeaves();

	/* @page_bytes: what the hardware reads, on NUMA node @numa; or 0. */
	Status add(TceIndex first, u64 entries, usize page_bytes, int numa);
	/* The same for an upper level.  @height: 1 is above the leaves. */
	Status add_node(unsigned int height, TceIndex first, u64 entries, usize page_bytes,
			int numa);
	/* Is the last one of @height the one for @first? */
	[[nodiscard]] bool has_node(unsigned int height, TceIndex first) const
	{
		const Queue<Node> &queue = nodes_[at(height)];

		return queue.head && queue.tail->first == first;
	}

	[[nodiscard]] Leaf *pop();
	/* The one for @first, or nullptr; those before it are not wanted any more. */
	[[nodiscard]] Node *pop_node(unsigned int height, TceIndex first);

	void discard(Leaf *leaf)
	{
		steps_.go(1);
		charge_.shrink({ leaf->entries() * sizeof(Be64), 0 });
		destroy_object(leaf);
	}
	void discard(Node *node)
	{
		steps_.go(1);
		charge_.shrink({ 0, node->charged });
		free_node(node);
	}
	static void free_node(Node *node);

private:
	template <class Level> struct Queue {
		Level *head = nullptr;
		Level *tail = nullptr;
	};

	/* Heights of nodes are 1 to 4; the remainder says so to what reads with the compiler. */
	[[nodiscard]] static constexpr unsigned int at(unsigned int height)
	{
		return (height - 1) % (Geometry::kMaxLevels - 1);
	}
	[[nodiscard]] static Node *make_node(TceIndex first, u64 entries, usize page_bytes,
					     int numa);

	TableCharge &charge_;
	Steps steps_{ Steps::kLevels };
	Queue<Leaf> leaves_;
	Queue<Node> nodes_[Geometry::kMaxLevels - 1];
};

template <class Memory> BasicPreparedLeaves<Memory>::~BasicPreparedLeaves()
{
	while (Leaf *leaf = pop())
		discard(leaf);
	for (Queue<Node> &queue : nodes_) {
		while (Node *node = queue.head) {
			queue.head = node->next;
			discard(node);
		}
	}
}

template <class Memory> auto BasicPreparedLeaves<Memory>::pop() -> Leaf *
{
	Leaf *leaf = leaves_.head;

	if (leaf)
		leaves_.head = leaf->next_prepared_;
	return leaf;
}

template <class Memory>
Node *BasicPreparedLeaves<Memory>::pop_node(unsigned int height, TceIndex first)
{
	Queue<Node> &queue = nodes_[at(height)];

	while (Node *node = queue.head) {
		if (first < node->first)
			break;
		queue.head = node->next;
		if (node->first == first)
			return node;
		discard(node);
	}
	return nullptr;
}

template <class Memory>
Status BasicPreparedLeaves<Memory>::add(TceIndex first, u64 entries, usize page_bytes, int numa)
{
	const TableCost cost = { entries * sizeof(Be64), 0 };

	TCE_TRY(charge_.grow(cost));

	HwPage page;

	if (page_bytes)
		page = HwPage::make(page_bytes, numa);
	void *at = !page_bytes || page.entries ? tce_port_alloc(Leaf::bytes_for(entries, page)) :
						 nullptr;

	if (!at) {
		page.free();
		charge_.shrink(cost);
		return Errc::NoMem;
	}
	auto *leaf = new (Place{}, at) Leaf(first, entries, page);

	(leaves_.head ? leaves_.tail->next_prepared_ : leaves_.head) = leaf;
	leaves_.tail = leaf;
	return {};
}

template <class Memory>
Status BasicPreparedLeaves<Memory>::add_node(unsigned int height, TceIndex first, u64 entries,
					     usize page_bytes, int numa)
{
	const TableCost cost = { 0, max<u64>(entries * sizeof(Be64), page_bytes) };

	TCE_TRY(charge_.grow(cost));

	Node *node = make_node(first, entries, page_bytes, numa);

	if (!node) {
		charge_.shrink(cost);
		return Errc::NoMem;
	}
	node->charged = cost.nodes;

	Queue<Node> &queue = nodes_[at(height)];

	(queue.head ? queue.tail->next : queue.head) = node;
	queue.tail = node;
	return {};
}

template <class Memory>
Node *BasicPreparedLeaves<Memory>::make_node(TceIndex first, u64 entries, usize page_bytes,
					     int numa)
{
	const usize bytes = entries * sizeof(Node::Slot);
	auto *node = static_cast<Node *>(tce_port_alloc(sizeof(Node) + bytes));

	if (!node)
		return nullptr;
	node->first = first;
	if (page_bytes) {
		node->page = HwPage::make(page_bytes, numa);
		if (!node->page.entries) {
			tce_port_free(node);
			return nullptr;
		}
		Memory::on_alloc(node->page.entries, page_bytes);
	}
	Memory::on_alloc(node->slots(), bytes);
	return node;
}

template <class Memory> void BasicPreparedLeaves<Memory>::free_node(Node *node)
{
	Memory::on_free(node->slots());
	if (node->page.entries)
		Memory::on_free(node->page.entries);
	node->page.free();
	tce_port_free(node);
}

} /* namespace tce */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Levels that are made and charged but hang nowhere yet, leaves and what is
 * missing above them.
 *
 * MAP makes all that its range lacks before it changes anything.  Only when
 * nothing can fail any more they are hung in, Table::link(); of a MAP that is
 * refused nothing is left.
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
 * In the order of the table: prepared by ascending index, and taken so.  What
 * is not taken is undone.
 */
class PreparedLeaves : Pinned {
public:
	explicit PreparedLeaves(TableCharge &charge) : charge_(charge) {}
	~PreparedLeaves();

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
	/*
	 * The one for @first, or nullptr; those before it are not wanted any
	 * more.
	 */
	[[nodiscard]] Node *pop_node(unsigned int height, TceIndex first);

	void discard(Leaf *leaf);
	void discard(Node *node);
	static void free_node(Node *node);

private:
	template <class Level> struct Queue {
		Level *head = nullptr;
		Level *tail = nullptr;
	};

	/*
	 * Heights of nodes are 1 to 4; the remainder says so to what reads with
	 * the compiler.
	 */
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

} /* namespace tce */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of one window: a radix tree of entries, built on demand.
 *
 * Bottom levels are leaves, leaf.hpp.
 *
 * Growing has two steps.  prepare() makes every level that a range lacks and
 * charges for it: it can fail, and then nothing has changed.  link() hangs them
 * in: it cannot fail; a level that somebody else hung in meanwhile wins.
 * Leaves stay until the table is cleared, when nobody can be in it any more, so
 * a pointer to one is good until then.
 *
 * A table may be *walked*: then it is not a shadow, the hardware (IODA2) reads
 * it.  Every level has a page for the hardware, physically contiguous, all of
 * the same size, with the address of the level below in its entries; next to it
 * the engine keeps its own pointers.  A level is complete before the hardware
 * can see it, and the hardware sees it before anybody can write below it.
 *
 * The table knows nothing of who may use it when, nor of publishing:
 * window.hpp.
 */
#pragma once

#include "geometry.hpp"
#include "prepared.hpp"

namespace tce {

/* Who walks a table, and on which node its levels had better be. */
struct Walk {
	bool by_hardware = false;
	int node = -1;
};

class Table : Pinned {
public:
	explicit Table(Geometry geometry, Walk walk = {}) : geometry_(geometry), walk_(walk) {}
	~Table() { clear(); }

	/* Free all levels.  Nobody is in them, nor comes any more. */
	void clear();

	[[nodiscard]] const Geometry &geometry() const { return geometry_; }
	[[nodiscard]] bool walked() const { return walk_.by_hardware; }
	[[nodiscard]] IndexRange whole() const
	{
		return { TceIndex(0), TceIndex(geometry_.entries()) };
	}

	/* The leaf that holds @index, or nullptr. */
	[[nodiscard]] Leaf *leaf(TceIndex index) const;
	/*
	 * The first leaf that holds an entry of @range, or nullptr; holes cost
	 * one step a level.
	 */
	[[nodiscard]] Leaf *next_leaf(IndexRange range) const;

	/*
	 * Make what @range lacks; NoMem, Intr, or the charge's error: nothing
	 * has changed.
	 */
	Status prepare(IndexRange range, PreparedLeaves &leaves);
	/* Hang in what prepare() made. */
	void link(PreparedLeaves &leaves) TCE_EXCLUDES(grow_);

	/* What the hardware starts at.  Make the top level if need be. */
	Status make_root(TableCharge &charge);
	[[nodiscard]] Be64 *root_page() const;
	/*
	 * Bytes of every level that the hardware walks: none is smaller than it
	 * can read.
	 */
	[[nodiscard]] usize page_bytes() const
	{
		return max<usize>(sizeof(Be64) << geometry_.level_bits(), kSmallestPage);
	}

private:
	using Slot = Node::Slot;

	static constexpr usize kSmallestPage = 4096;

	/*
	 * Where a level hangs: our pointer, and in a walked table the node
	 * whose page has the hardware's.
	 */
	struct Hook {
		Slot *slot = nullptr;
		Be64 *entry = nullptr;
	};

	[[nodiscard]] static void *below(void *level, u64 slot)
	{
		return Cpu::load_to_follow(static_cast<Node *>(level)->slots()[slot]);
	}
	/* What the hardware reads of a level, or 0. */
	[[nodiscard]] usize walked_bytes() const { return walk_.by_hardware ? page_bytes() : 0; }
	/* The first entry below the node of @height that leads to @index. */
	[[nodiscard]] TceIndex node_begin(unsigned int height, TceIndex index) const
	{
		return TceIndex(index.raw & ~(geometry_.reach(height + 1) - 1));
	}
	[[nodiscard]] Hook hook_below(const Hook &above, unsigned int height, TceIndex index) const;
	Status prepare_leaf(TceIndex index, PreparedLeaves &leaves);
	Status prepare_node(unsigned int height, TceIndex first, PreparedLeaves &leaves);
	/*
	 * Where the leaf of @index hangs, with the nodes above it hung in on
	 * the way.
	 */
	[[nodiscard]] Hook leaf_place(TceIndex index, PreparedLeaves &leaves) TCE_EXCLUDES(grow_);
	/* @words: where its entries are. */
	[[nodiscard]] bool hang(Hook place, void *level, const void *words, const HwPage &page)
		TCE_EXCLUDES(grow_);
	void free_level(void *level, unsigned int height, Steps &steps);

	const Geometry geometry_;
	const Walk walk_;
	Mutex grow_{ TCE_LOCK_GROW };
	Slot root_;
};

inline Leaf *Table::leaf(TceIndex index) const
{
	void *level = Cpu::load_to_follow(root_);
	const unsigned int bits = geometry_.level_bits();

	/* As Geometry::slot() has it; what is above goes on the way. */
	for (unsigned int shift = bits * (geometry_.levels() - 1); shift && level; shift -= bits) {
		level = below(level, index.raw >> shift);
		index = TceIndex(index.raw & ((1ull << shift) - 1));
	}
	return static_cast<Leaf *>(level);
}

/*
 * Goes through a range by ascending index, leaf by leaf: the tree is descended
 * once for each.
 */
class Cursor : Pinned {
public:
	Cursor(const Table &table, IndexRange range) : table_(table), rest_(range) {}

	/* On to the next leaf that holds something of the range, or nullptr. */
	[[nodiscard]] Leaf *next()
	{
		Leaf *leaf = table_.next_leaf(rest_);

		if (leaf) {
			part_.begin = TceIndex(max(rest_.begin.raw, leaf->first().raw));
			part_.end = TceIndex(min(rest_.end.raw, leaf->end().raw));
			rest_.begin = part_.end;
		}
		return leaf;
	}
	/* What it holds of the range. */
	[[nodiscard]] IndexRange part() const { return part_; }

private:
	const Table &table_;
	IndexRange rest_;
	IndexRange part_;
};

/*
 * Goes through a range run by run: a run lies in one leaf and is no longer than
 * kRun.  Others run after each leaf, and in between where a leaf is large.
 *
 *	for (Runs runs(table, range); runs.next();)
 *		... runs.leaf(), runs.run() ...
 */
class Runs : Pinned {
public:
	Runs(const Table &table, IndexRange range) : cursor_(table, range) {}

	/* On to the next run; false: that was the last. */
	[[nodiscard]] bool next()
	{
		run_.begin = run_.end;
		if (part_end_ <= run_.begin && !next_leaf())
			return false;
		run_.end = TceIndex(min(part_end_.raw, run_.begin.raw + kRun));
		steps_.go(run_.count());
		return true;
	}
	[[nodiscard]] Leaf &leaf() const { return *leaf_; }
	[[nodiscard]] IndexRange run() const { return run_; }

private:
	bool next_leaf()
	{
		if (leaf_) {
			tce_port_yield();
			steps_.restart();
		}
		leaf_ = cursor_.next();
		run_.begin = cursor_.part().begin;
		part_end_ = cursor_.part().end;
		return leaf_;
	}

	Cursor cursor_;
	Steps steps_{ Steps::kNotes };
	Leaf *leaf_ = nullptr;
	TceIndex part_end_;
	IndexRange run_;
};

} /* namespace tce */

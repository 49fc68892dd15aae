/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of one window: a radix tree of entries, built on demand.
 *
 * Bottom levels are leaves.  A leaf holds, side by side, the TCEs, the user view (the user
 * address behind each TCE, big-endian, at the address that KVM is given) and one
 * pending bit an entry: written, not yet published.  Its spinlock covers all three, so a TCE and
 * its user address change together; only KVM stores to the user view without it
 * (arch/powerpc/kvm/book3s_64_vio.c).
 *
 * Growing has two steps.  prepare() makes every leaf that a range lacks and charges for
 * it: it can fail, and then nothing has changed.  link() hangs them in: it cannot fail; a leaf that
 * somebody else hung in meanwhile wins.  Leaves stay until the table goes, so a pointer to one
 * is good for as long as the table is.
 *
 * The table knows nothing of who may use it when, nor of publishing: window.hpp.
 */
#pragma once

#include "charge.hpp"
#include "geometry.hpp"
#include "memory.hpp"

namespace tce {

/* One entry as it was: what has to be given back when it is replaced. */
struct Entry {
	Tce tce;
	Uaddr user;
};

template <class Memory> class BasicLeaf : Pinned {
public:
	using Lock = SpinLock;

	/* Made in place, in memory of bytes_for(@entries). */
	BasicLeaf(TceIndex first, u64 entries) : first_(first), entries_(entries)
	{
		Memory::born(tces(), entries_ * sizeof(Be64));
	}
	~BasicLeaf() { Memory::dies(tces()); }

	[[nodiscard]] static usize bytes_for(u64 entries)
	{
		return sizeof(BasicLeaf) + entries * 2 * sizeof(Be64) +
		       words(entries) * sizeof(u64);
	}

	[[nodiscard]] TceIndex first() const { return first_; }
	[[nodiscard]] TceIndex end() const { return first_ + entries_; }
	[[nodiscard]] u64 entries() const { return entries_; }

	[[nodiscard]] Entry get(TceIndex index) const TCE_REQUIRES(lock)
	{
		return { tce(index), user(index) };
	}
	[[nodiscard]] Tce tce(TceIndex index) const TCE_REQUIRES(lock)
	{
		return Tce::from_be(Memory::load(&tces()[at(index)]));
	}
	[[nodiscard]] Uaddr user(TceIndex index) const TCE_REQUIRES(lock)
	{
		return Uaddr(Memory::load(&users()[at(index)]).to_cpu());
	}

	/* Replace the TCE; whether it is live is counted. */
	void set_tce(TceIndex index, Tce value) TCE_REQUIRES(lock)
	{
		live_ = live_ - tce(index).live() + value.live();
		Memory::store(&tces()[at(index)], value.to_be());
	}
	void set_user(TceIndex index, Uaddr value) TCE_REQUIRES(lock)
	{
		users_store(at(index), value);
	}
	void set(TceIndex index, Entry value) TCE_REQUIRES(lock)
	{
		set_tce(index, value.tce);
		set_user(index, value.user);
	}

	/* KVM has exchanged an entry in this epoch of the window. */
	void touch(u64 epoch) TCE_REQUIRES(lock) { touched_ = epoch; }
	[[nodiscard]] bool touched(u64 epoch) const TCE_REQUIRES(lock) { return touched_ == epoch; }

	/* The slot that KVM stores to; good as long as the table is. */
	[[nodiscard]] Be64 *user_slot(TceIndex index) { return &users()[at(index)]; }

	[[nodiscard]] u64 live() const TCE_REQUIRES(lock) { return live_; }
	[[nodiscard]] u64 pending() const TCE_REQUIRES(lock) { return pending_; }
	[[nodiscard]] bool is_pending(TceIndex index) const TCE_REQUIRES(lock)
	{
		return bits()[at(index) / 64] & bit(at(index));
	}
	void set_pending(TceIndex index) TCE_REQUIRES(lock)
	{
		pending_ += !is_pending(index);
		bits()[at(index) / 64] |= bit(at(index));
	}
	void clear_pending(TceIndex index) TCE_REQUIRES(lock)
	{
		pending_ -= is_pending(index);
		bits()[at(index) / 64] &= ~bit(at(index));
	}
	/* The first pending entry in [from, to), or @to. */
	[[nodiscard]] TceIndex next_pending(TceIndex from, TceIndex to) const TCE_REQUIRES(lock);

	/* NOLINTNEXTLINE(*-non-private-member-variables-in-classes): callers hold it, attributes name it */
	Lock lock{ TCE_LOCK_LEAF };

private:
	template <class> friend class BasicTable;
	template <class> friend class BasicPreparedLeaves;

	[[nodiscard]] static u64 words(u64 entries) { return (entries + 63) / 64; }
	[[nodiscard]] static u64 bit(u64 i) { return 1ull << (i % 64); }
	[[nodiscard]] u64 at(TceIndex index) const { return index - first_; }

	[[nodiscard]] Be64 *tces() { return reinterpret_cast<Be64 *>(this + 1); }
	[[nodiscard]] const Be64 *tces() const { return reinterpret_cast<const Be64 *>(this + 1); }
	[[nodiscard]] Be64 *users() { return tces() + entries_; }
	[[nodiscard]] const Be64 *users() const { return tces() + entries_; }
	[[nodiscard]] u64 *bits() { return reinterpret_cast<u64 *>(users() + entries_); }
	[[nodiscard]] const u64 *bits() const
	{
		return reinterpret_cast<const u64 *>(users() + entries_);
	}
	void users_store(u64 i, Uaddr value)
	{
		Memory::store(&users()[i], Be64::from_cpu(value.raw));
	}

	const TceIndex first_;
	const u64 entries_;
	u64 live_ TCE_GUARDED_BY(lock) = 0;
	u64 pending_ TCE_GUARDED_BY(lock) = 0;
	u64 touched_ TCE_GUARDED_BY(lock) = 0;
	BasicLeaf *next_prepared_ = nullptr;
};

template <class Memory>
TceIndex BasicLeaf<Memory>::next_pending(TceIndex from, TceIndex to) const
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

/* Leaves that are made and charged but hang nowhere yet; what is left is undone. */
template <class Memory> class BasicPreparedLeaves : Pinned {
public:
	using Leaf = BasicLeaf<Memory>;

	explicit BasicPreparedLeaves(TableCharge &charge) : charge_(charge) {}
	~BasicPreparedLeaves()
	{
		while (Leaf *leaf = pop())
			discard(leaf);
	}

	Status add(TceIndex first, u64 entries);
	[[nodiscard]] Leaf *pop()
	{
		Leaf *leaf = head_;

		if (leaf)
			head_ = leaf->next_prepared_;
		return leaf;
	}
	void discard(Leaf *leaf)
	{
		charge_.shrink(leaf->entries() * sizeof(Be64));
		destroy_object(leaf);
	}

private:
	TableCharge &charge_;
	Leaf *head_ = nullptr;
};

template <class Memory> Status BasicPreparedLeaves<Memory>::add(TceIndex first, u64 entries)
{
	TCE_TRY(charge_.grow(entries * sizeof(Be64)));

	void *at = tce_port_alloc(Leaf::bytes_for(entries));

	if (!at) {
		charge_.shrink(entries * sizeof(Be64));
		return Errc::NoMem;
	}
	auto *leaf = new (Place{}, at) Leaf(first, entries);

	leaf->next_prepared_ = head_;
	head_ = leaf;
	return {};
}

template <class Memory> class BasicTable : Pinned {
public:
	using Leaf = BasicLeaf<Memory>;
	using PreparedLeaves = BasicPreparedLeaves<Memory>;

	explicit BasicTable(Geometry geometry) : geometry_(geometry) {}
	~BasicTable() { free_level(root_.load_relaxed(), geometry_.levels() - 1); }

	[[nodiscard]] const Geometry &geometry() const { return geometry_; }
	[[nodiscard]] IndexRange whole() const
	{
		return { TceIndex(0), TceIndex(geometry_.entries()) };
	}

	/* The leaf that holds @index, or nullptr. */
	[[nodiscard]] Leaf *leaf(TceIndex index) const;
	/* The first leaf that holds an entry of @range, or nullptr; holes cost one step a level. */
	[[nodiscard]] Leaf *next_leaf(IndexRange range) const;

	/* Make what @range lacks; NoMem, Intr, or the charge's error: nothing has changed. */
	Status prepare(IndexRange range, PreparedLeaves &leaves);
	/* Hang in what prepare() made; the nodes above are there. */
	void link(PreparedLeaves &leaves);

private:
	using Slot = Atomic<void *>;

	/* The slot of the leaf that holds @index, with the nodes above it made on the way. */
	Result<Slot *> leaf_slot(TceIndex index, bool make_nodes);
	void free_level(void *level, unsigned int height);

	const Geometry geometry_;
	Slot root_;
};

template <class Memory> auto BasicTable<Memory>::leaf(TceIndex index) const -> Leaf *
{
	void *level = root_.load_acquire();

	for (unsigned int height = geometry_.levels() - 1; height && level; height--)
		level = static_cast<Slot *>(level)[geometry_.slot(height, index)].load_acquire();
	return static_cast<Leaf *>(level);
}

template <class Memory> auto BasicTable<Memory>::next_leaf(IndexRange range) const -> Leaf *
{
	for (TceIndex at = range.begin; at < range.end;) {
		void *level = root_.load_acquire();
		unsigned int height = geometry_.levels() - 1;

		while (height && level) {
			level = static_cast<Slot *>(level)[geometry_.slot(height, at)]
					.load_acquire();
			height--;
		}
		if (level)
			return static_cast<Leaf *>(level);
		/* Nothing below the entry of @height + 1 that we looked through: on to its neighbour. */
		const u64 hole = height + 1 < geometry_.levels() ? geometry_.reach(height + 1) :
								   geometry_.entries();
		at = TceIndex((at.raw | (hole - 1)) + 1);
	}
	return nullptr;
}

template <class Memory>
auto BasicTable<Memory>::leaf_slot(TceIndex index, bool make_nodes) -> Result<Slot *>
{
	Slot *slot = &root_;

	for (unsigned int height = geometry_.levels() - 1; height; height--) {
		void *node = slot->load_acquire();

		if (!node) {
			if (!make_nodes)
				return Errc::NoEnt;

			const usize bytes = geometry_.level_entries(height) * sizeof(Slot);
			void *fresh = tce_port_alloc(bytes);

			if (!fresh)
				return Errc::NoMem;
			Memory::born(fresh, bytes);
			if (!Memory::link(*slot, fresh)) {
				Memory::dies(fresh);
				tce_port_free(fresh);
			}
			node = slot->load_acquire();
		}
		slot = &static_cast<Slot *>(node)[geometry_.slot(height, index)];
	}
	return slot;
}

template <class Memory>
Status BasicTable<Memory>::prepare(IndexRange range, PreparedLeaves &leaves)
{
	for (TceIndex at = geometry_.leaf_begin(range.begin); at < range.end;
	     at += geometry_.leaf_entries()) {
		Slot *slot = TCE_TRY(leaf_slot(at, true));

		if (!slot->load_acquire())
			TCE_TRY(leaves.add(at, geometry_.leaf_entries()));
		if (tce_port_killed())
			return Errc::Intr;
		tce_port_yield();
	}
	return {};
}

template <class Memory> void BasicTable<Memory>::link(PreparedLeaves &leaves)
{
	while (Leaf *leaf = leaves.pop()) {
		auto slot = leaf_slot(leaf->first(), false);

		if (TCE_ASSERT(slot.ok()) && Memory::link(*slot.value(), leaf))
			tce_port_count(TCE_COUNT_LEAVES, 1);
		else
			leaves.discard(leaf);
	}
}

/* NOLINTNEXTLINE(misc-no-recursion): once a level, five times at most */
template <class Memory> void BasicTable<Memory>::free_level(void *level, unsigned int height)
{
	if (!level)
		return;
	if (!height) {
		destroy_object(static_cast<Leaf *>(level));
		tce_port_count(TCE_COUNT_LEAVES, -1);
		return;
	}
	for (u64 i = 0; i < geometry_.level_entries(height); i++)
		free_level(static_cast<Slot *>(level)[i].load_relaxed(), height - 1);
	Memory::dies(level);
	tce_port_free(level);
}

/*
 * Walks a table by ascending index and keeps its place: the tree is descended once a
 * leaf, not once an entry.
 */
template <class Memory> class BasicCursor {
public:
	using Leaf = BasicLeaf<Memory>;

	explicit BasicCursor(const BasicTable<Memory> &table) : table_(table) {}

	/* The leaf that holds @index, or nullptr. */
	[[nodiscard]] Leaf *at(TceIndex index)
	{
		if (!leaf_ || index < leaf_->first() || leaf_->end() <= index)
			leaf_ = table_.leaf(index);
		return leaf_;
	}
	/* The first leaf in @range, and in @range the part of it that the leaf holds. */
	[[nodiscard]] Leaf *next(IndexRange &range)
	{
		leaf_ = table_.next_leaf(range);
		if (leaf_) {
			range.begin = TceIndex(max(range.begin.raw, leaf_->first().raw));
			range.end = TceIndex(min(range.end.raw, leaf_->end().raw));
		}
		return leaf_;
	}

private:
	const BasicTable<Memory> &table_;
	Leaf *leaf_ = nullptr;
};

using Table = BasicTable<HwMemory>;
using Leaf = BasicLeaf<HwMemory>;
using PreparedLeaves = BasicPreparedLeaves<HwMemory>;
using Cursor = BasicCursor<HwMemory>;

extern template class BasicLeaf<HwMemory>;
extern template class BasicPreparedLeaves<HwMemory>;
extern template class BasicTable<HwMemory>;

} /* namespace tce */

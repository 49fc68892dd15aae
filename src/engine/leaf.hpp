/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A leaf: the bottom level of a table, where the TCEs are.
 *
 * It holds, side by side, the TCEs, the user view (the user address behind each
 * TCE, big-endian, at the address that KVM is given) and one pending bit an
 * entry: written, not yet published.  Its spinlock covers all three, so a TCE
 * and its user address change together; only KVM stores to the user view
 * without it (arch/powerpc/kvm/book3s_64_vio.c), and only to a slot that is
 * claimed for it: window_kvm.cc.
 */
#pragma once

#include "charge.hpp"
#include "memory.hpp"
#include "types.hpp"

namespace tce {

/* One entry as it was: what has to be given back when it is replaced. */
struct Entry {
	Tce tce;
	Uaddr user;
};

/*
 * What stands in a user slot while a task of KVM's is about to store there:
 * odd, and no user address (tce_port_task()).
 */
class Claim {
public:
	[[nodiscard]] static Uaddr mine() { return Uaddr(tce_port_task()); }
	/*
	 * ... or it is the token for a note of the memory at that address, or
	 * nothing.
	 */
	[[nodiscard]] static constexpr bool is_token(Uaddr slot) { return slot.raw && !is(slot); }
	[[nodiscard]] static constexpr bool is(Uaddr slot)
	{
		return (slot.raw >> 63) & slot.raw & 1;
	}
};

/* A level as the hardware reads it; without one, nobody does. */
struct HwPage {
	Be64 *entries = nullptr;
	usize bytes = 0;

	[[nodiscard]] static HwPage make(usize bytes, int node);
	void free();
	/*
	 * The entry of the level above that leads here (IODA2: address, read
	 * and write).
	 */
	[[nodiscard]] Be64 link() const;
};

class Leaf : Pinned {
public:
	using Lock = SpinLock;

	/*
	 * Made in place, in memory of bytes_for(@entries, @page).  @page: where
	 * the hardware reads the TCEs, the leaf's from now on; nullptr: nobody
	 * but us does.
	 */
	Leaf(TceIndex first, u64 entries, HwPage page);
	~Leaf();

	[[nodiscard]] static usize bytes_for(u64 entries, HwPage page);

	[[nodiscard]] TceIndex first() const { return first_; }
	[[nodiscard]] TceIndex end() const { return first_ + entries_; }
	[[nodiscard]] const HwPage &page() const { return page_; }
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

	/*
	 * KVM may store over a claim at any time: who wants to know both what a
	 * slot is and what is in it reads it once.
	 */
	[[nodiscard]] bool is_claimed(TceIndex index) const TCE_REQUIRES(lock)
	{
		return Claim::is(user(index));
	}

	/* While an ioctl works on a run of it, KVM finds no slot here. */
	void set_shut(bool shut) TCE_REQUIRES(lock) { shut_ = shut; }
	[[nodiscard]] bool shut() const TCE_REQUIRES(lock) { return shut_; }
	/*
	 * The run that somebody takes to the platform now; the others leave it
	 * to him.
	 */
	void set_pushing(IndexRange run) TCE_REQUIRES(lock) { pushing_ = run; }
	[[nodiscard]] IndexRange pushing() const TCE_REQUIRES(lock) { return pushing_; }
	/* The platform has what the entry says. */
	[[nodiscard]] bool published(TceIndex index) const TCE_REQUIRES(lock)
	{
		return !is_pending(index) && !pushing_.holds(index);
	}

	/* The slot that KVM stores to; good as long as the leaf is. */
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
	friend class PreparedLeaves;

	[[nodiscard]] static u64 words(u64 entries) { return (entries + 63) / 64; }
	[[nodiscard]] static u64 bit(u64 i) { return 1ull << (i % 64); }
	[[nodiscard]] u64 at(TceIndex index) const { return index - first_; }

	/*
	 * In one piece after the object: user view, pending bits, and the TCEs
	 * if they have no page.
	 */
	[[nodiscard]] Be64 *users() { return reinterpret_cast<Be64 *>(this + 1); }
	[[nodiscard]] const Be64 *users() const { return reinterpret_cast<const Be64 *>(this + 1); }
	[[nodiscard]] u64 *bits() { return reinterpret_cast<u64 *>(users() + entries_); }
	[[nodiscard]] const u64 *bits() const
	{
		return reinterpret_cast<const u64 *>(users() + entries_);
	}
	[[nodiscard]] Be64 *tces()
	{
		return page_.entries ? page_.entries :
				       reinterpret_cast<Be64 *>(bits() + words(entries_));
	}
	[[nodiscard]] const Be64 *tces() const
	{
		return page_.entries ? page_.entries :
				       reinterpret_cast<const Be64 *>(bits() + words(entries_));
	}
	void users_store(u64 i, Uaddr value)
	{
		Memory::store(&users()[i], Be64::from_cpu(value.raw));
	}

	const TceIndex first_;
	const u64 entries_;
	HwPage page_;
	u64 live_ TCE_GUARDED_BY(lock) = 0;
	u64 pending_ TCE_GUARDED_BY(lock) = 0;
	IndexRange pushing_ TCE_GUARDED_BY(lock);
	bool shut_ TCE_GUARDED_BY(lock) = false;
	Leaf *next_prepared_ = nullptr;
};

} /* namespace tce */

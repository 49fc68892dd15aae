/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A leaf: the bottom level of a table, where the TCEs are.
 *
 * It has the TCEs, the user view (the user address behind each TCE, big-endian,
 * at the address that KVM is given) and one pending bit an entry: written, not
 * yet published.  TCEs and user view take powers of two of bytes, as the
 * kernel's allocator does, and so lie apart from the rest.
 *
 * Its spinlock covers all three, so a TCE and its user address change together;
 * only KVM stores to the user view without it
 * (arch/powerpc/kvm/book3s_64_vio.c), and only to a slot that is claimed for
 * it: window_kvm.cc.
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
	 * @page_bytes: what the hardware reads of it, on NUMA node @numa; 0:
	 * nobody but us reads it.  nullptr: no memory.
	 */
	[[nodiscard]] static Leaf *make(TceIndex first, u64 entries, usize page_bytes, int numa);
	~Leaf();

	[[nodiscard]] TceIndex first() const { return first_; }
	[[nodiscard]] TceIndex end() const { return first_ + entries_; }
	[[nodiscard]] const HwPage &page() const { return page_; }
	[[nodiscard]] u64 entries() const { return entries_; }
	/* Where the TCEs are. */
	[[nodiscard]] const void *words() const { return tces_; }

	[[nodiscard]] Entry get(TceIndex index) const TCE_REQUIRES(lock)
	{
		return { tce(index), user(index) };
	}
	[[nodiscard]] Tce tce(TceIndex index) const TCE_REQUIRES(lock)
	{
		return Tce::from_raw(Memory::load_cpu(&tces_[at(index)]));
	}
	[[nodiscard]] Uaddr user(TceIndex index) const TCE_REQUIRES(lock)
	{
		return Uaddr(Memory::load_cpu(&users_[at(index)]));
	}

	/* Replace the TCE; whether it is live is counted. */
	void set_tce(TceIndex index, Tce value) TCE_REQUIRES(lock)
	{
		live_ = live_ - tce(index).live() + value.live();
		Memory::store_cpu(&tces_[at(index)], value.raw());
	}
	void set_user(TceIndex index, Uaddr value) TCE_REQUIRES(lock)
	{
		Memory::store_cpu(&users_[at(index)], value.raw);
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
	 * Somebody waits, without the lock, for a hypervisor that is busy with
	 * a run of it.  The others leave what is pending to him: a vCPU would
	 * spin.
	 */
	void set_waiting(bool waiting) TCE_REQUIRES(lock) { waiting_ = waiting; }
	[[nodiscard]] bool waiting() const TCE_REQUIRES(lock) { return waiting_; }
	/* It is in the window's list of dirty leaves. */
	void set_listed(bool listed) TCE_REQUIRES(lock) { listed_ = listed; }
	[[nodiscard]] bool listed() const TCE_REQUIRES(lock) { return listed_; }
	/* The platform may have something else than some pending entries. */
	void set_unsynced(bool unsynced) TCE_REQUIRES(lock) { unsynced_ = unsynced; }
	[[nodiscard]] bool unsynced() const TCE_REQUIRES(lock) { return unsynced_; }

	/* The slot that KVM stores to; good as long as the leaf is. */
	[[nodiscard]] Be64 *user_slot(TceIndex index) { return &users_[at(index)]; }

	[[nodiscard]] u64 live() const TCE_REQUIRES(lock) { return live_; }
	[[nodiscard]] u64 pending() const TCE_REQUIRES(lock) { return pending_.load_relaxed(); }
	/*
	 * True if all that was written before is published; good without the
	 * lock, since an entry stays pending until the platform has it.
	 */
	[[nodiscard]] bool is_settled() const { return !pending_.load_acquire(); }
	/*
	 * True if nothing was ever mapped at @index, or nothing is left of it,
	 * at this moment; good without the lock.
	 */
	[[nodiscard]] bool looks_empty(TceIndex index) const
	{
		return Memory::load(&tces_[at(index)]).is_zero() &&
		       Memory::load(&users_[at(index)]).is_zero();
	}
	[[nodiscard]] bool is_pending(TceIndex index) const TCE_REQUIRES(lock)
	{
		return bits()[at(index) / 64] & bit(at(index));
	}
	void set_pending(TceIndex index) TCE_REQUIRES(lock)
	{
		pending_.store_relaxed(pending() + !is_pending(index));
		bits()[at(index) / 64] |= bit(at(index));
	}
	/* The platform has them.  They are no longer than a run. */
	void clear_pending(IndexRange run) TCE_REQUIRES(lock);
	void clear_pending(TceIndex index) TCE_REQUIRES(lock)
	{
		pending_.store_release(pending() - is_pending(index));
		bits()[at(index) / 64] &= ~bit(at(index));
	}
	/* The first pending entry in [from, to), or @to. */
	[[nodiscard]] TceIndex next_pending(TceIndex from, TceIndex to) const TCE_REQUIRES(lock)
	{
		return next_bit(from, to, 0);
	}
	/*
	 * A run from the pending entry @from on, which ends before @to with a
	 * pending one.  It goes on over up to @bridge others, if there is a
	 * pending one behind them.
	 */
	[[nodiscard]] IndexRange pending_run(TceIndex from, TceIndex to, u64 bridge) const
		TCE_REQUIRES(lock);

	/*
	 * The entries of a run, for a loop over them by their number in the
	 * run: it looks up once where they are.
	 */
	class Slots : Pinned {
	public:
		Slots(Leaf &leaf, IndexRange run) TCE_REQUIRES(leaf.lock)
			: leaf_(leaf),
			  tces_(leaf.tces_ + leaf.at(run.begin)),
			  users_(leaf.users_ + leaf.at(run.begin))
		{
		}
		~Slots() { leaf_.live_ += live_; }

		[[nodiscard]] bool is_clear(u64 n) const
		{
			return Memory::load(&tces_[n]).is_zero();
		}
		[[nodiscard]] Tce tce(u64 n) const
		{
			return Tce::from_raw(Memory::load_cpu(&tces_[n]));
		}
		[[nodiscard]] Uaddr user(u64 n) const
		{
			return Uaddr(Memory::load_cpu(&users_[n]));
		}
		/* For a hypercall to read. */
		[[nodiscard]] const Be64 *list() const { return tces_; }
		[[nodiscard]] Entry get(u64 n) const { return { tce(n), user(n) }; }
		/* @old: as get() said. */
		void replace(u64 n, Entry old, Entry now)
		{
			live_ += now.tce.live();
			live_ -= old.tce.live();
			Memory::store_cpu(&tces_[n], now.tce.raw());
			Memory::store_cpu(&users_[n], now.user.raw);
		}

		/* Clear it; how many were live is said at the end. */
		void clear(u64 n)
		{
			Memory::store_cpu(&tces_[n], 0);
			Memory::store_cpu(&users_[n], 0);
		}
		void count_cleared(u64 nr) { live_ -= nr; }

	private:
		Leaf &leaf_;
		Be64 *const tces_;
		Be64 *const users_;
		u64 live_ = 0; /* more than there were */
	};

	/* NOLINTNEXTLINE(*-non-private-member-variables-in-classes): callers hold it, attributes name it */
	Lock lock{ TCE_LOCK_LEAF };
	/* NOLINTNEXTLINE(*-non-private-member-variables-in-classes): a link of DirtyLeaves */
	Leaf *next_dirty = nullptr;

private:
	friend class PreparedLeaves;

	[[nodiscard]] static u64 bit(u64 i) { return 1ull << (i % 64); }
	[[nodiscard]] u64 at(TceIndex index) const { return index - first_; }
	/* The first entry whose pending bit is not that of @flip, or @to. */
	[[nodiscard]] TceIndex next_bit(TceIndex from, TceIndex to, u64 flip) const;

	/* @own: the user view, and behind it the TCEs if they have no page. */
	Leaf(TceIndex first, u64 entries, HwPage page, Be64 *own);

	/* The pending bits follow the object. */
	[[nodiscard]] u64 *bits() { return reinterpret_cast<u64 *>(this + 1); }
	[[nodiscard]] const u64 *bits() const { return reinterpret_cast<const u64 *>(this + 1); }

	const TceIndex first_;
	const u64 entries_;
	HwPage page_;
	Be64 *const users_;
	Be64 *const tces_;
	u64 live_ TCE_GUARDED_BY(lock) = 0;
	Atomic<u64> pending_; /* written under the lock */
	bool waiting_ TCE_GUARDED_BY(lock) = false;
	bool shut_ TCE_GUARDED_BY(lock) = false;
	bool listed_ TCE_GUARDED_BY(lock) = false;
	bool unsynced_ TCE_GUARDED_BY(lock) = false;
	Leaf *next_prepared_ = nullptr;
};

} /* namespace tce */

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A window: its table, and the way of what is written there to the platform.
 *
 * Every change is two steps, write and publish.  On PAPR the table is our shadow of the
 * hypervisor's, and publishing pushes runs of it into the LIOBN of every group of the
 * container (its mirrors): one shadow, however many groups.  On IODA2 the hardware walks the
 * table, and publishing invalidates what it has cached of the run.
 *
 * publish_ is held from taking entries out of the shadow until the hypercall is done, so
 * that pushes take effect in the order in which the shadow was read: whoever writes
 * after that pushes after that, and what the hypervisor has converges to the shadow.
 *  - MAP and UNMAP write and push a run of up to 512 entries under publish_ and give back what was
 *    replaced only when the push is done.
 *  - KVM writes one entry at a time (exchange(), iommu_table_ops::xchg_no_kill), which sets its
 *    pending bit, and then kills a range: publish_pending() pushes all that is
 *    pending in the leaves of the range, not just what the caller names, since KVM's
 *    error paths name nothing at all.  For the same reason a first pending entry arms a deferred flush.
 *
 * A push that fails is undone: the shadow says again what the hypervisor has.  KVM's kill cannot
 * fail, so there the entries are closed, counted and logged.
 *
 * Life: Live -> Dying -> Dead.  From Dying on KVM finds no user address slot, so it
 * maps nothing more; an exchange that was on its way then finds nothing and
 * changes nothing.  When it is certain that none is on its way any more the window is Dead.
 * The object stays until KVM drops its reference to the table.
 *
 * Locks: publish_ > charge_'s > a leaf's.  Callers hold the container's lock, but for KVM.
 */
#pragma once

#include "owner.hpp"
#include "papr_tce.hpp"
#include "table.hpp"

namespace tce {

/* A group's copy of a window in the hypervisor. */
struct Mirror {
	u32 liobn = 0;
	Mirror *next = nullptr;
};

/*
 * Gives back what entries named: the device may have written to the page, and one entry fewer
 * names the memory.  Runs of one region are told to the port at once.  Entries of a v1
 * container have no user address; each has a pin of its own.
 */
class Releaser : Pinned {
public:
	/* @pins: of a v1 container, else nullptr. */
	Releaser(const RegionIndex &regions, tce_mm *mm, PageShift page, PinCharge *pins)
		: cursor_(regions), mm_(mm), page_(page), pins_(pins)
	{
	}
	~Releaser() { flush(); }

	void release(Entry old);
	void flush();

private:
	RegionCursor cursor_;
	tce_mm *const mm_;
	const PageShift page_;
	PinCharge *const pins_;
	tce_mem *mem_ = nullptr;
	u64 nr_ = 0;
};

/*
 * What MAP puts into a run of entries: registered memory that is noted to be mapped already, or
 * pages that are pinned already, one a TCE.
 */
struct Source {
	tce_mem *mem = nullptr;
	Uaddr user;
	const u64 *pinned = nullptr;
	Perm perm;
	/* Set with an error: everything is as it was. */
	bool undone = false;
	/* Set with an error: the platform may have the pages all the same. */
	bool unsure = false;
};

class Window : Pinned {
public:
	/* NoMem. */
	static Result<Window *> make(Owner &owner, const Geometry &geometry, Walk walk);
	/* Of a window that was never made known to anybody. */
	static void discard(Window *window);

	/* The platform has given it an address: make it known to KVM.  NoMem. */
	Status go_live(Iova start, u32 liobn);

	[[nodiscard]] Iova start() const { return start_; }
	[[nodiscard]] Iova end() const { return start_ + geometry().window_size(); }
	[[nodiscard]] const Geometry &geometry() const { return table_.geometry(); }
	[[nodiscard]] PageShift page() const { return geometry().page(); }
	[[nodiscard]] bool holds(Iova at) const { return start_ <= at && at < end(); }
	[[nodiscard]] TceIndex index(Iova at) const
	{
		return TceIndex((at - start_) >> page().lg2());
	}
	[[nodiscard]] IndexRange whole() const { return table_.whole(); }
	[[nodiscard]] tce_ktable *ktable() const { return ktable_; }
	[[nodiscard]] bool walked() const { return table_.walked(); }

	/* --- for the container ------------------------------------------- */

	/* Make the leaves that @range lacks, see BasicTable::prepare(). */
	Status prepare(IndexRange range, PreparedLeaves &leaves)
	{
		return table_.prepare(range, leaves);
	}
	void link(PreparedLeaves &leaves) { table_.link(leaves); }
	[[nodiscard]] TableCharge &charge() { return charge_; }

	/*
	 * Map a run that lies in one leaf and is no longer than papr::kRun.  On success the
	 * entries own the notes or pins of @from.  On an error the run is as it was
	 * (@from.undone) or closed.
	 */
	Status map_run(IndexRange run, Source &from, Releaser &releaser) TCE_EXCLUDES(publish_);

	/* Close what is live in @range.  Io: some entries are still live. */
	Status unmap(IndexRange range, Releaser &releaser) TCE_EXCLUDES(publish_);

	/*
	 * Another group: fill its LIOBN from the shadow.  An error: it is not added.  Only then
	 * @clear_again is set: whether what came through is closed again.
	 */
	Status add_mirror(Mirror &mirror, bool &clear_again) TCE_EXCLUDES(publish_);
	/* A group goes: clear what is live there, the others are not touched.  Io: not all of it. */
	Status remove_mirror(Mirror &mirror) TCE_EXCLUDES(publish_);

	/* KVM can do nothing more with it.  Then unmap() what is left. */
	void retire();
	/*
	 * The platform has removed it everywhere (or not: !@unreachable): give back what is still
	 * named, and the charge; then drop the reference.  The window may be gone afterwards.
	 */
	void finish(Releaser &releaser, bool unreachable);
	/* Give back the charge before that. */
	void uncharge() { charge_.drop(); }

	/* --- for KVM, and for what waits on KVM --------------------------- */

	Status exchange(TceIndex index, Tce &tce) TCE_EXCLUDES(publish_);
	void publish_pending(IndexRange range, u32 &calls) TCE_EXCLUDES(publish_);
	Be64 *user_slot(TceIndex index, bool make);
	void flush();

	[[nodiscard]] bool used_by_kvm() const { return used_by_kvm_.load_ordered(); }
	/*
	 * As publish_pending() of everything, and every leaf's lock is taken.  Whether no entry is
	 * left that is closed here but not at the platform.
	 */
	[[nodiscard]] bool flush_all_leaves() TCE_EXCLUDES(publish_);

	/* NOLINTNEXTLINE(*-non-private-member-variables-in-classes): a link of the owner's list */
	Window *next_of_owner = nullptr; /* protected by the owner's lock */
	/* NOLINTNEXTLINE(*-non-private-member-variables-in-classes): a link of the container's list */
	Window *next_unfinished = nullptr; /* protected by the container's lock */

	Window(Owner &owner, const Geometry &geometry, Walk walk);
	~Window();

private:
	enum State : int { Live, Dying, Dead };

	/* Where a push works: a page for the hypervisor to read, and what is being replaced. */
	struct Scratch {
		Be64 *list = nullptr;
		Entry old[papr::kRun];
		u64 hpa[papr::kRun];
	};

	/* Notes of entries that the hypervisor may or may not have: kept until there is no doubt. */
	struct Unsure {
		tce_mem *mem = nullptr;
		u64 nr = 0;
	};
	static constexpr unsigned int kMaxUnsure = 8;

	/* As long as it lives no exchange is on its way in a leaf; window_kvm.cc. */
	class Shut : Pinned {
	public:
		Shut(Window &window, Leaf &leaf);
		~Shut() { window_.shut_.store_ordered(false); }

	private:
		Window &window_;
	};

	/* IODA2 takes write without read for neither (pnv_tce_xchg() in the kernel). */
	[[nodiscard]] Perm effective(Perm perm) const
	{
		return walked() && perm.writes() ? Perm(Perm::kMask) : perm;
	}
	[[nodiscard]] papr::Target target(const Mirror &mirror, TceIndex first) const
	{
		return { mirror.liobn, page(), start_ + (first.raw << page().lg2()) };
	}
	[[nodiscard]] u64 offset() const { return start_.raw >> page().lg2(); }

	void invalidate(IndexRange run, u32 &calls) TCE_REQUIRES(publish_);
	Status push(IndexRange run, u32 &calls) TCE_REQUIRES(publish_);
	Status push_closed(IndexRange run, u32 &calls) TCE_REQUIRES(publish_);
	void snapshot(Leaf &leaf, IndexRange run) TCE_REQUIRES(publish_, leaf.lock);
	Status unmap_run(Leaf &leaf, IndexRange run, Releaser &releaser) TCE_REQUIRES(publish_);
	bool undo_map(Leaf &leaf, IndexRange run, Source &from, Releaser &releaser)
		TCE_REQUIRES(publish_);
	void publish_leaf(Leaf &leaf, u32 &calls) TCE_REQUIRES(publish_);
	void close_lost(Leaf &leaf, IndexRange run, u32 &calls) TCE_REQUIRES(publish_);
	void doubt(Leaf &leaf, IndexRange run) TCE_REQUIRES(publish_, leaf.lock);
	void no_doubt() TCE_REQUIRES(publish_);
	void settle(Leaf &leaf, TceIndex index) TCE_REQUIRES(leaf.lock);
	Status fill(const Mirror &mirror) TCE_REQUIRES(publish_);
	Status clear(const Mirror &mirror) TCE_REQUIRES(publish_);
	struct Stuck {
		u64 entries = 0;
		/* Of some of them nobody knows what memory they name. */
		bool unnamed = false;
	};
	Stuck sweep(Releaser &releaser, bool unreachable) TCE_EXCLUDES(publish_);
	void keep_noted(tce_mem *mem, u64 nr) TCE_REQUIRES(publish_);
	bool try_exchange(Leaf &leaf, TceIndex index, Tce &tce, Status &status);
	void wait_at_gate() TCE_EXCLUDES(publish_);
	Status exchange_going(Leaf &leaf, TceIndex index, Tce &tce) TCE_REQUIRES(leaf.lock);
	void note_kvm();

	Owner &owner_;
	TableCharge charge_;
	Table table_;
	Iova start_;
	tce_ktable *ktable_ = nullptr;

	Mutex publish_{ TCE_LOCK_PUBLISH };
	Mirror *mirrors_ TCE_GUARDED_BY(publish_) = nullptr;
	Scratch scratch_ TCE_GUARDED_BY(publish_);
	Unsure unsure_[kMaxUnsure] TCE_GUARDED_BY(publish_);

	Atomic<int> state_{ Live };
	Atomic<bool> used_by_kvm_;
	Atomic<u64> pending_;	 /* entries of all leaves */
	Atomic<bool> unclosed_;	 /* the platform did not close what is closed here */
	Atomic<u64> sleepers_;	 /* exchanges at the gate */
	Atomic<bool> shut_;	 /* the gate, but for the owner's */
	Atomic<u64> epoch_{ 1 }; /* how often it was waited for exchanges to be through, plus 1 */
};

} /* namespace tce */

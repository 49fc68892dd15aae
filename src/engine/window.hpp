/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A window: its table, and the way of what is written there to the platform.
 *
 * Every change is two steps, write and publish.  On PAPR the table is our
 * shadow of the hypervisor's, and publishing pushes runs of it into the LIOBN
 * of every group of the container (its mirrors): one shadow, however many
 * groups.  On IODA2 the hardware walks the table, and publishing invalidates
 * what it has cached of the run.
 *
 * A leaf's lock is held from writing entries, or from looking at what is
 * written, until the platform has the run.  So publishes of an entry take
 * effect in the order in which it was written, and what the hypervisor has
 * converges to the shadow; vCPUs on different leaves do not wait for each
 * other.
 *  - MAP and UNMAP write and push a run of up to 512 entries and give back what
 *    was replaced only when the push is done.
 *  - KVM writes one entry at a time (exchange(),
 *    iommu_table_ops::xchg_no_kill), which sets its pending bit, and then kills
 *    what it wrote: publish_leaf() pushes what is pending in that range.  KVM's
 *    error paths kill nothing at all, so a first pending entry arms a deferred
 *    flush, which pushes whatever is pending in the leaves that are listed as
 *    dirty (dirty.hpp).
 *
 * KVM's callbacks never sleep.  Who may sleep lets go of the leaf while the
 * hypervisor is busy, and says afterwards what the shadow says then.
 *
 * A push that fails is undone: the shadow says again what the hypervisor has.
 * KVM's kill cannot fail, so there the entries are closed, counted and logged.
 *
 * Life: live, until retire().  From then on KVM's callbacks touch no leaf;
 * those that had begun are through after a grace period
 * (tce_port_sync_users()), and finish() frees the leaves.  The object stays
 * until the last struct iommu_table of it is gone, and one more grace period.
 *
 * Mirrors come and go under update_, and KVM goes through them under a leaf's
 * lock only: where the last vCPU that may have seen the old state matters,
 * quiesce() waits for it.
 *
 * Locks: update_ > charge_'s > a leaf's > park_'s.  Callers hold the
 * container's lock, but for KVM and the deferred flush.
 */
#pragma once

#include "dirty.hpp"
#include "owner.hpp"
#include "papr_tce.hpp"
#include "park.hpp"
#include "patience.hpp"
#include "table.hpp"

namespace tce {

/*
 * A group's part in a window: its LIOBN in the hypervisor (PAPR), and the
 * struct iommu_table by which KVM finds the window and the platform invalidates
 * (IODA2).  Each group has its own, since KVM keeps a reference for ever that
 * it takes when it finds a table twice.
 */
struct Mirror : Pinned {
	enum class Mode {
		Full,
		Joining, /* is being filled: what does not get there fails the joiner only */
		Leaving, /* whatever is pushed is closed here */
	};

	u32 liobn = 0;
	tce_ktable *ktable = nullptr;
	Atomic<Mode> mode{ Mode::Full };
	Atomic<bool> failed;
	Atomic<Mirror *> next;
};

/*
 * Gives back what entries named: the device may have written to the page, and
 * one entry fewer names the memory.  Runs of one region are told to the port at
 * once; of large pages there are many system pages to look at, so it lets
 * others run in between.  Entries of a v1 container have no user address; each
 * has a pin of its own.
 */
class Releaser : Pinned {
public:
	/* @pins: of a v1 container, else nullptr. */
	Releaser(const RegionIndex &regions, tce_mm *mm, PageShift page, PinCharge *pins)
		: regions_(regions),
		  mm_(mm),
		  page_(page),
		  system_pages_(Steps::system_pages(page)),
		  pins_(pins)
	{
	}
	~Releaser() { flush(); }

	/* No more than kRun. */
	void release(const Entry *old, u64 nr);
	void flush();

private:
	void unpin(const Entry *old, u64 nr);
	void drop_note(Uaddr user);

	const RegionIndex &regions_;
	tce_mm *const mm_;
	const PageShift page_;
	const u64 system_pages_;
	PinCharge *const pins_;
	Steps steps_{ Steps::kLookUps };
	/* Entries that name memory of this region, not yet told to the port. */
	Region *region_ = nullptr;
	u64 nr_ = 0;
};

/*
 * What MAP puts into a run of entries: registered memory that is noted to be
 * mapped already, or (@mem is nullptr) pages that are pinned already, one a
 * TCE.
 */
struct MapSource {
	tce_mem *mem = nullptr;
	Uaddr user;
	/* Of each entry. */
	const u64 *hpa = nullptr;
	Perm perm;
	/* Of an error: what the run is then. */
	enum class Left {
		AsItWas,
		Closed,
		Unsynced, /* the platform may have the pages all the same */
	} left = Left::AsItWas;
};

class Window : Pinned {
public:
	/*
	 * @for_kvm: KVM may use it.  @log: who is told of trouble, from here
	 * on.  NoMem.
	 */
	static Result<Window *> make(Owner &owner, const Geometry &geometry, Walk walk,
				     bool for_kvm, tce_log_who *log);
	/*
	 * Of a window that was never made known to anybody, and has no mirror.
	 */
	static void discard(Window *window);

	/* The platform has given it an address.  NoMem. */
	Status place(Iova start);
	/* It is about to be connected: make it known to the owner. */
	void go_live();

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
	[[nodiscard]] bool walked() const { return table_.walked(); }

	/* --- for the container ------------------------------------------- */

	/* Make the leaves that @range lacks, see Table::prepare(). */
	Status prepare(IndexRange range, PreparedLeaves &leaves)
	{
		return table_.prepare(range, leaves);
	}
	void link(PreparedLeaves &leaves) { table_.link(leaves); }
	[[nodiscard]] TableCharge &charge() { return charge_; }
	[[nodiscard]] const TableCharge &charge() const { return charge_; }
	/* For the administrator: entries that are live. */
	[[nodiscard]] u64 count_live() const;

	/*
	 * Map a run that lies in one leaf and is no longer than kRun.  On
	 * success the entries own the notes or pins of @from.  On an error
	 * @from.left says what the run is.
	 */
	Status map_run(IndexRange run, MapSource &from, Releaser &releaser) TCE_EXCLUDES(update_);

	/* Close what is live in @range.  Io: some entries are still live. */
	Status unmap(IndexRange range, Releaser &releaser,
		     Patience::Kind kind = Patience::Kind::Stubborn) TCE_EXCLUDES(update_);

	/*
	 * A group's part, connected to nothing yet.  NoMem.  It is the window's
	 * from then on, and gone after drop_mirror(), or after finish() at the
	 * latest.
	 */
	Result<Mirror *> make_mirror(u32 liobn) TCE_EXCLUDES(update_);
	/* From here on it is told of what is published. */
	void add_mirror(Mirror &mirror) TCE_EXCLUDES(update_);
	void drop_mirror(Mirror *mirror) TCE_EXCLUDES(update_);
	/*
	 * PAPR: fill its LIOBN from the shadow.  An error: it is not connected,
	 * and @left is what became of the entries that came through.
	 */
	Status connect_mirror(Mirror &mirror, Entries &left) TCE_EXCLUDES(update_);
	/* PAPR: clear what is live there, the others are not touched. */
	Entries clear_mirror(Mirror &mirror) TCE_EXCLUDES(update_);

	/* KVM can do nothing more with it.  Then unmap() what is left. */
	void retire();
	/*
	 * The platform has removed it everywhere, or @reach is Possible: give
	 * back what is still named, the leaves, and the charge; then drop the
	 * reference.  The window may be gone afterwards.
	 */
	void finish(Releaser &releaser, Reach reach);
	/* Give back the charge before that. */
	void uncharge() { charge_.drop(); }

	/* --- for KVM: these never sleep ----------------------------------- */

	/*
	 * An error: KVM must not go on with this call at all.  Else it is told
	 * that nothing was there.
	 */
	Status exchange(TceIndex index, Hpa hpa, Perm perm);
	void kill(IndexRange range);
	/*
	 * A slot that is claimed for the caller, or nullptr: userspace does it.
	 */
	Be64 *user_slot(TceIndex index);

	/* --- for what waits on KVM ---------------------------------------- */

	/* Publish all that is pending. */
	void flush() TCE_EXCLUDES(update_);
	[[nodiscard]] bool used_by_kvm() const { return gate_.load_ordered() & kUsed; }

	/* One struct iommu_table less. */
	void unref();

	/* NOLINTNEXTLINE(*-non-private-member-variables-in-classes): a link of the owner's list */
	Window *next_of_owner = nullptr; /* protected by the owner's lock */
	/* NOLINTNEXTLINE(*-non-private-member-variables-in-classes): a link of the container's list */
	Window *next_unfinished = nullptr; /* protected by the container's lock */

	Window(Owner &owner, const Geometry &geometry, Walk walk, bool for_kvm);
	~Window();

private:
	/*
	 * Where an ioctl works: what is being replaced, and by what; it goes
	 * with the window's leaves.
	 */
	struct Scratch {
		Entry old[kRun];
	};
	/*
	 * Notes of entries that the hypervisor may or may not have: kept until
	 * there is no doubt.
	 */
	struct UnsyncedNotes {
		tce_mem *mem = nullptr;
		u64 nr = 0;
	};
	static constexpr unsigned int kMaxUnsynced = 8;

	/*
	 * What a vCPU needs to know of the window before it may go on: one
	 * word, so that it is one load.
	 */
	using Gate = u32;
	static constexpr Gate kLive = 1;   /* until retire() */
	static constexpr Gate kForKvm = 2; /* v2 */
	static constexpr Gate kUsed = 4;   /* a vCPU was here */
	static constexpr Gate kOpen = kLive | kForKvm | kUsed;

	/*
	 * So many published entries are pushed again if that saves a hypercall:
	 * each takes what two or three instructions of the hypervisor's take.
	 */
	static constexpr u64 kBridge = 16;

	/* What a push says of its run. */
	enum class What {
		AsItIs, /* what the shadow says now */
		Closed, /* nothing, whatever KVM has written there meanwhile */
	};

	/*
	 * IODA2 takes write without read for neither (pnv_tce_xchg() in the
	 * kernel).
	 */
	[[nodiscard]] Perm effective(Perm perm) const
	{
		return walked() && perm.writes() ? Perm(Perm::kMask) : perm;
	}
	[[nodiscard]] papr::Target target(const Mirror &mirror, TceIndex first) const
	{
		return { mirror.liobn, page(), address(first) };
	}
	[[nodiscard]] Iova address(TceIndex index) const
	{
		return start_ + (index.raw << page().lg2());
	}
	[[nodiscard]] u64 offset() const { return start_.raw >> page().lg2(); }

	/* window_push.cc */
	void arm_flush();
	void set_pending(Leaf &leaf, TceIndex index) TCE_REQUIRES(leaf.lock);
	void settle(Leaf &leaf, IndexRange run, What what) TCE_REQUIRES(leaf.lock);
	long push_once(Leaf &leaf, IndexRange run, What what, u32 &calls) TCE_REQUIRES(leaf.lock);
	Status push(Leaf &leaf, IndexRange run, What what, Patience::Kind kind, u32 &calls)
		TCE_REQUIRES(leaf.lock);
	Status push_waiting(Leaf &leaf, IndexRange run, What what, Patience::Kind kind, long status,
			    u32 &calls) TCE_REQUIRES(leaf.lock);
	void pushed(Leaf &leaf, IndexRange run) TCE_REQUIRES(leaf.lock);
	bool publish_one(Leaf &leaf, TceIndex index, u32 &calls) TCE_REQUIRES(leaf.lock);
	void publish_leaf(Leaf &leaf, IndexRange range, Patience::Kind kind, u32 &calls)
		TCE_REQUIRES(leaf.lock);
	void close_lost(Leaf &leaf, IndexRange run, Patience::Kind kind, u32 &calls)
		TCE_REQUIRES(leaf.lock);
	void mark_unsynced(Leaf &leaf, IndexRange run) TCE_REQUIRES(leaf.lock);
	Leaf *flush_listed(u32 &calls) TCE_REQUIRES(update_);
	void flush_claims(Leaf *left, u32 &calls) TCE_REQUIRES(update_);
	void list_again(Leaf &leaf) TCE_REQUIRES(leaf.lock);
	void drop_note(Uaddr token);
	void log_unclosed(IndexRange run);

	/* window_map.cc */
	void fill(Leaf &leaf, IndexRange run, const MapSource &from)
		TCE_REQUIRES(update_, leaf.lock);
	void lock_still(Leaf &leaf, IndexRange run) TCE_REQUIRES(update_) TCE_ACQUIRE(leaf.lock);
	void open_again(Leaf &leaf) TCE_REQUIRES(update_) TCE_RELEASE(leaf.lock);
	Status unmap_run(Leaf &leaf, IndexRange run, Releaser &releaser, Patience::Kind kind)
		TCE_REQUIRES(update_);
	MapSource::Left undo_map(Leaf &leaf, IndexRange run, MapSource &from)
		TCE_REQUIRES(update_, leaf.lock);
	void keep_unsynced(tce_mem *mem, u64 nr) TCE_REQUIRES(update_);
	void release_unsynced() TCE_REQUIRES(update_);

	/* window.cc */
	void quiesce() TCE_REQUIRES(update_);
	void link_mirror(Mirror &mirror) TCE_REQUIRES(update_);
	bool unlink_mirror(const Mirror &mirror) TCE_REQUIRES(update_);
	long put_mirror(const Mirror &mirror, Leaf &leaf, IndexRange run) TCE_REQUIRES(leaf.lock);
	Status put_all(Mirror &mirror) TCE_REQUIRES(update_);
	u64 sweep(Releaser &releaser, Reach reach) TCE_EXCLUDES(update_);

	/* window_kvm.cc */
	bool enter();
	void kill_leaf(Leaf *leaf, IndexRange range, u32 &calls);
	void kill_leaves(IndexRange range, u32 &calls);
	[[nodiscard]] bool is_sound(Hpa hpa);

	Owner &owner_;
	const bool large_; /* IOMMU pages are larger than the system's */
	TableCharge charge_;
	Table table_;
	Iova start_;
	tce_flush *flush_ = nullptr;

	Mutex update_{ TCE_LOCK_UPDATE }; /* ioctls and the deferred flush, one at a time */
	Scratch *scratch_ TCE_PT_GUARDED_BY(update_) = nullptr;
	UnsyncedNotes unsynced_[kMaxUnsynced] TCE_GUARDED_BY(update_);

	Atomic<Mirror *> mirrors_; /* written under update_ */
	Atomic<bool> worn_out_;	   /* the hypervisor was busy for too long */
	DirtyLeaves dirty_;
	Atomic<u64> unsynced_leaves_; /* with entries that are unsynced */

	Park park_;
	Atomic<Gate> gate_;
	Atomic<bool> armed_; /* the deferred flush, since it last began */
	Atomic<u64> refs_{ 1 };
	struct Later : tce_later {
		Window *window = nullptr;
	} later_{};
};

} /* namespace tce */

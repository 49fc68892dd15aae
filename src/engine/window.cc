// SPDX-License-Identifier: GPL-2.0-only
/*
 * A window: its beginning, groups that come and go, and its end; see
 * window.hpp.  How entries get to the platform is in window_push.cc, what MAP
 * and UNMAP do in window_map.cc, what KVM does in window_kvm.cc.
 */
#include "window.hpp"

namespace tce {

Window::Window(Owner &owner, const Geometry &geometry, Walk walk, bool for_kvm)
	: owner_(owner),
	  large_(geometry.page().lg2() > tce_port_page_shift()),
	  charge_(owner.mm(), geometry.entries()),
	  table_(geometry, walk),
	  gate_(for_kvm ? kLive | kForKvm : kLive)
{
}

Window::~Window()
{
	destroy_object(scratch_);
}

Result<Window *> Window::make(Owner &owner, const Geometry &geometry, Walk walk, bool for_kvm,
			      tce_log_who *log)
{
	void *at = tce_port_alloc(sizeof(Window));

	if (!at)
		return Errc::NoMem;

	auto *window = new (Place{}, at) Window(owner, geometry, walk, for_kvm);
	Status status;

	window->scratch_ = make_object<Scratch>();
	if (!window->scratch_)
		status = Errc::NoMem;
	/* What hardware walks costs something before it has an address. */
	window->charge_.report_to(log);
	if (status.ok() && walk.by_hardware)
		status = window->table_.make_root(window->charge_);
	if (!status.ok()) {
		discard(window);
		return status.error();
	}
	return window;
}

void Window::discard(Window *window)
{
	if (window->flush_)
		tce_port_flush_destroy(window->flush_);
	window->charge_.drop();
	destroy_object(window);
}

Status Window::place(Iova start)
{
	start_ = start;
	flush_ = tce_port_flush_create(reinterpret_cast<tce_table *>(this));
	return flush_ ? Status() : Status(Errc::NoMem);
}

void Window::go_live()
{
	owner_.add(*this);
}

/* --- Groups that come and go ---------------------------------------------- */

Result<Mirror *> Window::make_mirror(u32 liobn)
{
	const tce_ktable_shape shape = { page().lg2(),	     liobn,
					 offset(),	     geometry().entries(),
					 table_.root_page(), table_.page_bytes(),
					 geometry().levels() };
	auto *mirror = make_object<Mirror>();

	if (!mirror)
		return Errc::NoMem;
	mirror->ktable = tce_port_ktable_create(reinterpret_cast<tce_table *>(this), &shape);
	if (!mirror->ktable) {
		destroy_object(mirror);
		return Errc::NoMem;
	}
	refs_.add_ordered(1);
	mirror->liobn = liobn;
	return mirror;
}

/*
 * Wait for whoever is under a leaf's lock and may have seen the mirrors as they
 * were: vCPUs only, all others hold update_.
 */
void Window::quiesce()
{
	update_.assert_held();

	if ((gate_.load_ordered() & (kLive | kUsed)) == (kLive | kUsed))
		tce_port_sync_users();
}

void Window::link_mirror(Mirror &mirror)
{
	update_.assert_held();

	mirror.next.store_relaxed(mirrors_.load_relaxed());
	mirrors_.store_ordered(&mirror);
}

/* True if it was in the list; a vCPU may be at it until quiesce(). */
bool Window::unlink_mirror(const Mirror &mirror)
{
	update_.assert_held();

	for (Atomic<Mirror *> *link = &mirrors_; Mirror *at = link->load_relaxed();
	     link = &at->next) {
		if (at == &mirror) {
			link->store_ordered(at->next.load_relaxed());
			return true;
		}
	}
	return false;
}

/*
 * Who publishes without the new one has written his entries before that, when
 * this returns: the hardware reads them.
 */
void Window::add_mirror(Mirror &mirror)
{
	Guard update(update_);

	link_mirror(mirror);
	quiesce();
}

void Window::drop_mirror(Mirror *mirror)
{
	if (!mirror)
		return;
	{
		Guard update(update_);

		if (unlink_mirror(*mirror))
			quiesce();
	}
	tce_port_ktable_put(mirror->ktable);
	destroy_object(mirror);
}

/*
 * It is in the list before it is filled, so whatever KVM does meanwhile gets
 * there, too.
 */
Status Window::connect_mirror(Mirror &mirror, Entries &left)
{
	Status filled;
	{
		Guard update(update_);

		/* Nobody else sees it yet. */
		mirror.mode.store_relaxed(Mirror::Mode::Joining);
		link_mirror(mirror);
		filled = put_all(mirror);
		if (filled.ok()) {
			/* From here on what fails there fails everywhere. */
			mirror.mode.store_ordered(Mirror::Mode::Full);
			quiesce();
			if (!mirror.failed.load_ordered())
				return {};
			filled = Errc::Io;
		}
	}
	left = clear_mirror(mirror);
	return filled;
}

/*
 * It leaves the list when it is clear, so that nothing that KVM closes
 * meanwhile stays open there.  What failed there before, while it was filled,
 * may have been such a close: then nobody can say that it is clear.
 */
Entries Window::clear_mirror(Mirror &mirror)
{
	Guard update(update_);

	mirror.mode.store_ordered(Mirror::Mode::Leaving);

	const Status cleared = put_all(mirror);

	if (unlink_mirror(mirror))
		quiesce();
	return cleared.ok() && !mirror.failed.load_ordered() ? Entries::Clear : Entries::Unsynced;
}

/*
 * Fill one LIOBN from the shadow, or, of one that leaves, close there what is
 * or may be live.
 */
Status Window::put_all(Mirror &mirror)
{
	update_.assert_held();

	const bool fill = mirror.mode.load_relaxed() == Mirror::Mode::Joining;
	Status all;

	for (Runs runs(table_, table_.whole()); runs.next();) {
		Patience patience(Patience::Kind::Stubborn);
		long status = papr::kBusy;

		while (papr::is_busy(status)) {
			{
				Guard entries(runs.leaf().lock);

				status = put_mirror(mirror, runs.leaf(), runs.run());
			}
			if (papr::is_busy(status) && !patience.wait(status))
				break;
		}

		const Status one = papr::to_errc(status);

		if (!one.ok() && fill)
			return one;
		if (!one.ok() && all.ok())
			all = one;
	}
	return all;
}

long Window::put_mirror(const Mirror &mirror, Leaf &leaf, IndexRange run)
{
	leaf.lock.assert_held();

	const bool fill = mirror.mode.load_relaxed() == Mirror::Mode::Joining;
	const auto nr = static_cast<unsigned int>(run.count());
	const Leaf::Slots slots(leaf, run);
	bool any = false;
	u32 calls = 0;

	for (u64 n = 0; n < nr && !any; n++)
		any = !slots.is_clear(n) || (!fill && leaf.is_pending(run.begin + n));
	if (!any)
		return papr::kSuccess;
	return fill ? papr::put_run(target(mirror, run.begin), slots.list(), nr, calls) :
		      papr::clear_run(target(mirror, run.begin), nr, calls);
}

/* --- The end -------------------------------------------------------------- */

void Window::retire()
{
	/*
	 * A vCPU says that it was here before it looks at kLive (enter()):
	 * either we know of it, or it finds the window gone.  After the grace
	 * period whoever saw it live is in there no more, and nobody arms the
	 * flush again.
	 */
	if (gate_.and_ordered(~kLive) & kUsed)
		tce_port_sync_users();
	tce_port_flush_cancel(flush_);
}

/*
 * In the user slots of a window that is gone stands what nobody gave back:
 * entries that KVM's error path closed without a word, those that came too late
 * to be mapped, and those that the hypervisor did not close.
 */
void Window::finish(Releaser &releaser, Reach reach)
{
	/* Until here memory is given back only after a look at this window. */
	owner_.remove(*this);

	const u64 quarantined = sweep(releaser, reach);

	releaser.flush();
	if (quarantined) {
		owner_.quarantine_busy();
		tce_port_count(TCE_COUNT_QUARANTINED, static_cast<long>(quarantined));
	}
	owner_.retry();
	charge_.drop();
	tce_port_flush_destroy(flush_);
	flush_ = nullptr;

	/*
	 * What hardware may still walk stays with the table that the platform
	 * did not let go.
	 */
	Mirror *left = mirrors_.load_ordered();

	/* Nobody flushes any more. */
	static_cast<void>(dirty_.take_all());
	if (!left)
		table_.clear();
	for (; left; left = mirrors_.load_ordered())
		drop_mirror(left);
	/* What is left of it until KVM lets go of its tables is small. */
	destroy_object(tce::exchange(scratch_, static_cast<Scratch *>(nullptr)));
	unref();
}

void Window::unref()
{
	if (refs_.sub_ordered(1) != 1)
		return;
	/*
	 * A callback that began before the last table went may still look at
	 * us.
	 */
	later_.window = this;
	tce_port_later(&later_, [](tce_later *later) {
		/* NOLINTNEXTLINE(cppcoreguidelines-pro-type-static-cast-downcast): no virtual function anywhere */
		destroy_object(static_cast<Later *>(later)->window);
	});
}

/* Give back what no device can use; how much a device may still use. */
u64 Window::sweep(Releaser &releaser, Reach reach)
{
	Guard guard(update_);
	u64 quarantined = 0;

	for (Runs runs(table_, table_.whole()); runs.next();) {
		Leaf &leaf = runs.leaf();
		const IndexRange run = runs.run();
		u64 found = 0;
		{
			Guard entries(leaf.lock);

			for (TceIndex i = run.begin; i < run.end; i += 1) {
				Entry old = leaf.get(i);

				if (Claim::is(old.user))
					old.user = park_.take_kept(i);
				if (reach == Reach::Possible &&
				    (old.tce.live() || (old.user.raw && leaf.is_pending(i)))) {
					quarantined++;
				} else if (old.user.raw || old.tce.live()) {
					scratch_->old[found++] = old;
					leaf.set(i, {});
				}
			}
		}
		releaser.release(scratch_->old, found);
	}
	for (Uaddr token = park_.take_any(); token.raw; token = park_.take_any()) {
		const Entry parked = { Tce(), token };

		if (reach == Reach::None)
			releaser.release(&parked, 1);
		else
			quarantined++;
	}
	for (UnsyncedNotes &kept : unsynced_) {
		if (reach == Reach::None && kept.nr)
			tce_port_mem_unmap(kept.mem, kept.nr);
		else
			quarantined += kept.nr;
		kept = {};
	}
	return quarantined;
}

} /* namespace tce */

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
	  for_kvm_(for_kvm),
	  charge_(owner.mm(), geometry.entries()),
	  table_(geometry, walk)
{
}

Window::~Window()
{
	free_room();
}

Status Window::make_room()
{
	scratch_ = make_object<Scratch>();
	tokens_ = make_object<Tokens>();
	if (!scratch_ || !tokens_)
		return Errc::NoMem;
	if (walked())
		return {};
	list_ = static_cast<Be64 *>(tce_port_page_alloc());
	return list_ ? Status() : Status(Errc::NoMem);
}

void Window::free_room()
{
	destroy_object(tce::exchange(scratch_, static_cast<Scratch *>(nullptr)));
	destroy_object(tce::exchange(tokens_, static_cast<Tokens *>(nullptr)));
	tce_port_page_free(tce::exchange(list_, static_cast<Be64 *>(nullptr)));
}

Result<Window *> Window::make(Owner &owner, const Geometry &geometry, Walk walk, bool for_kvm,
			      tce_log_who *log)
{
	void *at = tce_port_alloc(sizeof(Window));

	if (!at)
		return Errc::NoMem;

	auto *window = new (Place{}, at) Window(owner, geometry, walk, for_kvm);
	Status status = window->make_room();

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

void Window::add_mirror(Mirror &mirror)
{
	Guard guard(push_);

	mirror.next = mirrors_;
	mirrors_ = &mirror;
}

void Window::drop_mirror(Mirror *mirror)
{
	if (!mirror)
		return;
	{
		Guard guard(push_);

		remove_from(mirrors_, *mirror, &Mirror::next);
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
		mirror.mode = Mirror::Mode::Joining;
		add_mirror(mirror);
		filled = put_all(mirror);

		Guard guard(push_);

		if (filled.ok() && mirror.failed)
			filled = Errc::Io;
		if (filled.ok()) {
			mirror.mode = Mirror::Mode::Full;
			return {};
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
	{
		Guard guard(push_);

		mirror.mode = Mirror::Mode::Leaving;
	}
	const Status cleared = put_all(mirror);
	Guard guard(push_);

	remove_from(mirrors_, mirror, &Mirror::next);
	return cleared.ok() && !mirror.failed ? Entries::Clear : Entries::Unsynced;
}

Mirror *Window::any_mirror()
{
	Guard guard(push_);

	return mirrors_;
}

/*
 * Fill one LIOBN from the shadow, or, of one that leaves, close there what is
 * or may be live.
 */
Status Window::put_all(Mirror &mirror)
{
	update_.assert_held();

	const bool fill = mirror.mode == Mirror::Mode::Joining;
	Status all;

	for (Runs runs(table_, table_.whole()); runs.next();) {
		Patience patience(Patience::Kind::Stubborn);
		long status = papr::kBusy;

		while (papr::is_busy(status)) {
			{
				Guard guard(push_);

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
	push_.assert_held();

	const bool fill = mirror.mode == Mirror::Mode::Joining;
	const auto nr = static_cast<unsigned int>(run.count());
	bool any = false;
	u32 calls = 0;
	{
		Guard entries(leaf.lock);

		for (TceIndex i = run.begin; i < run.end; i += 1) {
			const Tce tce = leaf.tce(i);

			list_[i - run.begin] = tce.to_be();
			any = any || tce.live() || (!fill && !leaf.published(i));
		}
	}
	if (!any)
		return papr::kSuccess;
	return fill ? papr::put_run(target(mirror, run.begin), list_, nr, calls) :
		      papr::clear_run(target(mirror, run.begin), nr, calls);
}

/* --- The end -------------------------------------------------------------- */

void Window::retire()
{
	live_.store_ordered(false);
	/*
	 * Whoever saw it live is in there no more, and nobody arms the flush
	 * again.
	 */
	if (used_by_kvm())
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
	Mirror *left = any_mirror();

	if (!left)
		table_.clear();
	for (; left; left = any_mirror())
		drop_mirror(left);
	/* What is left of it until KVM lets go of its tables is small. */
	free_room();
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

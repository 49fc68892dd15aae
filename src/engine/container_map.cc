// SPDX-License-Identifier: GPL-2.0-only
/*
 * A container: MAP and UNMAP; see container.hpp.
 *
 * Both run under the container's lock for reading, beside each other.  MAP
 * first prepares all that can fail, for the whole range: memory is registered
 * and fits the page size, and cannot go away any more; what the table lacks is
 * made and charged.  Then it commits run by run; only the hypervisor can
 * refuse, or the process be killed.
 */
#include "container.hpp"

namespace tce {

/*
 * The regions behind a range of user memory, one after the other.  MAP may span
 * several, but no IOMMU page may.
 *
 * Of each region one note is taken before MAP changes anything: from then on it
 * cannot go away, and notes for the entries are to be had as long as there are
 * entries to make, run by run.  So a MAP that is killed has next to nothing to
 * give back.
 */
class Container::Notes : Pinned {
public:
	Notes(const RegionIndex &regions, PageShift page, Uaddr from, u64 size)
		: cursor_(regions),
		  page_(page),
		  from_(from),
		  end_(from + size),
		  held_(from),
		  used_(from),
		  noted_(from)
	{
	}
	~Notes();

	/*
	 * Inval: not registered; Perm: not contiguous enough; Intr.  Nothing is
	 * noted.
	 */
	Status check();
	/*
	 * No region goes away any more, and there is room for runs of @most.
	 * NoMem, Intr.
	 */
	Status hold(u64 most);
	/*
	 * The run that begins at @at: where it is, and a note for each of its
	 * entries.
	 */
	Status take(Uaddr at, u64 nr);

	/* How much at @at lies in one region. */
	[[nodiscard]] u64 part_of(Uaddr at, Uaddr end)
	{
		return min(cursor_.at(at)->end(), end, at);
	}
	[[nodiscard]] tce_mem *mem_at(Uaddr at) { return cursor_.at(at)->mem(); }
	/* Of the run that was taken. */
	[[nodiscard]] const u64 *hpa() const { return hpa_; }
	/* Its notes are the table's now. */
	void used() { used_ = noted_; }

private:
	/* For the MAPs of a guest's driver, a few pages each. */
	static constexpr u64 kFew = 16;

	static u64 min(Uaddr a, Uaddr b, Uaddr at) { return (a < b ? a : b) - at; }
	Status check_part(tce_mem *mem, Uaddr at, u64 size, Steps &steps) const;
	[[nodiscard]] Status translate(tce_mem *mem, Uaddr at, PageShift page, u64 nr,
				       u64 *hpa) const
	{
		return Status::from_port(tce_port_mem_translate(
			mem, at.raw, page.lg2(), static_cast<unsigned int>(nr), hpa));
	}

	RegionCursor cursor_;
	const PageShift page_;
	const Uaddr from_;
	const Uaddr end_;
	Uaddr held_;  /* the regions up to here have a note */
	Uaddr used_;  /* from here */
	Uaddr noted_; /* to here entries have theirs */
	u64 *hpa_ = few_;
	u64 few_[kFew];
};

Container::Notes::~Notes()
{
	Steps steps(Steps::kNotes);

	/* What nobody used. */
	if (used_ < noted_)
		tce_port_mem_unmap(mem_at(used_), (noted_ - used_) >> page_.lg2());
	for (Uaddr at = from_; at < held_; at += part_of(at, held_)) {
		steps.go(1);
		tce_port_mem_unmap(mem_at(at), 1);
	}
	if (hpa_ != few_)
		tce_port_free(hpa_);
}

Status Container::Notes::check()
{
	Steps steps(Steps::kLookUps);

	for (Uaddr at = from_; at < end_;) {
		TCE_TRY(steps.try_go(1));

		Region *region = cursor_.at(at);

		if (!region)
			return Errc::Inval;

		const u64 part = part_of(at, end_);

		if (!page_.aligned(part))
			return Errc::Inval;
		/* Smaller pages always fit. */
		if (page_.lg2() > tce_port_page_shift())
			TCE_TRY(check_part(region->mem(), at, part, steps));
		at += part;
	}
	return {};
}

/*
 * Is each IOMMU page one block?  The largest are looked at in blocks of a step.
 */
Status Container::Notes::check_part(tce_mem *mem, Uaddr at, u64 size, Steps &steps) const
{
	const unsigned int shift = tce_port_page_shift();
	const PageShift block(tce::min(page_.lg2(), shift + Steps::kLookUpsLg2));
	const u64 most = Steps::kLookUps >> (block.lg2() - shift);
	u64 hpa = 0;

	for (u64 done = 0; done < size;) {
		const bool whole = block.lg2() == page_.lg2();
		const u64 nr = whole ? tce::min(most, (size - done) >> block.lg2()) : 1;
		const u64 offset = done & page_.mask();
		u64 here = 0;

		TCE_TRY(steps.try_go(nr << (block.lg2() - shift)));
		TCE_TRY(translate(mem, at + done, block, nr, whole ? nullptr : &here));
		if (!offset)
			hpa = here;
		if (!whole && (!page_.aligned(hpa) || here != hpa + offset))
			return Errc::Perm;
		done += nr << block.lg2();
	}
	return {};
}

Status Container::Notes::hold(u64 most)
{
	Steps steps(Steps::kNotes);

	if (most > kFew) {
		hpa_ = static_cast<u64 *>(tce_port_alloc(most * sizeof(u64)));
		if (!hpa_) {
			hpa_ = few_;
			return Errc::NoMem;
		}
	}
	while (held_ < end_) {
		TCE_TRY(steps.try_go(1));
		TCE_TRY(Status::from_port(tce_port_mem_map(mem_at(held_), 1)));
		held_ += part_of(held_, end_);
	}
	return {};
}

/* That the pages are one block each is known: where they begin says it all. */
Status Container::Notes::take(Uaddr at, u64 nr)
{
	const PageShift system(tce_port_page_shift());
	tce_mem *mem = mem_at(at);

	if (page_.lg2() <= system.lg2()) {
		TCE_TRY(translate(mem, at, page_, nr, hpa_));
	} else {
		for (u64 n = 0; n < nr; n++)
			TCE_TRY(translate(mem, at + (n << page_.lg2()), system, 1, hpa_ + n));
	}
	TCE_TRY(Status::from_port(tce_port_mem_map(mem, nr)));
	used_ = at;
	noted_ = at + (nr << page_.lg2());
	return {};
}

Window *Container::window_at(Iova at) const
{
	lock_.assert_held();

	for (Window *w : windows_) {
		if (w && w->holds(at))
			return w;
	}
	return nullptr;
}

bool Container::in_untouched_default(Iova at) const
{
	lock_.assert_held();
	if (!default_untouched_ || !groups_)
		return false;

	const tce_group_caps &caps = groups_->caps();

	return Iova(caps.default_start) <= at && at < Iova(caps.default_start) + caps.default_size;
}

/* The default window gets its table; who gets here has an owner. */
Status Container::materialize_default()
{
	if (!lock_.lock_killable())
		return Errc::Intr;

	Guard guard(lock_, Held{});

	TCE_TRY(check_caller());
	if (!default_untouched_)
		return {};

	const Geometry geometry =
		TCE_TRY(groups_->shape(PageShift::kMin, groups_->caps().default_size, 1));

	TCE_TRY(open_window(0, geometry, Backs::Default));
	default_untouched_ = false;
	return {};
}

/* @at is in what ends at @end: that is how the caller found it. */
Status Container::check_range(PageShift page, Iova end, Iova at, u64 size) const
{
	if (!size || !page.aligned(at.raw) || !page.aligned(size) || wraps(at.raw, size))
		return refuse(Errc::Inval, "a range that is not of whole IOMMU pages");
	if (end < at + size)
		return refuse(Errc::Inval, "it goes over the end of the window");
	return {};
}

Status Container::map(u32 flags, Uaddr from, Iova to, u64 size)
{
	for (;;) {
		{
			if (!lock_.lock_shared_killable())
				return Errc::Intr;

			ReadGuard guard(lock_, Held{});

			TCE_TRY(check_caller());
			if (!enabled_)
				return refuse(Errc::Perm, "nothing was registered, or not enabled");
			if (!flags || (flags & ~(TCE_MAP_READ | TCE_MAP_WRITE)))
				return refuse(Errc::Inval, "flags");
			/*
			 * VFIO_DMA_MAP_FLAG_READ and _WRITE are the device's
			 * rights, as the bits of a TCE are.
			 */
			if (Window *window = window_at(to)) {
				TCE_TRY(check_map(window->page(), window->end(), from, to, size));
				return version_ == TCE_V1 ?
					       map_pinned(*window, Perm(flags), from, to, size) :
					       map_registered(*window, Perm(flags), from, to, size);
			}
			if (!in_untouched_default(to))
				return refuse(Errc::Nxio, "no window is there");
			TCE_TRY(check_first_map(from, to, size));
		}
		TCE_TRY(materialize_default());
	}
}

Status Container::check_map(PageShift page, Iova end, Uaddr from, Iova to, u64 size) const
{
	TCE_TRY(check_range(page, end, to, size));
	if (!page.aligned(from.raw) || wraps(from.raw, size))
		return refuse(Errc::Inval, "memory that does not begin with an IOMMU page");
	return {};
}

/* The default window gets its table only for a MAP that can go on. */
Status Container::check_first_map(Uaddr from, Iova to, u64 size) const
{
	lock_.assert_held();

	const tce_group_caps &caps = groups_->caps();
	const PageShift page;
	const Iova end(caps.default_start + caps.default_size);

	TCE_TRY(check_map(page, end, from, to, size));
	/* v1: no memory is registered. */
	return version_ == TCE_V1 ? Status() : Notes(regions_, page, from, size).check();
}

/* What was there before is closed as well. */
Status Container::close_half_way(Window &window, IndexRange range, Status why)
{
	lock_.assert_held();

	Releaser releaser = releaser_for(window);
	Status closed = window.unmap(range, releaser);

	(void)closed;
	return why;
}

Status Container::map_registered(Window &window, Perm perm, Uaddr from, Iova to, u64 size)
{
	lock_.assert_held();

	const PageShift page = window.page();
	const IndexRange range = { window.index(to), window.index(to) + (size >> page.lg2()) };
	const u64 most = min<u64>(kRun, range.count());
	Notes notes(regions_, page, from, size);
	PreparedLeaves leaves(window.charge());

	if (Status fits = notes.check(); !fits.ok())
		return refuse(fits.error(),
			      fits.error() == Errc::Perm ?
				      "memory that is not one block for each IOMMU page" :
				      "memory that is not registered");
	if (Status made = window.prepare(range, leaves); !made.ok())
		return refuse(made.error(), "RLIMIT_MEMLOCK, or no memory for tables");
	TCE_TRY(notes.hold(most));
	window.link(leaves);

	Releaser releaser = releaser_for(window);

	for (TceIndex at = range.begin; at < range.end;) {
		const Uaddr user = from + ((at - range.begin) << page.lg2());
		const u64 in_region = notes.part_of(user, from + size) >> page.lg2();
		const u64 in_leaf = window.geometry().leaf_end(at) - at;
		const u64 nr = min(min(in_region, in_leaf), most);
		MapSource source = { notes.mem_at(user), user, notes.hpa(), perm };
		Status status = notes.take(user, nr);

		if (status.ok())
			status = window.map_run({ at, at + nr }, source, releaser);
		if (!status.ok() && at == range.begin && source.left == MapSource::Left::AsItWas)
			return status;
		if (!status.ok())
			return close_half_way(window, range, status);
		notes.used();
		at += nr;
		if (tce_port_killed())
			return close_half_way(window, range, Errc::Intr);
		tce_port_yield();
	}
	return {};
}

/*
 * Pages that MAP of a v1 container has pinned, one for each TCE; those that no
 * TCE has are let go.
 */
class Container::Pins : Pinned {
public:
	Pins(PageShift page, u64 nr, PinCharge &charge) : page_(page), nr_(nr), charge_(charge) {}
	~Pins()
	{
		const u64 unused = charged_ - used_;
		Steps steps(Steps::kNotes);

		for (; used_ < pinned_; used_++) {
			steps.go(1);
			tce_port_unpin(hpa_[used_], false);
		}
		if (unused)
			charge_.shrink(unused);
		tce_port_free(hpa_);
	}

	Status take(Uaddr from, bool write);
	[[nodiscard]] const u64 *at(u64 n) const { return hpa_ + n; }
	void used(u64 nr) { used_ += nr; }

private:
	const PageShift page_;
	const u64 nr_;
	PinCharge &charge_;
	u64 *hpa_ = nullptr;
	u64 charged_ = 0;
	u64 pinned_ = 0;
	u64 used_ = 0;
};

Status Container::Pins::take(Uaddr from, bool write)
{
	hpa_ = static_cast<u64 *>(tce_port_alloc(nr_ * sizeof(u64)));
	if (!hpa_)
		return Errc::NoMem;
	TCE_TRY(charge_.grow(nr_));
	charged_ = nr_;
	while (pinned_ < nr_) {
		const u64 run = min(nr_ - pinned_, static_cast<u64>(kRun));

		TCE_TRY(Status::from_port(tce_port_pin(from.raw + (pinned_ << page_.lg2()),
						       page_.lg2(), static_cast<unsigned int>(run),
						       write, hpa_ + pinned_)));
		pinned_ += run;
		if (tce_port_killed())
			return Errc::Intr;
		tce_port_yield();
	}
	return {};
}

Status Container::map_pinned(Window &window, Perm perm, Uaddr from, Iova to, u64 size)
{
	lock_.assert_held();

	const PageShift page = window.page();
	const IndexRange range = { window.index(to), window.index(to) + (size >> page.lg2()) };
	PreparedLeaves leaves(window.charge());
	Pins pins(page, range.count(), pins_);

	if (Status made = window.prepare(range, leaves); !made.ok())
		return refuse(made.error(), "RLIMIT_MEMLOCK, or no memory for tables");
	if (Status taken = pins.take(from, perm.writes()); !taken.ok())
		return refuse(taken.error(), taken.error() == Errc::NoMem ?
						     "RLIMIT_MEMLOCK, or no memory" :
						     "memory that cannot be pinned");
	window.link(leaves);

	Releaser releaser = releaser_for(window);

	for (TceIndex at = range.begin; at < range.end;) {
		const u64 in_leaf = window.geometry().leaf_end(at) - at;
		const u64 nr = min(min(range.end - at, in_leaf), static_cast<u64>(kRun));
		MapSource source = { nullptr, Uaddr(), pins.at(at - range.begin), perm };
		Status status = window.map_run({ at, at + nr }, source, releaser);

		/*
		 * Pages that a device may have are not let go, whatever became
		 * of the call.
		 */
		if (status.ok() || source.left == MapSource::Left::Unsynced)
			pins.used(nr);
		if (!status.ok() && at == range.begin && source.left == MapSource::Left::AsItWas)
			return status;
		if (!status.ok())
			return close_half_way(window, range, status);
		at += nr;
		if (tce_port_killed())
			return close_half_way(window, range, Errc::Intr);
		tce_port_yield();
	}
	return {};
}

Status Container::unmap(u32 flags, Iova from, u64 size)
{
	if (!lock_.lock_shared_killable())
		return Errc::Intr;

	ReadGuard guard(lock_, Held{});

	TCE_TRY(check_caller());
	if (!enabled_)
		return refuse(Errc::Perm, "nothing was registered, or not enabled");
	if (flags)
		return refuse(Errc::Inval, "flags");

	Window *window = window_at(from);

	if (!window) {
		if (!in_untouched_default(from))
			return refuse(Errc::Nxio, "no window is there");

		/* It has no table, so nothing is mapped. */
		const tce_group_caps &caps = groups_->caps();
		const Iova end(caps.default_start + caps.default_size);

		return check_range(PageShift(), end, from, size);
	}
	TCE_TRY(check_range(window->page(), window->end(), from, size));

	Releaser releaser = releaser_for(*window);

	return window->unmap({ window->index(from),
			       window->index(from) + (size >> window->page().lg2()) },
			     releaser, Patience::Kind::Killable);
}

} /* namespace tce */

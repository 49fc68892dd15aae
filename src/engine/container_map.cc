// SPDX-License-Identifier: GPL-2.0-only
/*
 * A container: MAP and UNMAP; see container.hpp.
 *
 * Both run under the container's lock for reading, beside each other.  MAP first prepares all that
 * can fail, for the whole range: memory is registered and fits the page size, is
 * noted to be mapped, the table has its leaves, the leaves are charged.  Then it commits run by
 * run; only the hypervisor can refuse, or the process be killed.
 */
#include "container.hpp"

namespace tce {

/*
 * The regions behind a range of user memory, one after the other.  MAP may span several,
 * but no IOMMU page may.
 */
class Container::Notes : Pinned {
public:
	Notes(const RegionIndex &regions, PageShift page, Uaddr from, u64 size)
		: cursor_(regions),
		  page_(page),
		  from_(from),
		  end_(from + size),
		  noted_(from),
		  used_(from)
	{
	}
	~Notes()
	{
		/* What nobody used. */
		while (used_ < noted_) {
			const u64 part = part_of(used_, noted_);

			tce_port_mem_unmap(cursor_.at(used_)->mem(), part >> page_.lg2());
			used_ += part;
		}
	}

	/* Inval: not registered; Perm: not contiguous enough.  Nothing is noted then. */
	Status check();
	/* Note all of it. */
	Status take();

	/* How much at @at lies in one region. */
	[[nodiscard]] u64 part_of(Uaddr at, Uaddr end)
	{
		return min(cursor_.at(at)->end(), end, at);
	}
	[[nodiscard]] tce_mem *mem_at(Uaddr at) { return cursor_.at(at)->mem(); }
	/* The notes up to @upto are the table's now. */
	void used(Uaddr upto) { used_ = upto; }

private:
	static u64 min(Uaddr a, Uaddr b, Uaddr at) { return (a < b ? a : b) - at; }

	RegionCursor cursor_;
	const PageShift page_;
	const Uaddr from_;
	const Uaddr end_;
	Uaddr noted_;
	Uaddr used_;
};

Status Container::Notes::check()
{
	/* IOMMU pages checked in one go between two yields. */
	constexpr u64 kStep = 4096;

	for (Uaddr at = from_; at < end_;) {
		Region *region = cursor_.at(at);

		if (!region)
			return Errc::Inval;

		const u64 part = part_of(at, end_);

		if (!page_.aligned(part))
			return Errc::Inval;

		/* Smaller pages always fit. */
		if (page_.lg2() > tce_port_page_shift()) {
			for (u64 done = 0; done < part;) {
				const u64 nr = tce::min(kStep, (part - done) >> page_.lg2());

				TCE_TRY(Status::from_port(tce_port_mem_translate(
					region->mem(), at.raw + done, page_.lg2(),
					static_cast<unsigned int>(nr), nullptr)));
				done += nr << page_.lg2();
				if (tce_port_killed())
					return Errc::Intr;
				tce_port_yield();
			}
		}
		at += part;
	}
	return {};
}

Status Container::Notes::take()
{
	while (noted_ < end_) {
		const u64 part = part_of(noted_, end_);

		TCE_TRY(Status::from_port(tce_port_mem_map(mem_at(noted_), part >> page_.lg2())));
		noted_ += part;
	}
	return {};
}

Window *Container::window_at(Iova at) const
{
	for (Window *w : windows_) {
		if (w && w->holds(at))
			return w;
	}
	return nullptr;
}

bool Container::in_untouched_default(Iova at) const
{
	if (!default_untouched_ || !groups_)
		return false;

	const tce_group_caps &caps = groups_->caps();

	return Iova(caps.default_start) <= at && at < Iova(caps.default_start) + caps.default_size;
}

/* The default window gets its table. */
Status Container::touch_default()
{
	Guard guard(lock_);

	TCE_TRY(check_caller());
	if (!default_untouched_)
		return {};

	const Geometry geometry =
		TCE_TRY(groups_->shape(PageShift::kMin, groups_->caps().default_size, 1));

	TCE_TRY(become_owned());
	TCE_TRY(open_window(0, geometry, true));
	default_untouched_ = false;
	return {};
}

Status Container::check_range(PageShift page, Iova begin, Iova end, Iova at, u64 size) const
{
	if (!size || !page.aligned(at.raw) || !page.aligned(size) || wraps(at.raw, size))
		return Errc::Inval;
	if (at < begin || end < at + size)
		return Errc::Inval;
	return {};
}

Status Container::map(u32 flags, Uaddr from, Iova to, u64 size)
{
	for (;;) {
		{
			ReadGuard guard(lock_);

			TCE_TRY(check_caller());
			if (!enabled_)
				return Errc::Perm;
			if (!flags || (flags & ~(TCE_MAP_READ | TCE_MAP_WRITE)))
				return Errc::Inval;
			/*
			 * VFIO_DMA_MAP_FLAG_READ and _WRITE are the device's rights, as the bits
			 * of a TCE are.
			 */
			if (Window *window = window_at(to)) {
				TCE_TRY(check_map(window->page(), window->start(), window->end(),
						  from, to, size));
				return version_ == TCE_V1 ?
					       map_pinned(*window, Perm(flags), from, to, size) :
					       map_registered(*window, Perm(flags), from, to, size);
			}
			if (!in_untouched_default(to))
				return Errc::Nxio;
			TCE_TRY(check_first_map(from, to, size));
		}
		TCE_TRY(touch_default());
	}
}

Status Container::check_map(PageShift page, Iova begin, Iova end, Uaddr from, Iova to,
			    u64 size) const
{
	TCE_TRY(check_range(page, begin, end, to, size));
	if (!page.aligned(from.raw) || wraps(from.raw, size))
		return Errc::Inval;
	return {};
}

/* The default window gets its table only for a MAP that can go on. */
Status Container::check_first_map(Uaddr from, Iova to, u64 size) const
{
	const tce_group_caps &caps = groups_->caps();
	const PageShift page;
	const Iova start(caps.default_start);

	TCE_TRY(check_map(page, start, start + caps.default_size, from, to, size));
	/* v1: no memory is registered. */
	return version_ == TCE_V1 ? Status() : Notes(regions_, page, from, size).check();
}

/* What was there before is closed as well. */
Status Container::close_half_way(Window &window, IndexRange range, Status why)
{
	Releaser releaser(regions_, owner_->mm(), window.page(), pin_charge());
	Status closed = window.unmap(range, releaser);

	(void)closed;
	return why;
}

Status Container::map_registered(Window &window, Perm perm, Uaddr from, Iova to, u64 size)
{
	const PageShift page = window.page();
	const IndexRange range = { window.index(to), window.index(to) + (size >> page.lg2()) };
	Notes notes(regions_, page, from, size);
	PreparedLeaves leaves(window.charge());

	TCE_TRY(notes.check());
	TCE_TRY(window.prepare(range, leaves));
	TCE_TRY(notes.take());
	window.link(leaves);

	Releaser releaser(regions_, owner_->mm(), page, pin_charge());

	for (TceIndex at = range.begin; at < range.end;) {
		const Uaddr user = from + ((at - range.begin) << page.lg2());
		const u64 in_region = notes.part_of(user, from + size) >> page.lg2();
		const u64 in_leaf = window.geometry().leaf_end(at) - at;
		const u64 nr = min(min(in_region, in_leaf), static_cast<u64>(papr::kRun));
		Source source = { notes.mem_at(user), user, nullptr, perm };
		Status status = window.map_run({ at, at + nr }, source, releaser);

		if (!status.ok() && at == range.begin && source.undone)
			return status;
		if (!status.ok())
			return close_half_way(window, range, status);
		at += nr;
		notes.used(from + ((at - range.begin) << page.lg2()));
		if (tce_port_killed())
			return close_half_way(window, range, Errc::Intr);
		tce_port_yield();
	}
	return {};
}

/* Pages that MAP of a v1 container has pinned, one for each TCE; those that no TCE has are let go. */
class Container::Pins : Pinned {
public:
	Pins(PageShift page, u64 nr, PinCharge &charge) : page_(page), nr_(nr), charge_(charge) {}
	~Pins()
	{
		const u64 unused = charged_ - used_;

		for (; used_ < pinned_; used_++)
			tce_port_unpin(hpa_[used_], false);
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
	if (page_.lg2() > tce_port_page_shift())
		return Errc::Perm;
	hpa_ = static_cast<u64 *>(tce_port_alloc(nr_ * sizeof(u64)));
	if (!hpa_)
		return Errc::NoMem;
	TCE_TRY(charge_.grow(nr_));
	charged_ = nr_;
	while (pinned_ < nr_) {
		const u64 run = min(nr_ - pinned_, static_cast<u64>(papr::kRun));

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
	const PageShift page = window.page();
	const IndexRange range = { window.index(to), window.index(to) + (size >> page.lg2()) };
	PreparedLeaves leaves(window.charge());
	Pins pins(page, range.count(), pins_);

	TCE_TRY(window.prepare(range, leaves));
	TCE_TRY(pins.take(from, perm.writes()));
	window.link(leaves);

	Releaser releaser(regions_, owner_->mm(), page, pin_charge());

	for (TceIndex at = range.begin; at < range.end;) {
		const u64 in_leaf = window.geometry().leaf_end(at) - at;
		const u64 nr = min(min(range.end - at, in_leaf), static_cast<u64>(papr::kRun));
		Source source = { nullptr, Uaddr(), pins.at(at - range.begin), perm };
		Status status = window.map_run({ at, at + nr }, source, releaser);

		/* Pages that a device may have are not let go, whatever became of the call. */
		if (status.ok() || source.unsure)
			pins.used(nr);
		if (!status.ok() && at == range.begin && source.undone)
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
	ReadGuard guard(lock_);

	TCE_TRY(check_caller());
	if (!enabled_)
		return Errc::Perm;
	if (flags)
		return Errc::Inval;

	Window *window = window_at(from);

	if (!window) {
		if (!in_untouched_default(from))
			return Errc::Nxio;

		/* It has no table, so nothing is mapped. */
		const tce_group_caps &caps = groups_->caps();
		const Iova start(caps.default_start);

		return check_range(PageShift(), start, start + caps.default_size, from, size);
	}
	TCE_TRY(check_range(window->page(), window->start(), window->end(), from, size));

	Releaser releaser(regions_, owner_->mm(), window->page(), pin_charge());

	return window->unmap({ window->index(from),
			       window->index(from) + (size >> window->page().lg2()) },
			     releaser);
}

} /* namespace tce */

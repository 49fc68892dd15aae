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

	const tce_group_caps &caps = groups_->papr.caps();

	return Iova(caps.default_start) <= at && at < Iova(caps.default_start) + caps.default_size;
}

/* The default window gets its table. */
Status Container::touch_default()
{
	Guard guard(lock_);

	TCE_TRY(check_caller());
	if (!default_untouched_)
		return {};

	const Geometry geometry = TCE_TRY(
		Geometry::make(PageShift::kMin, groups_->papr.caps().default_size, 1, kPaprLevels));

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

/* The default window gets its table only for a MAP that can go on. */
Status Container::check_first_map(Uaddr from, Iova to, u64 size)
{
	const tce_group_caps &caps = groups_->papr.caps();
	const PageShift page;
	const Iova start(caps.default_start);

	TCE_TRY(check_range(page, start, start + caps.default_size, to, size));
	if (!page.aligned(from.raw) || wraps(from.raw, size))
		return Errc::Inval;
	return Notes(regions_, page, from, size).check();
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
			if (Window *window = window_at(to))
				return map_in(*window, flags, from, to, size);
			if (!in_untouched_default(to))
				return Errc::Nxio;
			TCE_TRY(check_first_map(from, to, size));
		}
		TCE_TRY(touch_default());
	}
}

Status Container::map_in(Window &window, u32 flags, Uaddr from, Iova to, u64 size)
{
	const PageShift page = window.page();

	TCE_TRY(check_range(page, window.start(), window.end(), to, size));
	if (!page.aligned(from.raw) || wraps(from.raw, size))
		return Errc::Inval;

	const IndexRange range = { window.index(to), window.index(to) + (size >> page.lg2()) };
	/* VFIO_DMA_MAP_FLAG_READ and _WRITE are the device's, as the bits of a TCE are. */
	const Perm perm(flags);
	Notes notes(regions_, page, from, size);
	PreparedLeaves leaves(window.charge());

	TCE_TRY(notes.check());
	TCE_TRY(window.prepare(range, leaves));
	TCE_TRY(notes.take());
	window.link(leaves);

	Releaser releaser(regions_, owner_->mm(), page);
	Status status;
	bool undone = false;

	for (TceIndex at = range.begin; at < range.end;) {
		const Uaddr user = from + ((at - range.begin) << page.lg2());
		const u64 in_region = notes.part_of(user, from + size) >> page.lg2();
		const u64 in_leaf = window.geometry().leaf_end(at) - at;
		const u64 nr = min(min(in_region, in_leaf), static_cast<u64>(papr::kRun));

		status = window.map_run({ at, at + nr }, { notes.mem_at(user), user, perm },
					releaser, undone);
		if (status.ok() && tce_port_killed())
			status = Errc::Intr;
		if (!status.ok() && at == range.begin && undone && status.error() != Errc::Intr)
			return status;
		if (status.ok() || status.error() == Errc::Intr)
			notes.used(user + (nr << page.lg2()));
		if (!status.ok())
			break;
		at += nr;
		tce_port_yield();
	}
	if (status.ok())
		return {};

	/* Half-way: close all of it, what was there before as well. */
	Status closed = window.unmap(range, releaser);

	(void)closed;
	return status;
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
		const tce_group_caps &caps = groups_->papr.caps();
		const Iova start(caps.default_start);

		return check_range(PageShift(), start, start + caps.default_size, from, size);
	}
	TCE_TRY(check_range(window->page(), window->start(), window->end(), from, size));

	Releaser releaser(regions_, owner_->mm(), window->page());

	return window->unmap({ window->index(from),
			       window->index(from) + (size >> window->page().lg2()) },
			     releaser);
}

} /* namespace tce */

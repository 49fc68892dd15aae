// SPDX-License-Identifier: GPL-2.0-only
/*
 * A group of a container, see group.hpp.
 */
#include "group.hpp"

namespace tce {

Result<Geometry> Group::shape(u32 page_shift, u64 size, u32 levels) const
{
	return Geometry::make(page_shift, size, levels, walks() ? kIodaLevels : kPaprLevels);
}

Status Group::take_over()
{
	/* PowerNV: the platform's code has taken windows and bypass away. */
	return walks() ? Status() : papr_.take_over();
}

bool Group::hand_back()
{
	return walks() ? unreachable() : papr_.hand_back();
}

void Group::let_go_of_default()
{
	if (!walks())
		papr_.let_go_of_default();
}

Result<Iova> Group::open(unsigned int slot, const Geometry &geometry, const Iova *want,
			 bool backs_default)
{
	Iova start;

	if (walks()) {
		if (!(caps_.pgsizes >> geometry.page().lg2() & 1))
			return Errc::Perm;
		start = Iova(slot ? caps_.second_start : caps_.default_start);
	} else {
		TCE_TRY(papr_.open(slot, geometry, want, backs_default));
		start = papr_.window(slot).start;
	}
	return start;
}

void Group::close(unsigned int slot, bool backs_default)
{
	if (walks())
		return;
	if (backs_default)
		papr_.unadopt_default(slot);
	else
		papr_.close(slot, true);
}

Status Group::prepare(unsigned int slot, Window &window)
{
	mirrors_[slot] = TCE_TRY(window.make_mirror(papr_.window(slot).liobn));
	return {};
}

void Group::unprepare(unsigned int slot, Window &window)
{
	window.drop_mirror(exchange(mirrors_[slot], static_cast<Mirror *>(nullptr)));
}

Status Group::connect(unsigned int slot, Window &window)
{
	Mirror &mirror = *mirrors_[slot];
	bool clear = true;
	const Status status = walks() ? Status::from_port(tce_port_ioda_set_window(
						port_, slot, mirror.ktable, for_kvm_)) :
					window.connect_mirror(mirror, clear);

	if (!status.ok()) {
		if (!walks())
			papr_.close(slot, clear);
		unprepare(slot, window);
		return status;
	}
	if (!walks() && for_kvm_)
		tce_port_group_set_table(port_, slot, mirrors_[slot]->ktable);
	return {};
}

void Group::hide(unsigned int slot)
{
	/* PowerNV: the platform's unset_window does it, and it wants to find it there. */
	if (!walks() && for_kvm_)
		tce_port_group_set_table(port_, slot, nullptr);
}

bool Group::disconnect(unsigned int slot, Window &window, bool leaving)
{
	Mirror *mirror = exchange(mirrors_[slot], static_cast<Mirror *>(nullptr));

	if (walks()) {
		const bool gone = !tce_port_ioda_unset_window(port_, slot);

		/* Else the window needs it to invalidate what it closes. */
		if (gone)
			window.drop_mirror(mirror);
		else
			still_walked_ = true;
		return gone;
	}

	hide(slot);

	const bool clear = window.clear_mirror(*mirror).ok();
	const bool gone = papr_.close(slot, clear, leaving);

	window.drop_mirror(mirror);
	return gone;
}

} /* namespace tce */

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
	if (want && !(*want == start)) {
		close(slot, backs_default);
		return Errc::Perm;
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

Status Group::connect(unsigned int slot, Window &window)
{
	if (walks()) {
		TCE_TRY(Status::from_port(
			tce_port_ioda_set_window(port_, slot, window.ktable(), for_kvm_)));
		return {};
	}
	mirrors_[slot].liobn = papr_.window(slot).liobn;

	bool clear = true;

	if (Status filled = window.add_mirror(mirrors_[slot], clear); !filled.ok()) {
		papr_.close(slot, clear);
		return filled;
	}
	if (for_kvm_)
		tce_port_group_set_table(port_, slot, window.ktable());
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
	if (walks()) {
		const bool gone = !tce_port_ioda_unset_window(port_, slot);

		if (!gone)
			still_walked_ = true;
		return gone;
	}

	hide(slot);

	const bool clear = window.remove_mirror(mirrors_[slot]).ok();

	return papr_.close(slot, clear, leaving);
}

} /* namespace tce */

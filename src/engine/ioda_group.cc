// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two DMA windows of one PE of a PowerNV machine, see ioda_group.hpp.
 */
#include "ioda_group.hpp"

namespace tce {

Result<Iova> IodaGroup::open(unsigned int slot, const Geometry &geometry, const Iova *want,
			     Backs backs)
{
	(void)want;
	(void)backs;
	if (!(caps_.pgsizes >> geometry.page().lg2() & 1))
		return Errc::Perm;
	return Iova(slot ? caps_.second_start : caps_.default_start);
}

/* The platform's code knows which groups there are to invalidate for. */
Result<Mirror *> IodaGroup::make_mirror(unsigned int slot, Window &window)
{
	(void)slot;

	Mirror *mirror = TCE_TRY(window.make_mirror(0));

	window.add_mirror(*mirror);
	return mirror;
}

Status IodaGroup::connect(unsigned int slot, Window &window, Mirror &mirror)
{
	(void)window;
	return Status::from_port(tce_port_ioda_set_window(port_, slot, mirror.ktable, for_kvm_));
}

Reach IodaGroup::disconnect(unsigned int slot, Window &window, Mirror *mirror, Then then)
{
	(void)then;
	if (tce_port_ioda_unset_window(port_, slot)) {
		/* The window needs the mirror to invalidate what it closes. */
		reach_ = Reach::Possible;
		return Reach::Possible;
	}
	window.drop_mirror(mirror);
	return Reach::None;
}

} /* namespace tce */

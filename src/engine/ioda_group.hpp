/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The two DMA windows of one PE of a PowerNV machine (IODA2).
 *
 * They stand at fixed addresses (TVE 0 and 1), and nothing has to be opened
 * there: to connect a window is to give its table to the hardware, by the
 * platform's own set_window.  That is also what makes KVM find the table, and
 * what hides it again.
 *
 * The host's windows and the bypass are gone before the group comes to us, by
 * the platform's own code, which brings them back afterwards.
 *
 * A table that the firmware does not take away from the hardware keeps its
 * mirror, so that its entries can be closed one by one and be invalidated.
 *
 * Each call is that of its name in group.hpp.
 */
#pragma once

#include "platform.hpp"

namespace tce {

class IodaGroup : Pinned {
public:
	explicit IodaGroup(const GroupParts &parts)
		: port_(parts.port), caps_(parts.caps), for_kvm_(parts.for_kvm)
	{
	}

	[[nodiscard]] const LevelLimits &levels() const { return kIodaLevels; }
	[[nodiscard]] Walk walk() const { return { true, caps_.node }; }

	Status take_over() { return {}; }
	[[nodiscard]] Reach hand_back() { return reach_; }
	[[nodiscard]] Reach reach() const { return reach_; }
	void let_go_of_default() {}
	[[nodiscard]] bool has_default_in(unsigned int slot) const
	{
		(void)slot;
		return false;
	}

	Result<Iova> open(unsigned int slot, const Geometry &geometry, const Iova *want,
			  Backs backs);
	void close(unsigned int slot, Backs backs)
	{
		(void)slot;
		(void)backs;
	}
	Result<Mirror *> make_mirror(unsigned int slot, Window &window);
	Status connect(unsigned int slot, Window &window, Mirror &mirror);
	void hide(unsigned int slot) { (void)slot; }
	Reach disconnect(unsigned int slot, Window &window, Mirror *mirror, Then then);

private:
	tce_port_group *const port_;
	const tce_group_caps &caps_;
	const bool for_kvm_;
	Reach reach_ = Reach::None;
};

} /* namespace tce */

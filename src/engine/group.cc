// SPDX-License-Identifier: GPL-2.0-only
/*
 * A group of a container, see group.hpp.
 */
#include "group.hpp"

namespace tce {

Result<Geometry> Group::shape(u32 page_shift, u64 size, u32 levels) const
{
	return platform_.visit([&](const auto &group) {
		return Geometry::make(page_shift, size, levels, group.levels());
	});
}

Walk Group::walk() const
{
	return platform_.visit([](const auto &group) { return group.walk(); });
}

Status Group::take_over()
{
	return platform_.visit([](auto &group) { return group.take_over(); });
}

Reach Group::hand_back()
{
	return platform_.visit([](auto &group) { return group.hand_back(); });
}

void Group::let_go_of_default()
{
	platform_.visit([](auto &group) { group.let_go_of_default(); });
}

Result<Iova> Group::open(unsigned int slot, const Geometry &geometry, const Iova *want, Backs backs)
{
	return platform_.visit(
		[&](auto &group) { return group.open(slot, geometry, want, backs); });
}

void Group::close(unsigned int slot, Backs backs)
{
	platform_.visit([&](auto &group) { group.close(slot, backs); });
}

Status Group::prepare(unsigned int slot, Window &window)
{
	mirrors_[slot] = TCE_TRY(
		platform_.visit([&](auto &group) { return group.make_mirror(slot, window); }));
	return {};
}

void Group::unprepare(unsigned int slot, Window &window)
{
	window.drop_mirror(exchange(mirrors_[slot], static_cast<Mirror *>(nullptr)));
}

Status Group::connect(unsigned int slot, Window &window)
{
	const Status status = platform_.visit(
		[&](auto &group) { return group.connect(slot, window, *mirrors_[slot]); });

	if (!status.ok())
		unprepare(slot, window);
	return status;
}

void Group::hide(unsigned int slot)
{
	platform_.visit([&](auto &group) { group.hide(slot); });
}

Reach Group::disconnect(unsigned int slot, Window &window, Then then)
{
	Mirror *mirror = exchange(mirrors_[slot], static_cast<Mirror *>(nullptr));

	return platform_.visit(
		[&](auto &group) { return group.disconnect(slot, window, mirror, then); });
}

Reach Group::reach() const
{
	return platform_.visit([](const auto &group) { return group.reach(); });
}

bool Group::has_default_in(unsigned int slot) const
{
	return platform_.visit([&](const auto &group) { return group.has_default_in(slot); });
}

} /* namespace tce */

// SPDX-License-Identifier: GPL-2.0-only
/* The world: its making, its end, and the balance sheet. */
#include "world.hpp"

namespace fake {

constinit World *world = nullptr;

World::World(const Config &c) : Base(c), UserMemory(c.locked_limit)
{
	world = this;
	run_as(0);
}

World::~World()
{
	users.run_later();
	if (!skip_balance)
		check_balance();
	env_self()->mm = nullptr;
	world = nullptr;
}

void World::reset_counts()
{
	Alloc::reset_counts();
	Flushes::reset_counts();
	Hypervisor::reset_counts();
	Misc::reset_counts();
	Registry::reset_counts();
	Rtas::reset_counts();
	ioda.reset_counts();
}

void World::check_balance_of_firmware() const
{
	ioda.check_balance();
	Groups::check_balance();
}

void World::check_balance() const
{
	Alloc::check_balance();
	Locks::check_balance();
	Ktables::check_balance();
	Flushes::check_balance();
	users.check_balance();
	Misc::check_balance();
	UserMemory::check_balance();
	ioda.check_levels();
	check_balance_of_firmware();
	lock_check_none_held("the end");
}

} // namespace fake

// SPDX-License-Identifier: GPL-2.0-only
/* A world with containers in it. */
#include "rig.hpp"

namespace fake {

Rig::Rig(const Config &config, u32 containers, bool attach_all) : w(*make<World>(config))
{
	for (int &at : where_)
		at = -1;
	for (u32 i = 0; i < containers; i++)
		c[i] = make_container();
	for (u32 g = 0; attach_all && g < config.groups; g++)
		TCE_EXPECT_EQ(attach(g), 0);
}

tce_container *Rig::make_container() const
{
	tce_container *made = nullptr;

	TCE_EXPECT_EQ(tce_container_create(w.config.version, &made), 0);
	return made;
}

Rig::~Rig()
{
	finish();
	unmake(&w);
}

void Rig::finish()
{
	if (finished_)
		return;
	finished_ = true;
	for (u32 g = 0; g < w.config.groups; g++) {
		if (where_[g] >= 0)
			detach(g);
	}
	for (u32 i = 0; i < kContainers; i++)
		close(i);
}

int Rig::done(int rc) const
{
	lock_check_none_held("the end of a call");
	begin_step();
	if (rc > 0)
		FAKE_FAIL("a positive answer: %d", rc);
	w.users.run_later();
	w.check_dt();
	w.ioda.snoop();
	return rc;
}

int Rig::attach(u32 group, u32 container)
{
	const int rc =
		done(tce_container_attach(c[container], &w.groups[group], &w.groups[group].caps));

	if (!rc)
		where_[group] = static_cast<int>(container);
	return rc;
}

void Rig::detach(u32 group)
{
	NoAlloc no_alloc;

	tce_container_detach(c[where_[group]], &w.groups[group]);
	where_[group] = -1;
	done(0);
}

void Rig::close(u32 container)
{
	if (!c[container])
		return;
	{
		NoAlloc no_alloc;

		tce_container_close(c[container]);
	}
	tce_container_free(c[container]);
	c[container] = nullptr;
	done(0);
}

void Rig::forget_groups()
{
	for (int &at : where_)
		at = -1;
}

int Rig::info(tce_info *out, u32 container)
{
	return done(tce_container_get_info(c[container], out));
}

int Rig::enable(u32 container)
{
	return done(tce_container_enable(c[container]));
}

int Rig::disable(u32 container)
{
	return done(tce_container_disable(c[container]));
}

int Rig::reg(u64 vaddr, u64 bytes, u32 container)
{
	return done(tce_container_register(c[container], 0, vaddr, bytes));
}

int Rig::unreg(u64 vaddr, u64 bytes, u32 container)
{
	return done(tce_container_unregister(c[container], 0, vaddr, bytes));
}

int Rig::create(u32 page_shift, u64 bytes, u32 levels, u32 container)
{
	u64 at = 0;
	const int rc = tce_container_create_window(c[container], 0, page_shift, bytes, levels, &at);

	if (!rc)
		start = at;
	return done(rc);
}

int Rig::remove(u64 at, u32 container)
{
	return done(tce_container_remove_window(c[container], 0, at));
}

int Rig::map(u64 vaddr, u64 iova, u64 bytes, u32 flags, u32 container)
{
	return done(tce_container_map(c[container], flags, vaddr, iova, bytes));
}

int Rig::unmap(u64 iova, u64 bytes, u32 container)
{
	return done(tce_container_unmap(c[container], 0, iova, bytes));
}

bool Rig::reaches(u64 iova, u64 vaddr, u32 perm, u32 group, u32 mm) const
{
	Guard guard;
	const u32 shift = w.page_shift_at(group, iova);

	if (!shift)
		return false;

	const u64 mask = bit(shift) - 1;
	const u64 tce = w.tce_at(group, iova);

	return (tce & (TCE_PERM_READ | TCE_PERM_WRITE)) == perm &&
	       (tce & ~0xfffull) == (w.hpa_of(&w.mm[mm], vaddr & ~mask)) &&
	       (iova & mask) == (vaddr & mask);
}

bool Rig::closed(u64 iova, u64 bytes, u32 group) const
{
	Guard guard;
	bool live = false;

	w.for_each_tce(group, [&](u64 at, u64 tce) {
		if (tce && at >= iova && at - iova < bytes)
			live = true;
	});
	return !live;
}

} // namespace fake

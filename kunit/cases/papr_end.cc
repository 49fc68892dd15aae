// SPDX-License-Identifier: GPL-2.0-only
/*
 * REMOVE and detach when nothing helps: entries do not close, windows are not
 * removed, the group is not reset; each of these alone and together, for every
 * window that there can be.
 *
 * What has to hold: REMOVE takes the window from userspace whatever happens,
 * memory that a device may reach stays pinned, all other memory does not, and
 * once the trouble is over the end of the container gives back everything.
 */
#include "params.hpp"
#include "rig.hpp"

using namespace fake;

namespace {

/* The windows that are there, and the one that is removed. */
enum Scene : u32 {
	kDdw,		   /* a created one beside the default one, which nobody touched */
	kDdwBesideDefault, /* ... which has entries */
	kDefaultBesideDdw, /* the default one, which is then parked */
	kDefault,
	kLarge, /* a created one in the place of the default one */
	kLargeBesideDdw,
	kDdwBesideLarge,
	kScenes
};

/*
 * What is out of order: entries are not closed, windows not removed, groups not
 * reset.
 */
enum Fault : u32 { kClear = 1, kRemove = 2, kReset = 4, kFaults = 8 };

struct Play {
	explicit Play(unsigned int firmware, u32 scene, u32 groups)
		: r(config(firmware, groups)), page(bit(r.w.config.page_shift))
	{
		const u32 shift = r.w.config.page_shift;
		const bool large = scene >= kLarge;

		TCE_EXPECT_EQ(r.reg(kUser, kPages * page), 0);
		TCE_EXPECT_EQ(r.reg(4 * kUser, kPages * page), 0);
		TCE_EXPECT_EQ(r.reg(8 * kUser, kPages * page), 0);
		if (large) {
			TCE_EXPECT_EQ(r.remove(0), 0);
			TCE_EXPECT_EQ(r.create(shift, kTiB), 0);
			TCE_EXPECT_EQ(r.start, 0);
		}
		if (scene != kDefault && scene != kLarge)
			TCE_EXPECT_EQ(r.create(shift, kTiB), 0);
		removed = scene == kDdw || scene == kDdwBesideDefault || scene == kDdwBesideLarge ?
				  kDdwStart :
				  0;
		other = scene == kDdw || scene == kDefault || scene == kLarge ? removed :
										kDdwStart - removed;
		/*
		 * kUser in the one that goes, 4 * kUser in the other one, 8 *
		 * kUser in none.
		 */
		TCE_EXPECT_EQ(r.map(kUser, removed + 100 * page, kPages * page), 0);
		if (other != removed)
			TCE_EXPECT_EQ(r.map(4 * kUser, other + 100 * page, kPages * page), 0);
		r.w.reset_counts();
	}

	void trouble(u32 faults)
	{
		if (faults & kClear)
			r.w.script({ kAllOps, 0, ~0ull, h::kHardware, 0, true });
		r.w.fail_nth(faults & (kRemove | kReset) ? 1 : 0,
			     (faults & kRemove ? site_bit(Site::DdwRemove) : 0) |
				     (faults & kReset ? site_bit(Site::DdwReset) : 0),
			     true);
	}
	void peace()
	{
		r.w.no_scripts();
		r.w.fail_never();
	}

	/* A device of some group gets to the memory that went. */
	bool reachable() const
	{
		return r.w.device_reaches(r.w.hpa_of(&r.w.mm[0], kUser), page) ||
		       r.w.device_reaches(r.w.hpa_of(&r.w.mm[0], kUser + (kPages - 1) * page),
					  page);
	}

	static constexpr u64 kPages = 600;

	Rig r;
	const u64 page;
	u64 removed = 0, other = 0;

private:
	static Config config(unsigned int firmware, u32 groups)
	{
		Config c = with_firmware(firmware);

		c.fw.default_size = 128 * kMiB;
		c.groups = groups;
		return c;
	}
};

void remove_in_trouble(unsigned int firmware, u32 scene, u32 faults, u32 groups)
{
	Play p(firmware, scene, groups);
	Rig &r = p.r;
	const u64 bytes = Play::kPages * p.page;

	p.trouble(faults);
	TCE_EXPECT_EQ(r.remove(p.removed), 0);
	TCE_EXPECT_EQ(r.map(kUser, p.removed, p.page), err::kNxio);
	/* What waits to be taken down costs nobody anything. */
	if (p.other == p.removed)
		TCE_EXPECT_EQ(r.w.locked_vm(), r.w.registered_pages());
	/* What is not in it is not concerned. */
	TCE_EXPECT_EQ(r.unreg(8 * kUser, bytes), 0);
	if (p.other != p.removed)
		TCE_EXPECT(r.reaches(p.other + 100 * p.page, 4 * kUser));

	/* One thing that does not work is no reason to keep anything. */
	const bool parked = scene == kDefaultBesideDdw;

	if (!(faults & kClear) || (!(faults & kRemove) && !parked))
		TCE_EXPECT(!p.reachable());
	TCE_EXPECT_EQ(r.unreg(kUser, bytes), p.reachable() ? err::kBusy : 0);
	p.peace();
	if (p.other != p.removed) {
		TCE_EXPECT_EQ(r.unmap(p.other + 100 * p.page, bytes), 0);
		TCE_EXPECT_EQ(r.unreg(4 * kUser, bytes), 0);
	}
	/*
	 * Whoever is left takes down the rest, and the fake balances the books.
	 */
}

void detach_in_trouble(unsigned int firmware, u32 scene, u32 faults)
{
	Play p(firmware, scene, 1);
	Rig &r = p.r;
	const u64 bytes = Play::kPages * p.page;

	p.trouble(faults);
	r.detach(0);
	p.peace();
	/* Unless nothing at all worked. */
	if (faults != (kClear | kRemove | kReset))
		TCE_EXPECT_EQ(r.w.live_tces(), 0);
	TCE_EXPECT_EQ(r.unreg(kUser, bytes), p.reachable() ? err::kBusy : 0);
	TCE_EXPECT_EQ(r.unreg(8 * kUser, bytes), 0);
	if (!(faults & kReset))
		return;

	/*
	 * Without a reset the default window may be gone, since its entries did
	 * not close or another one had its place, or another one may still be
	 * there.  Whatever it is, memory that no device reaches is not kept.
	 */
	if (!(faults & (kClear | kRemove)) && scene < kLarge)
		return;
	r.w.skip_balance = true;
	r.finish();
	TCE_EXPECT_EQ(r.w.live_blocks + r.w.live_ktables, 0);
	TCE_EXPECT_EQ(r.w.mm[0].locked_port, 0);
	if (!r.w.live_tces())
		TCE_EXPECT_EQ(r.w.registered_pages(), 0);
}

template <typename Fn> void every_trouble(unsigned int firmware, Fn fn)
{
	Trials trials(firmware);

	for (u32 scene = 0; scene < kScenes; scene++) {
		for (u32 faults = 0; faults < kFaults; faults++) {
			if (trials.next())
				fn(scene, faults);
		}
	}
}

} // namespace

TCE_CASE(papr, remove_in_trouble)
{
	every_trouble(param,
		      [&](u32 scene, u32 faults) { remove_in_trouble(param, scene, faults, 1); });
}

TCE_CASE(papr, remove_in_trouble_with_two_groups)
{
	every_trouble(param,
		      [&](u32 scene, u32 faults) { remove_in_trouble(param, scene, faults, 2); });
}

TCE_CASE(papr, detach_in_trouble)
{
	every_trouble(param,
		      [&](u32 scene, u32 faults) { detach_in_trouble(param, scene, faults); });
}

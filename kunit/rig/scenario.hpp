// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whole scenarios in which every single thing that can fail fails once.
 *
 * The scenario runs clean and its state after each step is kept.  Then it runs
 * again and again, the 1st, 2nd, 3rd ... chance to fail being taken, until a
 * run ends with no failure.  A step that answers an error has changed nothing
 * (or, where a hypervisor refused a MAP or UNMAP, left entries as they were or
 * closed), and done again it succeeds; one that answers 0 has the state of the
 * clean run.  At the end of every run the books balance.
 */
#ifndef TCE_CASES_SCENARIO_HPP
#define TCE_CASES_SCENARIO_HPP

#include "params.hpp"
#include "rig.hpp"

namespace fake {

/* What the steps of a scenario work on. */
struct Play {
	static constexpr u64 kOne = bit(32), kTwo = bit(33); /* user memory */
	static constexpr u64 kReadOnly = bit(35);	     /* v1 only */
	static constexpr u64 kDefault = 4 * kMiB;	     /* the default window */
	static constexpr u64 kLarge = bit(40);		     /* a dynamic one */

	explicit Play(const Config &config);
	~Play() { kvm.release(table); }
	Play(const Play &) = delete;
	Play &operator=(const Play &) = delete;

	u64 page() const { return bit(r.w.config.page_shift); }

	Rig r;
	Kvm kvm;
	GuestTable table;
};

/* What is special about a step; flags. */
enum Special : u32 {
	kPlain = 0,
	kEntries = 1, /* a MAP or UNMAP: it may leave its range closed */
	kFirst = 2,   /* gives the default window its table, for good */
	kInKernel = 4 /* KVM: cannot be told that a hypercall failed, suite kvm has that */
};

struct Step {
	const char *name;
	int (*run)(Play &p);
	u32 special = kPlain;
};

struct Scenario {
	const Step *steps;
	u32 count;
	Config config;
	u32 least; /* nth of the first place that no sweep may end before */
};

/* What fails: one of these places, or all of them from then on. */
struct Failure {
	u32 sites;
	long status = h::kHardware; /* what a hypercall then answers */
	u32 apply = 0;		    /* entries it sets before */
};

/* What can fail besides the platform's calls. */
inline constexpr u32 kResources = kAllSites & ~kHcallSites & ~kDdwSites & ~kIodaSites;

/*
 * One run for every place of @f.  @thin: of the many places only some, the
 * first ones all.
 */
void sweep(const Scenario &s, const Failure &f, u64 thin = 0);

/*
 * From some moment on everything fails, for ever: nothing succeeds, and still
 * every thread comes back, no device reaches what is not pinned, and what is
 * left behind is what a device may still reach.
 */
void hopeless(const Scenario &s, u32 sites);

/*
 * A window that a container removed stays as KVM's; the guest's hcalls answer
 * H_*.
 */
inline int from_h(long status)
{
	return status == h::kSuccess ? 0 : err::kIo;
}

/* The guest's table for the large window, and one of its TCEs in the middle. */
inline int kvm_attach(Play &p)
{
	p.table.page_shift = 24;
	p.table.offset = kDdwStart >> 24;
	p.table.size = Play::kLarge >> 24;
	return p.kvm.attach(p.table, 0);
}

inline int kvm_put(Play &p, u64 tce)
{
	constexpr u64 kIova = kDdwStart + bit(39);
	const long rc = p.kvm.h_put_tce(p.table, kIova, tce);
	const u64 size = bit(p.table.page_shift);

	/* What is too hard for the kernel, QEMU does. */
	if (rc != h::kTooHard)
		return from_h(rc);
	return tce ? p.r.map(Play::kOne + (tce & ~(size - 1)), kIova, size) :
		     p.r.unmap(kIova, size);
}

/* Where everything fails the group may not have been attached. */
inline int detach(Play &p, u32 group)
{
	if (p.r.attached(group) >= 0)
		p.r.detach(group);
	return 0;
}

} // namespace fake

#endif /* TCE_CASES_SCENARIO_HPP */

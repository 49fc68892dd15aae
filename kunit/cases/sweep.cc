// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whole scenarios in which every single thing that can fail fails once.
 *
 * The scenario runs clean and its state after each step is kept.  Then it runs again
 * and again, the 1st, 2nd, 3rd ... chance to fail being taken, until a run ends
 * with no failure.  A step that answers an error has changed nothing (or, where a
 * hypervisor refused a MAP or UNMAP, left entries as they were or closed), and done
 * again it succeeds; one that answers 0 has the state of the clean run.  At the end
 * of every run the books balance.
 */
#include "params.hpp"
#include "rig.hpp"
#include "snapshot.hpp"

using namespace fake;

namespace {

constexpr u64 kBoth = TCE_PERM_READ | TCE_PERM_WRITE;
constexpr u64 kOne = bit(32);
constexpr u64 kTwo = bit(33);
constexpr u64 kDefault = 4 * kMiB;
constexpr u64 kLarge = bit(40);

struct Play {
	explicit Play(const Config &config) : r(config, 2, false), kvm(&r.w.mm[0], kOne)
	{
		r.w.make_contiguous(kOne, kOne + 64 * kMiB, 24);
		r.w.make_contiguous(kTwo, kTwo + 64 * kMiB, 24);
	}
	~Play() { kvm.release(table); }
	Play(const Play &) = delete;
	Play &operator=(const Play &) = delete;

	u64 page() const { return bit(r.w.config.page_shift); }

	Rig r;
	Kvm kvm;
	GuestTable table;
};

enum Kind : u32 {
	Plain,
	Entries,  /* a MAP or UNMAP */
	First,	  /* a MAP that gives the default window its table, for good */
	InKernel, /* KVM: cannot be told that a hypercall failed, suite kvm has that */
};

struct Step {
	const char *name;
	int (*run)(Play &p);
	Kind kind;
};

/* A window that a container removed stays as KVM's; the guest's hcalls answer H_*. */
int from_h(long status)
{
	return status == h::kSuccess ? 0 : err::kIo;
}

const Step kScenario[] = {
	{ "attach 0",		      [](Play &p) { return p.r.attach(0); },				     Plain   },
	{ "register one",		  [](Play &p) { return p.r.reg(kOne, 16 * kMiB); },			    Plain	  },
	{ "register two",		  [](Play &p) { return p.r.reg(kTwo, 16 * kMiB); },			    Plain	  },
	{ "first map",
	  [](Play &p) { return p.r.map(kOne, kDefault - 16 * p.page(), 8 * p.page()); },			 First   },
	{ "create",		    [](Play &p) { return p.r.create(16, kLarge, 3); },		       Plain   },
	{ "map 2 leaves",
	  [](Play &p) { return p.r.map(kOne, kDdwStart + 480 * 65536, 64 * 65536); },			      Entries },
	{ "map over it",
	  [](Play &p) { return p.r.map(kTwo, kDdwStart + 500 * 65536, 128 * 65536); },		       Entries },
	{ "unmap some",		[](Play &p) { return p.r.unmap(kDdwStart + 490 * 65536, 50 * 65536); },
	  Entries												    },
	{ "attach 1",		      [](Play &p) { return p.r.attach(1); },				     Plain   },
	{ "kvm attach",
	  [](Play &p) {
		  p.table.page_shift = 24;
		  p.table.offset = kDdwStart >> 24;
		  p.table.size = kLarge >> 24;
		  return p.kvm.attach(p.table, 0);
	  },												Plain	},
	{ "kvm map",
	  [](Play &p) { return from_h(p.kvm.h_put_tce(p.table, kDdwStart + bit(39), kBoth)); },
	  InKernel												   },
	{ "map both",		      [](Play &p) { return p.r.map(kTwo, 0, 600 * 4096 & ~(p.page() - 1)); },
	  Entries												    },
	{ "other container",	     [](Play &p) { return p.r.reg(kTwo, 16 * kMiB, 1); },			  Plain	},
	{ "kvm unmap",
	  [](Play &p) { return from_h(p.kvm.h_put_tce(p.table, kDdwStart + bit(39), 0)); },
	  InKernel												   },
	{ "unmap all",	       [](Play &p) { return p.r.unmap(kDdwStart, kLarge); },		     Entries },
	{ "unregister one is busy",
	  [](Play &p) { return p.r.unreg(kOne, 16 * kMiB) == err::kBusy ? 0 : 1; },			    Plain	  },
	{ "map again",	       [](Play &p) { return p.r.map(kTwo, kDdwStart, 3 * 65536); },	    Entries },
	{ "remove large",		  [](Play &p) { return p.r.remove(kDdwStart); },				 Plain   },
	{ "unmap default",	   [](Play &p) { return p.r.unmap(0, kDefault); },			   Entries },
	{ "unregister one",	    [](Play &p) { return p.r.unreg(kOne, 16 * kMiB); },			Plain   },
	{ "remove default",	    [](Play &p) { return p.r.remove(0); },				   Plain	 },
	{ "create large at 0",
	  [](Play &p) {
		  const int rc = p.r.create(16, kLarge, 1);

		  /* If the default window could not be removed it came up elsewhere. */
		  if (rc || !p.r.start)
			  return rc;
		  p.r.remove(p.r.start);
		  return err::kPerm;
	  },												Plain	},
	{ "map large",	       [](Play &p) { return p.r.map(kTwo, kLarge - 65536, 65536); },	     Entries },
	{ "create second",	   [](Play &p) { return p.r.create(12, kDefault, 2); },			Plain   },
	{ "remove first",		  [](Play &p) { return p.r.remove(0); },					 Plain   },
	{ "detach 1",
	  [](Play &p) {
		  p.r.detach(1);
		  return 0;
	  },												Plain	},
	{ "detach 0",
	  [](Play &p) {
		  p.r.detach(0);
		  return 0;
	  },												Plain	},
	{ "attach again",		  [](Play &p) { return p.r.attach(0, 1); },				    Plain	  },
	{ "map there",	       [](Play &p) { return p.r.map(kTwo, 0, 16 * p.page(), kRw, 1); },	First   },
};

constexpr u32 kSteps = sizeof(kScenario) / sizeof(kScenario[0]);

Config config_of(unsigned int firmware)
{
	Config config = with_firmware(firmware);

	config.groups = 2;
	config.fw.default_size = kDefault;
	return config;
}

struct How {
	u32 sites;
	bool sticky;
	long status;
	u32 apply;
};

/* One run with a failure at @nth; whether there was any. */
bool play(const Config &config, u64 nth, const How &how, Snapshot *clean, bool learn)
{
	Play &p = *make<Play>(config);
	auto *before = make<Snapshot>();
	auto *after = make<Snapshot>();
	bool fired = false;

	if (nth)
		p.r.w.fail_nth(nth, how.sites, how.sticky, how.status, how.apply);
	for (u32 i = 0; i < kSteps; i++) {
		const Step &step = kScenario[i];

		before->take(p.r.w);

		int rc;
		{
			const bool spare = step.kind == InKernel && (how.sites & kHcallSites);

			env_self()->no_fail += spare;
			rc = step.run(p);
			env_self()->no_fail -= spare;
		}
		const bool now = !fired && p.r.w.injected();

		if (now) {
			fired = true;
			/* Found: no more of it. */
			p.r.w.inject_state.nth = 0;
		}
		after->take(p.r.w);
		if (!rc) {
			if (learn)
				clean[i].take(p.r.w);
			else if (!(*after == clean[i]))
				FAKE_FAIL("nth %llu (%s): \"%s\" answers 0 but is not done", nth,
					  site_name(p.r.w.inject_state.last), step.name);
			continue;
		}
		if (!now) {
			FAKE_FAIL("nth %llu: \"%s\" answers %d with nothing wrong", nth, step.name,
				  rc);
			break;
		}
		/* KVM gives up half-way, and its last word comes with the flush. */
		p.r.w.run_deferred();
		after->take(p.r.w);

		const bool hyp = site_bit(p.r.w.inject_state.last) & kHcallSites;
		const bool killed = p.r.w.inject_state.last == Site::Killed;

		/* The default window has its table then, whatever became of the MAP. */
		if (step.kind == First)
			before->forget_default();
		if (step.kind == First)
			after->forget_default();

		const bool kept = *after == *before ||
				  ((step.kind == Entries || step.kind == First) &&
				   (hyp || killed) && after->is_part_of(*before));

		if (!kept) {
			FAKE_FAIL("nth %llu (%s): \"%s\" answers %d and has changed something", nth,
				  site_name(p.r.w.inject_state.last), step.name, rc);
		}

		const int again = step.run(p);

		after->take(p.r.w);
		if (again || !(*after == clean[i])) {
			FAKE_FAIL("nth %llu (%s): \"%s\" after a failure answers %d%s", nth,
				  site_name(p.r.w.inject_state.last), step.name, again,
				  again ? "" : " but is not done");
			break;
		}
	}
	unmake(before);
	unmake(after);
	unmake(&p);
	return fired;
}

/* @thin: of the many places only some, the first ones all. */
void sweep(const Config &config, const How &how, u64 thin = 0)
{
	auto *clean = static_cast<Snapshot *>(env_alloc(kSteps * sizeof(Snapshot), 8));
	u64 nth = 0;

	for (u32 i = 0; i < kSteps; i++)
		new (Place{ &clean[i] }) Snapshot;
	play(config, 0, how, clean, true);
	for (nth = 1; nth < 100000; nth += thin ? 1 + nth / thin : stride()) {
		if (!play(config, nth, how, clean, false))
			break;
	}
	TCE_EXPECT_LE(10, nth);
	for (u32 i = 0; i < kSteps; i++)
		clean[i].~Snapshot();
	env_free(clean);
}

} // namespace

TCE_CASE(sweep, resources)
{
	sweep(config_of(param), { kAllSites & ~kHcallSites & ~kDdwSites, false, 0, 0 });
}

TCE_CASE(sweep, firmware)
{
	sweep(config_of(param), { kDdwSites, false, 0, 0 });
}

TCE_CASE(sweep, hypercalls)
{
	sweep(config_of(param), { kHcallSites, false, h::kHardware, 0 });
}

TCE_CASE(sweep, hypercalls_half_done)
{
	sweep(config_of(param), { kHcallSites, false, h::kParameter, 7 });
}

TCE_CASE(sweep, hypercalls_one_by_one)
{
	Config config = config_of(param);

	config.fw.has_multitce = false;
	sweep(config, { kHcallSites, false, h::kHardware, 0 }, 15);
}

/*
 * From some moment on everything fails, for ever: nothing succeeds, and still every
 * thread comes back, no device reaches what is not pinned, and what is left behind
 * is what a device may still reach.
 */
TCE_CASE(sweep, hopeless)
{
	static constexpr u32 kSites[] = {
		kHcallSites | kDdwSites,
		kHcallSites,
		kDdwSites,
		kAllSites & ~kHcallSites & ~kDdwSites,
	};
	const Config config = config_of(param);

	for (u32 sites : kSites) {
		for (u64 nth = 1; nth < 1000; nth += stride()) {
			Play &p = *make<Play>(config);

			/* Who comes after a reset that failed finds no default window. */
			p.r.w.skip_dt = p.r.w.allow_bad_hcalls = true;
			p.r.w.fail_nth(nth, sites, true, h::kHardware, nth % 3);
			for (const Step &step : kScenario) {
				/* What is not attached cannot be detached. */
				if (step.name[0] == 'd' &&
				    p.r.attached(step.name[7] == '1' ? 1 : 0) < 0)
					continue;
				step.run(p);
			}
			p.r.w.run_deferred();
			p.kvm.release(p.table);
			p.r.finish();

			World &w = p.r.w;
			const u64 fired = w.injected();

			/* What was closed with an error may as well not have been. */
			if (!(sites & kHcallSites))
				TCE_EXPECT_EQ(w.registered_pages(), 0);
			TCE_EXPECT_EQ(w.live_blocks + w.live_pages + w.live_ktables, 0);
			TCE_EXPECT_EQ(w.live_locks, 0);
			TCE_EXPECT_EQ(w.mm[0].locked_port + w.mm[0].refs, 0);
			TCE_EXPECT_EQ(w.counters[TCE_COUNT_LEAVES], 0);
			w.skip_balance = sites & (kHcallSites | kDdwSites);
			unmake(&p);
			if (!fired)
				break;
		}
	}
}

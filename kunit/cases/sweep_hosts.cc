// SPDX-License-Identifier: GPL-2.0-only
/*
 * As sweep.cc, on PowerNV and with v1 containers: in whole scenarios every single thing that
 * can fail fails once.  A step that answers an error has changed nothing, and done again it
 * succeeds; one that answers 0 has the state of the clean run.  Firmware that does not let
 * go of a window is no error to anybody, but no device reaches memory through it.
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
		r.w.make_read_only(bit(35), bit(35) + 16 * kMiB);
	}
	~Play() { kvm.release(table); }
	Play(const Play &) = delete;
	Play &operator=(const Play &) = delete;

	Rig r;
	Kvm kvm;
	GuestTable table;
};

struct Step {
	const char *name;
	int (*run)(Play &p);
	/* A MAP or UNMAP may leave its range closed. */
	bool entries = false;
	/* The default window gets its table, for good. */
	bool first = false;
};

int from_h(long status)
{
	return status == h::kSuccess ? 0 : err::kIo;
}

int detach(Play &p, u32 group)
{
	p.r.detach(group);
	return 0;
}

const Step kPowernv[] = {
	{ "attach 0", [](Play &p) { return p.r.attach(0); } },
	{ "register one", [](Play &p) { return p.r.reg(kOne, 16 * kMiB); } },
	{ "register two", [](Play &p) { return p.r.reg(kTwo, 16 * kMiB); } },
	{ "first map", [](Play &p) { return p.r.map(kOne, kDefault - 2 * kMiB, kMiB); }, true,
	  true },
	{ "create", [](Play &p) { return p.r.create(16, kLarge, 3); } },
	{ "map 2 leaves",
	  [](Play &p) { return p.r.map(kOne, kDdwStart + 480 * 65536, 64 * 65536); }, true },
	{ "map over it",
	  [](Play &p) { return p.r.map(kTwo, kDdwStart + 500 * 65536, 128 * 65536); }, true },
	{ "unmap some", [](Play &p) { return p.r.unmap(kDdwStart + 490 * 65536, 50 * 65536); },
	  true },
	{ "attach 1", [](Play &p) { return p.r.w.config.groups < 2 ? 0 : p.r.attach(1); } },
	{ "kvm attach",
	  [](Play &p) {
		  p.table.page_shift = 24;
		  p.table.offset = kDdwStart >> 24;
		  p.table.size = kLarge >> 24;
		  return p.kvm.attach(p.table, 0);
	  } },
	{ "kvm map",
	  [](Play &p) { return from_h(p.kvm.h_put_tce(p.table, kDdwStart + bit(39), kBoth)); } },
	{ "map both", [](Play &p) { return p.r.map(kTwo, 0, 640 * 4096); }, true },
	{ "other container", [](Play &p) { return p.r.reg(kTwo, 16 * kMiB, 1); } },
	{ "kvm unmap",
	  [](Play &p) { return from_h(p.kvm.h_put_tce(p.table, kDdwStart + bit(39), 0)); } },
	{ "unmap all", [](Play &p) { return p.r.unmap(kDdwStart, kLarge); }, true },
	{ "unregister one is busy",
	  [](Play &p) { return p.r.unreg(kOne, 16 * kMiB) == err::kBusy ? 0 : 1; } },
	{ "map again", [](Play &p) { return p.r.map(kTwo, kDdwStart, 3 * 65536); }, true },
	{ "remove large", [](Play &p) { return p.r.remove(kDdwStart); } },
	{ "unmap default", [](Play &p) { return p.r.unmap(0, kDefault); }, true },
	{ "unregister one", [](Play &p) { return p.r.unreg(kOne, 16 * kMiB); } },
	{ "remove default", [](Play &p) { return p.r.remove(0); } },
	{ "create large at 0", [](Play &p) { return p.r.create(16, kLarge, 4); } },
	{ "map large", [](Play &p) { return p.r.map(kTwo, kLarge - 65536, 65536); }, true },
	{ "create second", [](Play &p) { return p.r.create(12, kDefault, 1); } },
	{ "map second", [](Play &p) { return p.r.map(kTwo, kDdwStart, kDefault); }, true },
	{ "remove first", [](Play &p) { return p.r.remove(0); } },
	{ "detach 1", [](Play &p) { return p.r.w.config.groups < 2 ? 0 : detach(p, 1); } },
	{ "detach 0", [](Play &p) { return detach(p, 0); } },
	{ "attach again", [](Play &p) { return p.r.attach(0, 1); } },
	{ "map there", [](Play &p) { return p.r.map(kTwo, 0, 64 * 4096, kRw, 1); }, true, true },
};

const Step kV1[] = {
	{ "attach", [](Play &p) { return p.r.attach(0); } },
	{ "enable", [](Play &p) { return p.r.enable(); } },
	{ "first map", [](Play &p) { return p.r.map(kOne, kDefault - 64 * 4096, 64 * 4096); }, true,
	  true },
	{ "map runs", [](Play &p) { return p.r.map(kOne, 0, 900 * 4096); }, true },
	{ "map over it", [](Play &p) { return p.r.map(kTwo, 300 * 4096, 600 * 4096); }, true },
	{ "map read-only",
	  [](Play &p) { return p.r.map(bit(35), 8 * 4096, 16 * 4096, TCE_MAP_READ); }, true },
	{ "write it",
	  [](Play &p) { return p.r.map(bit(35), 0, 4096) == err::kFault ? 0 : err::kIo; } },
	{ "unmap some", [](Play &p) { return p.r.unmap(100 * 4096, 600 * 4096); }, true },
	{ "disable", [](Play &p) { return p.r.disable(); }, true },
	{ "enable again", [](Play &p) { return p.r.enable(); } },
	{ "map all", [](Play &p) { return p.r.map(kOne, 0, kDefault); }, true },
	{ "unmap all", [](Play &p) { return p.r.unmap(0, kDefault); }, true },
	{ "map one", [](Play &p) { return p.r.map(kTwo, kDefault - 4096, 4096); }, true },
	{ "detach", [](Play &p) { return detach(p, 0); } },
	{ "attach other", [](Play &p) { return p.r.attach(0, 1); } },
	{ "enable other", [](Play &p) { return p.r.enable(1); } },
	{ "map there", [](Play &p) { return p.r.map(kTwo, 0, 64 * 4096, kRw, 1); }, true, true },
};

struct Scenario {
	const Step *steps;
	u32 count;
	Config config;
};

Scenario powernv(u32 page_shift)
{
	Scenario s = { kPowernv, sizeof(kPowernv) / sizeof(kPowernv[0]),
		       with_powernv(2, page_shift) };

	s.config.fw.default_size = kDefault;
	return s;
}

Scenario v1(unsigned int host)
{
	Scenario s = { kV1, sizeof(kV1) / sizeof(kV1[0]), with_host(host) };

	s.config.fw.default_size = kDefault;
	s.config.version = TCE_V1;
	return s;
}

/* One run with a failure at @nth; whether there was any. */
bool play(const Scenario &s, u64 nth, u32 sites, Snapshot *clean)
{
	Play &p = *make<Play>(s.config);
	World &w = p.r.w;
	auto *before = make<Snapshot>();
	auto *after = make<Snapshot>();
	bool fired = false;

	if (nth)
		w.fail_nth(nth, sites, false, h::kHardware, 3);
	for (u32 i = 0; i < s.count; i++) {
		const Step &step = s.steps[i];

		before->take(w);

		int rc = step.run(p);
		const bool now = !fired && w.injected();

		if (now) {
			fired = true;
			w.inject_state.nth = 0;
		}
		after->take(w);
		if (!rc) {
			if (!nth)
				clean[i].take(w);
			else if (!(*after == clean[i]))
				FAKE_FAIL("nth %llu (%s): \"%s\" answers 0 but is not done", nth,
					  site_name(w.inject_state.last), step.name);
			continue;
		}
		if (!now) {
			FAKE_FAIL("nth %llu: \"%s\" answers %d with nothing wrong", nth, step.name,
				  rc);
			break;
		}
		w.run_deferred();
		after->take(w);
		if (step.first) {
			before->forget_default();
			after->forget_default();
		}

		const Site last = w.inject_state.last;
		const bool may_close = last == Site::Killed || site_bit(last) & kHcallSites;
		const bool kept = *after == *before ||
				  (step.entries && may_close && after->is_part_of(*before));

		if (!kept)
			FAKE_FAIL("nth %llu (%s): \"%s\" answers %d and has changed something", nth,
				  site_name(last), step.name, rc);
		rc = step.run(p);
		after->take(w);
		if (rc || !(*after == clean[i])) {
			FAKE_FAIL("nth %llu (%s): \"%s\" again answers %d%s", nth, site_name(last),
				  step.name, rc, rc ? "" : " but is not done");
			break;
		}
	}
	if (w.live_pins > w.live_tces())
		FAKE_FAIL("nth %llu: %llu pins for %llu entries", nth, w.live_pins, w.live_tces());
	p.kvm.release(p.table);
	p.r.finish();
	/* Nobody but the firmware has a table then. */
	if (sites & site_bit(Site::IodaUnset))
		w.ioda.forget_stuck();
	unmake(before);
	unmake(after);
	unmake(&p);
	return fired;
}

void sweep(const Scenario &s, u32 sites)
{
	auto *clean = static_cast<Snapshot *>(env_alloc(s.count * sizeof(Snapshot), 8));
	u64 nth = 1;

	for (u32 i = 0; i < s.count; i++)
		new (Place{ &clean[i] }) Snapshot;
	play(s, 0, sites, clean);
	while (play(s, nth, sites, clean))
		nth += stride();
	TCE_EXPECT_LE(3, nth);
	for (u32 i = 0; i < s.count; i++)
		clean[i].~Snapshot();
	env_free(clean);
}

/* From some moment on everything fails for ever: nothing is unpinned in a device's reach. */
void hopeless(const Scenario &s, u32 sites)
{
	for (u64 nth = 1; nth < 1000; nth += stride()) {
		Play &p = *make<Play>(s.config);
		World &w = p.r.w;

		w.fail_nth(nth, sites, true, h::kHardware, nth % 3);
		for (u32 i = 0; i < s.count; i++) {
			const Step &step = s.steps[i];

			if (step.name[0] == 'd' && step.name[1] == 'e' &&
			    p.r.attached(step.name[6] && step.name[7] == '1') < 0)
				continue;
			step.run(p);
		}
		w.run_deferred();
		p.kvm.release(p.table);
		p.r.finish();

		const u64 fired = w.injected();

		w.fail_never();
		w.ioda.forget_stuck();
		TCE_EXPECT_EQ(w.live_blocks + w.live_pages + w.live_ktables, 0);
		TCE_EXPECT_EQ(w.ioda.live_levels, 0);
		TCE_EXPECT_EQ(w.live_locks, 0);
		TCE_EXPECT_EQ(w.mm[0].locked_port + w.mm[0].refs, 0);
		TCE_EXPECT_EQ(w.counters[TCE_COUNT_LEAVES], 0);
		w.skip_balance = sites & (kHcallSites | kIodaSites);
		unmake(&p);
		if (!fired)
			break;
	}
}

constexpr u32 kResources = kAllSites & ~kHcallSites & ~kDdwSites & ~kIodaSites;

} // namespace

TCE_CASE(sweep, powernv_resources)
{
	sweep(powernv(kSystemShifts[param]), kResources);
}

TCE_CASE(sweep, powernv_firmware)
{
	sweep(powernv(kSystemShifts[param]), site_bit(Site::IodaSet));
}

TCE_CASE(sweep, powernv_unset)
{
	Scenario s = powernv(kSystemShifts[param]);

	/* A group that leaves and is not let go of: suite ioda has that. */
	s.config.groups = 1;
	sweep(s, site_bit(Site::IodaUnset));
}

TCE_CASE(sweep, powernv_hopeless)
{
	const Scenario s = powernv(kSystemShifts[param]);

	hopeless(s, site_bit(Site::IodaSet));
	hopeless(s, site_bit(Site::IodaUnset));
	hopeless(s, kIodaSites);
	hopeless(s, kResources);
}

TCE_CASE(sweep, v1_resources)
{
	sweep(v1(param), kResources);
}

TCE_CASE(sweep, v1_platform)
{
	sweep(v1(param),
	      param & 2 ? site_bit(Site::IodaSet) | site_bit(Site::IodaUnset) : kHcallSites);
}

TCE_CASE(sweep, v1_hopeless)
{
	hopeless(v1(param), kResources);
	hopeless(v1(param), param & 2 ? kIodaSites : kHcallSites);
}

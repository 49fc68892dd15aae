// SPDX-License-Identifier: GPL-2.0-only
/* Runs of a scenario with failures, see scenario.hpp. */
#include "scenario.hpp"
#include "snapshot.hpp"

namespace fake {
namespace {

/*
 * The states of the clean run: first before all steps, then after each of them.
 */
class Clean {
public:
	explicit Clean(u32 steps) : count_(steps + 1)
	{
		states_ = static_cast<Snapshot *>(env_alloc(count_ * sizeof(Snapshot), 8));
		for (u32 i = 0; i < count_; i++)
			new (Place{ &states_[i] }) Snapshot;
	}
	~Clean()
	{
		for (u32 i = 0; i < count_; i++)
			states_[i].~Snapshot();
		env_free(states_);
	}
	Clean(const Clean &) = delete;
	Clean &operator=(const Clean &) = delete;

	Snapshot &before(u32 step) const { return states_[step]; }
	Snapshot &after(u32 step) const { return states_[step + 1]; }

private:
	Snapshot *states_;
	u32 count_;
};

/*
 * The end of a run, and of what firmware did not let go of: nobody else has a
 * table then.
 */
u64 finish(Play &p)
{
	p.kvm.release(p.table);
	p.r.finish();

	const u64 fired = p.r.w.injected();

	p.r.w.fail_never();
	p.r.w.ioda.forget_stuck();
	p.r.w.users.run_later();
	return fired;
}

void run_clean(const Scenario &s, const Clean &clean)
{
	Play &p = *make<Play>(s.config);

	clean.before(0).take(p.r.w);
	for (u32 i = 0; i < s.count; i++) {
		TCE_EXPECT_EQ(s.steps[i].run(p), 0);
		clean.after(i).take(p.r.w);
	}
	finish(p);
	unmake(&p);
}

int run_step(const Step &step, Play &p, u32 sites)
{
	const bool spare = step.special & kInKernel && sites & kHcallSites;

	env_self()->no_fail += spare;

	const int rc = step.run(p);

	env_self()->no_fail -= spare;
	return rc;
}

/*
 * A step answered an error because of a failure: nothing has changed, and it
 * can be repeated.
 */
bool failed_well(const Step &step, Play &p, u64 nth, const Snapshot &before, const Snapshot &done)
{
	World &w = p.r.w;
	const char *site = site_name(w.inject_state.last);
	auto *after = make<Snapshot>();

	/* KVM gives up half-way, and its last word comes with the flush. */
	w.run_deferred();
	after->take(w);
	if (step.special & kFirst)
		after->forget_default();

	const u32 last = site_bit(w.inject_state.last);
	const bool may_close = step.special & kEntries &&
			       last & (kHcallSites | site_bit(Site::Killed));

	if (!(*after == before) && !(may_close && after->is_part_of(before, done)))
		FAKE_FAIL("nth %llu (%s): \"%s\" answers an error and has changed something", nth,
			  site, step.name);

	const int again = step.run(p);

	after->take(w);

	const bool well = !again && *after == done;

	if (!well)
		FAKE_FAIL("nth %llu (%s): \"%s\" after a failure answers %d%s", nth, site,
			  step.name, again, again ? "" : " but is not done");
	unmake(after);
	return well;
}

/*
 * One run with a failure at @nth; whether there was any.  Up to it the run is
 * the clean one.
 */
bool play(const Scenario &s, u64 nth, const Failure &f, const Clean &clean)
{
	Play &p = *make<Play>(s.config);
	World &w = p.r.w;
	auto *after = make<Snapshot>();
	bool fired = false;

	w.fail_nth(nth, f.sites, false, f.status, f.apply);
	for (u32 i = 0; i < s.count; i++) {
		const Step &step = s.steps[i];
		const int rc = run_step(step, p, f.sites);
		const bool now = !fired && w.injected();

		fired = fired || now;
		/* Found: no more of it. */
		if (now)
			w.inject_state.nth = 0;
		if (rc && !now) {
			FAKE_FAIL("nth %llu: \"%s\" answers %d with nothing wrong", nth, step.name,
				  rc);
			break;
		}
		if (rc && !failed_well(step, p, nth, clean.before(i), clean.after(i)))
			break;
		if (rc || !fired)
			continue;
		after->take(w);
		if (!(*after == clean.after(i)))
			FAKE_FAIL("nth %llu (%s): \"%s\" answers 0 but is not done", nth,
				  site_name(w.inject_state.last), step.name);
	}
	if (w.live_pins > w.live_tces())
		FAKE_FAIL("nth %llu: %llu pins for %llu entries", nth, w.live_pins, w.live_tces());
	finish(p);
	unmake(after);
	unmake(&p);
	return fired;
}

} // namespace

Play::Play(const Config &config) : r(config, 2, false), kvm(&r.w.mm[0], kOne)
{
	r.w.make_contiguous(kOne, kOne + 64 * kMiB, 24);
	r.w.make_contiguous(kTwo, kTwo + 64 * kMiB, 24);
	if (config.version == TCE_V1)
		r.w.make_read_only(kReadOnly, kReadOnly + 16 * kMiB);
}

void sweep(const Scenario &s, const Failure &f, u64 thin)
{
	const Clean clean(s.count);
	u64 nth = 1;

	run_clean(s, clean);
	while (nth < 100000 && play(s, nth, f, clean))
		nth += thin ? 1 + nth / thin : stride();
	TCE_EXPECT_LE(s.least, nth);
}

void hopeless(const Scenario &s, u32 sites)
{
	const bool papr = s.config.platform == TCE_PLATFORM_PAPR;

	for (u64 nth = 1; nth < 1000; nth += stride()) {
		Play &p = *make<Play>(s.config);
		World &w = p.r.w;

		/*
		 * Who comes after a reset that failed finds no default window.
		 */
		w.skip_dt = w.allow_bad_hcalls = papr && s.config.version != TCE_V1;
		w.fail_nth(nth, sites, true, h::kHardware, nth % 3);
		for (u32 i = 0; i < s.count; i++)
			s.steps[i].run(p);
		w.run_deferred();

		const u64 fired = finish(p);

		/* What was closed with an error may as well not have been. */
		if (papr && !(sites & kHcallSites))
			TCE_EXPECT_EQ(w.registered_pages(), 0);
		TCE_EXPECT_EQ(w.live_blocks + w.live_ktables, 0);
		TCE_EXPECT_EQ(w.ioda.live_levels, 0);
		TCE_EXPECT_EQ(w.live_locks, 0);
		/*
		 * Pages that stay pinned are in a list of the mm, so it stays.
		 */
		TCE_EXPECT_EQ(w.mm[0].locked_port, 0);
		TCE_EXPECT_EQ(w.mm[0].refs, w.registered_pages() ? 1 : 0);
		TCE_EXPECT_EQ(w.counters[TCE_COUNT_LEAVES], 0);
		w.skip_balance = sites & (kHcallSites | kDdwSites | kIodaSites);
		unmake(&p);
		if (!fired)
			break;
	}
}

} // namespace fake

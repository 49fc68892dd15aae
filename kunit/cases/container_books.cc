// SPDX-License-Identifier: GPL-2.0-only
/*
 * Containers: owners and figures, what comes between two steps of a call, and
 * what waits until trouble is over.
 */
#include "params.hpp"
#include "unchanged.hpp"

using namespace fake;

namespace {

/* The figures of windows and regions. */
struct Counts {
	s64 created, removed, registered, unregistered;
};

void expect_counts(const Rig &r, const Counts &c)
{
	TCE_EXPECT_EQ(r.w.counters[TCE_COUNT_WINDOWS_CREATED], c.created);
	TCE_EXPECT_EQ(r.w.counters[TCE_COUNT_WINDOWS_REMOVED], c.removed);
	TCE_EXPECT_EQ(r.w.counters[TCE_COUNT_REGIONS_REGISTERED], c.registered);
	TCE_EXPECT_EQ(r.w.counters[TCE_COUNT_REGIONS_UNREGISTERED], c.unregistered);
}

/*
 * Before the @nth lock for writing of the calls that follow another thread does
 * something.
 */
class Meanwhile {
public:
	Meanwhile(Rig &r, u32 nth, void (*what)(Rig &r)) : r_(r), left_(nth), what_(what)
	{
		r.w.on_write_lock = &Meanwhile::at_lock;
		r.w.write_lock_arg = this;
	}
	~Meanwhile()
	{
		r_.w.on_write_lock = nullptr;
		TCE_EXPECT_EQ(left_, 0);
	}
	Meanwhile(const Meanwhile &) = delete;
	Meanwhile &operator=(const Meanwhile &) = delete;

private:
	static void at_lock(void *arg)
	{
		Meanwhile &m = *static_cast<Meanwhile *>(arg);

		if (!m.left_)
			return;
		m.left_--;
		if (!m.left_)
			m.what_(m.r_);
	}

	Rig &r_;
	u32 left_;
	void (*what_)(Rig &r);
};

constexpr u64 kPages = 16;

/* Entries do not close any more, windows are not removed, groups not reset. */
void trouble(Rig &r, u64 skip = 0, u64 times = ~0ull)
{
	r.w.script({ kAllOps, skip, times, h::kHardware, 0, true });
	r.w.fail_nth(1, site_bit(Site::DdwRemove) | site_bit(Site::DdwReset), true);
}

void peace(Rig &r)
{
	r.w.no_scripts();
	r.w.fail_never();
}

} // namespace

int tce_params_closed_or_registered(unsigned int i, char *buf, unsigned long bytes)
{
	static const char *const names[] = { "closed", "registered" };

	return named(names, i, buf, bytes);
}

/*
 * Each has a secret of its own; without memory there is none, and nobody hears
 * of it.
 */
TCE_CASE(container, made)
{
	Rig r({}, 2);
	tce_container *none = nullptr;

	TCE_EXPECT_EQ(r.w.randoms, 2);
	r.w.fail_nth(1, kAllocSites);
	TCE_EXPECT_EQ(tce_container_create(TCE_V2, &none), err::kNoMem);
	TCE_EXPECT_EQ(r.w.injected(), 1);
	TCE_EXPECT(!none);
}

/* Nothing says that the default window begins at 0. */
TCE_CASE(container, info_of_high_default)
{
	Config config;

	config.fw.default_start = 3 * kGiB;

	Rig r(config);
	tce_info info = {};

	TCE_EXPECT_EQ(r.info(&info), 0);
	TCE_EXPECT_EQ(info.dma32_start, 3 * kGiB);
	TCE_EXPECT_EQ(info.dma32_size, kGiB);
}

/* The first call with good arguments makes the owner, whichever it is. */
TCE_CASE(container, first_call_owns)
{
	for (u32 which = 0; which < 3; which++) {
		Rig r;
		tce_info info = {};

		TCE_EXPECT_EQ(which == 0 ? r.remove(0) :
			      which == 1 ? r.create(16, kGiB) :
					   r.reg(kUser, 4096),
			      0);
		run_as(1);
		TCE_EXPECT_EQ(r.info(&info), err::kPerm);
		TCE_EXPECT_EQ(r.reg(kUser, 4096), err::kPerm);
		run_as(0);
		TCE_EXPECT_EQ(r.info(&info), 0);
	}
}

/*
 * What was done counts, what was refused does not; what goes by itself counts
 * as removed.
 */
TCE_CASE(container, counters)
{
	Config config;

	config.locked_limit = 64;

	Rig r(config);

	expect_counts(r, { 0, 0, 0, 0 });
	TCE_EXPECT_EQ(r.reg(kUser, kPages * 4096), 0);
	expect_counts(r, { 0, 0, 1, 0 });
	TCE_EXPECT_EQ(r.reg(kUser, kPages * 4096), err::kBusy);
	TCE_EXPECT_EQ(r.reg(2 * kUser, 65 * 4096), err::kNoMem);
	TCE_EXPECT_EQ(r.create(16, kGiB + 1), err::kInval);
	r.w.fail_nth(1, site_bit(Site::DdwCreate));
	TCE_EXPECT_EQ(r.create(16, kGiB), err::kIo);
	r.w.fail_never();
	TCE_EXPECT_EQ(r.map(kUser, 0, 4097), err::kInval);
	TCE_EXPECT_EQ(r.remove(4096), err::kInval);
	expect_counts(r, { 0, 0, 1, 0 });
	TCE_EXPECT_EQ(r.create(16, kGiB), 0);
	expect_counts(r, { 1, 0, 1, 0 });
	TCE_EXPECT_EQ(r.create(16, kGiB), err::kNoSpc);
	/* The default window gets its table. */
	TCE_EXPECT_EQ(r.map(kUser, 0, 4096), 0);
	TCE_EXPECT_EQ(r.map(kUser, 4096, 4096), 0);
	expect_counts(r, { 2, 0, 1, 0 });
	TCE_EXPECT_EQ(r.unreg(kUser, kPages * 4096), err::kBusy);
	TCE_EXPECT_EQ(r.unreg(2 * kUser, 4096), err::kNoEnt);
	TCE_EXPECT_EQ(r.remove(kDdwStart), 0);
	expect_counts(r, { 2, 1, 1, 0 });
	TCE_EXPECT_EQ(r.create(16, kGiB), 0);
	r.detach(0);
	expect_counts(r, { 3, 3, 1, 0 });
	TCE_EXPECT_EQ(r.unreg(kUser, kPages * 4096), 0);
	expect_counts(r, { 3, 3, 1, 1 });
	/* Without a table there is nothing that counts. */
	TCE_EXPECT_EQ(r.attach(0), 0);
	TCE_EXPECT_EQ(r.remove(0), 0);
	expect_counts(r, { 3, 3, 1, 1 });
}

/*
 * While REGISTER pins, the container is closed, or somebody registers the same.
 */
TCE_CASE(container, register_meanwhile)
{
	Rig r;

	TCE_ASSERT_EQ(r.reg(2 * kUser, 4096), 0);
	if (param) {
		Meanwhile same(r, 2, [](Rig &x) {
			TCE_EXPECT_EQ(tce_container_register(x.c[0], 0, kUser, kPages * 4096), 0);
		});

		TCE_EXPECT_EQ(r.reg(kUser, kPages * 4096), err::kBusy);
	} else {
		Meanwhile close(r, 2, [](Rig &x) {
			tce_container_detach(x.c[0], &x.w.groups[0]);
			tce_container_close(x.c[0]);
			x.forget_groups();
		});

		TCE_EXPECT_EQ(r.reg(kUser, kPages * 4096), err::kNoDev);
	}
	TCE_EXPECT_EQ(r.w.live_mems(), param ? 2 : 0);
	TCE_EXPECT_EQ(r.w.registered_pages(), param ? kPages + 1 : 0);
	expect_counts(r, { 0, 0, param ? 2 : 1, 0 });
	/* There is one registration, not two. */
	TCE_EXPECT_EQ(r.unreg(kUser, kPages * 4096), param ? 0 : err::kNoDev);
	TCE_EXPECT_EQ(r.w.live_mems(), param ? 1 : 0);
}

/*
 * The group goes, or another MAP comes, before the default window has its
 * table.
 */
TCE_CASE(container, first_map_meanwhile)
{
	Rig r;

	TCE_ASSERT_EQ(r.reg(kUser, kPages * 4096), 0);
	if (param) {
		Meanwhile map(r, 1, [](Rig &x) {
			TCE_EXPECT_EQ(tce_container_map(x.c[0], kRw, kUser, 0, 4096), 0);
		});

		TCE_EXPECT_EQ(r.map(kUser, 4096, 4096), 0);
	} else {
		Meanwhile detach(r, 1, [](Rig &x) {
			tce_container_detach(x.c[0], &x.w.groups[0]);
			x.forget_groups();
		});

		TCE_EXPECT_EQ(r.map(kUser, 4096, 4096), err::kNxio);
	}
	TCE_EXPECT_EQ(r.w.live_tces(), param ? 2 : 0);
	TCE_EXPECT_EQ(r.w.live_ktables, param ? 1 : 0);
	expect_counts(r, { param ? 1 : 0, 0, 1, 0 });
}

/*
 * A window went with entries that did not close; nothing keeps its memory when
 * the firmware is itself again and nothing else is in the way of a reset.
 */
TCE_CASE(container, trouble_is_over)
{
	for (u32 other = 0; other < 2; other++) {
		Rig r(with_firmware(param));
		const u32 shift = r.w.config.page_shift;
		const u64 bytes = kPages << shift;

		TCE_ASSERT_EQ(r.reg(kUser, bytes), 0);
		TCE_ASSERT_EQ(r.remove(0), 0);
		TCE_ASSERT_EQ(r.create(shift, kTiB), 0);
		if (other)
			TCE_ASSERT_EQ(r.create(shift, kTiB), 0);
		TCE_ASSERT_EQ(r.map(kUser, r.start, bytes), 0);
		trouble(r);
		TCE_EXPECT_EQ(r.remove(r.start), 0);
		TCE_EXPECT_EQ(r.w.logs_of[TCE_LOG_ENTRIES], 1);
		TCE_EXPECT(r.w.last_log_says("is removed with entries that do not close"));
		TCE_EXPECT_EQ(r.unreg(kUser, bytes), err::kBusy);
		peace(r);
		/* The window that is in the way goes, or another one comes. */
		TCE_EXPECT_EQ(r.unreg(kUser, bytes), err::kBusy);
		TCE_EXPECT_EQ(other ? r.remove(0) : r.create(12, kGiB), 0);
		TCE_EXPECT_EQ(r.w.live_tces(), 0);
		TCE_EXPECT_EQ(r.unreg(kUser, bytes), 0);
		TCE_EXPECT_EQ(r.w.counters[TCE_COUNT_QUARANTINED], 0);
	}
}

/* The trouble is one group's, and that is enough. */
TCE_CASE(container, trouble_in_one_group)
{
	Config config = with_firmware(param);

	config.groups = 2;

	Rig r(config);
	const u32 shift = r.w.config.page_shift;
	const u64 bytes = kPages << shift;

	TCE_ASSERT_EQ(r.reg(kUser, bytes), 0);
	TCE_ASSERT_EQ(r.remove(0), 0);
	TCE_ASSERT_EQ(r.create(shift, kTiB), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, bytes), 0);
	/*
	 * The second group is asked second, and again when it is its turn to
	 * let go of the window.
	 */
	trouble(r, 1, 2);
	TCE_EXPECT_EQ(r.remove(0), 0);
	TCE_EXPECT(r.closed(0, ~0ull, 0));
	TCE_EXPECT(!r.closed(0, ~0ull, 1));
	TCE_EXPECT_EQ(r.unreg(kUser, bytes), err::kBusy);
	peace(r);
	TCE_EXPECT_EQ(r.create(12, kGiB), 0);
	TCE_EXPECT(r.closed(0, ~0ull, 1));
	TCE_EXPECT_EQ(r.unreg(kUser, bytes), 0);
}

/*
 * A group left in trouble, and took what it had with it: those that come later
 * are not judged by it.
 */
TCE_CASE(container, trouble_is_forgotten)
{
	Rig r(with_firmware(param));
	const u64 bytes = kPages << r.w.config.page_shift;

	TCE_ASSERT_EQ(r.reg(kUser, bytes), 0);
	TCE_ASSERT_EQ(r.reg(4 * kUser, bytes), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, bytes), 0);
	trouble(r);
	r.detach(0);
	peace(r);
	TCE_EXPECT_NE(r.w.counters[TCE_COUNT_QUARANTINED], 0);

	const s64 stuck = r.w.counters[TCE_COUNT_QUARANTINED];

	TCE_ASSERT_EQ(r.attach(0), 0);
	TCE_ASSERT_EQ(r.map(4 * kUser, 0, bytes), 0);
	trouble(r);
	TCE_EXPECT_EQ(r.remove(0), 0);
	TCE_EXPECT_EQ(r.unreg(4 * kUser, bytes), err::kBusy);
	peace(r);
	TCE_EXPECT_EQ(r.create(12, kGiB), 0);
	TCE_EXPECT_EQ(r.w.live_tces(), 0);
	TCE_EXPECT_EQ(r.unreg(4 * kUser, bytes), 0);
	TCE_EXPECT_EQ(r.unreg(kUser, bytes), err::kBusy);
	TCE_EXPECT_EQ(r.w.counters[TCE_COUNT_QUARANTINED], stuck);
	r.finish();
	r.w.skip_balance = true;
}

/*
 * What is said of memory that stays pinned names the groups that came after it
 * was registered.
 */
TCE_CASE(container, stays_pinned_for_all)
{
	Config config = with_firmware(param);

	config.groups = 2;

	Rig r(config, 1, false);
	const u64 bytes = kPages << r.w.config.page_shift;

	TCE_ASSERT_EQ(r.attach(0), 0);
	TCE_ASSERT_EQ(r.reg(kUser, bytes), 0);
	TCE_ASSERT_EQ(r.attach(1), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, bytes), 0);
	trouble(r);
	r.finish();
	TCE_EXPECT_EQ(r.w.logs_of[TCE_LOG_KEPT], 1);
	TCE_EXPECT(r.w.last_log_says("process[0] groups 0,1: "));
	r.w.skip_balance = true;
}

namespace {

/* What KVM and other users of the memory see while a window goes. */
struct Watch {
	Rig &r;
	Kvm kvm;
	u64 entry;
	u32 dead_found = 0;
	bool given_back_first = false; /* when the window was still there */

	static void moment(void *arg, bool spinning)
	{
		Watch &w = *static_cast<Watch *>(arg);

		if (!spinning)
			w.look();
	}
	void look()
	{
		const s64 &kills = r.w.counters[TCE_COUNT_KVM_KILLS];

		for (const tce_port_group &group : r.w.groups) {
			tce_ktable *found = group.slot[1];
			const s64 before = kills;

			if (!found)
				continue;
			kvm.kill(found, entry);
			dead_found += kills == before;
		}
		for (const FwWindow &win : r.w.groups[0].win) {
			const tce_mem *mem = r.w.mm[0].mems;

			if (win.live && win.start == kDdwStart && mem && mem->mapped == 1)
				given_back_first = true;
		}
	}
};

} // namespace

/*
 * REMOVE: what KVM finds is alive, at any moment.  Memory that nothing names
 * any more is free before the firmware is asked for the window, which can take
 * it minutes.
 */
TCE_CASE(container, removed_in_order)
{
	Config config = with_firmware(param);

	config.groups = 2;

	Rig r(config);
	const u32 shift = r.w.config.page_shift;
	const u64 bytes = kPages << shift;
	Watch watch = {
		r, { &r.w.mm[0], kUser },
		  kDdwStart >> shift
	};

	TCE_ASSERT_EQ(r.reg(kUser, bytes), 0);
	TCE_ASSERT_EQ(r.create(shift, kTiB), 0);
	TCE_ASSERT_EQ(r.map(kUser, kDdwStart, bytes), 0);
	r.w.moment_arg = &watch;
	r.w.on_moment = Watch::moment;
	TCE_EXPECT_EQ(r.remove(kDdwStart), 0);
	r.w.on_moment = nullptr;
	TCE_EXPECT_NE(r.w.counters[TCE_COUNT_KVM_KILLS], 0);
	TCE_EXPECT_EQ(watch.dead_found, 0);
	TCE_EXPECT(watch.given_back_first);
	TCE_EXPECT_EQ(r.unreg(kUser, bytes), 0);
}

/*
 * One group of several goes: its default window is as the platform wants it,
 * and stays.
 */
TCE_CASE(group, leaves_in_peace)
{
	Config config = with_firmware(param);

	config.groups = 3;

	Rig r(config);
	const u64 bytes = kPages << r.w.config.page_shift;

	TCE_ASSERT_EQ(r.reg(kUser, bytes), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, bytes), 0);
	for (u32 g = 0; g < 3; g++) {
		r.w.reset_counts();
		r.detach(g);
		TCE_EXPECT_EQ(r.w.ddw_calls[2] + r.w.ddw_calls[3], 0);
		TCE_EXPECT(r.w.groups[g].win[0].live && r.closed(0, ~0ull, g));
	}
	TCE_EXPECT_EQ(r.unreg(kUser, bytes), 0);
}

/*
 * Another call may hold the container over a fault that never ends: a kill ends
 * the wait.
 */
TCE_CASE(container, killed_while_it_waits)
{
	Config config;

	config.groups = 2;
	config.version = param ? TCE_V1 : TCE_V2;

	Rig r(config, 1, false);
	const u64 size = 4096;

	TCE_ASSERT_EQ(r.attach(0), 0);
	TCE_ASSERT_EQ(param ? tce_container_enable(r.c[0]) : r.reg(kUser, 16 * size), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, size), 0);

	Unchanged unchanged(r);
	const auto killed = [&](auto call) {
		r.w.locks_until_killed = 1;
		TCE_EXPECT_EQ(call(), err::kIntr);
		TCE_EXPECT_EQ(r.w.locks_until_killed, 0);
	};
	tce_info info;

	killed([&] { return r.map(kUser, 4096, size); });
	killed([&] { return r.unmap(0, size); });
	killed([&] { return tce_container_get_info(r.c[0], &info); });
	killed([&] { return r.create(12, kMiB); });
	killed([&] { return r.remove(0); });
	killed([&] { return r.reg(2 * kUser, size); });
	killed([&] { return r.unreg(kUser, 16 * size); });
	killed([&] { return tce_container_enable(r.c[0]); });
	killed([&] { return tce_container_disable(r.c[0]); });
	killed([&] { return r.attach(1); });
}

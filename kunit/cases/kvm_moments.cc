// SPDX-License-Identifier: GPL-2.0-only
/*
 * Windows and groups that come and go, and KVM at each moment of that: what it
 * finds is true, what it has begun is waited for, and what goes wrong in one
 * group stays there.
 */
#include "guest.hpp"
#include "params.hpp"

using namespace fake;
using guest::Guest;
using guest::kBoth;
using guest::kRam;

namespace {

/* --- Tables that KVM finds ------------------------------------------------ */

/*
 * At every moment somebody looks for a table of each group, as a VMM does that
 * has heard of the window's size, or has made one up: by a size that is not
 * true he finds none, and what he finds is there.
 */
struct Looker {
	explicit Looker(Rig &rig) : r(rig), kvm(&rig.w.mm[0], 0)
	{
		r.w.moment_arg = this;
		r.w.on_moment = [](void *arg, bool spinning) {
			if (!spinning)
				static_cast<Looker *>(arg)->look();
		};
	}
	~Looker() { r.w.on_moment = nullptr; }
	Looker(const Looker &) = delete;
	Looker &operator=(const Looker &) = delete;

	/* A window of so many entries is made, or goes. */
	void expect(u64 at, u64 size)
	{
		start = at;
		entries = size;
	}
	void look()
	{
		const u64 too_many[] = { entries + 1, 2 * entries, 512, 8192, bit(31) };

		for (u32 g = 0; g < r.w.config.groups; g++) {
			GuestTable t;

			for (u64 size : too_many) {
				if (size > entries && find(t, g, size))
					FAKE_FAIL("a window of %llu entries is found by %llu",
						  entries, size);
			}
			if (find(t, g, entries))
				check(t.tables[0], g);
			kvm.release(t);
		}
	}

	u64 found = 0;
	u64 live = 0; /* an entry that is mapped all the time, from now on */

private:
	bool find(GuestTable &t, u32 g, u64 size)
	{
		t.offset = start >> 12;
		t.size = size;
		return !kvm.attach(t, g);
	}
	void check(const tce_ktable *k, u32 g)
	{
		const u64 first = k->shape.offset;
		u64 hpa = 0;
		u32 perm = kBoth;

		found++;
		TCE_EXPECT_EQ(k->shape.entries, entries);
		if (r.w.config.platform == TCE_PLATFORM_IODA2) {
			bool walked = false;

			/* The platform's unset_window is what hides it. */
			for (const HwWindow &w : r.w.ioda.win[g])
				walked = walked || w.table == k;
			TCE_EXPECT(walked);
			return;
		}

		const FwWindow *w = r.w.window_by_liobn(k->shape.liobn);

		TCE_REQUIRE(w);
		TCE_EXPECT_EQ(w->start, start);
		TCE_EXPECT_LE(entries, w->entries());
		/*
		 * A map without a slot: only a table that is dead lets it
		 * through, to nowhere.
		 */
		const Atomic atomic;

		TCE_EXPECT_NE(tce_table_xchg(k->table, first, &hpa, &perm), 0);
		/* Another group's entries are here already. */
		if (live)
			TCE_EXPECT(r.reaches(live, kUser, kBoth, g));
	}

	Rig &r;
	Kvm kvm;
	u64 start = 0;
	u64 entries = 0;
};

} // namespace

TCE_CASE(kvm, finds_what_is_true)
{
	/* The last one is the default window's size. */
	static constexpr u64 kSizes[] = { 16, 512, 2048, 16384 };

	for (u64 entries : kSizes) {
		Config config = param & 2 ? with_powernv(2) : with_system_pages(0);
		const bool is_default = entries == 16384;

		config.groups = 2;
		config.fw.default_size = 16384 * 4096;

		Rig r(config, 1, false);
		Looker looker(r);

		looker.expect(is_default ? 0 : kDdwStart, entries);
		TCE_ASSERT_EQ(r.attach(0), 0);
		TCE_ASSERT_EQ(r.reg(kUser, kMiB), 0);
		TCE_EXPECT_EQ(looker.found, 0);
		if (!is_default)
			TCE_ASSERT_EQ(r.create(12, entries * 4096, 1 + (param & 1)), 0);

		const u64 at = is_default ? 0 : r.start;

		looker.expect(at, entries);
		TCE_ASSERT_EQ(r.map(kUser, at, 4096), 0);
		TCE_EXPECT_LT(0, looker.found);
		looker.live = at;
		TCE_ASSERT_EQ(r.attach(1), 0);
		looker.found = 0;
		looker.look();
		TCE_EXPECT_LE(2, looker.found);
		r.detach(0);
		looker.live = 0;
		/* Another one in its place, of another size. */
		TCE_EXPECT_EQ(r.remove(at), 0);
		looker.found = 0;
		looker.look();
		TCE_EXPECT_EQ(looker.found, 0);
	}
}

/* --- Groups that come and go ---------------------------------------------- */

namespace {

/*
 * At the nth moment of a group's coming or going a vCPU maps an entry, which
 * the hypervisor does not take for that group.
 */
struct Neighbour {
	static constexpr u64 kEntry = 3, kLast = 1000;

	Guest *g;
	u64 nth;
	bool refuse;
	u64 seen = 0;
	bool come = false;

	static Config two_groups()
	{
		Config config;

		config.groups = 2;
		return config;
	}
	static void at_moment(void *arg, bool spinning)
	{
		Neighbour &n = *static_cast<Neighbour *>(arg);
		World &w = n.g->r.w;

		if (spinning)
			return;

		const FwWindow *window = w.window_at(1, n.g->at);

		/* When it is filled to its last entry it is one of us. */
		if (n.refuse && (!window || w.tce_at(1, n.g->address(kLast))))
			return;
		if (++n.seen != n.nth)
			return;
		n.come = true;
		if (n.refuse)
			w.script({ kAllOps, 0, ~0ull, h::kHardware, 0, false, window->liobn });

		const Vcpu other(2);

		TCE_EXPECT_EQ(n.g->put_in_kernel(kEntry, 0x5000 | kBoth), h::kSuccess);
		w.no_scripts();
	}
	/* The other one's entries are what they were told to be. */
	void check() const
	{
		TCE_EXPECT(g->reaches(kLast, 0x1000));
		if (come)
			TCE_EXPECT(g->reaches(kEntry, 0x5000));
		TCE_EXPECT_EQ(g->r.w.counters[TCE_COUNT_KVM_LOST], 0);
	}
};

} // namespace

/*
 * One that is being filled fails alone: who is there already does not lose what
 * KVM maps.
 */
TCE_CASE(kvm, joiner_refuses)
{
	u64 refused = 0;

	for (u64 nth = 1;; nth++) {
		Guest g(12, 12, Neighbour::two_groups());
		Neighbour n = { &g, nth, true };

		g.r.detach(1);
		TCE_ASSERT_EQ(g.by_ioctl(Neighbour::kLast, 0x1000 | kBoth), h::kSuccess);
		g.r.w.moment_arg = &n;
		g.r.w.on_moment = Neighbour::at_moment;

		const int rc = g.r.attach(1);

		g.r.w.on_moment = nullptr;
		n.check();
		refused += rc == err::kIo;
		TCE_EXPECT(!rc || (n.come && rc == err::kIo));
		if (rc)
			TCE_ASSERT_EQ(g.r.attach(1), 0);
		TCE_EXPECT(g.r.reaches(g.address(Neighbour::kLast), kRam + 0x1000, kBoth, 1));
		if (n.come)
			TCE_EXPECT(
				g.r.reaches(g.address(Neighbour::kEntry), kRam + 0x5000, kBoth, 1));
		if (!n.come)
			break;
	}
	TCE_EXPECT_LT(0, refused);
}

/*
 * One that has left gets nothing any more: its LIOBN is gone, or the next
 * one's.
 */
TCE_CASE(kvm, leaver_is_left_alone)
{
	for (u64 nth = 1;; nth++) {
		Guest g(12, 12, Neighbour::two_groups());
		Neighbour n = { &g, nth, false };

		TCE_ASSERT_EQ(g.by_ioctl(Neighbour::kLast, 0x1000 | kBoth), h::kSuccess);
		g.r.w.moment_arg = &n;
		g.r.w.on_moment = Neighbour::at_moment;
		g.r.detach(1);
		g.r.w.on_moment = nullptr;
		n.check();
		TCE_EXPECT(g.r.closed(0, ~0ull, 1));
		TCE_EXPECT_EQ(g.r.w.bad_hcalls, 0);
		if (!n.come)
			break;
		TCE_EXPECT_EQ(g.r.w.live_tces(), 2);
	}
}

/* --- What KVM has begun --------------------------------------------------- */

namespace {

/* An ioctl, in a thread of its own. */
class Beside {
public:
	using Call = int (*)(Rig &r, u64 arg);

	Beside(Rig &r, Call call, u64 arg) : r_(r), call_(call), arg_(arg) {}
	~Beside()
	{
		if (task_)
			env_task_join(task_);
	}
	Beside(const Beside &) = delete;
	Beside &operator=(const Beside &) = delete;

	/*
	 * Begins; comes back when it is through, or has had time enough for
	 * that.
	 */
	void let_it()
	{
		constexpr u64 kTime = 20 * 1000 * 1000;
		const u64 until = env_nsecs() + kTime;

		if (begun_)
			return;
		begun_ = true;
		task_ = env_task_start(work, this);
		while (task_ && !through() && env_nsecs() < until)
			env_yield();
	}
	bool begun() const { return begun_; }
	bool through() const { return __atomic_load_n(&through_, __ATOMIC_ACQUIRE); }
	int answer()
	{
		if (task_)
			env_task_join(task_);
		else
			rc_ = call_(r_, arg_);
		task_ = nullptr;
		return rc_;
	}

private:
	static void work(void *arg)
	{
		Beside &me = *static_cast<Beside *>(arg);

		run_as(0);
		me.rc_ = me.call_(me.r_, me.arg_);
		__atomic_store_n(&me.through_, true, __ATOMIC_RELEASE);
	}

	Rig &r_;
	const Call call_;
	const u64 arg_;
	bool begun_ = false;
	bool through_ = false;
	int rc_ = 1;
	env_task *task_ = nullptr;
};

int remove_window(Rig &r, u64 at)
{
	return r.remove(at);
}
int attach_group(Rig &r, u64 group)
{
	return r.attach(static_cast<u32>(group));
}
int detach_group(Rig &r, u64 group)
{
	r.detach(static_cast<u32>(group));
	return 0;
}

} // namespace

/*
 * A vCPU that has its slot, and is about to store there: the window's leaves
 * stay as long.
 */
TCE_CASE(kvm, remove_waits_for_a_slot)
{
	Guest g(12, 12, with_host(param));
	Beside remover(g.r, remove_window, g.at);

	g.kvm.hook_arg = &remover;
	g.kvm.hook = [](void *arg, Kvm::Point at) {
		auto &r = *static_cast<Beside *>(arg);

		if (at != Kvm::Point::HaveSlot)
			return;
		r.let_it();
		TCE_EXPECT(!r.through());
	};
	TCE_EXPECT_EQ(g.put_in_kernel(3, 0x5000 | kBoth), h::kSuccess);
	g.kvm.hook = nullptr;
	TCE_EXPECT(remover.begun());
	TCE_EXPECT_EQ(remover.answer(), 0);
	TCE_EXPECT_EQ(g.r.w.live_tces(), 0);
	TCE_EXPECT_EQ(g.r.unreg(kRam, guest::kRamSize), 0);
}

/*
 * The very first vCPU that comes to a window, in the middle of its first
 * question.
 */
TCE_CASE(kvm, remove_waits_for_the_first)
{
	Guest g(12, 12, with_host(param));
	Beside remover(g.r, remove_window, g.at);

	g.r.w.asked_arg = &remover;
	g.r.w.on_asked = [](void *arg) {
		auto &r = *static_cast<Beside *>(arg);

		r.let_it();
		TCE_EXPECT(!r.through());
	};
	/*
	 * In a section that goes on: it is through with the window when that
	 * ends.
	 */
	g.kvm.hook_arg = &g;
	g.kvm.hook = [](void *arg, Kvm::Point) {
		static_cast<Guest *>(arg)->r.w.on_asked = nullptr;
	};
	TCE_EXPECT_EQ(g.kvm.do_map(g.ktable(), g.index(3), kRam, kBoth), h::kSuccess);
	g.kvm.hook = nullptr;
	g.r.w.on_asked = nullptr;
	TCE_EXPECT(remover.begun());
	TCE_EXPECT_EQ(remover.answer(), 0);
	TCE_EXPECT_EQ(g.r.w.live_tces(), 0);
	TCE_EXPECT_EQ(g.r.unreg(kRam, guest::kRamSize), 0);
}

namespace {

/* A group comes or goes while a vCPU that may see the others is on its way. */
void beside_a_vcpu(const Config &host, Beside::Call call)
{
	Config config = host;

	config.groups = 2;

	Guest g(12, 12, config);
	const bool comes = call == attach_group;
	Beside other(g.r, call, 1);

	if (comes)
		g.r.detach(1);
	TCE_EXPECT_EQ(g.put_in_kernel(2, 0x4000 | kBoth), h::kSuccess);
	g.kvm.hook_arg = &other;
	g.kvm.hook = [](void *arg, Kvm::Point at) {
		auto &o = *static_cast<Beside *>(arg);

		if (at != Kvm::Point::HaveSlot)
			return;
		o.let_it();
		TCE_EXPECT(!o.through());
	};
	TCE_EXPECT_EQ(g.put_in_kernel(3, 0x5000 | kBoth), h::kSuccess);
	g.kvm.hook = nullptr;
	TCE_EXPECT(other.begun());
	TCE_EXPECT_EQ(other.answer(), 0);
	for (u32 group = 0; group < (comes ? 2 : 1); group++) {
		TCE_EXPECT(g.r.reaches(g.address(2), kRam + 0x4000, kBoth, group));
		TCE_EXPECT(g.r.reaches(g.address(3), kRam + 0x5000, kBoth, group));
	}
	if (!comes)
		TCE_EXPECT(g.r.closed(0, ~0ull, 1));
}

} // namespace

TCE_CASE(kvm, join_waits_for_a_vcpu)
{
	beside_a_vcpu(with_host(param), attach_group);
}

TCE_CASE(kvm, leave_waits_for_a_vcpu)
{
	beside_a_vcpu(with_host(param), detach_group);
}

/* An UNMAP that finds nothing leaves the leaf as it was: KVM maps there. */
TCE_CASE(kvm, maps_after_unmap_of_nothing)
{
	Guest g(12, 12, with_host(param));

	TCE_EXPECT_EQ(g.r.unmap(g.at, 16 * 4096), 0);
	TCE_EXPECT_EQ(g.put_in_kernel(3, 0x5000 | kBoth), h::kSuccess);
	TCE_EXPECT(g.reaches(3, 0x5000));
}

/* What nobody kills is in many leaves: the flush gets to all of them. */
TCE_CASE(kvm, flush_of_many_leaves)
{
	constexpr u64 kLeaves = 3, kLeaf = 8192; /* entries, at most */
	Guest g(12, 12, with_host(param));

	for (u64 n = 0; n < kLeaves; n++)
		g.touch(n * kLeaf);
	for (u32 round = 0; round < 2; round++) {
		const u64 gpa = round ? 0x7000 : 0x5000;

		for (u64 n = 0; n < kLeaves; n++)
			TCE_EXPECT_EQ(g.kvm.do_map(g.ktable(), g.index(n * kLeaf), kRam + gpa,
						   kBoth),
				      h::kSuccess);
		if (round)
			TCE_EXPECT_EQ(g.r.unreg(kRam, guest::kRamSize), err::kBusy);
		else
			g.r.w.run_deferred();
		for (u64 n = 0; n < kLeaves; n++)
			TCE_EXPECT(g.reaches(n * kLeaf, gpa));
	}
}

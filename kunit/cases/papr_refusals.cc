// SPDX-License-Identifier: GPL-2.0-only
/*
 * MAP and UNMAP when the hypervisor refuses: every call of them, once, twice,
 * or for a while, having done nothing, a part or all of what it was asked.
 *
 * What has to hold: one refusal leaves the range of a MAP as it was, or closed,
 * the whole of it.  After more of them nobody may know what the hypervisor has;
 * then memory that a device may reach is not given back, and as soon as the
 * hypervisor takes calls again, UNMAP, MAP, REMOVE or the end of it all puts
 * everything right.
 */
#include "params.hpp"
#include "rig.hpp"

using namespace fake;

namespace {

constexpr u64 kPage = 4096;
constexpr u64 kOld = kUser;	/* memory that is mapped before */
constexpr u64 kNew = 4 * kUser; /* what MAP is to put there */
constexpr u64 kMemory = 16 * kMiB;

/* The range: five runs, two of them not whole, whatever the leaves. */
constexpr u64 kFirst = 100;
constexpr u64 kEntries = 2100;

constexpr u32 kApply[] = { 0, 1, 100, 511, 512 };

/* What the hypervisor has for a range of bus addresses. */
class Picture {
public:
	Picture(Rig &r, u64 at, u64 entries, u32 group = 0)
		: entries_(entries), tce_(static_cast<u64 *>(env_alloc(entries * sizeof(u64), 8)))
	{
		for (u64 i = 0; i < entries; i++)
			tce_[i] = r.w.tce_at(group, at + i * kPage);
	}
	~Picture() { env_free(tce_); }
	Picture(const Picture &) = delete;
	Picture &operator=(const Picture &) = delete;

	bool operator==(const Picture &other) const
	{
		return !__builtin_memcmp(tce_, other.tce_, entries_ * sizeof(u64));
	}
	bool closed() const
	{
		for (u64 i = 0; i < entries_; i++) {
			if (tce_[i])
				return false;
		}
		return true;
	}

private:
	const u64 entries_;
	u64 *const tce_;
};

/* What is mapped before the MAP; the parameter of most cases here. */
enum Before : unsigned int { kNothing, kThirds, kAll, kBefores };

/* The window under test, with neighbours of the range that nobody may touch. */
class Stage {
public:
	explicit Stage(unsigned int before, bool multitce = true, u32 groups = 1)
		: r(config(multitce, groups))
	{
		TCE_EXPECT_EQ(r.reg(kOld, kMemory), 0);
		TCE_EXPECT_EQ(r.reg(kNew, kMemory), 0);
		TCE_EXPECT_EQ(r.create(12, kTiB, 4), 0);
		at = r.start + kFirst * kPage;
		end = at + kEntries * kPage;
		TCE_EXPECT_EQ(r.map(kOld, at - kPage, kPage), 0);
		TCE_EXPECT_EQ(r.map(kOld, end, kPage), 0);
		if (before == kAll)
			TCE_EXPECT_EQ(r.map(kOld, at, kEntries * kPage), 0);
		for (u64 i = 0; before == kThirds && i < kEntries; i += 3)
			TCE_EXPECT_EQ(r.map(kOld + i * kPage, at + i * kPage, kPage), 0);
		r.w.reset_counts();
	}

	int map() { return r.map(kNew, at, kEntries * kPage); }
	int unmap() { return r.unmap(at, kEntries * kPage); }
	/*
	 * From the nth call on, so many; the first one sets @apply entries
	 * before it is refused.
	 */
	void refuse(u64 nth, u64 times, u32 apply)
	{
		r.w.script({ kAllOps, nth - 1, 1, h::kHardware, apply, false });
		r.w.script({ kAllOps, nth - 1, times - 1, h::kHardware, 0, false });
	}
	bool neighbours() const { return r.reaches(at - kPage, kOld) && r.reaches(end, kOld); }
	bool is_new() const
	{
		return r.reaches(at, kNew) && r.reaches(end - kPage, kNew + (kEntries - 1) * kPage);
	}

	Rig r;
	u64 at = 0, end = 0;

private:
	static Config config(bool multitce, u32 groups)
	{
		Config c;

		c.fw.default_size = 2 * kMiB;
		c.fw.has_multitce = multitce;
		c.groups = groups;
		return c;
	}
};

/* All is well again: nothing was lost on the way. */
void expect_clean(Stage &s)
{
	TCE_EXPECT_EQ(s.unmap(), 0);
	TCE_EXPECT(Picture(s.r, s.at, kEntries).closed());
	TCE_EXPECT(s.neighbours());
	TCE_EXPECT_EQ(s.r.unreg(kNew, kMemory), 0);
	TCE_EXPECT_EQ(s.r.unmap(s.r.start, kTiB), 0);
	TCE_EXPECT_EQ(s.r.w.live_tces(), 0);
	TCE_EXPECT_EQ(s.r.unreg(kOld, kMemory), 0);
}

/* One call of a MAP is refused.  Returns whether there was such a call. */
bool refuse_once(unsigned int before, bool multitce, u64 nth, u32 apply)
{
	Stage s(before, multitce);
	const Picture was(s.r, s.at, kEntries);

	s.refuse(nth, 1, apply);

	const int rc = s.map();

	if (!s.r.w.refused_hcalls) {
		TCE_EXPECT_EQ(rc, 0);
		TCE_EXPECT(s.is_new());
		s.r.w.no_scripts();
		return false;
	}
	TCE_EXPECT_EQ(rc, err::kIo);

	const Picture is(s.r, s.at, kEntries);

	TCE_EXPECT(is == was || is.closed());
	TCE_EXPECT(s.neighbours());
	/* Nothing names the new memory, in truth and in the books. */
	TCE_EXPECT_EQ(s.r.unreg(kNew, kMemory), 0);
	TCE_EXPECT_EQ(s.r.reg(kNew, kMemory), 0);
	TCE_EXPECT_EQ(s.r.unreg(kOld, kMemory), err::kBusy);
	if (nth % 2)
		TCE_EXPECT_EQ(s.map(), 0);
	expect_clean(s);
	return true;
}

} // namespace

TCE_CASE(papr, map_refused_once)
{
	Trials trials(param);

	/* Five runs each, no sixth. */
	for (u32 apply : kApply) {
		for (u64 nth = 1; nth <= 6; nth++) {
			if (trials.next())
				TCE_EXPECT_EQ(refuse_once(param, true, nth, apply), nth <= 5);
		}
	}
}

TCE_CASE(papr, map_refused_once_without_multitce)
{
	static constexpr u64 kNth[] = { 1, 2, 411, 412, 413, 414, 924, 925, 1900, 2099, 2100 };

	Trials trials(param);

	for (u64 nth : kNth) {
		TCE_EXPECT(!trials.next() || refuse_once(param, false, nth, 0));
		TCE_EXPECT(!trials.next() || refuse_once(param, false, nth, 1));
	}
	TCE_EXPECT(!refuse_once(param, false, 2101, 0));
}

namespace {

/* How it goes on once the hypervisor takes calls again. */
enum class Then : u32 { Unmap, Map, Remove, Detach, Close, Count };

void go_on(Stage &s, Then then)
{
	switch (then) {
	case Then::Unmap:
		break;
	case Then::Map:
		TCE_EXPECT_EQ(s.map(), 0);
		TCE_EXPECT(s.is_new());
		break;
	case Then::Remove:
		TCE_EXPECT_EQ(s.r.remove(s.r.start), 0);
		TCE_EXPECT_EQ(s.r.w.live_tces(), 0);
		TCE_EXPECT_EQ(s.r.unreg(kNew, kMemory), 0);
		TCE_EXPECT_EQ(s.r.unreg(kOld, kMemory), 0);
		return;
	case Then::Detach:
		s.r.detach(0);
		TCE_EXPECT_EQ(s.r.unreg(kNew, kMemory), 0);
		TCE_EXPECT_EQ(s.r.unreg(kOld, kMemory), 0);
		return;
	case Then::Close:
	case Then::Count:
		/* The fake balances the books. */
		return;
	}
	expect_clean(s);
}

/*
 * Several calls in a row are refused: that, what is to undo it, what is to
 * close it...
 */
void refuse_for_a_while(unsigned int before, u64 nth, u64 times, u32 apply, Then then)
{
	Stage s(before);
	const Picture was(s.r, s.at, kEntries);

	s.refuse(nth, times, apply);
	TCE_EXPECT_EQ(s.map(), err::kIo);
	TCE_EXPECT(s.neighbours());
	if (times == 2) {
		/* It could be closed. */
		const Picture is(s.r, s.at, kEntries);

		TCE_EXPECT(is == was || is.closed());
	}
	/* The fake looks whether a device reaches it. */
	if (!s.r.unreg(kNew, kMemory))
		TCE_EXPECT_EQ(s.r.reg(kNew, kMemory), 0);
	TCE_EXPECT_EQ(s.r.unreg(kOld, kMemory), err::kBusy);
	s.r.w.no_scripts();
	go_on(s, then);
}

} // namespace

TCE_CASE(papr, map_refused_for_a_while)
{
	static constexpr u64 kTimes[] = { 2, 3, 4, 7, 1000 };
	Trials trials(param);

	for (u64 times : kTimes) {
		for (u64 nth = 1; nth <= 5; nth++) {
			for (u32 apply : kApply) {
				for (u32 t = 0; t < static_cast<u32>(Then::Count); t++) {
					if (trials.next())
						refuse_for_a_while(param, nth, times, apply,
								   static_cast<Then>(t));
				}
			}
		}
	}
}

/*
 * The same in the default window, beside which another one is open: when it is
 * removed it stays in the firmware, so its entries have to be closed one by
 * one.
 */
TCE_CASE(papr, doubtful_entries_of_a_parked_window)
{
	for (u32 apply : kApply) {
		Config config;

		config.fw.default_size = 16 * kMiB;

		Rig r(config);

		TCE_ASSERT_EQ(r.reg(kOld, kMemory), 0);
		TCE_ASSERT_EQ(r.reg(kNew, kMemory), 0);
		TCE_ASSERT_EQ(r.create(12, kTiB), 0);
		if (param != kNothing)
			TCE_ASSERT_EQ(r.map(kOld, 0, kMiB), 0);
		r.w.script({ kAllOps, 0, 1, h::kParameter, apply, false });
		r.w.script({ kAllOps, 0, 1000, h::kParameter, 0, false });
		TCE_EXPECT_EQ(r.map(kNew, 0, 2 * kMiB), err::kIo);
		r.w.no_scripts();
		TCE_EXPECT_EQ(r.remove(0), 0);
		TCE_EXPECT(r.w.window_at(0, 0));
		TCE_EXPECT_EQ(r.w.live_tces(), 0);
		TCE_EXPECT_EQ(r.unreg(kNew, kMemory), 0);
		TCE_EXPECT_EQ(r.unreg(kOld, kMemory), 0);
	}
}

/* UNMAP: what does not close is still mapped, what closes is not. */
TCE_CASE(papr, unmap_refused_once)
{
	Trials trials(param);

	if (param == kNothing)
		return;
	for (u64 nth = 1; nth <= 5; nth++) {
		for (u32 apply : kApply) {
			if (!trials.next())
				continue;

			Stage s(param);

			s.refuse(nth, 1, apply);
			TCE_EXPECT_EQ(s.unmap(), err::kIo);

			const u64 still = s.r.w.live_tces();

			TCE_EXPECT_LE(still, 2 + 512);
			if (!apply)
				TCE_EXPECT_LE(2 + 50, still);
			TCE_EXPECT(s.neighbours());
			TCE_EXPECT_EQ(s.r.unreg(kOld, kMemory), err::kBusy);
			/*
			 * It counts as mapped: once more is one call, for this
			 * run.
			 */
			s.r.w.reset_counts();
			TCE_EXPECT_EQ(s.unmap(), 0);
			TCE_EXPECT_EQ(s.r.w.hcall_total(), 1);
			TCE_EXPECT_EQ(s.r.w.live_tces(), 2);
			expect_clean(s);
		}
	}
}

TCE_CASE(papr, unmap_refused_for_a_while)
{
	static constexpr u64 kTimes[] = { 2, 5, 1000 };
	Trials trials(param);

	for (u64 times : kTimes) {
		for (u64 nth = 1; nth <= 4; nth++) {
			for (u32 t = 0; t < static_cast<u32>(Then::Count); t++) {
				if (!trials.next())
					continue;

				Stage s(param);

				s.refuse(nth, times, 77);
				TCE_EXPECT_EQ(s.unmap(), param == kNothing ? 0 : err::kIo);
				TCE_EXPECT_EQ(s.r.unreg(kOld, kMemory), err::kBusy);
				s.r.w.no_scripts();
				go_on(s, static_cast<Then>(t));
			}
		}
	}
}

/* Entry by entry each one is tried, whatever becomes of the others. */
TCE_CASE(papr, unmap_refused_without_multitce)
{
	if (param == kNothing)
		return;

	Stage s(param, false);

	s.r.w.script({ kAllOps, 3, 5, h::kHardware, 0, false });
	TCE_EXPECT_EQ(s.unmap(), err::kIo);
	TCE_EXPECT_LE(s.r.w.live_tces(), 2 + 5);
	TCE_EXPECT_EQ(s.r.unreg(kOld, kMemory), err::kBusy);
	TCE_EXPECT_EQ(s.unmap(), 0);
	TCE_EXPECT_EQ(s.r.w.live_tces(), 2);
	expect_clean(s);
}

/* Two groups: what one hypervisor took and the other did not. */
TCE_CASE(papr, map_refused_with_two_groups)
{
	static constexpr u64 kTimes[] = { 1, 2, 3, 4, 5, 9, 1000 };

	for (u64 times : kTimes) {
		for (u64 nth = 1; nth <= 10; nth += stride()) {
			Stage s(param, true, 2);
			const Picture was(s.r, s.at, kEntries);

			s.refuse(nth, times, 100);
			TCE_EXPECT_EQ(s.map(), err::kIo);
			if (times == 1) {
				const Picture one(s.r, s.at, kEntries, 0);
				const Picture two(s.r, s.at, kEntries, 1);

				TCE_EXPECT(one == two);
				TCE_EXPECT(one == was || one.closed());
				TCE_EXPECT_EQ(s.r.unreg(kNew, kMemory), 0);
				TCE_EXPECT_EQ(s.r.reg(kNew, kMemory), 0);
			}
			s.r.w.no_scripts();
			expect_clean(s);
		}
	}
}

int tce_params_mapped_before(unsigned int i, char *buf, unsigned long bytes)
{
	static const char *const names[] = { "nothing", "every_third", "all" };

	return named(names, i, buf, bytes);
}

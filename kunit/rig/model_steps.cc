// SPDX-License-Identifier: GPL-2.0-only
/* The model: what can be done, and what the answer will be. */
#include "model.hpp"

namespace fake {
namespace {

constexpr u64 kDefaultSize = 4 * kMiB;

} // namespace

#define SAY(...) env_snprintf(last_, sizeof(last_), __VA_ARGS__)

/* --- Failures on purpose -------------------------------------------------- */

void Model::arm(u32 sites)
{
	if (ch_.one_in(5)) {
		const bool half = ch_.one_in(2);

		r_.w.fail_nth(1 + ch_.below(8), sites, false, h::kHardware,
			      half ? static_cast<u32>(ch_.below(600)) : 0);
	}
}

bool Model::disarm()
{
	const bool fired = r_.w.injected();

	site_ = r_.w.inject_state.last;
	r_.w.fail_never();
	return fired;
}

/* --- Groups --------------------------------------------------------------- */

void Model::do_attach()
{
	const u32 n = pick(), g = static_cast<u32>(ch_.below(kGroups));
	Cont &c = cont_[n];

	SAY("attach(group %u, container %u)", g, n);
	if (r_.attached(g) >= 0) {
		if (r_.attached(g) == static_cast<int>(n))
			expect(tce_container_attach(r_.c[n], &r_.w.groups[g], &r_.w.groups[g].caps),
			       err::kBusy, "attach");
		return;
	}
	arm(kAllocSites | kHcallSites);

	int rc = r_.attach(g, n);

	if (disarm() && rc) {
		/* Nothing is left behind, so it works now. */
		rc = r_.attach(g, n);
	}
	expect(rc, 0, "attach");
	if (!rc) {
		c.untouched = c.untouched || !c.groups;
		c.groups |= 1u << g;
	}
}

void Model::do_detach()
{
	const u32 g = static_cast<u32>(ch_.below(kGroups));
	const int n = r_.attached(g);

	if (n < 0)
		return;

	Cont &c = cont_[n];

	SAY("detach(group %u, container %d)", g, n);
	r_.detach(g);
	c.groups &= ~(1u << g);
	if (!c.groups) {
		for (Win &w : c.win)
			drop(w);
		c.untouched = false;
	}
}

/* --- Memory --------------------------------------------------------------- */

void Model::do_register()
{
	const u32 n = pick(), i = static_cast<u32>(ch_.below(kRanges));
	Cont &c = cont_[n];
	const Range x = range(i);
	int want = 0;

	SAY("register(range %u, container %u)", i, n);
	for (u32 k = 0; k < kRanges; k++) {
		if ((c.ranges & 1u << k) && k != i && overlap(i, k))
			want = err::kInval;
	}
	if (c.ranges & 1u << i)
		want = err::kBusy;
	if (!want && i == kRanges - 1)
		want = err::kFault;
	for (u32 k = 0; !want && k < kRanges; k++) {
		if ((cont_[!n].ranges & 1u << k) && k != i && overlap(i, k))
			want = err::kInval;
	}
	arm(kAllocSites | site_bit(Site::MemGet));

	int rc = r_.reg(x.start, x.pages << r_.w.config.page_shift, n);

	if (disarm() && rc) {
		rc = r_.reg(x.start, x.pages << r_.w.config.page_shift, n);
	}
	expect(rc, want, "register");
	c.owned = true;
	if (!rc) {
		c.ranges |= 1u << i;
		c.enabled = true;
	}
}

void Model::do_unregister()
{
	const u32 n = pick(), i = static_cast<u32>(ch_.below(kRanges));
	Cont &c = cont_[n];
	const Range x = range(i);
	int want = 0;

	SAY("unregister(range %u, container %u)", i, n);
	if (!c.owned)
		want = err::kPerm;
	else if (!(c.ranges & 1u << i))
		want = err::kNoEnt;
	else if (!(cont_[!n].ranges & 1u << i) && notes(i))
		want = err::kBusy;

	const int rc = r_.unreg(x.start, x.pages << r_.w.config.page_shift, n);

	expect(rc, want, "unregister");
	if (!rc)
		c.ranges &= ~(1u << i);
}

/* --- Windows -------------------------------------------------------------- */

void Model::do_create()
{
	static constexpr struct {
		u32 shift;
		u64 size;
	} kSizes[] = {
		{ 12, kDefaultSize },
		      { 12, kMiB	 },
		    { 12, kGiB	       },
		       { 16, kTiB	  },
		{ 16, kGiB	   },
		      { 21, kTiB	 },
		    { 24, 16 * kTiB    },
		       { 12, 3 * kMiB     },
		{ 13, kGiB	   },
		      { 11, kGiB	 },
		    { 16, 4096	       },
	};
	const u32 n = pick();
	const auto &size = kSizes[ch_.below(sizeof(kSizes) / sizeof(kSizes[0]))];
	const u32 levels = static_cast<u32>(ch_.below(7));
	Cont &c = cont_[n];
	const bool fits = size.shift == 12 && size.size <= kDefaultSize;
	const u32 slot = c.untouched || c.win[0].live ? 1 : 0;
	int want = 0;

	SAY("create(container %u, shift %u, size 0x%llx, levels %u)", n, size.shift, size.size,
	    levels);
	if (!c.groups)
		want = err::kNxio;
	else if (size.shift < 12 || size.shift == 13 || size.size & (size.size - 1) ||
		 size.size < bit(size.shift))
		want = err::kInval;
	else if (c.win[slot].live)
		want = err::kNoSpc;

	/*
	 * At 0 if nothing else is there, else beside it; what is at 1<<59
	 * leaves only 0.
	 */
	const bool only_large = !want && !slot && c.win[1].live;
	const bool can = !only_large || (fits && all_parked(c));
	const u64 at = slot ? kDdwStart : 0;

	arm(kAllocSites | site_bit(Site::KtableCreate) | site_bit(Site::DdwCreate) |
	    site_bit(Site::DdwQuery));

	int rc = r_.create(size.shift, size.size, levels, n);

	if (disarm() && rc) {
		rc = r_.create(size.shift, size.size, levels, n);
	}
	if (want || can)
		expect(rc, want, "create");
	else if (!rc)
		wrong("create answers 0");
	if (want != err::kNxio && want != err::kInval)
		c.owned = true;
	if (rc)
		return;
	if (r_.start != at)
		wrong("create: at 0x%llx, not 0x%llx", r_.start, at);
	open(c.win[slot], at, size.shift, size.size, levels);
}

void Model::do_remove()
{
	const u32 n = pick();
	const u64 at = ch_.below(2) ? kDdwStart : 0;
	const u64 off = ch_.one_in(6) ? 0x1000 : 0;
	Cont &c = cont_[n];
	Win *w = window_at(c, at);
	int want = err::kInval;

	SAY("remove(container %u, 0x%llx)", n, at + off);
	if (!c.groups)
		want = err::kNxio;
	else if (!off && (w || (!at && c.untouched)))
		want = 0;

	const int rc = r_.remove(at + off, n);

	expect(rc, want, "remove");
	if (rc)
		return;
	c.owned = true;
	if (w)
		drop(*w);
	else
		c.untouched = false;
}

/* --- Mapping -------------------------------------------------------------- */

/*
 * An address in a window, if there is one: near the borders of runs and leaves.
 */
u64 Model::pick_iova(Cont &c, u32 *shift)
{
	static constexpr u64 kNear[] = { 0, 500, 511, 512, 513, 1000, 4090, 8191 };
	const u32 slot = static_cast<u32>(ch_.below(2));
	const Win &w = c.win[slot];

	*shift = w.live ? w.shift : 12;
	if (!w.live)
		return (slot ? kDdwStart : 0) + ch_.below(1024) * 4096;

	const u64 entries = w.geometry.entries();
	const u64 base = ch_.below(3);
	const u64 middle = base == 0 ? 0 : base == 1 ? entries / 2 : entries - 600;
	const u64 index = middle + kNear[ch_.below(8)] + ch_.below(16);

	/* Out of the window now and then. */
	return w.start + ((entries < 2048 ? index % (entries + 8) : index) << w.shift);
}

u64 Model::pick_user(u32 shift)
{
	const Range x = range(static_cast<u32>(ch_.below(kRanges)));
	const u64 bytes = x.pages << r_.w.config.page_shift;
	const u64 at = x.start + (ch_.below(bytes >> 12) << 12);

	return at & ~(bit(shift) - 1);
}

u64 Model::pick_count()
{
	switch (ch_.below(6)) {
	case 0:
		return 500 + ch_.below(30);
	case 1:
		return 1 + ch_.below(900);
	case 2:
		return 1;
	default:
		return 1 + ch_.below(40);
	}
}

int Model::predict_map(Cont &c, u64 user, u64 iova, u64 bytes, u32 flags)
{
	if (!c.enabled)
		return err::kPerm;
	if (!flags || flags > 3)
		return err::kInval;

	/*
	 * The default window is made by the first MAP that has nothing wrong
	 * with it.
	 */
	const bool first = c.untouched && iova < kDefaultSize;
	Win first_window;

	if (first)
		open(first_window, 0, 12, kDefaultSize, 1);

	const Win *w = first ? &first_window : window_at(c, iova);

	if (!w)
		return err::kNxio;

	const u64 mask = w->page() - 1;

	if (!bytes || (bytes & mask) || (iova & mask) || (user & mask) ||
	    bytes > w->size() - (iova - w->start))
		return err::kInval;
	/*
	 * In the order of the addresses: what is not registered, what is not
	 * one block.
	 */
	for (u64 at = user; at < user + bytes;) {
		u64 end = 0;

		for (u32 i = 0; i < kRanges; i++) {
			const Range x = range(i);
			const u64 e = x.start + (x.pages << r_.w.config.page_shift);

			if ((c.ranges & 1u << i) && x.start <= at && at < e)
				end = e < user + bytes ? e : user + bytes;
		}
		if (!end || (end - at) & mask)
			return err::kInval;
		for (; at < end; at += w->page()) {
			if (!r_.w.block_is_contiguous(at, w->shift))
				return err::kPerm;
		}
	}
	if (first) {
		open(c.win[0], 0, 12, kDefaultSize, 1);
		c.untouched = false;
	}
	return 0;
}

void Model::do_map()
{
	const u32 n = pick();
	Cont &c = cont_[n];
	u32 shift;
	u64 iova = pick_iova(c, &shift);
	u64 user = pick_user(shift);
	u64 bytes = pick_count() << shift;
	u32 flags = 1 + static_cast<u32>(ch_.below(3));

	switch (ch_.below(40)) {
	case 0:
		iova += 0x800;
		break;
	case 1:
		user += 0x800;
		break;
	case 2:
		bytes = 0;
		break;
	case 3:
		flags = 4;
		break;
	case 4:
		bytes = ~0xfffull;
		break;
	default:
		break;
	}
	SAY("map(container %u, user 0x%llx, iova 0x%llx, bytes 0x%llx, flags %u)", n, user, iova,
	    bytes, flags);

	const int want = predict_map(c, user, iova, bytes, flags);

	arm(kAllocSites | kHcallSites | site_bit(Site::Charge) | site_bit(Site::MemMap) |
	    site_bit(Site::Killed) | site_bit(Site::KtableCreate));

	int rc = r_.map(user, iova, bytes, flags, n);

	if (disarm() && rc) {
		const u32 last = site_bit(site_);

		/* Read what it left, and do it again. */
		if (!want)
			resync(c, iova, bytes, last & (kHcallSites | site_bit(Site::Killed)));
		if (!want && !r_.w.armed() && window_at(c, iova) && c.groups) {
			const Win *w = window_at(c, iova);
			const u32 g = first_group(c);

			w->entries.for_each([&](u64 i, u64 e) {
				const u64 tce = r_.w.tce_at(g, w->start + (i << w->shift));

				if ((tce & ~0xfffull) != r_.w.hpa_of(&r_.w.mm[0], e & ~0xfffull))
					wrong("after a failure entry 0x%llx is 0x%llx", i, tce);
			});
		}
		rc = r_.map(user, iova, bytes, flags, n);
	}
	expect(rc, want, "map");
	if (!rc)
		set_entries(*window_at(c, iova), user, iova, bytes, flags);
}

void Model::do_unmap()
{
	const u32 n = pick();
	Cont &c = cont_[n];
	u32 shift;
	u64 iova = pick_iova(c, &shift);
	u64 bytes = pick_count() << shift;
	const Win *w = window_at(c, iova);
	int want = 0;

	if (ch_.one_in(4) && w) {
		iova = w->start;
		bytes = w->size();
	}
	if (ch_.one_in(20))
		bytes = ch_.below(2) ? 0 : bytes + 0x800;
	SAY("unmap(container %u, iova 0x%llx, bytes 0x%llx)", n, iova, bytes);
	if (!c.enabled)
		want = err::kPerm;
	else if (!w && !(c.untouched && iova < kDefaultSize))
		want = err::kNxio;
	else {
		const u64 start = w ? w->start : 0, size = w ? w->size() : kDefaultSize;
		const u64 mask = (w ? w->page() : 4096) - 1;

		if (!bytes || (bytes & mask) || (iova & mask) || bytes > size - (iova - start))
			want = err::kInval;
	}
	/*
	 * Half a call is for the suite papr: the table then says more than the
	 * hypervisor.
	 */
	if (ch_.one_in(5))
		r_.w.fail_nth(1 + ch_.below(4), kHcallSites);

	int rc = r_.unmap(iova, bytes, n);

	if (disarm() && rc) {
		if (rc != err::kIo)
			expect(rc, err::kIo, "unmap that is refused");
		rc = r_.unmap(iova, bytes, n);
	}
	expect(rc, want, "unmap");
	if (!rc && w)
		clear_entries(*window_at(c, iova), iova, bytes);
}

} // namespace fake

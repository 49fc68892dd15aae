// SPDX-License-Identifier: GPL-2.0-only
/* The model: the guest, other processes, and containers that are closed. */
#include "model.hpp"

namespace fake {
namespace {

constexpr u32 kPerm = TCE_PERM_READ | TCE_PERM_WRITE;

} // namespace

#define SAY(...) env_snprintf(last_, sizeof(last_), __VA_ARGS__)

/* --- In-kernel KVM ------------------------------------------------------- */

void Model::do_kvm()
{
	const u32 n = pick(), slot = static_cast<u32>(ch_.below(2));
	Cont &c = cont_[n];
	Win &w = c.win[slot];

	if (!w.live || !c.groups)
		return;
	if (!w.guest.nr_tables) {
		w.guest.page_shift = w.shift;
		w.guest.offset = w.start >> w.shift;
		w.guest.size = w.geometry.entries();
		expect(kvm_.attach(w.guest, first_group(c)), 0, "KVM attach");
	}

	u32 shift;
	const u64 at = pick_iova(c, &shift);

	if (window_at(c, at) != &w)
		return;

	const u64 index = (at - w.start) >> w.shift;
	const u64 user = pick_user(w.shift);
	const bool clear = ch_.one_in(3);
	const u64 count = 1 + ch_.below(20);
	/*
	 * The table that the guest has may be that of a window which is gone.
	 */
	const tce_ktable *shown = r_.w.groups[first_group(c)].slot[slot];
	const bool dead = !shown || w.guest.tables[0]->table != shown->table;

	SAY("kvm(container %u, window %u, entry 0x%llx, user 0x%llx, %llu, %s%s)", n, slot, index,
	    user, count, clear ? "clear" : "map", dead ? ", dead" : "");
	if (clear) {
		const u64 most = w.geometry.entries() - index;
		const u64 nr = count < most ? count : most;
		const long rc = kvm_.h_stuff_tce(w.guest, at, 0, nr);

		/* The dead one may have been smaller. */
		if (rc && !dead)
			wrong("H_STUFF_TCE answers %ld", rc);
		if (!dead)
			clear_entries(w, at, nr << w.shift);
		return;
	}

	const u32 all = cont_[0].ranges | cont_[1].ranges;
	bool good = !dead && covered(all, user, w.page(), w.shift) &&
		    r_.w.block_is_contiguous(user, w.shift);

	arm(kAllocSites | site_bit(Site::Charge));

	long rc = kvm_.h_put_tce(w.guest, at, user | kPerm);

	if (disarm() && rc) {
		rc = kvm_.h_put_tce(w.guest, at, user | kPerm);
	}
	if (rc == h::kSuccess ? !good : rc != h::kTooHard && !dead)
		wrong("H_PUT_TCE answers %ld", rc);
	if (rc == h::kSuccess)
		set_entries(w, user, at, w.page(), kPerm);
	if (rc != h::kTooHard || dead || !c.enabled)
		return;
	/*
	 * What is too hard for the kernel, QEMU does: there is no level, or too
	 * much to replace.
	 */
	if (good && covered(c.ranges, user, w.page(), w.shift)) {
		expect(r_.map(user, at, w.page(), kPerm, n), 0, "QEMU's map");
		set_entries(w, user, at, w.page(), kPerm);
	} else {
		expect(r_.unmap(at, w.page(), n), 0, "QEMU's unmap");
		clear_entries(w, at, w.page());
	}
}

/* An exchange that KVM does not publish. */
void Model::do_kvm_pieces()
{
	const u32 n = pick(), slot = static_cast<u32>(ch_.below(2));
	Cont &c = cont_[n];
	Win &w = c.win[slot];
	u32 shift;
	const u64 at = pick_iova(c, &shift);
	const u64 user = pick_user(w.shift);

	if (!w.live || window_at(c, at) != &w || !c.groups)
		return;

	tce_ktable *k = r_.w.groups[first_group(c)].slot[slot];
	const u64 entry = at >> w.shift;
	const u32 all = cont_[0].ranges | cont_[1].ranges;

	if (ch_.one_in(2)) {
		SAY("kvm clears entry 0x%llx without a word", entry);
		if (kvm_.do_unmap(k, entry))
			wrong("do_unmap fails");
		clear_entries(w, at, w.page());
	} else if (const tce_mem *mem = r_.w.mem_lookup(&r_.w.mm[0], user, w.page());
		   /* What KVM has looked at before: kvmppc_tce_validate(). */
		   mem && covered(all, user, w.page(), w.shift) &&
		   !mem_translate(mem, user, w.shift, nullptr)) {
		SAY("kvm maps entry 0x%llx without a word", entry);
		const long rc = kvm_.do_map(k, entry, user, kPerm);

		if (rc && rc != h::kTooHard)
			wrong("do_map answers %ld", rc);
		if (!rc)
			set_entries(w, user, at, w.page(), kPerm);
	}
}

void Model::do_kvm_detach()
{
	Win &w = cont_[pick()].win[ch_.below(2)];

	SAY("kvm lets go of a table");
	kvm_.release(w.guest);
}

/* --- Others -------------------------------------------------------------- */

void Model::do_foreign()
{
	const u32 n = pick();

	if (!cont_[n].owned)
		return;
	SAY("another process, container %u", n);
	run_as(1);
	expect(r_.reg(bit(38), 65536, n), err::kPerm, "register");
	expect(r_.unreg(range(0).start, 64 << r_.w.config.page_shift, n), err::kPerm, "unregister");
	expect(r_.map(range(0).start, 0, 4096, 1, n), err::kPerm, "map");
	expect(r_.unmap(0, 4096, n), err::kPerm, "unmap");
	expect(r_.create(12, kGiB, 1, n), err::kPerm, "create");
	expect(r_.remove(0, n), err::kPerm, "remove");
	run_as(0);
}

/* The container is closed, and another one opened in its place. */
void Model::do_reopen()
{
	const u32 n = pick();
	Cont &c = cont_[n];

	SAY("close(container %u)", n);
	for (u32 i = 0; i < kRanges; i++) {
		/*
		 * Memory that the other one's entries name stays, see the suite
		 * kvm.
		 */
		if ((c.ranges & 1u << i) && notes(i) && !(cont_[!n].ranges & 1u << i))
			return;
	}
	for (u32 g = 0; g < kGroups; g++) {
		if (c.groups & 1u << g)
			r_.detach(g);
	}
	r_.close(n);
	for (Win &w : c.win)
		drop(w);
	c.owned = c.enabled = c.untouched = false;
	c.ranges = c.groups = 0;
	if (tce_container_create(r_.w.config.version, &r_.c[n]))
		wrong("no new container");
}

} // namespace fake

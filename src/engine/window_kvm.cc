// SPDX-License-Identifier: GPL-2.0-only
/*
 * What in-kernel KVM does with a window; see window.hpp.
 *
 * KVM's sequence for one entry, arch/powerpc/kvm/book3s_64_vio.c,
 * kvmppc_tce_iommu_do_map(): user address slot (user_slot()), note the new
 * memory as mapped, exchange(), if something was there drop the note of what
 * the slot names, store the user address to the slot; after the last entry of a
 * guest's TCE, kill().  No lock is held, and KVM walks its list of tables as an
 * RCU reader only as long as nothing sleeps.  So:
 *
 *  - *Nothing in this file sleeps.*  What has to wait is refused by
 *    user_slot(), and KVM sends the guest's hypercall to userspace, whose MAP
 *    can wait.
 *  - *An exchange answers that nothing was there*, always.  So KVM only adds
 *    notes, and we alone drop them, after the publish: memory never has fewer
 *    notes than entries, here or at the platform, that name it.  The user
 *    address in the slot is the token for a note.
 *  - *A slot is claimed* before KVM gets it, for the task that asks.  So KVM's
 *    store, which may come late, overwrites its own claim and nothing else; no
 *    token is lost, and no two tasks map the same entry at once.  A MAP or
 *    UNMAP that finds a claim in its run shuts the leaf and waits until whoever
 *    is in the middle of it is through (lock_still()).
 *  - *The table may be anybody's*: KVM takes any VFIO group's file.  Whose
 *    address space is not the owner's finds no slot, and its clears find
 *    nothing.
 *
 * An index outside of the window is an error, whatever else is the case: before
 * Linux 7, KVM relies on it (iommu_tce_check_ioba() does not look at the number
 * of entries), and without it goes on to store past the end of its own table.
 *
 * kunit/model/kvm.pml is a model of all this.
 */
#include "window.hpp"

namespace tce {

/*
 * False: nothing in here is the caller's business, or there is nothing any
 * more.
 */
bool Window::enter()
{
	Gate gate = gate_.load_acquire();

	if (gate != kOpen) {
		/* Before kLive is looked at; retire() is the reverse. */
		if (!(gate & kUsed))
			gate = gate_.or_ordered(kUsed) | kUsed;
		if (gate != kOpen)
			return false;
	}
	return owner_.is_current();
}

Be64 *Window::user_slot(TceIndex index)
{
	if (!(index < table_.whole().end) || !enter())
		return nullptr;
	if (large_ && owner_.distrusts_large_pages())
		return nullptr;

	Leaf *leaf = table_.leaf(index);

	if (!leaf)
		return nullptr;

	Guard entries(leaf->lock);
	const Uaddr held = leaf->user(index);
	const bool live = leaf->tce(index).live();

	if (leaf->shut())
		return nullptr;
	if (Claim::is_token(held)) {
		/* That of a closed entry went when it was published. */
		TCE_ASSERT(live || leaf->is_pending(index));
		if (!park_.put(index, held, live ? Park::State::Kept : Park::State::Due))
			return nullptr;
	} else if (held.raw && !(held == Claim::mine())) {
		return nullptr;
	}
	leaf->set_user(index, Claim::mine());
	return leaf->user_slot(index);
}

/*
 * The registry that KVM asks takes small pages behind a huge one for huge.  So
 * of what KVM says only huge pages are believed.
 */
bool Window::is_sound(Hpa hpa)
{
	if (page().aligned(hpa.raw) && (!large_ || tce_port_block_is_huge(hpa.raw, page().lg2())))
		return true;
	if (!owner_.distrusts_large_pages())
		tce_port_log_for(charge_.log(), TCE_LOG_OTHER,
				 "KVM maps %llu bytes at %llx that are not one huge page\n",
				 page().size(), hpa.raw);
	owner_.distrust_large_pages();
	tce_port_count(TCE_COUNT_KVM_REFUSED, 1);
	return false;
}

Status Window::exchange(TceIndex index, Hpa hpa, Perm perm)
{
	const Tce wanted(hpa, effective(perm));

	if (!(index < table_.whole().end))
		return Errc::Inval;
	if (!enter())
		return {};

	Leaf *leaf = table_.leaf(index);

	if (!leaf)
		return wanted.live() ? Status(Errc::NoMem) : Status();

	/* Nothing is there at this moment, which is as good as any. */
	if (!wanted.live() && leaf->looks_empty(index))
		return {};
	/* KVM warns of an error: rather let a map through to nowhere. */
	const Tce now = wanted.live() && is_sound(hpa) ? wanted : Tce();
	Uaddr dropped;
	{
		Guard entries(leaf->lock);
		const bool mapping = leaf->user(index) == Claim::mine();
		const Tce old = leaf->tce(index);

		if (wanted.live() && !mapping)
			return Errc::Busy;
		tce_port_count(TCE_COUNT_KVM_UPDATES, 1);
		if (!(old == now)) {
			/*
			 * KVM would do so for what it is told was there; the
			 * page has its note still.
			 */
			if (old.perm().writes())
				tce_port_page_dirty(old.hpa().raw, page().lg2());
			leaf->set_tce(index, now);
			set_pending(*leaf, index);
			arm_flush();
			park_.replaced(index);
		} else if (mapping && !now.live()) {
			/* A map without rights: a token comes all the same. */
			set_pending(*leaf, index);
			arm_flush();
		} else if (mapping && !leaf->is_pending(index)) {
			/*
			 * The window's other table did it: what the new note is
			 * for, the old one was.
			 */
			dropped = park_.take_kept(index);
		} else {
			park_.replaced(index);
		}
	}
	if (dropped.raw)
		drop_note(dropped);
	return {};
}

void Window::kill_leaf(Leaf *leaf, IndexRange range, u32 &calls)
{
	if (!leaf || leaf->is_settled())
		return;

	Guard entries(leaf->lock);

	if (range.count() != 1 || !leaf->is_pending(range.begin) ||
	    !publish_one(*leaf, range.begin, calls))
		publish_leaf(*leaf, range, Patience::Kind::Atomic, calls);
}

void Window::kill_leaves(IndexRange range, u32 &calls)
{
	Cursor cursor(table_, range);

	while (Leaf *leaf = cursor.next())
		kill_leaf(leaf, cursor.part(), calls);
}

void Window::kill(IndexRange range)
{
	u32 calls = 0;

	if (!enter())
		return;
	range.end = TceIndex(min(range.end.raw, table_.whole().end.raw));
	if (range.count() == 1)
		kill_leaf(table_.leaf(range.begin), range, calls);
	else
		kill_leaves(range, calls);
	tce_port_count(TCE_COUNT_KVM_KILLS, 1);
	if (calls)
		tce_port_count(TCE_COUNT_KVM_HCALLS, calls);
}

} /* namespace tce */

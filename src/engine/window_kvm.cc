// SPDX-License-Identifier: GPL-2.0-only
/*
 * What in-kernel KVM does with a window, and what waits on it; see window.hpp.
 *
 * KVM's sequence for one entry, arch/powerpc/kvm/book3s_64_vio.c, kvmppc_tce_iommu_do_map(): user
 * address slot, note the new memory as mapped, exchange, drop the note of the memory
 * that the slot names if something was there, store to the slot.  No lock is held, and
 * between the exchange and the last step nothing sleeps.
 *
 * So after an exchange TCE and user address of the entry do not belong together for a moment.  Nobody
 * else may touch it then, and none of the notes involved is worth anything:
 *  - A run of MAP or UNMAP shuts the gate, so that no exchange begins, and if the leaf has seen one
 *    since the last time, waits until all that had begun are through (Shut).
 *  - So does giving memory back (Owner), which besides has to publish before.
 *  - So does the end of the window (retire()).
 * An exchange that finds the gate shut sleeps; it has done nothing yet.
 */
#include "window.hpp"

namespace tce {

void Window::note_kvm()
{
	if (!used_by_kvm_.load_relaxed())
		used_by_kvm_.store_ordered(true);
}

Be64 *Window::user_slot(TceIndex index, bool make)
{
	note_kvm();
	if (!(index < table_.whole().end))
		return nullptr;

	Leaf *leaf = table_.leaf(index);

	if (!leaf && make && state_.load_ordered() == Live) {
		PreparedLeaves leaves(charge_);

		if (!table_.prepare({ index, index + 1 }, leaves).ok())
			return nullptr;
		table_.link(leaves);
		leaf = table_.leaf(index);
	}
	/*
	 * The last look: from here to the store nothing sleeps.  Who does not want a slot made has
	 * exchanged already and is about to drop the note of what the slot names.
	 */
	const int state = state_.load_ordered();

	if (!leaf || state == Dead || (make && state != Live))
		return nullptr;
	return leaf->user_slot(index);
}

/*
 * Going: there is nothing to clear.  A map that was on its way is let through to nowhere: what was live
 * there is closed, and KVM drops the note of it as ever; the new one's note stands in the user
 * view, where finish() finds it.  Once nobody can be on the way a map is refused.
 */
Status Window::exchange_going(Leaf &leaf, TceIndex index, Tce &tce)
{
	const bool map = tce.live();

	tce = {};
	if (!map)
		return {};
	if (state_.load_ordered() == Dead)
		return Errc::NoDev;
	tce = leaf.tce(index);
	if (tce.live()) {
		leaf.set_tce(index, Tce());
		if (!leaf.is_pending(index)) {
			leaf.set_pending(index);
			pending_.add_ordered(1);
		}
	}
	return {};
}

Status Window::exchange(TceIndex index, Tce &tce)
{
	note_kvm();
	if (!(index < table_.whole().end))
		return Errc::Inval;
	if (tce.live() && !page().aligned(tce.hpa().raw))
		return Errc::Inval;
	tce = Tce(tce.hpa(), effective(tce.perm()));

	Leaf *leaf = table_.leaf(index);

	if (!leaf) {
		if (tce.live())
			return Errc::NoMem;
		tce = {};
		return {};
	}
	if (Status status; try_exchange(*leaf, index, tce, status))
		return status;

	/* It has to wait, and retire() has to know: it does not count on those who sleep. */
	Status status;

	sleepers_.add_ordered(1);
	while (!try_exchange(*leaf, index, tce, status))
		wait_at_gate();
	sleepers_.sub_ordered(1);
	return status;
}

/* Whether it is done, well or badly; if not, the gate is shut. */
bool Window::try_exchange(Leaf &leaf, TceIndex index, Tce &tce, Status &status)
{
	Guard entries(leaf.lock);

	if (state_.load_ordered() != Live) {
		status = exchange_going(leaf, index, tce);
		return true;
	}
	if (owner_.holding() || shut_.load_ordered())
		return false;

	const Tce old = leaf.tce(index);

	tce_port_count(TCE_COUNT_KVM_UPDATES, 1);
	if (old.live() || tce.live()) {
		leaf.set_tce(index, tce);
		leaf.touch(epoch_.load_relaxed());
		if (!leaf.is_pending(index)) {
			leaf.set_pending(index);
			pending_.add_ordered(1);
		}
		tce_port_ktable_defer_flush(ktable_);
	}
	tce = old;
	status = {};
	return true;
}

/* Until memory has been given back, and the run of entries that is on its way is done. */
void Window::wait_at_gate()
{
	owner_.wait();

	Guard guard(publish_);
}

void Window::publish_pending(IndexRange range, u32 &calls)
{
	Cursor cursor(table_);

	range.end = TceIndex(min(range.end.raw, table_.whole().end.raw));
	while (!range.empty()) {
		IndexRange part = range;
		Leaf *leaf = cursor.next(part);

		if (!leaf)
			break;
		range.begin = part.end;

		/* Even if nothing is pending: somebody may be pushing what the caller wrote. */
		Guard guard(publish_);
		publish_leaf(*leaf, calls);
		no_doubt();
	}
}

void Window::publish_leaf(Leaf &leaf, u32 &calls)
{
	for (TceIndex from = leaf.first(); from < leaf.end();) {
		IndexRange run;
		bool closed = true;
		{
			Guard entries(leaf.lock);

			if (!leaf.pending())
				return;
			run.begin = leaf.next_pending(from, leaf.end());
			run.end = run.begin;
			while (run.end < leaf.end() && run.count() < papr::kRun &&
			       leaf.is_pending(run.end)) {
				closed = closed && !leaf.tce(run.end).live();
				run.end += 1;
			}
			snapshot(leaf, run);
		}
		if (!run.empty() && !(closed ? push_closed(run, calls) : push(run, calls)).ok())
			close_lost(leaf, run, calls);
		from = run.empty() ? leaf.end() : run.end;
	}
}

/*
 * Nobody can be told.  KVM's notes of what it mapped stay until the window is gone; but of what it
 * replaced it has dropped them, so entries that do not close stay pending, and while there
 * are any the owner gives no memory back.
 */
void Window::close_lost(Leaf &leaf, IndexRange run, u32 &calls)
{
	{
		Guard entries(leaf.lock);

		for (TceIndex i = run.begin; i < run.end; i += 1) {
			if (!leaf.is_pending(i))
				leaf.set_tce(i, Tce());
		}
	}
	tce_port_count(TCE_COUNT_KVM_LOST, static_cast<long>(run.count()));
	if (push_closed(run, calls).ok()) {
		tce_port_log("hypervisor refuses entries at %llx, %llu are closed\n",
			     target({}, run.begin).first.raw, run.count());
		return;
	}
	tce_port_log("hypervisor refuses to close %llu entries at %llx\n", run.count(),
		     target({}, run.begin).first.raw);

	Guard entries(leaf.lock);

	doubt(leaf, run);
}

void Window::flush()
{
	u32 calls = 0;

	if (!pending_.load_ordered())
		return;
	publish_pending(table_.whole(), calls);
	if (calls)
		tce_port_count(TCE_COUNT_DEFERRED_FLUSHES, 1);
}

bool Window::flush_all_leaves()
{
	u32 calls = 0;

	unclosed_.store_ordered(false);
	publish_pending(table_.whole(), calls);
	return !unclosed_.load_ordered();
}

} /* namespace tce */

/* --- The calls of engine.h --------------------------------------------------- */

using tce::Window;

namespace {

Window *window_of(tce_table *t)
{
	return reinterpret_cast<Window *>(t);
}

/* KVM counts entries from bus address 0. */
tce::TceIndex relative(Window &w, tce_u64 index)
{
	return tce::TceIndex(index - (w.start().raw >> w.page().lg2()));
}

} /* namespace */

extern "C" int tce_table_xchg(tce_table *t, tce_u64 index, tce_u64 *hpa, tce_u32 *perm)
{
	Window &w = *window_of(t);
	const tce::Perm wanted(*perm);

	if (wanted.any() && !w.page().aligned(*hpa))
		return static_cast<int>(tce::Errc::Inval);

	tce::Tce tce(tce::Hpa(*hpa), wanted);
	const int err = w.exchange(relative(w, index), tce).to_errno();

	if (!err) {
		*hpa = tce.hpa().raw;
		*perm = tce.perm().bits();
	}
	return err;
}

extern "C" void tce_table_kill(tce_table *t, tce_u64 index, tce_u64 nr)
{
	Window &w = *window_of(t);
	const tce::TceIndex first = relative(w, index);
	tce::u32 calls = 0;

	if (!nr || first.raw >= w.geometry().entries())
		return;
	nr = tce::min(nr, w.geometry().entries() - first.raw);
	w.publish_pending({ first, first + nr }, calls);
	tce_port_count(TCE_COUNT_KVM_KILLS, 1);
	tce_port_count(TCE_COUNT_KVM_HCALLS, calls);
}

extern "C" void *tce_table_useraddr(tce_table *t, tce_u64 index, int alloc)
{
	Window &w = *window_of(t);

	return w.user_slot(relative(w, index), alloc);
}

extern "C" void tce_table_flush(tce_table *t)
{
	window_of(t)->flush();
}

extern "C" void tce_table_release(tce_table *t)
{
	tce::destroy_object(window_of(t));
}

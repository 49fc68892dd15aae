/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What KVM's vCPUs and our ioctls do with one leaf of a window, as a model: spin tries every order of their
 * steps.  The names are those of src/engine; C, E, E0, S and K are the steps of KVM's own sequence
 * (arch/powerpc/kvm/book3s_64_vio.c, kvmppc_tce_iommu_do_map() and the functions around it).
 *
 *	spin -run -DSAFETY -DVCPUS=2 -DUNREGISTER=A kvm.pml	one of the runs; scripts/vtlab/checks/model.py has them all
 *
 * A run names who takes part (VCPUS, MAP, UNMAP, UNREGISTER, REMOVE, FILE_DEL, FOREIGN, OTHER), how often (ROUNDS), how
 * many entries the leaf has (N), how often the platform is busy (BUSY) and refuses (REFUSE), and if the kernel preempts KVM's
 * walk (PREEMPT).  Every BREAK_ takes out one line that the protocol rests on: then there is an order that goes wrong, and
 * the check of the lab wants it found.  MAPPED: the entries name that memory from the start; WITHOUT_B: B is not registered.
 *
 * window.pml: what is there, and what is asserted; engine.pml: the engine; here: who calls it.
 *
 * A short section under leaf.lock is one step here, which waits until nobody has the lock.  Who waits for it blocks, with his
 * bit in readers: for a grace period it is all the same if he spins.  The list of dirty leaves is one bit (listed), mirrors are
 * not in here.
 *
 * Asserted, besides that nobody waits for ever (no state without a next one but the end):
 *  - leaf and window are touched only while they are there (touch_leaf(), touch_window());
 *  - memory that is unpinned is named by no entry, by no push on its way and not by the platform (unpin());
 *  - no note is dropped that was not taken (drop()), and in the end there are as many as live entries (settled());
 *  - memory that nothing names, and nobody has come by, is given back at once (give_back());
 *  - in the end the platform has what the entries say (settled());
 *  - a kill that is through has published what was written, or somebody else still will (kill());
 *  - who holds leaf.lock waits for nobody (grace(), busy ones that sleep).
 */

#include "window.pml"
#include "engine.pml"

#define start(who) alive++; run who

/* --- Actors ----------------------------------------------------------------------------------------------------------- */

#if VCPUS > 0
proctype vcpu(byte v)
{
	byte m, i, round, mine, done, old;
	bool slot, failed, rights, live, nothing, closing;

	do
	:: round < ROUNDS ->
		round++;
		atomic {
			if
			:: attached -> enter(v); came = true
			:: else -> break
			fi
		}
		rights = true;
		if
#ifdef FOREIGN
		:: m = (v == 1 -> B : A)
#else
		:: (OPS & 1) -> m = A
		:: (OPS & 2) -> m = B
		:: (OPS & 4) -> m = A; rights = false
#endif
		:: (OPS & 8) -> m = 0
		fi;
		do
		:: i < N && !failed ->
			if
			:: m == 0 -> exchange_clear(i, v)
			:: else ->
				user_slot(i, v);
				atomic {
					if
					:: slot && registered[m] -> notes[m]++
					:: else -> failed = true
					fi
				}
				if
				:: failed
				:: !failed ->
					if
					:: rights -> exchange(i, v, m)
					:: else -> exchange_clear(i, v)
					fi;
S:					atomic { touch_leaf(); U[i] = m }
				fi;
				slot = false
			fi;
			i++
		:: else -> break
		od;
K:		kill();
		if
		:: failed ->
			i = 0;
			do
			:: i < N -> exchange_clear(i, v); i++
			:: else -> break
			od
		:: else
		fi;
		atomic { i = 0; m = 0; failed = false; rights = false };
		leave(v)
	:: else -> break
	od;
	atomic {
		foreign_done = foreign_done || v == 1;
		alive--
	}
}
#endif

#if defined(MAP) || defined(UNMAP)
/* MAP of memory m, UNMAP with 0. */
proctype ioctl_run(byte m; byte by)
{
	byte mine, done, old[N];
	bool claimed, noted, waited, closing;

	atomic { !container_writer -> container_readers++ };
	atomic {
		if
		:: state == Live && (!m || registered[m]) -> notes[m] = notes[m] + (m -> N : 0); noted = true
		:: else
		fi
	};
	if
	:: noted ->
map_run:
unmap_run:
		atomic { lock_update() };
look:		atomic {
			lock_leaf();
			for (i_ : 0 .. N - 1) {
				claimed = claimed || claim(U[i_])
			}
			if
			:: claimed && !waited -> shut = true; i_ = 0
			:: else -> write_run()
			fi
		};
		if
		:: claimed ->
quiesce:
#ifndef BREAK_GRACE_UNDER_LOCK
			unlock_leaf();
#endif
#ifndef BREAK_QUIESCE
			grace(by);
#endif
#ifdef BREAK_GRACE_UNDER_LOCK
			unlock_leaf();
#endif
			atomic { claimed = false; waited = true };
			goto look
		:: else
		fi;
		push_sleeping();
		if
		:: done == 0 -> close_lost_sleeping()
		:: else
		fi;
		/* If nobody can be told, what was there waits for the next who can. */
		atomic { touch_leaf(); release_old(); settle(); shut = false; unlock_leaf(); unlock_update() }
	:: else
	fi;
	container_readers--;
	alive--
}
#endif

#if defined(UNREGISTER)
/* UNREGISTER of memory m. */
proctype give_back(byte m)
{
	byte mine, done;
	bool excuse, closing;

	atomic { !owner_ -> owner_ = true; came = (readers != 0) };
#ifdef BREAK_SPIN
	holding = true;
#endif
#ifdef OTHER
	atomic { !other_update -> other_update = true };
	other_update = false;
#endif
	if
	:: linked && used_by_kvm -> flush()
	:: else
	fi;
#ifdef BREAK_SPIN
	holding = false;
#endif
	atomic {
		if
		:: registered[m] && !notes[m] -> unpin(m)
		:: else ->
			for (i_ : 0 .. N - 1) {
				excuse = excuse || T[i_] == m
			}
			i_ = 0;
			assert(excuse || came || container_readers || container_writer || refused || !registered[m])
		fi
	};
	owner_ = false;
	alive--
}
#endif

#if defined(REMOVE)
proctype remove()
{
	bool last;

	atomic { !container_writer && !container_readers -> container_writer = true }
retire:	state = Dying;
#ifdef BREAK_SPIN
	/* RCU tasks do not see who only yields. */
	enter(RETIRING);
	!sleepers;
	leave(RETIRING);
#endif
#ifndef BREAK_RETIRE
	if
	:: used_by_kvm -> grace(BY_REMOVE)
	:: else
	fi;
#endif
	/* tce_port_ktable_cancel_flush() */
	armed = false;
	!flushing;
	state = Dead;
	atomic { !owner_ -> owner_ = true };
	linked = false;
	owner_ = false;
finish:	atomic {
		touch_leaf();
		window_closed = true;
		for (i_ : 0 .. N - 1) {
			platform[i_] = 0;
			T[i_] = 0;
			drop_kept(i_);
			drop_replaced(i_);
			if
			:: token(U[i_]) -> drop(U[i_])
			:: else
			fi;
			U[i_] = 0;
			pending[i_] = false
		}
		i_ = 0;
		leaf_gone = true
	}
	container_writer = false;
	put_table();
	alive--
}
#endif

#if defined(FILE_DEL)
/* KVM lets go of the table: FILE_DEL, or the guest's table is closed. */
proctype file_del()
{
	bool last;

	attached = false;
#ifndef PREEMPT
	/* call_rcu(): where KVM's walk is not preempted it is a reader. */
	grace(BY_RCU);
#endif
	put_table();
	alive--
}
#endif

#if defined(OTHER)
/* MAP on another window of the owner, in a container of its own. */
proctype map_other()
{
	atomic { !other_update -> other_update = true };
	grace(BY_OTHER);
	other_update = false;
	alive--
}
#endif

#if defined(FOREIGN)
/* The process whose KVM is a foreign one ends: what it has registered is unpinned, whatever the notes say. */
proctype foreign_exit()
{
	atomic { foreign_done -> notes[B] = 0; unpin(B) };
	alive--
}
#endif

/* The deferred flush; in the end, what an UNREGISTER would do. */
proctype flush_work()
{
	byte mine, done;
	bool closing;

	do
	:: atomic { armed -> armed = false; flushing = true };
		flush();
		flushing = false
	:: atomic { !armed && !alive -> break }
	od;
	if
	:: !leaf_gone ->
		for (i_ : 0 .. N - 1) {
			assert(platform[i_] == T[i_] || refused)
		}
		i_ = 0;
		busy = 0;
		refuse = 0;
		flush();
		atomic { settled() }
	:: else ->
		assert(!notes[A] && !notes[B] && !parked)
	fi
}

init {
	atomic {
#ifdef MAPPED
		for (i_ : 0 .. N - 1) {
			T[i_] = MAPPED;
			U[i_] = MAPPED;
			platform[i_] = MAPPED
		}
		i_ = 0;
		notes[MAPPED] = N;
#endif
		registered[A] = true;
#ifndef WITHOUT_B
		registered[B] = true;
#endif
#if VCPUS > 0
		start(vcpu(0));
#endif
#if VCPUS > 1
		start(vcpu(1));
#endif
#ifdef MAP
		start(ioctl_run(MAP, BY_MAP));
#endif
#ifdef UNMAP
		start(ioctl_run(0, BY_UNMAP));
#endif
#ifdef UNREGISTER
		start(give_back(UNREGISTER));
#endif
#ifdef REMOVE
		start(remove());
#endif
#ifdef FILE_DEL
		start(file_del());
#endif
#ifdef OTHER
		start(map_other());
#endif
#ifdef FOREIGN
		start(foreign_exit());
#endif
		run flush_work()
	}
}

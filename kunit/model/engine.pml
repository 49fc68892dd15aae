/* SPDX-License-Identifier: GPL-2.0-only */
/* What the engine does, for KVM and for ioctls; see kvm.pml. */

/* --- KVM's callbacks -------------------------------------------------------------------------------------------------- */

/* C.  Answers in slot. */
inline user_slot(i, v)
{
	touch_window();
	used_by_kvm = true;
	if
	:: state != Live || foreign(v)
	:: state == Live && !foreign(v) ->
#ifdef BREAK_SLEEP
		/* Sleeps until MAP opens the gate: no grace period waits for it. */
		if
		:: shut -> leave(v); !shut; enter(v)
		:: else
		fi;
#endif
#ifdef BREAK_SPIN
		/* Sleeps while memory is given back, and is counted. */
		atomic {
			if
			:: state == Live && holding -> sleepers++; leave(v); !holding; enter(v); sleepers--
			:: else
			fi
		};
#endif
		atomic {
			touch_leaf();
			if
			:: shut_for_kvm
#ifdef BREAK_CLAIM
			:: else -> slot = true
#else
			:: !shut_for_kvm && (U[i] == 0 || U[i] == CLAIM(v)) -> U[i] = CLAIM(v); slot = true
			:: !shut_for_kvm && claim(U[i]) && U[i] != CLAIM(v)
			:: !shut_for_kvm && token(U[i]) -> park_or_drop(i, v)
#endif
			fi
		}
	fi
}

/* The token in the slot makes way for a claim. */
inline park_or_drop(i, v)
{
	if
	:: T[i] == 0 && !pending[i] && !being_pushed(i) -> drop(U[i]); U[i] = CLAIM(v); slot = true
	:: else ->
		if
		:: parked < PARK ->
			parked++;
			if
			:: T[i] -> assert(!kept[i]); kept[i] = U[i]
			:: else -> count_replaced(i, U[i])
			fi;
			U[i] = CLAIM(v);
			slot = true
		:: else
		fi
	fi
}

/* E.  KVM is always told that nothing was there. */
inline exchange(i, v, m)
{
	touch_window();
	used_by_kvm = true;
	atomic {
		touch_leaf();
#ifndef BREAK_CLAIM
		assert(U[i] == CLAIM(v));
#endif
#ifdef BREAK_ANSWER
		old = T[i];
#endif
		if
		:: state == Live && T[i] == m && !pending[i] && !being_pushed(i) ->
			assert(!replacedA[i] && !replacedB[i]);
			drop_kept(i)
		:: else ->
			assert(registered[m]);
			T[i] = (state == Live -> m : 0);
#ifdef BREAK_DROP_EARLY
			drop_kept(i);
#else
			replace_kept(i);
#endif
			set_pending(i)
		fi
	};
	kvm_drops(i)
}

/* E0, also for a map without rights. */
inline exchange_clear(i, v)
{
	touch_window();
	used_by_kvm = true;
	if
#ifdef BREAK_CLEAR_OF_DYING
	:: state == Dead || foreign(v)
	:: state != Dead && !foreign(v) ->
#else
	:: state != Live || foreign(v)
	:: state == Live && !foreign(v) ->
#endif
		atomic {
			touch_leaf();
#ifdef BREAK_ANSWER
			old = T[i];
#endif
			if
			:: T[i] != 0 -> T[i] = 0; replace_kept(i); set_pending(i)
			:: T[i] == 0 && U[i] == CLAIM(v) -> set_pending(i)
			:: else
			fi
		};
		kvm_drops(i)
	fi
}

/* What KVM does when it is told that something was there: drops the note of what the slot names. */
inline kvm_drops(i)
{
#ifdef BREAK_ANSWER
	if
	:: old -> atomic {
			old = 0;
			touch_leaf();
			if
			:: token(U[i]) -> drop(U[i]); U[i] = 0
			:: else
			fi
		}
	:: else
	fi
#else
	skip
#endif
}

/* --- Publishing ------------------------------------------------------------------------------------------------------- */

/* Under leaf.lock: what the list page gets. */
inline snapshot()
{
	for (i_ : 0 .. N - 1) {
		if
		:: mine & bit(i_) ->
			list[i_] = T[i_];
#ifdef BREAK_STAY
			pending[i_] = (T[i_] == 0 && claim(U[i_]))
#else
			pending[i_] = false
#endif
		:: else -> list[i_] = 0
		fi
	}
	i_ = 0;
	pushing = mine
}

inline forget_list()
{
	for (i_ : 0 .. N - 1) {
		list[i_] = 0
	}
	i_ = 0
}

/* The hypercall for a run; done: 0 it refuses, 1 it is done, 2 it is busy. */
inline hypercall()
{
	atomic {
		assert(push_ == 1 + _pid && !window_closed);
		for (i_ : 0 .. N - 1) {
			assert(!list[i_] || registered[list[i_]])
		}
		i_ = 0;
		if
		:: busy > 0 -> busy--; done = 2
		:: refuse > 0 -> refuse--; refused = true; done = 0;
			if	/* after the first entry, or nothing done at all */
			:: mine & 1 -> platform[0] = list[0]
			:: true
			fi
		:: true -> done = 1;
			for (i_ : 0 .. N - 1) {
				if
				:: mine & bit(i_) -> platform[i_] = list[i_]
				:: else
				fi
			}
			i_ = 0
		fi
	}
}

/* Who may sleep waits for the platform, without push_; the run is reserved. */
inline push_sleeping()
{
	do
	:: hypercall();
		if
		:: done != 2 -> break
		:: else
		fi;
		atomic { unlock_push(); forget_list() };
		atomic {
			lock_push();
			touch_leaf();
#ifndef BREAK_LIST
			/* The page was somebody else's meanwhile. */
			snapshot()
#endif
		}
	od
}

/* Refused: what is not written again is closed. */
inline close_lost()
{
	atomic {
		touch_leaf();
		for (i_ : 0 .. N - 1) {
			if
			:: (mine & bit(i_)) && !pending[i_] ->
				T[i_] = 0;
#ifndef BREAK_CLOSE_KEPT
				replace_kept(i_)
#endif
			:: else
			fi;
			list[i_] = 0
		}
		i_ = 0
	}
	hypercall()
}

/* The run is with the platform, or it is not. */
inline settle()
{
	touch_leaf();
	pushing = 0;
	forget_list();
	if
	:: done == 2 -> armed = true
	:: else
	fi;
	for (i_ : 0 .. N - 1) {
		if
		:: !(mine & bit(i_))
		:: (mine & bit(i_)) && done != 1 -> pending[i_] = true
		:: (mine & bit(i_)) && done == 1 && pending[i_]
		:: (mine & bit(i_)) && done == 1 && !pending[i_] ->
			drop_replaced(i_);
			if
			:: T[i_] == 0 && token(U[i_]) -> drop(U[i_]); U[i_] = 0
#if !defined(BREAK_STAY) && !defined(BREAK_CLEAR_PENDING)
			/* A map without rights: K comes back for the token that S will leave. */
			:: T[i_] == 0 && claim(U[i_]) -> pending[i_] = true
#endif
			:: else
			fi
		fi
	}
	i_ = 0;
	mine = 0;
	done = 0
}

inline run_of_pending()
{
	mine = 0;
	for (i_ : 0 .. N - 1) {
		if
		:: pending[i_] -> mine = mine | bit(i_)
		:: else
		fi
	}
	i_ = 0
}

/* K. */
inline publish_pending()
{
	touch_window();
	if
#ifdef BREAK_KILL_OF_DYING
	:: state == Dead
	:: state != Dead ->
#else
	:: state != Live
	:: state == Live ->
#endif
		publish_leaf()
	fi
}

/* As KVM does it. */
inline publish_leaf()
{
	atomic {
		lock_push();
		touch_leaf();
		run_of_pending();
		if
#ifndef BREAK_RESERVED
		:: mine && pushing -> mine = 0; armed = true; unlock_push()
		:: mine && !pushing -> snapshot()
#else
		:: mine -> snapshot()
#endif
		:: !mine -> unlock_push()
		fi
	};
	if
	:: mine ->
		hypercall();
		if
		:: done == 0 -> close_lost()
		:: else
		fi;
		atomic { settle(); unlock_push() }
	:: else
	fi
}

/* As one does it who may sleep. */
inline flush()
{
	atomic {
		lock_update();
		lock_push();
		touch_leaf();
		run_of_pending();
		assert(!pushing);
		if
		:: mine -> snapshot()
		:: else -> unlock_push(); unlock_update()
		fi
	};
	if
	:: mine ->
		push_sleeping();
		if
		:: done == 0 -> close_lost_sleeping()
		:: else
		fi;
		atomic { settle(); unlock_push(); unlock_update() }
	:: else
	fi
}

inline close_lost_sleeping()
{
	close_lost();
	if
	:: done == 2 -> push_sleeping()
	:: else
	fi
}

inline release_old()
{
	for (i_ : 0 .. N - 1) {
		if
		:: done == 1 && old[i_] -> drop(old[i_])
		:: done != 1 && old[i_] -> count_replaced(i_, old[i_]); parked++
		:: else
		fi;
		old[i_] = 0
	}
	i_ = 0
}

/* Under leaf.lock.  Claims that are there have nobody on his way: they are stuck. */
inline write_run()
{
	assert(!pushing);
	for (i_ : 0 .. N - 1) {
		if
		:: claim(U[i_]) && kept[i_] -> U[i_] = kept[i_]; kept[i_] = 0; parked--
		:: claim(U[i_]) && !kept[i_] -> U[i_] = 0
		:: else
		fi;
		assert(!kept[i_]);
		old[i_] = U[i_];
		U[i_] = m;
		T[i_] = m
	}
	i_ = 0;
	mine = bit(N) - 1;
	snapshot();
	shut = false;
	claimed = false
}

inline put_table()
{
	atomic {
		table_refs--;
		last = !table_refs
	}
	if
	:: last ->
#if defined(BREAK_WINDOW_RCU) && defined(PREEMPT)
		skip;
#else
		grace(BY_RCU);
#endif
		window_gone = true
	:: else
	fi
}

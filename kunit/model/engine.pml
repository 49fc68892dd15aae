/* SPDX-License-Identifier: GPL-2.0-only */
/* What the engine does, for KVM and for ioctls; see kvm.pml. */

/* --- KVM's callbacks -------------------------------------------------------------------------------------------------- */

/* enter(): a vCPU says that it was here before it looks if the window is live. */
inline look_at_gate()
{
	touch_window();
#ifdef BREAK_GATE
	live = (state == Live);
	used_by_kvm = true
#else
	used_by_kvm = true;
	live = (state == Live)
#endif
}

/* C.  Answers in slot. */
inline user_slot(i, v)
{
	look_at_gate();
	if
	:: !live || foreign(v)
	:: live && !foreign(v) ->
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
			in_leaf();
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
	:: T[i] == 0 && !pending[i] -> drop(U[i]); U[i] = CLAIM(v); slot = true
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
	look_at_gate();
	atomic {
		in_leaf();
#ifndef BREAK_CLAIM
		assert(U[i] == CLAIM(v));
#endif
#ifdef BREAK_ANSWER
		old = T[i];
#endif
		if
		:: live && T[i] == m && !pending[i] ->
			assert(!replacedA[i] && !replacedB[i]);
			drop_kept(i)
		:: else ->
			assert(registered[m]);
			T[i] = (live -> m : 0);
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
	look_at_gate();
#ifdef BREAK_CLEAR_OF_DYING
	live = (state != Dead);
#endif
	if
	:: !live || foreign(v)
	:: live && !foreign(v) ->
		/* looks_empty(), without the lock. */
		atomic {
			touch_leaf();
#ifdef BREAK_EMPTY
			nothing = (T[i] == 0)
#else
			nothing = (T[i] == 0 && U[i] == 0)
#endif
		}
		if
		:: nothing
		:: !nothing -> exchange_live(i, v)
		fi
	fi
}

inline exchange_live(i, v)
{
		atomic {
			in_leaf();
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

/* Under leaf.lock: what the platform is given, of a run that is closed nothing. */
inline take_list()
{
	for (i_ : 0 .. N - 1) {
		list[i_] = ((mine & bit(i_)) && !closing -> T[i_] : 0)
	}
	i_ = 0
#ifdef BREAK_SETTLED
	;
	for (i_ : 0 .. N - 1) {
		if
		:: mine & bit(i_) -> pending[i_] = false
		:: else
		fi
	}
	i_ = 0
#endif
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
		assert(leaf_lock == 1 + _pid && !window_closed);
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

/* push_waiting(): who may sleep waits for the platform, without the leaf; the run is reserved. */
inline push_sleeping()
{
	do
	:: hypercall();
		if
		:: done != 2 -> break
		:: else
		fi;
		atomic {
			waiting = mine;
			unlock_leaf()
#ifndef BREAK_LIST
			;
			forget_list()
#endif
		};
		atomic {
			lock_leaf();
			waiting = 0;
#ifndef BREAK_LIST
			/* Others may have written there. */
			take_list()
#endif
		}
	od
}

/* Refused: all of it is closed, what was written while somebody waited as well. */
inline close_lost()
{
	atomic {
		touch_leaf();
		for (i_ : 0 .. N - 1) {
			if
			:: mine & bit(i_) ->
				T[i_] = 0;
#ifndef BREAK_CLOSE_KEPT
				replace_kept(i_)
#endif
			:: else
			fi
		}
		i_ = 0;
		closing = true;
		take_list()
	}
	hypercall()
}

/* The run is with the platform, or it is not. */
inline settle()
{
	touch_leaf();
	forget_list();
	writing = 0;
	if
	:: done == 2 -> armed = true
	:: else
	fi;
	for (i_ : 0 .. N - 1) {
		if
		:: !(mine & bit(i_))
		:: (mine & bit(i_)) && done != 1 -> pending[i_] = true; listed = true
		/* What was written while it was closed is newer. */
		:: (mine & bit(i_)) && done == 1 && closing && T[i_]
		:: (mine & bit(i_)) && done == 1 && !(closing && T[i_]) ->
			pending[i_] = false;
			drop_replaced(i_);
			if
			:: T[i_] == 0 && token(U[i_]) -> drop(U[i_]); U[i_] = 0
#if !defined(BREAK_STAY)
			/* A map without rights: K comes back for the token that S will leave. */
			:: T[i_] == 0 && claim(U[i_]) -> pending[i_] = true; listed = true
#endif
			:: else
			fi
		fi
	}
	i_ = 0;
	mine = 0;
	done = 0;
	closing = false
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

/* K: what it names is all of the leaf here. */
inline kill()
{
	look_at_gate();
#ifdef BREAK_KILL_OF_DYING
	live = (state != Dead);
#endif
	if
	:: !live
	:: live ->
		/* is_settled(), without the lock. */
		atomic { touch_leaf(); nothing = !any_pending() };
		if
		:: nothing
		:: !nothing -> publish_leaf()
		fi;
		/* The platform has what was written, or somebody will see to it. */
		atomic {
			for (i_ : 0 .. N - 1) {
				assert(platform[i_] == T[i_] || pending[i_] || (writing & bit(i_)) || refused)
			}
			i_ = 0
		}
	fi
}

/* As KVM does it. */
inline publish_leaf()
{
	atomic {
		lock_leaf();
		run_of_pending();
		if
		/* Nothing rests on that: it is for the time that he would spin. */
		:: mine && waiting -> mine = 0; armed = true; unlock_leaf()
		:: mine && !waiting -> take_list()
		:: !mine -> unlock_leaf()
		fi
	};
	if
	:: mine ->
		hypercall();
		if
		:: done == 0 -> close_lost()
		:: else
		fi;
		atomic { settle(); unlock_leaf() }
	:: else
	fi
}

/* As one does it who may sleep, if the leaf is listed. */
inline flush()
{
	atomic { lock_update() };
	atomic {
		if
		:: listed -> lock_leaf();
			assert(!waiting);
			run_of_pending();
			if
			:: mine -> take_list()
			:: else -> listed = false; unlock_leaf(); unlock_update()
			fi
		:: else -> unlock_update()
		fi
	};
	if
	:: mine ->
		push_sleeping();
		if
		:: done == 0 -> close_lost_sleeping()
		:: else
		fi;
#ifdef BREAK_LISTED
		atomic { settle(); unlock_leaf() };
		listed = false;
		unlock_update()
#else
		atomic { settle(); listed = any_pending(); unlock_leaf(); unlock_update() }
#endif
	:: else
	fi
}

inline close_lost_sleeping()
{
	close_lost();
	if
	:: done == 2 ->
		/* Somebody may write there meanwhile. */
		atomic { waiting = mine; unlock_leaf(); forget_list() };
		atomic { lock_leaf(); waiting = 0; take_list() };
		push_sleeping()
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
	assert(!waiting);
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
	writing = mine;
	shut = true;
	take_list();
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

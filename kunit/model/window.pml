/* SPDX-License-Identifier: GPL-2.0-only */
/* A window, its leaf, locks, memory and the platform; see kvm.pml. */

#ifndef VCPUS
#define VCPUS 0
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef N
#define N 1			/* entries: all of one guest TCE */
#endif
#ifndef BUSY
#define BUSY 0
#endif
#ifndef REFUSE
#define REFUSE 0
#endif
#ifndef PARK
#define PARK 2			/* places for parked tokens */
#endif
#ifndef OPS			/* what vCPUs do: 1 map A, 2 map B, 4 map A without rights, 8 clear */
#define OPS 15
#endif

/* TCEs and tokens: nothing, or which memory they name. */
#define A 1
#define B 2
/* In a user slot besides: a claim. */
#define CLAIM(v) (3 + (v))
#define claim(u) ((u) >= CLAIM(0))
#define token(u) ((u) == A || (u) == B)
#define bit(n) (1 << (n))

#ifdef BREAK_FOREIGN
#define foreign(v) false
#elif defined(FOREIGN)
#define foreign(v) ((v) == 1)	/* its KVM has another mm */
#else
#define foreign(v) false
#endif
#ifdef BREAK_SHUT
#define shut_for_kvm false
#else
#define shut_for_kvm shut
#endif
#if N == 1
#define any_pending() pending[0]
#else
#define any_pending() (pending[0] || pending[1])
#endif

/* In readers, besides vCPUs. */
#define RETIRING 2

/* Who waits for a grace period. */
#define BY_MAP 0
#define BY_UNMAP 1
#define BY_REMOVE 2
#define BY_RCU 3
#define BY_OTHER 4
#define WAITERS 5

mtype = { Live, Dying, Dead };

/* The window. */
mtype state = Live;
bool used_by_kvm, window_gone;
bool update_;			/* mutex */
bool armed, flushing;		/* the deferred flush */
bool linked = true;		/* in the owner's list */

/* The leaf. */
byte leaf_lock;			/* spinlock: 0 or 1 + pid of who holds it */
byte T[N], U[N];
bool pending[N];
bool listed;			/* in the list of dirty leaves */
byte waiting;			/* entries of a run whose owner waits for a busy platform */
byte writing;			/* entries that MAP or UNMAP has written and not published */
bool shut, leaf_gone;
byte list[N];			/* what the platform is given */

/* Parked tokens: what the entry still says, and what was replaced there (by memory). */
byte kept[N];
byte replacedA[N], replacedB[N];
byte parked;

/* Memory: registered, which pins it, and notes. */
bool registered[3];
byte notes[3];

/* The platform's copy of the entries, and what it may yet answer. */
byte platform[N];
bool window_closed;
byte busy = BUSY, refuse = REFUSE;
bool refused;

/* Locks of ioctls: the container's, REMOVE against the rest; the owner's. */
byte container_readers;
bool container_writer, owner_;

/* Another window of the owner; what only one that spins looks at. */
bool other_update;
bool holding;
byte sleepers;

/* KVM: table known to it, its reference and ours; who is on a walk. */
bool attached = true, foreign_done;
byte table_refs = 2;
byte readers;
byte waits[WAITERS];
bool came;			/* a vCPU, since an UNREGISTER began */

byte alive;			/* actors that are not through */
byte i_;			/* for loops within one step */

/* --- What is asserted ------------------------------------------------------------------------------------------------- */

inline touch_window() { assert(!window_gone) }
inline touch_leaf() { assert(!leaf_gone) }

inline drop(m)
{
	assert(notes[m] > 0);
	notes[m]--
}

/* In a step of its caller. */
inline unpin(m)
{
	registered[m] = false;
	for (i_ : 0 .. N - 1) {
		assert(T[i_] != m && platform[i_] != m && list[i_] != m)
	}
	i_ = 0
}

inline settled()
{
	byte live[3];

	for (i_ : 0 .. N - 1) {
		assert(platform[i_] == T[i_]);
		assert(!kept[i_] && !replacedA[i_] && !replacedB[i_]);
		/* What a vCPU that bailed out has left stays until somebody comes by. */
		assert(T[i_] -> U[i_] == T[i_] : !token(U[i_]));
		assert(!pending[i_] || claim(U[i_]));
		live[T[i_]]++
	}
	i_ = 0;
	assert(!parked && !waiting && !writing && !shut);
	assert(notes[A] == live[A] && notes[B] == live[B])
}

/* --- Locks and grace periods ------------------------------------------------------------------------------------------ */

/* Who takes both in one step waits for both at once: nobody waits for update_ with the leaf in hand. */
inline lock_leaf() { leaf_lock == 0 -> leaf_lock = 1 + _pid; touch_leaf() }
inline unlock_leaf() { assert(leaf_lock == 1 + _pid); leaf_lock = 0 }
/* A section in one step: it waits until nobody has it. */
inline in_leaf() { leaf_lock == 0 -> touch_leaf() }
inline lock_update() { !update_ -> update_ = true }
inline unlock_update() { update_ = false }

inline enter(r) { readers = readers | bit(r) }
inline leave(r)
{
	atomic {
		readers = readers & ~bit(r);
		for (i_ : 0 .. WAITERS - 1) {
			waits[i_] = waits[i_] & ~bit(r)
		}
		i_ = 0
	}
}

/* tce_port_sync_users(): all who are on their way now are through. */
inline grace(w)
{
	waits[w] = readers;
#ifndef BREAK_GRACE_UNDER_LOCK
	assert(leaf_lock != 1 + _pid);
#endif
	waits[w] == 0
}

/* --- Entries, all under leaf.lock ------------------------------------------------------------------------------------- */

inline set_pending(i)
{
	pending[i] = true;
	listed = true;
#ifndef BREAK_DEFERRED_FLUSH
	armed = true
#endif
}

inline count_replaced(i, m)
{
	if
	:: m == A -> replacedA[i]++
	:: m == B -> replacedB[i]++
	:: else
	fi
}

/* The parked token of what the entry said: it says something else now. */
inline replace_kept(i)
{
	count_replaced(i, kept[i]);
	kept[i] = 0
}

inline drop_kept(i)
{
	if
	:: kept[i] -> drop(kept[i]); kept[i] = 0; parked--
	:: else
	fi
}

inline drop_replaced(i)
{
	do
	:: replacedA[i] -> drop(A); replacedA[i]--; parked--
	:: replacedB[i] -> drop(B); replacedB[i]--; parked--
	:: !replacedA[i] && !replacedB[i] -> break
	od
}

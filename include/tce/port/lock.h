/* SPDX-License-Identifier: GPL-2.0-only */
/* Locks. */
#ifndef TCE_INCLUDE_PORT_LOCK_H
#define TCE_INCLUDE_PORT_LOCK_H

#include <lock_room.h>

#include <tce/engine.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Storage of locks; the port checks at build time that it is enough.  How much
 * a spinlock takes, and whether anybody checks who holds what, depends on the
 * kernel; the include path says it: small_locks/ or checked_locks/.
 */
struct tce_mutex { unsigned long opaque[32]; };
struct tce_rwsem { unsigned long opaque[40]; };
struct tce_spinlock { unsigned long opaque[TCE_SPINLOCK_WORDS]; };

/*
 * X(ID, name) for every lock class.  The order is that in which they nest,
 * outermost first.  What each is and protects is said in src/README.md,
 * "Locks".
 */
#define TCE_LOCK_CLASS_LIST(X)	\
	X(CONTAINER, container)	\
	X(REGISTER, register)	\
	X(OWNERS, owners)	\
	X(OWNER, owner)		\
	X(UPDATE, update)	\
	X(CHARGE, charge)	\
	X(GROW, grow)		\
	X(LEAF, leaf)		\
	X(PARK, park)

#define TCE_LOCK_CLASS_ID(id, name)	TCE_LOCK_##id,
enum tce_lock_class {
	TCE_LOCK_CLASS_LIST(TCE_LOCK_CLASS_ID)
	TCE_LOCK_CLASSES
};

#undef TCE_LOCK_CLASS_ID

/*
 * What all locks have in common.
 *
 * init: any context.  destroy: nobody holds the lock; its storage may go away
 * then.  unlock: the caller holds it.  assert_held: complains unless the caller
 * holds it (of a rwsem: somebody).
 */

/* Mutexes: process context. */
void tce_port_mutex_init(struct tce_mutex *m, enum tce_lock_class cls);
void tce_port_mutex_destroy(struct tce_mutex *m);
void tce_port_mutex_lock(struct tce_mutex *m);

/**
 * tce_port_mutex_lock_killable() - lock, unless the caller is killed while it
 * waits
 * @m: the mutex
 *
 * Context: Process context.
 * Return: 0: it is locked; -EINTR: it is not, and a fatal signal is pending.
 */
int tce_port_mutex_lock_killable(struct tce_mutex *m);

void tce_port_mutex_unlock(struct tce_mutex *m);
void tce_port_mutex_assert_held(const struct tce_mutex *m);

/* Reader-writer semaphores: process context. */
void tce_port_rwsem_init(struct tce_rwsem *s, enum tce_lock_class cls);
void tce_port_rwsem_destroy(struct tce_rwsem *s);

/**
 * tce_port_rwsem_read_lock_killable() - lock for reading, unless the caller is
 * killed
 * @s: the semaphore
 *
 * Context: Process context.
 * Return: 0: it is locked; -EINTR: it is not, and a fatal signal is pending.
 */
int tce_port_rwsem_read_lock_killable(struct tce_rwsem *s);

/** tce_port_rwsem_write_lock_killable() - the same for writing */
int tce_port_rwsem_write_lock_killable(struct tce_rwsem *s);

/**
 * tce_port_rwsem_read_trylock() - lock for reading if that is possible at once
 * @s: the semaphore
 *
 * Context: Process context.
 * Return: non-zero: it is locked.
 */
int tce_port_rwsem_read_trylock(struct tce_rwsem *s);

void tce_port_rwsem_read_unlock(struct tce_rwsem *s);
void tce_port_rwsem_write_lock(struct tce_rwsem *s);
void tce_port_rwsem_write_unlock(struct tce_rwsem *s);
void tce_port_rwsem_assert_held(const struct tce_rwsem *s);
void tce_port_rwsem_assert_held_write(const struct tce_rwsem *s);

/*
 * Spinlocks: any task context; interrupts stay as they are. There is no
 * destroy.
 */
void tce_port_spin_init(struct tce_spinlock *s, enum tce_lock_class cls);
void tce_port_spin_lock(struct tce_spinlock *s);
void tce_port_spin_unlock(struct tce_spinlock *s);
void tce_port_spin_assert_held(const struct tce_spinlock *s);

/**
 * tce_port_owners_lock() - lock the one mutex of class TCE_LOCK_OWNERS
 *
 * It is the port's, so that it needs no initialisation at run time.
 *
 * Context: Process context.
 */
void tce_port_owners_lock(void);

/** tce_port_owners_unlock() - unlock it; process context */
void tce_port_owners_unlock(void);

#ifdef __cplusplus
}
#endif

#endif /* TCE_INCLUDE_PORT_LOCK_H */

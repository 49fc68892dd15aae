// SPDX-License-Identifier: GPL-2.0-only
/*
 * Locks for the engine: the kernel's own in storage of a fixed size, with one
 * lockdep class per enum tce_lock_class.
 */
#include <linux/build_bug.h>

#include "lock_class.h"

static_assert(sizeof(struct mutex) <= sizeof(struct tce_mutex));
static_assert(sizeof(struct rw_semaphore) <= sizeof(struct tce_rwsem));
static_assert(sizeof(spinlock_t) <= sizeof(struct tce_spinlock));

static DEFINE_MUTEX(tce_owners_mutex);

static struct mutex *mutex_of(const struct tce_mutex *m)
{
	return (struct mutex *)m->opaque;
}

static struct rw_semaphore *rwsem_of(const struct tce_rwsem *s)
{
	return (struct rw_semaphore *)s->opaque;
}

static spinlock_t *spin_of(const struct tce_spinlock *s)
{
	return (spinlock_t *)s->opaque;
}

void tce_port_mutex_init(struct tce_mutex *m, enum tce_lock_class cls)
{
	tce_lock_init_mutex(mutex_of(m), cls);
}

void tce_port_mutex_destroy(struct tce_mutex *m)
{
	mutex_destroy(mutex_of(m));
}

void tce_port_mutex_lock(struct tce_mutex *m)
{
	mutex_lock(mutex_of(m));
}

int tce_port_mutex_lock_killable(struct tce_mutex *m)
{
	return mutex_lock_killable(mutex_of(m));
}

void tce_port_mutex_unlock(struct tce_mutex *m)
{
	mutex_unlock(mutex_of(m));
}

void tce_port_mutex_assert_held(const struct tce_mutex *m)
{
	lockdep_assert_held(mutex_of(m));
}

void tce_port_rwsem_init(struct tce_rwsem *s, enum tce_lock_class cls)
{
	tce_lock_init_rwsem(rwsem_of(s), cls);
}

void tce_port_rwsem_destroy(struct tce_rwsem *s)
{
}

int tce_port_rwsem_read_lock_killable(struct tce_rwsem *s)
{
	return down_read_killable(rwsem_of(s));
}

int tce_port_rwsem_read_trylock(struct tce_rwsem *s)
{
	return down_read_trylock(rwsem_of(s));
}

void tce_port_rwsem_read_unlock(struct tce_rwsem *s)
{
	up_read(rwsem_of(s));
}

void tce_port_rwsem_write_lock(struct tce_rwsem *s)
{
	down_write(rwsem_of(s));
}

int tce_port_rwsem_write_lock_killable(struct tce_rwsem *s)
{
	return down_write_killable(rwsem_of(s));
}

void tce_port_rwsem_write_unlock(struct tce_rwsem *s)
{
	up_write(rwsem_of(s));
}

void tce_port_rwsem_assert_held(const struct tce_rwsem *s)
{
	lockdep_assert_held(rwsem_of(s));
}

void tce_port_rwsem_assert_held_write(const struct tce_rwsem *s)
{
	lockdep_assert_held_write(rwsem_of(s));
}

void tce_port_spin_init(struct tce_spinlock *s, enum tce_lock_class cls)
{
	tce_lock_init_spin(spin_of(s), cls);
}

void tce_port_spin_lock(struct tce_spinlock *s)
	__acquires(s)
{
	spin_lock(spin_of(s));
}

void tce_port_spin_unlock(struct tce_spinlock *s)
	__releases(s)
{
	spin_unlock(spin_of(s));
}

void tce_port_spin_assert_held(const struct tce_spinlock *s)
{
	lockdep_assert_held(spin_of(s));
}

void tce_port_owners_lock(void)
{
	mutex_lock(&tce_owners_mutex);
}

void tce_port_owners_unlock(void)
{
	mutex_unlock(&tce_owners_mutex);
}

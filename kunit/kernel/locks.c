// SPDX-License-Identifier: GPL-2.0-only
/*
 * fake/env.h in the kernel: locks, with lockdep classes.
 *
 * The fake checks order and ownership by itself; lockdep checks both once more,
 * and what the locks do to interrupts, on the debug kernel.
 */
#include <linux/build_bug.h>
#include <linux/preempt.h>
#include <linux/sched.h>

#include "../../src/port/lock_class.h"
#include "env.h"

void env_mutex_init(void *m, unsigned int cls)
{
	static_assert(sizeof(struct mutex) <= ENV_MUTEX_BYTES);
	tce_lock_init_mutex(m, cls);
}

void env_mutex_destroy(void *m)
{
	mutex_destroy(m);
}

/*
 * A thread of a case makes call after call and never comes back to userspace,
 * where it would be preempted between them; every call takes a lock that may
 * sleep.
 */
void env_mutex_lock(void *m)
{
	cond_resched();
	mutex_lock(m);
}

void env_mutex_unlock(void *m)
{
	mutex_unlock(m);
}

void env_rwsem_init(void *s, unsigned int cls)
{
	static_assert(sizeof(struct rw_semaphore) <= ENV_RWSEM_BYTES);
	tce_lock_init_rwsem(s, cls);
}

void env_rwsem_destroy(void *s)
{
}

void env_rwsem_read_lock(void *s)
{
	cond_resched();
	down_read(s);
}

int env_rwsem_read_trylock(void *s)
{
	return down_read_trylock(s);
}

void env_rwsem_read_unlock(void *s)
{
	up_read(s);
}

void env_rwsem_write_lock(void *s)
{
	cond_resched();
	down_write(s);
}

void env_rwsem_write_unlock(void *s)
{
	up_write(s);
}

void env_spin_init(void *l, unsigned int cls)
{
	static_assert(sizeof(spinlock_t) <= ENV_SPIN_BYTES);
	tce_lock_init_spin(l, cls);
}

void env_spin_destroy(void *l)
{
}

void env_spin_lock(void *l)
	__acquires(l)
{
	spin_lock(l);
}

void env_spin_unlock(void *l)
	__releases(l)
{
	spin_unlock(l);
}

/*
 * A bare lock: it is the fake's, innermost and taken several times a port call,
 * and lockdep's work for it would be most of a test run.
 */
static arch_spinlock_t world = __ARCH_SPIN_LOCK_UNLOCKED;

void env_world_lock(void)
	__acquires(&world)
{
	preempt_disable();
	arch_spin_lock(&world);
	__acquire(&world);
}

void env_world_unlock(void)
	__releases(&world)
{
	__release(&world);
	arch_spin_unlock(&world);
	preempt_enable();
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * fake/env.h in the kernel: locks, with lockdep classes.
 *
 * The fake checks order and ownership by itself; lockdep checks both once more, and
 * what the locks do to interrupts, on the debug kernel.
 */
#include <linux/build_bug.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include <tce/port.h>

#include "env.h"

/* The last one is the fake's own. */
static struct lock_class_key keys[TCE_LOCK_CLASSES + 1];
static const char *const names[TCE_LOCK_CLASSES + 1] = {
	[TCE_LOCK_CONTAINER] = "tce_container",
	[TCE_LOCK_REGISTER] = "tce_register",
	[TCE_LOCK_OWNERS] = "tce_owners",
	[TCE_LOCK_OWNER] = "tce_owner",
	[TCE_LOCK_UPDATE] = "tce_update",
	[TCE_LOCK_CHARGE] = "tce_charge",
	[TCE_LOCK_GROW] = "tce_grow",
	[TCE_LOCK_PUSH] = "tce_push",
	[TCE_LOCK_LEAF] = "tce_leaf",
	[TCE_LOCK_PARK] = "tce_park",
	[TCE_LOCK_CLASSES] = "tce_fake_users",
};

void env_mutex_init(void *m, unsigned int cls)
{
	static_assert(sizeof(struct mutex) <= ENV_MUTEX_BYTES);
	__mutex_init(m, names[cls], &keys[cls]);
}

void env_mutex_destroy(void *m)
{
	mutex_destroy(m);
}

/*
 * A thread of a case makes call after call and never comes back to userspace, where
 * it would be preempted between them; every call takes a lock that may sleep.
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
	__init_rwsem(s, names[cls], &keys[cls]);
}

void env_rwsem_destroy(void *s)
{
}

void env_rwsem_read_lock(void *s)
{
	cond_resched();
	down_read(s);
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
	spinlock_t *lock = l;

	static_assert(sizeof(spinlock_t) <= ENV_SPIN_BYTES);
	spin_lock_init(lock);
	lockdep_set_class_and_name(lock, &keys[cls], names[cls]);
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
 * A bare lock: it is the fake's, innermost and taken several times a port call, and
 * lockdep's work for it would be most of a test run.
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

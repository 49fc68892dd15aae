/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lockdep's view of enum tce_lock_class, for the one file of a module that
 * makes locks: lock.c here, kunit/kernel/locks.c under the fake.
 */
#ifndef TCE_PORT_LOCK_CLASS_H
#define TCE_PORT_LOCK_CLASS_H

#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>

#include <tce/port.h>

static struct lock_class_key tce_lock_keys[TCE_LOCK_CLASSES];

#define TCE_LOCK_CLASS_NAME(id, name)	[TCE_LOCK_##id] = "tce_" #name,
static const char *const tce_lock_names[TCE_LOCK_CLASSES] = {
	TCE_LOCK_CLASS_LIST(TCE_LOCK_CLASS_NAME)
};

static void tce_lock_init_mutex(struct mutex *m, unsigned int cls)
{
	mutex_init(m);
	lockdep_set_class_and_name(m, &tce_lock_keys[cls], tce_lock_names[cls]);
}

static void tce_lock_init_rwsem(struct rw_semaphore *s, unsigned int cls)
{
	init_rwsem(s);
	lockdep_set_class_and_name(s, &tce_lock_keys[cls], tce_lock_names[cls]);
}

static void tce_lock_init_spin(spinlock_t *s, unsigned int cls)
{
	spin_lock_init(s);
	lockdep_set_class_and_name(s, &tce_lock_keys[cls], tce_lock_names[cls]);
}

#endif /* TCE_PORT_LOCK_CLASS_H */

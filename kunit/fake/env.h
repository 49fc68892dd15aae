/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the fake port and the test cases need from the place they run in.
 *
 * Two implementations: native/env_native.cc (a process, real threads) and the C
 * glue of the KUnit module (kmalloc, mutex, spinlock, KUNIT_FAIL).  Everything
 * else under kunit/fake and kunit/cases is the same code in both.
 */
#ifndef TCE_FAKE_ENV_H
#define TCE_FAKE_ENV_H

#ifdef __cplusplus
extern "C" {
#endif

/* --- Reporting ------------------------------------------------------------ */

/** env_fail() - the running case has failed; it goes on; any context, any thread */
void env_fail(const char *file, int line, const char *text);

/** env_log() - a line for whoever reads the test log; any context */
void env_log(const char *text);

/** env_panic() - nothing sensible can follow (a lock is broken, memory is overwritten) */
void env_panic(const char *file, int line, const char *text) __attribute__((noreturn));

int env_snprintf(char *buf, unsigned long bytes, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int env_vsnprintf(char *buf, unsigned long bytes, const char *fmt, __builtin_va_list ap)
	__attribute__((format(printf, 3, 0)));

/* --- Knobs ---------------------------------------------------------------- */

enum env_knob {
	ENV_SEED,		/* seed for random cases; 0: pick one and print it */
	ENV_EFFORT,		/* percent of random operations; below 100 long rows have gaps */
	ENV_VERBOSE,		/* non-zero: print what the engine logs */
	ENV_KNOBS
};

unsigned long long env_knob(enum env_knob which);

/** env_entropy() - something that differs from run to run */
unsigned long long env_entropy(void);

/** env_nsecs() - a monotonic clock */
unsigned long long env_nsecs(void);

/* --- Memory --------------------------------------------------------------- */

/* Up to this size env_alloc() works in any context (GFP_ATOMIC). */
#define ENV_ATOMIC_MAX		8192u

/**
 * env_alloc() - zeroed memory
 * @bytes: any size; beyond ENV_ATOMIC_MAX in process context only (kvzalloc())
 * @align: a power of two up to 4096, and not larger than @bytes if above 8
 *
 * Return: never NULL (env_panic() if there is none).
 */
void *env_alloc(unsigned long bytes, unsigned long align);

/** env_free() - any context; NULL is fine */
void env_free(void *p);

/* --- Threads -------------------------------------------------------------- */

#define ENV_HELD_MAX		8

/*
 * What the fake remembers of a thread.  Zeroed when the thread first asks for
 * it, and private to it.
 */
struct env_thread {
	const void *held[ENV_HELD_MAX];		/* locks, in the order of taking */
	unsigned char held_class[ENV_HELD_MAX];
	unsigned char held_write[ENV_HELD_MAX];
	unsigned char held_taken[ENV_HELD_MAX];	/* the lock below as well */
	unsigned int nr_held;
	unsigned int nr_spins;			/* of these, spinlocks */
	unsigned int atomic;			/* pretends to be in softirq */
	unsigned int in_moment;			/* Base::on_moment */
	unsigned int in_user;			/* sections of KVM that do not sleep */
	unsigned int yielding;			/* has yielded and not slept since, see Users */
	unsigned long task;			/* acts as this one, see as_task() */
	unsigned int killed;			/* has a fatal signal */
	unsigned int no_fail;			/* fault injection is off */
	unsigned long look_ups;			/* of system pages, since it let others run */
	unsigned long notes;			/* taken and dropped, since then */
	void *mm;				/* current->mm */
};

struct env_thread *env_self(void);

struct env_task;

/**
 * env_task_start() - run a function in a thread of its own
 *
 * Return: NULL if this place has no threads; the case is then skipped.
 */
struct env_task *env_task_start(void (*fn)(void *arg), void *arg);

/** env_task_join() - wait for the function to return and free the task */
void env_task_join(struct env_task *t);

/** env_yield() - let other threads run; process context */
void env_yield(void);

/* --- Locks ---------------------------------------------------------------- */

/*
 * Storage is zeroed and as large as given here.  The fake does its own checks
 * of order and ownership on top, so these are bare; @cls is enum tce_lock_class
 * and gives lockdep its class in the kernel.
 */
#define ENV_MUTEX_BYTES		224u
#define ENV_RWSEM_BYTES		288u
#define ENV_SPIN_BYTES		96u

void env_mutex_init(void *m, unsigned int cls);
void env_mutex_destroy(void *m);
void env_mutex_lock(void *m);
void env_mutex_unlock(void *m);

void env_rwsem_init(void *s, unsigned int cls);
void env_rwsem_destroy(void *s);
void env_rwsem_read_lock(void *s);
int env_rwsem_read_trylock(void *s);
void env_rwsem_read_unlock(void *s);
void env_rwsem_write_lock(void *s);
void env_rwsem_write_unlock(void *s);

void env_spin_init(void *l, unsigned int cls);
void env_spin_destroy(void *l);
void env_spin_lock(void *l);
void env_spin_unlock(void *l);

/*
 * One more spinlock, for the fake's own state: innermost, taken and released
 * within one port call, taken with engine spinlocks held.
 */
void env_world_lock(void);
void env_world_unlock(void);

#ifdef __cplusplus
}
#endif

#endif /* TCE_FAKE_ENV_H */

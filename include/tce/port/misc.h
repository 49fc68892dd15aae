/* SPDX-License-Identifier: GPL-2.0-only */
/* Tasks, time, trouble, figures. */
#ifndef TCE_INCLUDE_PORT_MISC_H
#define TCE_INCLUDE_PORT_MISC_H

#include <tce/engine.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * tce_port_task() - a number of the calling task
 *
 * Odd, and not below 2^63: never a user address.
 *
 * Context: Any task context.
 * Return: the number; equal for equal tasks, never that of another one that
 * lives.
 */
tce_u64 tce_port_task(void);

/**
 * tce_port_wait_ms() - sleep
 * @ms: how long
 * @killable: non-zero: a fatal signal ends it
 *
 * Context: Process context.
 * Return: 0; non-zero: @killable and the caller has a fatal signal pending, the
 * time may not be over.
 */
int tce_port_wait_ms(unsigned int ms, int killable);

/**
 * tce_port_delay_us() - let the time pass without sleeping
 * @us: how long
 *
 * Context: Any.
 */
void tce_port_delay_us(unsigned int us);

/**
 * tce_port_sync_users() - wait until nobody is between two ops of a table
 *
 * KVM calls one op after the other and stores to the user address slot of an
 * entry in between, without a lock and without sleeping.  After this call every
 * such sequence, and every op, that had begun before is over.
 *
 * Context: Process context; the engine's mutexes may be held.
 */
void tce_port_sync_users(void);

/* Storage for what tce_port_later() remembers. */
struct tce_later { unsigned long opaque[4]; };

/**
 * tce_port_later() - the same without waiting
 * @l: in the object that @fn frees; stays until then
 * @fn: called in process context when every sequence and every op that has
 * begun is over
 *
 * Context: Any.
 */
void tce_port_later(struct tce_later *l, void (*fn)(struct tce_later *l));

/**
 * tce_port_yield() - in a long loop: let others run
 *
 * Context: Process context; never in an op that KVM calls, nor between two of
 * them.
 */
void tce_port_yield(void);

/** tce_port_killed() - non-zero if the caller has a fatal signal pending */
int tce_port_killed(void);

/**
 * tce_port_warn() - an invariant is broken
 * @what: what was expected
 * @file: where it was
 * @line: where it was
 *
 * In the kernel a WARN(), one for each place; the fake fails the case.
 *
 * Context: Any.
 */
void tce_port_warn(const char *what, const char *file, int line);

/* X(ID, name) for every counter; debugfs (vfio_tce/stats) shows the names. */
#define TCE_COUNTER_LIST(X)						\
	X(TCES_MAPPED, tces_mapped)	/* entries set by MAP */	\
	/* live entries cleared by UNMAP, REMOVE, detach */		\
	X(TCES_UNMAPPED, tces_unmapped)					\
	X(KVM_UPDATES, kvm_updates)	/* entries exchanged by KVM */	\
	X(KVM_KILLS, kvm_kills)		/* publish calls by KVM */	\
	X(KVM_HCALLS, kvm_hcalls)	/* hypercalls those took */	\
	/* entries closed because a publish failed */			\
	X(KVM_LOST, kvm_lost)						\
	/* maps that were let through to nowhere */			\
	X(KVM_REFUSED, kvm_refused)					\
	/* deferred flushes that found something */			\
	X(DEFERRED_FLUSHES, deferred_flushes)				\
	X(WINDOWS_CREATED, windows_created)				\
	X(WINDOWS_REMOVED, windows_removed)				\
	X(REGIONS_REGISTERED, regions_registered)			\
	X(REGIONS_UNREGISTERED, regions_unregistered)			\
	X(LEAVES, leaves)		/* leaf levels alive */		\
	/* references kept as a page may still be reachable */		\
	X(QUARANTINED, quarantined)

#define TCE_COUNTER_ID(id, name)	TCE_COUNT_##id,
enum tce_counter {
	TCE_COUNTER_LIST(TCE_COUNTER_ID)
	TCE_COUNTERS
};

#undef TCE_COUNTER_ID

/** tce_port_count() - add to a counter (@n may be negative); task context */
void tce_port_count(enum tce_counter which, long n);

#ifdef __cplusplus
}
#endif

#endif /* TCE_INCLUDE_PORT_MISC_H */

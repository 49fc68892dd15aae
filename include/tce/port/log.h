/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages to the administrator. */
#ifndef TCE_INCLUDE_PORT_LOG_H
#define TCE_INCLUDE_PORT_LOG_H

#include <tce/port/mm.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What a message to the administrator is about.  Each kind has a limit of its
 * own, so that many of one do not hide another.
 */
enum tce_log_kind {
	TCE_LOG_KEPT,		/* memory stays pinned: a device may still reach it */
	TCE_LOG_ENTRIES,	/* entries that the hypervisor refuses */
	TCE_LOG_WINDOWS,	/* windows that the firmware refuses, the device tree */
	TCE_LOG_MEMLOCK,	/* RLIMIT_MEMLOCK */
	TCE_LOG_OTHER,
	TCE_LOG_KINDS
};

/* Messages of a kind that are shown before the limit is reached. */
#define TCE_LOG_BURST		10
/* Groups that a message names. */
#define TCE_LOG_GROUPS		4

/* Storage of a limit; the port checks at build time that it is enough. */
struct tce_log_limit { unsigned long opaque[16]; };

/**
 * struct tce_log_who - whom a message is about: a container, an owner, a group
 * @comm: the process
 * @pid: the process
 * @nr_groups: groups; those that do not fit count
 * @groups: their numbers
 * @limits: how many messages there were
 *
 * Everybody has limits of his own: a noisy one hides nobody else.
 */
struct tce_log_who {
	char comm[16];
	int pid;
	unsigned int nr_groups;
	int groups[TCE_LOG_GROUPS];
	struct tce_log_limit limits[TCE_LOG_KINDS];
};

/*
 * It is about the calling process and no groups; it is about the calling
 * process from now on.  Process context.
 */
void tce_port_log_init(struct tce_log_who *who);
void tce_port_log_caller(struct tce_log_who *who);

/*
 * It has one more group, or one fewer; any context, one call at a time for one
 * @who.  A group that is there already is there once.
 */
void tce_port_log_add_group(struct tce_log_who *who, int group);
void tce_port_log_drop_group(struct tce_log_who *who, int group);

/**
 * tce_port_log_for() - for the administrator
 * @who: whom it is about, which the message begins with; NULL: nobody
 * @kind: what it is about
 * @fmt: printf-like, ends in a newline
 *
 * Context: Any.
 */
void tce_port_log_for(struct tce_log_who *who, enum tce_log_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * tce_port_log_memlock() - say that RLIMIT_MEMLOCK is reached, if it is
 * @who: whom it is about; NULL: nobody, and nothing is said
 * @mm: the owner
 * @npages: system pages that were refused
 * @what: what for
 *
 * Userspace can have this said as often as it likes, with a new container each
 * time: this kind has a limit for all together besides.
 *
 * Context: Process context of the owner.
 */
void tce_port_log_memlock(struct tce_log_who *who, struct tce_mm *mm, tce_u64 npages,
			  const char *what);

/** tce_port_log() - tce_port_log_for(NULL, TCE_LOG_OTHER, ...) */
void tce_port_log(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#ifdef __cplusplus
}
#endif

#endif /* TCE_INCLUDE_PORT_LOG_H */

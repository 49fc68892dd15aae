/* SPDX-License-Identifier: GPL-2.0-only */
/* Books: what the administrator is shown of a container. */
#ifndef TCE_PORT_BOOK_H
#define TCE_PORT_BOOK_H

#include <tce/port/log.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where they are written to. */
struct tce_book;

/**
 * tce_port_book() - write to a book
 * @book: where to
 * @fmt: printf-like
 *
 * Context: Process context.
 */
void tce_port_book(struct tce_book *book, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * tce_port_book_who() - write " pid=... comm=..." to a book
 * @book: where to
 * @who: the process; its name is escaped, so that it is one word
 *
 * Context: Process context.
 */
void tce_port_book_who(struct tce_book *book, const struct tce_log_who *who);

/**
 * tce_port_book_locked() - write " locked=... limit=..." to a book
 * @book: where to
 * @mm: the owner
 * @who: one of its processes
 *
 * In system pages: locked_vm, and RLIMIT_MEMLOCK of @who; "none" if it has no
 * limit, or is gone.
 *
 * Context: Process context.
 */
void tce_port_book_locked(struct tce_book *book, const struct tce_mm *mm,
			  const struct tce_log_who *who);

#ifdef __cplusplus
}
#endif

#endif /* TCE_PORT_BOOK_H */

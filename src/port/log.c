// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages to the administrator: whom they are about, and how many there may
 * be.
 */
#define pr_fmt(fmt) "vfio_tce: " fmt

#include <linux/bug.h>
#include <linux/build_bug.h>
#include <linux/capability.h>
#include <linux/compiler.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/stdarg.h>
#include <linux/string.h>

#include "log.h"

static_assert(sizeof(struct ratelimit_state) <= sizeof(struct tce_log_limit));

#define TCE_NOBODYS_LIMIT						\
	RATELIMIT_STATE_INIT(tce_nobodys_limit, DEFAULT_RATELIMIT_INTERVAL, TCE_LOG_BURST)

/*
 * Of messages that are about nobody; and of what everybody can cause at will,
 * for all.
 */
static struct ratelimit_state tce_nobodys[TCE_LOG_KINDS] = {
	[0 ... TCE_LOG_KINDS - 1] = TCE_NOBODYS_LIMIT,
};

static struct ratelimit_state tce_for_all = TCE_NOBODYS_LIMIT;

static struct ratelimit_state *limit_of(struct tce_log_who *who, enum tce_log_kind kind)
{
	return who ? (struct ratelimit_state *)who->limits[kind].opaque : &tce_nobodys[kind];
}

void tce_port_log_init(struct tce_log_who *who)
{
	unsigned int kind;

	memset(who, 0, sizeof(*who));
	for (kind = 0; kind < TCE_LOG_KINDS; kind++)
		ratelimit_state_init(limit_of(who, kind), DEFAULT_RATELIMIT_INTERVAL,
				     TCE_LOG_BURST);
	tce_port_log_caller(who);
}

void tce_port_log_caller(struct tce_log_who *who)
{
	BUILD_BUG_ON(sizeof(who->comm) < TASK_COMM_LEN);
	/* The thread that happens to call says less than the process. */
	get_task_comm(who->comm, current->group_leader);
	who->pid = task_tgid_nr(current);
}

static unsigned int shown(const struct tce_log_who *who)
{
	return min_t(unsigned int, READ_ONCE(who->nr_groups), TCE_LOG_GROUPS);
}

void tce_port_log_add_group(struct tce_log_who *who, int group)
{
	unsigned int i, nr = shown(who);

	for (i = 0; i < nr; i++)
		if (who->groups[i] == group)
			return;
	if (nr < TCE_LOG_GROUPS)
		WRITE_ONCE(who->groups[nr], group);
	WRITE_ONCE(who->nr_groups, who->nr_groups + 1);
}

void tce_port_log_drop_group(struct tce_log_who *who, int group)
{
	unsigned int i, nr = shown(who);

	for (i = 0; i < nr; i++)
		if (who->groups[i] == group)
			break;
	/* Of those that did not fit nobody knows which they are. */
	if (i < nr) {
		for (; i + 1 < nr; i++)
			WRITE_ONCE(who->groups[i], who->groups[i + 1]);
		WRITE_ONCE(who->nr_groups, nr - 1);
	}
}

/**
 * tce_log_allows() - may one more message be shown
 * @who: whom it is about, or NULL
 * @kind: what it is about
 *
 * Context: Any.
 * Return: true if so; it counts.
 */
bool tce_log_allows(struct tce_log_who *who, enum tce_log_kind kind)
{
	if (WARN_ON_ONCE(kind >= TCE_LOG_KINDS))
		return false;
	if (!__ratelimit(limit_of(who, kind)))
		return false;
	return kind != TCE_LOG_MEMLOCK || __ratelimit(&tce_for_all);
}

/**
 * tce_log_name() - what a message begins with
 * @who: whom it is about, or NULL
 * @buf: storage
 * @bytes: its size
 *
 * Context: Any.
 * Return: "qemu[1234] groups 1,2: ", or what of it is known.
 */
const char *tce_log_name(const struct tce_log_who *who, char *buf, size_t bytes)
{
	unsigned int i, nr = who ? shown(who) : 0;
	size_t at = 0;

	buf[0] = '\0';
	if (!who)
		return buf;
	/* A process may call itself what it likes. */
	at += scnprintf(buf + at, bytes - at, "%*pE[%d]",
			(int)strnlen(who->comm, sizeof(who->comm)), who->comm, who->pid);
	for (i = 0; i < nr; i++)
		at += scnprintf(buf + at, bytes - at, "%s%d",
				i ? "," : nr > 1 ? " groups " : " group ",
				READ_ONCE(who->groups[i]));
	scnprintf(buf + at, bytes - at, "%s: ", READ_ONCE(who->nr_groups) > nr ? ",..." : "");
	return buf;
}

static void log_line(struct tce_log_who *who, enum tce_log_kind kind, const char *fmt,
		     va_list *args)
{
	struct va_format vaf = { .fmt = fmt, .va = args };
	char name[128];

	if (tce_log_allows(who, kind))
		pr_warn("%s%pV", tce_log_name(who, name, sizeof(name)), &vaf);
}

void tce_port_log_for(struct tce_log_who *who, enum tce_log_kind kind, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_line(who, kind, fmt, &args);
	va_end(args);
}

void tce_port_log(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_line(NULL, TCE_LOG_OTHER, fmt, &args);
	va_end(args);
}

void tce_port_log_memlock(struct tce_log_who *who, struct tce_mm *mm, tce_u64 npages,
			  const char *what)
{
	unsigned long locked = READ_ONCE(((struct mm_struct *)mm)->locked_vm);
	unsigned long limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;

	if (!who || (locked <= limit && npages <= limit - locked) ||
	    has_capability_noaudit(current, CAP_IPC_LOCK))
		return;
	tce_port_log_for(who, TCE_LOG_MEMLOCK,
			 "%s: needs %llu KiB of locked memory, %lu KiB are in use, RLIMIT_MEMLOCK is %lu KiB\n",
			 what, npages << (PAGE_SHIFT - 10), locked << (PAGE_SHIFT - 10),
			 limit << (PAGE_SHIFT - 10));
}

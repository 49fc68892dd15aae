// SPDX-License-Identifier: GPL-2.0-only
/*
 * Books of containers, as debugfs shows them: a book is a seq_file.
 */
#include <linux/ctype.h>
#include <linux/mm_types.h>
#include <linux/pid.h>
#include <linux/resource.h>
#include <linux/sched/signal.h>
#include <linux/seq_file.h>
#include <linux/stdarg.h>

#include <tce/port.h>

static struct seq_file *file_of(struct tce_book *book)
{
	return (struct seq_file *)book;
}

void tce_port_book(struct tce_book *book, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	seq_vprintf(file_of(book), fmt, args);
	va_end(args);
}

/*
 * A process may call itself what it likes: as in /proc/mounts, what is no plain
 * character is octal.
 */
void tce_port_book_who(struct tce_book *book, const struct tce_log_who *who)
{
	struct seq_file *m = file_of(book);
	const char *c;

	seq_printf(m, " pid=%d comm=", who->pid);
	for (c = who->comm; c < who->comm + sizeof(who->comm) && *c; c++) {
		if (isascii(*c) && isgraph(*c) && *c != '\\' && *c != '=')
			seq_putc(m, *c);
		else
			seq_printf(m, "\\%03o", (unsigned char)*c);
	}
}

void tce_port_book_locked(struct tce_book *book, const struct tce_mm *mm,
			  const struct tce_log_who *who)
{
	unsigned long limit = RLIM_INFINITY;
	struct task_struct *task;

	/*
	 * The number may be another's by now; then the limit is none of the
	 * owner's.
	 */
	rcu_read_lock();
	task = pid_task(find_pid_ns(who->pid, &init_pid_ns), PIDTYPE_TGID);
	if (task && READ_ONCE(task->mm) == (const struct mm_struct *)mm)
		limit = task_rlimit(task, RLIMIT_MEMLOCK);
	rcu_read_unlock();

	seq_printf(file_of(book), " locked=%lu limit=",
		   READ_ONCE(((const struct mm_struct *)mm)->locked_vm));
	if (limit == RLIM_INFINITY)
		seq_puts(file_of(book), "none");
	else
		seq_printf(file_of(book), "%lu", limit >> PAGE_SHIFT);
}

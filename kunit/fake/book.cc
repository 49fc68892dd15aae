// SPDX-License-Identifier: GPL-2.0-only
/*
 * port.h, books: text in memory.  What does not fit is a failure.
 */
#include "book.hpp"

#include "mm.hpp"

namespace fake {

bool Book::has_line(const char *line) const
{
	const unsigned long length = __builtin_strlen(line);

	for (const char *from = text; *from;) {
		const char *end = from;

		while (*end && *end != '\n')
			end++;
		if (static_cast<unsigned long>(end - from) == length &&
		    !__builtin_memcmp(from, line, length))
			return true;
		from = *end ? end + 1 : end;
	}
	return false;
}

bool Book::has_word(const char *word) const
{
	const unsigned long length = __builtin_strlen(word);

	for (const char *from = text; *from; from++) {
		if (!__builtin_strncmp(from, word, length))
			return true;
	}
	return false;
}

} // namespace fake

using namespace fake;

void tce_port_book(struct tce_book *book, const char *fmt, ...)
{
	Book &b = *reinterpret_cast<Book *>(book);
	__builtin_va_list ap;

	expect_process_context("tce_port_book");
	__builtin_va_start(ap, fmt);
	b.at += static_cast<u32>(env_vsnprintf(b.text + b.at, sizeof(b.text) - b.at, fmt, ap));
	__builtin_va_end(ap);
	if (b.at >= sizeof(b.text))
		env_panic(__FILE__, __LINE__, "a book is longer than a case has room for");
}

void tce_port_book_who(struct tce_book *book, const struct tce_log_who *who)
{
	tce_port_book(book, " pid=%d comm=%s", who->pid, who->comm);
}

void tce_port_book_locked(struct tce_book *book, const struct tce_mm *mm,
			  const struct tce_log_who *who)
{
	(void)who;
	check_mm(mm);
	tce_port_book(book, " locked=%llu limit=%llu", mm->locked_port + mm->locked_mem, mm->limit);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the administrator is shown of a container: whose it is, what it uses,
 * why it was refused.
 */
#include "../fake/book.hpp"
#include "guest.hpp"
#include "params.hpp"
#include "rig.hpp"
#include "v1.hpp"

using namespace fake;

namespace {

Book book_of(Rig &r, u32 container = 0)
{
	Book book;

	tce_container_show(r.c[container], book.handle());
	return book;
}

__attribute__((format(printf, 2, 3))) void expect_line(const Book &book, const char *format, ...)
{
	__builtin_va_list ap;
	char line[256];

	__builtin_va_start(ap, format);
	env_vsnprintf(line, sizeof(line), format, ap);
	__builtin_va_end(ap);
	if (!book.has_line(line))
		FAKE_FAIL("no line \"%s\"\nin %s", line,
			  __builtin_strstr(book.text, "window slot=1") ?: book.text);
}

constexpr u64 kBytes = 64 * kKiB;

} // namespace

TCE_CASE(books, of_nothing)
{
	Rig r({}, 1, false);
	Book book = book_of(r);

	expect_line(book, " pid=0 comm=process charged=0 kvm=0");
	expect_line(book, "memory regions=0 bytes=0 mapped=0");

	/* The default window is there before anybody touches it. */
	TCE_EXPECT_EQ(r.attach(0), 0);
	book = book_of(r);
	expect_line(book,
		    "window slot=0 start=0x0 size=0x%llx page=0x1000 levels=0 live=0 bytes=0 "
		    "walked=no kvm=no",
		    r.w.config.fw.default_size);
}

TCE_CASE(books, of_windows_and_memory)
{
	Config config = with_system_pages(param);

	config.locked_limit = 1000;

	Rig r(config);

	TCE_EXPECT_EQ(r.reg(kUser, kBytes), 0);
	TCE_EXPECT_EQ(r.reg(kUser + kGiB, kBytes), 0);
	TCE_EXPECT_EQ(r.create(12, kGiB, 1), 0);
	TCE_EXPECT_EQ(r.map(kUser, r.start, kBytes / 2), 0);
	TCE_EXPECT_EQ(r.map(kUser, 0x3000, 0x3000), 0);
	/* Over live ones, and one less. */
	TCE_EXPECT_EQ(r.map(kUser, 0x3000, 0x2000), 0);
	TCE_EXPECT_EQ(r.unmap(0x5000, 0x1000), 0);
	/* Another leaf. */
	TCE_EXPECT_EQ(r.map(kUser, r.start + kGiB / 2, 0x2000), 0);

	Book book = book_of(r);
	const u64 tables = r.w.mm[0].locked_port;

	expect_line(book, " pid=0 comm=process locked=%llu limit=1000 charged=%llu kvm=0",
		    r.w.locked_vm(), tables);
	/* Each window's are rounded down. */
	TCE_EXPECT_EQ(tables, (8192ull >> config.page_shift) + (12288 >> config.page_shift));
	expect_line(book,
		    "window slot=0 start=0x0 size=0x%llx page=0x1000 levels=2 live=2 bytes=8192 "
		    "walked=no kvm=no",
		    r.w.config.fw.default_size);
	expect_line(
		book,
		"window slot=1 start=0x%llx size=0x%llx page=0x1000 levels=2 live=10 bytes=12288 "
		"walked=no kvm=no",
		r.start, kGiB);
	expect_line(book, "memory regions=2 bytes=%llu mapped=12", 2 * kBytes);

	TCE_EXPECT_EQ(r.remove(r.start), 0);
	book = book_of(r);
	TCE_EXPECT(!book.has_word("slot=1"));
	expect_line(book, "memory regions=2 bytes=%llu mapped=2", 2 * kBytes);
}

TCE_CASE(books, of_hardware_tables)
{
	Rig r(with_host(3));

	TCE_EXPECT_EQ(r.reg(kUser, kBytes), 0);
	TCE_EXPECT_EQ(r.create(16, kGiB, 1), 0);
	TCE_EXPECT_EQ(r.map(kUser, r.start, kBytes), 0);
	expect_line(book_of(r),
		    "window slot=1 start=0x%llx size=0x%llx page=0x10000 levels=1 live=1 bytes=%u "
		    "walked=yes kvm=no",
		    r.start, kGiB, 16384 * 8);
}

/* A guest whose TCEs KVM writes; the numbers are the other cases' business. */
TCE_CASE(books, of_a_guest)
{
	fake::guest::Guest g(12, 12);

	TCE_EXPECT_EQ(g.put(0, TCE_PERM_READ | TCE_PERM_WRITE), h::kSuccess);

	const Book book = book_of(g.r);

	TCE_EXPECT(book.has_word(" kvm=1\n"));
	TCE_EXPECT(book.has_word(" kvm=yes\n"));
}

TCE_CASE(books, of_v1)
{
	const unsigned int host = param ? 1 : 0;
	Rig r(v1::config_of(host));

	TCE_EXPECT_EQ(r.enable(), 0);
	TCE_EXPECT_EQ(r.map(kUser, 0, kBytes), 0);

	const Book book = book_of(r);

	expect_line(book, " pid=0 comm=process locked=%llu limit=%llu charged=%llu kvm=0",
		    r.w.locked_vm(), ~0ull, r.w.locked_vm());
	TCE_EXPECT(r.w.locked_vm() >= v1::charge_of(r));
	expect_line(book, "memory regions=0 bytes=0 mapped=%llu", kBytes / 4096);
}

/*
 * Another call has the container for itself, or waits for that: whose it is can
 * be said.
 */
TCE_CASE(books, nobody_is_waited_for)
{
	Rig r;

	TCE_EXPECT_EQ(r.create(12, kGiB, 1), 0);
	r.w.writer_waits = true;

	const Book book = book_of(r);

	r.w.writer_waits = false;
	expect_line(book, " pid=0 comm=process busy=1");
	TCE_EXPECT(!book.has_word("window"));
}

/* The words are for who was refused, once. */
TCE_CASE(books, reasons)
{
	Rig r;
	const auto says = [&](const char *words) {
		return !__builtin_strcmp(tce_container_reason(r.c[0]), words);
	};

	TCE_EXPECT(says(""));
	TCE_EXPECT_EQ(r.unreg(kUser, kBytes), err::kPerm);
	TCE_EXPECT(says("nothing was registered"));
	TCE_EXPECT(says(""));
	TCE_EXPECT_EQ(r.reg(kUser, kBytes), 0);
	TCE_EXPECT_EQ(r.map(kUser, 0, 0), err::kInval);
	as_task(1);
	TCE_EXPECT(says(""));
	as_task(0);
	TCE_EXPECT(!says(""));
}

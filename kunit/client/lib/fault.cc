// SPDX-License-Identifier: GPL-2.0-only
#include "fault.hpp"

#include "files.hpp"

#include <set>
#include <sstream>

namespace client {

namespace {

const std::string NTH = "/proc/thread-self/fail-nth";
const std::string DEBUGFS = "/sys/kernel/debug/";
constexpr u64 MOST = 1000;

// For all kinds of faults that know it.
void set(std::string_view setting, const std::string &value)
{
	for (const char *kind : { "failslab", "fail_page_alloc", "fail_usercopy" })
		if (const std::string file = cat(DEBUGFS, kind, '/', setting); exists(file))
			expect(write_file(file, value), OK, file);
}

} // namespace

Fault::Fault(u64 nth)
{
	expect(write_file(NTH, cat(nth)), OK, NTH);
}

Fault::~Fault()
{
	happened();
}

bool Fault::happened()
{
	const bool happened = read_number(NTH) == u64{ 0 };
	write_file(NTH, "0");
	return happened;
}

bool faults_available()
{
	if (!exists(NTH) || !exists(DEBUGFS + "failslab"))
		return false;
	// Also what may sleep for memory, single pages too, and without a word
	// in the log.
	set("verbose", "0");
	set("ignore-gfp-wait", "N");
	set("min-order", "0");
	set("reject-start", "0");
	set("reject-end", "0");
	return true;
}

void spare(std::string_view function)
{
	std::istringstream symbols{ read_file("/proc/kallsyms").value_or("") };
	std::set<u64> addresses;
	u64 start = 0;
	u64 address;
	std::string type, name;
	for (std::string line; std::getline(symbols, line);) {
		std::istringstream{ line } >> std::hex >> address >> type >> name;
		addresses.insert(address);
		if (name == function)
			start = address;
	}
	const auto next = addresses.upper_bound(start);
	check(start && next != addresses.end(), cat("no symbol ", function));
	set("reject-start", cat(Hex{ start }));
	set("reject-end", cat(Hex{ *next }));
}

bool about_faults(std::string_view line)
{
	// The last one: a property without its file in sysfs.
	for (const char *sign :
	     { "vmalloc error", "page allocation failure", "at drivers/of/kobj.c" })
		if (line.find(sign) != line.npos)
			return true;
	return false;
}

void fails_cleanly(std::string_view what, std::initializer_list<Status> errors,
		   const std::function<Status()> &call, const std::function<void()> &undo)
{
	const Ledger before = read_ledger();
	for (u64 nth = 1; nth < MOST; ++nth) {
		Fault fault{ nth };
		const Status status = call();
		if (!fault.happened()) {
			expect(status, OK, what);
			note(cat(what, ": ", nth - 1, " faults"));
			check(nth > 1, cat(what, ": nothing can fail"));
			return;
		}
		const std::string which = cat(what, " with fault ", nth);
		if (status.ok()) {
			undo();
		} else {
			one_of(status, errors, which);
		}
		settle(before, cat(which, " left something behind"));
	}
	fail(cat(what, ": always another fault"));
}

} // namespace client

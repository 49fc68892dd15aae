// SPDX-License-Identifier: GPL-2.0-only
#include "ledger.hpp"

#include "files.hpp"
#include "host.hpp"
#include "patience.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>

namespace client {

namespace {

const std::string TRACE = "/sys/kernel/tracing/";
const std::string HCALL = TRACE + "events/powerpc/hcall_entry/";
const std::string DRIVER = "/sys/kernel/debug/vfio_tce/";

constexpr unsigned PAUSE_US = 10000; // between two looks

// The driver's own books of what is there now.
std::string held_by_driver()
{
	const auto stats = read_file(DRIVER + "stats");
	if (!stats)
		return {};
	std::map<std::string, long> counters;
	std::istringstream lines{ *stats };
	std::string name;
	for (long value; lines >> name >> value;)
		counters[name] = value;
	std::string held;
	for (const char *counter : { "tables", "leaves", "quarantined", "kvm_lost" })
		held += cat(", ", counter, ' ', counters[counter]);
	held += cat(", windows ", counters["windows_created"] - counters["windows_removed"]);
	std::istringstream windows{ read_file(DRIVER + "windows").value_or("") };
	for (std::string line; std::getline(windows, line);)
		held += cat(", {", line, '}');
	return held;
}

} // namespace

std::ostream &operator<<(std::ostream &out, const Ledger &ledger)
{
	return out << "{locked " << ledger.locked / KiB << " kB, pins " << ledger.pins
		   << ", windows " << ledger.windows << ledger.driver << '}';
}

u64 locked_bytes()
{
	return read_field("/proc/self/status", "VmLck:").value_or(0) * KiB;
}

u64 pinned_pages()
{
	// The counters are per CPU; a write here adds them up.
	write_file("/proc/sys/vm/stat_refresh", "1");
	const auto acquired = read_field("/proc/vmstat", "nr_foll_pin_acquired");
	const auto released = read_field("/proc/vmstat", "nr_foll_pin_released");
	if (!acquired || !released)
		fail("this kernel does not count pins");
	return *acquired - *released;
}

std::string announced_windows()
{
	std::string all;
	for (const Function &edu : host().edus) {
		all += cat(all.empty() ? "" : " ", edu.group, ':');
		for (const char *name : { "ibm,dma-window", "linux,dma64-ddr-window-info",
					  "linux,direct64-ddr-window-info" })
			if (exists(edu.node + '/' + name))
				all += cat('[', name, ']');
	}
	return all;
}

Ledger read_ledger()
{
	return { locked_bytes(), pinned_pages(), announced_windows(), held_by_driver() };
}

void settle(const Ledger &expected, std::string_view what, std::source_location where)
{
	Ledger now;
	const auto reached = [&] { return (now = read_ledger()) == expected; };
	if (!within(SOON_S, reached, PAUSE_US))
		fail(cat(what, ": found ", now, ", expected ", expected), where);
}

void settle_pins(u64 expected, std::string_view what, std::source_location where)
{
	u64 now = 0;
	if (!within(SOON_S, [&] { return (now = pinned_pages()) == expected; }, PAUSE_US))
		fail(cat(what, ": found ", now, " pins, expected ", expected), where);
}

std::optional<u64> driver_counter(std::string_view name)
{
	return read_field(DRIVER + "stats", name);
}

bool HypercallCount::available()
{
	if (!exists(TRACE + "tracing_on"))
		::mount("tracefs", TRACE.c_str(), "tracefs", 0, nullptr);
	return exists(HCALL + "filter");
}

HypercallCount::HypercallCount()
{
	write_file(HCALL + "filter",
		   "opcode == 0x20 || opcode == 0x1c || opcode == 0x138 || opcode == 0x13c");
	write_file(HCALL + "enable", "1");
	write_file(TRACE + "tracing_on", "1");
	before_ = total();
}

HypercallCount::~HypercallCount()
{
	write_file(HCALL + "enable", "0");
	write_file(HCALL + "filter", "0");
}

// What is in the ring buffers and what has been overwritten there.
u64 HypercallCount::total()
{
	u64 total = 0;
	for (const std::string &cpu : list(TRACE + "per_cpu"))
		for (const char *field : { "entries", "overrun" })
			total += read_field(TRACE + "per_cpu/" + cpu + "/stats", field).value_or(0);
	return total;
}

KernelLog::KernelLog() : fd_{ ::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC) }
{
	if (!fd_ || ::lseek(fd_.get(), 0, SEEK_END) < 0)
		fail(cat("/dev/kmsg: ", Status{ -errno }));
}

KernelLog::News KernelLog::news()
{
	static constexpr std::array BAD{
		"WARNING: ",	    "BUG: ",	      "kernel BUG",	"Oops",
		"Unable to handle", "list_add corr",  "list_del corr",	"page allocation failure",
		"possible ",	    "Kernel panic",   "pagealloc:",	"refcount_t:",
		"soft lockup",	    "rcu_sched self", "Object corrupt", "general protection",
		"blocked for more", "vmalloc error",  "Bad page",	"sleeping function"
	};
	static constexpr std::array FATAL{ "Oops", "Unable to handle", "kernel BUG", "Kernel panic",
					   "soft lockup" };

	News news;
	std::array<char, 8192> record;
	for (;;) {
		const ssize_t got = ::read(fd_.get(), record.data(), record.size());
		if (got < 0 && errno == EPIPE)
			continue; // overwritten before we read it
		if (got <= 0)
			break;
		std::string_view line{ record.data(), static_cast<size_t>(got) };
		line = line.substr(0, line.find('\n'));
		line.remove_prefix(std::min(line.size(), line.find(';') + 1));
		++news.lines;
		const auto named = [&](const char *sign) { return line.find(sign) != line.npos; };
		if (std::ranges::any_of(BAD, named))
			news.bad.emplace_back(line);
		news.fatal |= std::ranges::any_of(FATAL, named);
	}
	return news;
}

} // namespace client

// SPDX-License-Identifier: GPL-2.0-only
//
// What the work costs in hypercalls, counted by the kernel's own trace event
// (and compared with the driver's own counters). These are numbers, not times:
// they hold on any machine.
#include "files.hpp"
#include "host.hpp"
#include "registry.hpp"
#include "session.hpp"

#include <cerrno>

namespace client {
namespace {

constexpr u64 PAGES = GiB / TCE_PAGE;

// Hypercalls that so many neighbouring entries may take: 512 at once, or one by
// one where the firmware lacks those calls (the kernel is told so by
// multitce=off).
u64 calls_for(u64 pages)
{
	static const bool one_by_one =
		read_file("/proc/cmdline").value_or("").find("multitce=off") != std::string::npos;
	return one_by_one ? pages : (pages + 511) / 512;
}

// The TCE hypercalls that the work made. The kernel itself makes some when a
// group changes hands.
template <class Work>
u64 counted(std::string_view what, const Work &work, bool all_by_driver = true)
{
	if (!HypercallCount::available())
		skip("this kernel has no trace event for hypercalls");
	const auto own = [] {
		u64 sum = 0;
		for (const char *name : { "hcalls_put", "hcalls_put_indirect", "hcalls_stuff" })
			sum += driver_counter(name).value_or(0);
		return sum;
	};
	const u64 before = own();
	const HypercallCount count;
	work();
	const u64 calls = count.tce();
	note(cat("hypercalls ", what, ": ", calls));
	if (driver_counter("hcalls_put") && all_by_driver)
		expect(own() - before, calls, "hypercalls that the driver admits");
	check(host().in_tree || driver_counter("hcalls_put"),
	      "the driver has no counters in debugfs");
	return calls;
}

// MAP and UNMAP of 1 GiB in 4 KiB pages: one call per 512 entries (once: two
// for each entry).
CASE(hypercalls, map_and_unmap_1_gib, .papr = true)
{
	Session session;
	const Memory memory = Memory::aliased(GiB, MiB);
	session.registered(memory);
	session.mapped(memory.address(), 0, TCE_PAGE);
	session.unmapped(0, TCE_PAGE);
	at_most(counted("map 1 GiB", [&] { session.mapped(memory.address(), 0, GiB); }),
		calls_for(PAGES) + 1, "hypercalls for MAP");
	both_ways(session.edu(), GiB - TCE_PAGE, memory.at(GiB - TCE_PAGE, TCE_PAGE), 1);
	at_most(counted("map 1 GiB again", [&] { session.mapped(memory.address(), 0, GiB); }),
		calls_for(PAGES) + 1, "hypercalls for MAP over live entries");
	at_most(counted("unmap 1 GiB", [&] { session.unmapped(0, GiB); }), calls_for(PAGES) + 1,
		"hypercalls for UNMAP");
	expect(session->unregister_memory(memory), OK, "UNREGISTER");
}

// Small pieces: each costs a call or two, none costs one per entry.
CASE(hypercalls, small_ranges, .papr = true)
{
	Session session;
	const Memory memory = Memory::pages(MiB);
	session.registered(memory);
	session.mapped(memory.address(), 0, TCE_PAGE);
	at_most(counted("map 1 page", [&] { session.mapped(memory.address(), MiB, TCE_PAGE); }),
		u64{ 1 }, "hypercalls for one page");
	at_most(counted("map 64 KiB", [&] { session.mapped(memory.address(), MiB, 64 * KiB); }),
		calls_for(16), "hypercalls for 16 pages");
	at_most(counted("map 64 KiB over a border",
			[&] { session.mapped(memory.address(), 2 * MiB - 32 * KiB, 64 * KiB); }),
		2 * calls_for(8), "hypercalls for 16 pages that lie in two tables");
	at_most(counted("unmap 64 KiB", [&] { session.unmapped(MiB, 64 * KiB); }), calls_for(16),
		"hypercalls for UNMAP of 16 pages");
	expect(counted("unmap of holes", [&] { session.unmapped(512 * MiB, 256 * MiB); }), u64{ 0 },
	       "hypercalls for UNMAP where nothing is mapped");
}

// A window of a terabyte: no call per entry to make it, nor to remove it when
// it is empty, and few when little is mapped. (Once: two per entry of the
// window, mapped or not.)
CASE(hypercalls, empty_terabyte, .papr = true)
{
	Session session;
	const Memory memory = Memory::pages(16 * page_size());
	session.registered(memory);
	expect(session->remove(0), OK, "REMOVE of the default window");
	Window window;
	expect(counted("create 1 TiB", [&] { window = session.window(12, TiB); }), u64{ 0 },
	       "hypercalls for CREATE");
	expect(counted("remove 1 TiB",
		       [&] { expect(session->remove(window.start), OK, "REMOVE"); }),
	       u64{ 0 }, "hypercalls for REMOVE of an empty window");
	window = session.window(12, TiB);
	for (u64 place = 0; place < 8; ++place)
		session.mapped(memory.address(), window.start + place * (TiB / 8), 4 * TCE_PAGE);
	at_most(counted("unmap 1 TiB, 32 pages mapped",
			[&] { session.unmapped(window.start, TiB); }),
		8 * calls_for(4), "hypercalls for UNMAP of a sparse window");
	session.mapped(memory.address(), window.start + TiB / 2, 4 * TCE_PAGE);
	at_most(counted("remove 1 TiB, 4 pages mapped",
			[&] { expect(session->remove(window.start), OK, "REMOVE"); }),
		calls_for(4), "hypercalls for REMOVE of a sparse window");
}

// Making and leaving the default window costs no call per entry of it: firmware
// clears a new one, and what the host's driver left in it has to be cleared in
// runs.
CASE(hypercalls, default_window, .papr = true)
{
	const Memory memory = Memory::pages(page_size());
	at_most(counted(
			"one user of the default window",
			[&] {
				Session session;
				session.registered(memory);
				session.mapped(memory.address(), 0, TCE_PAGE);
			},
			false),
		2 * calls_for(PAGES) + 4, "hypercalls from open to close");
}

} // namespace
} // namespace client

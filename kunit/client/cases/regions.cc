// SPDX-License-Identifier: GPL-2.0-only
//
// Registered memory and its mappings: what is mapped cannot go, what is not
// mapped is not held.
#include "registry.hpp"
#include "session.hpp"

#include <cerrno>

namespace client {
namespace {

// A region with a mapping is busy and stays as it is; without one it goes, pins
// and all. (The old driver answered 0, forgot the region, and its pages stayed
// pinned until the next reboot.)
CASE(regions, busy_while_mapped)
{
	Session session;
	const Memory memory = Memory::pages(256 * page_size());
	const Ledger before = read_ledger();
	session.registered(memory);
	session.mapped(memory.address(), 0, 16 * TCE_PAGE);
	session.refuses(EBUSY, "UNREGISTER of mapped memory",
			[&] { return session->unregister_memory(memory); });
	both_ways(session.edu(), 0, memory.at(0, TCE_PAGE), 11);
	session.unmapped(0, 15 * TCE_PAGE);
	session.refuses(EBUSY, "UNREGISTER with one page still mapped",
			[&] { return session->unregister_memory(memory); });
	session.unmapped(15 * TCE_PAGE, TCE_PAGE);
	expect(session->unregister_memory(memory), OK, "UNREGISTER");
	settle_pins(before.pins, "after UNREGISTER");
	session.refuses(ENOENT, "UNREGISTER again",
			[&] { return session->unregister_memory(memory); });
	session.registered(memory);
}

// One region in several places: busy until the last of them is gone.
CASE(regions, mapped_in_several_places)
{
	Session session;
	const Memory memory = Memory::pages(page_size());
	session.registered(memory);
	const Window window = session.window(12, MiB);
	session.mapped(memory.address(), 0, TCE_PAGE);
	session.mapped(memory.address(), 5 * TCE_PAGE, TCE_PAGE);
	session.mapped(memory.address(), window.start, TCE_PAGE);
	const auto busy = [&] { return session->unregister_memory(memory); };
	session.unmapped(0, TCE_PAGE);
	expect(busy(), refused(EBUSY), "two places left");
	session.unmapped(0, 16 * TCE_PAGE);
	expect(busy(), refused(EBUSY), "one place left");
	expect(session->remove(window.start), OK, "REMOVE of the last place's window");
	expect(busy(), OK, "no place left");
}

// A mapping over a mapping takes its place, and holds the old region no longer:
// QEMU's guests rewrite live entries.
CASE(regions, map_over_live_entries)
{
	Session session;
	const Memory old = Memory::pages(16 * page_size());
	const Memory fresh = Memory::pages(16 * page_size());
	session.registered(old);
	session.registered(fresh);
	session.mapped(old.address(), 0, 16 * TCE_PAGE);
	session.mapped(fresh.address(), 0, 8 * TCE_PAGE);
	fill(old.at(0, TCE_PAGE), 1);
	both_ways(session.edu(), 0, fresh.at(0, TCE_PAGE), 21);
	check(filled(old.at(0, TCE_PAGE), 1), "DMA reaches what was mapped there before");
	both_ways(session.edu(), 8 * TCE_PAGE, old.at(8 * TCE_PAGE, TCE_PAGE), 22);
	expect(session->unregister_memory(old), refused(EBUSY), "UNREGISTER, half of it mapped");
	// The same entries once more, now from its own other half: still one
	// mapping each.
	session.mapped(fresh.address() + 8 * TCE_PAGE, 0, 8 * TCE_PAGE);
	session.mapped(fresh.address(), 8 * TCE_PAGE, 8 * TCE_PAGE);
	expect(session->unregister_memory(old), OK, "UNREGISTER of what is mapped over");
	session.unmapped(0, 16 * TCE_PAGE);
	expect(session->unregister_memory(fresh), OK, "UNREGISTER");
}

// UNMAP over holes, over nothing at all and over whole windows succeeds: QEMU
// does that at every reset of its guest.
CASE(regions, unmap_over_holes)
{
	Session session;
	const Memory memory = Memory::pages(64 * page_size());
	session.registered(memory);
	session.unmapped(0, default_size());
	session.unmapped(MiB, TCE_PAGE);
	for (u64 place = 0; place < 64; ++place)
		session.mapped(memory.address() + place * TCE_PAGE, place * 37 * TCE_PAGE,
			       TCE_PAGE);
	session.unmapped(TCE_PAGE, 36 * TCE_PAGE); // a hole between two
	expect(session->unregister_memory(memory), refused(EBUSY), "UNREGISTER, all mapped");
	session.unmapped(0, 40 * 37 * TCE_PAGE);
	expect(session->unregister_memory(memory), refused(EBUSY), "UNREGISTER, some mapped");
	session.unmapped(0, default_size());
	session.unmapped(0, default_size());
	expect(session->unregister_memory(memory), OK, "UNREGISTER, none mapped");

	session.registered(memory);
	const Window window = session.window(12, 16 * MiB);
	session.mapped(memory.address(), window.start + 8 * MiB, 16 * TCE_PAGE);
	session.mapped(memory.address(), window.end() - TCE_PAGE, TCE_PAGE);
	session.unmapped(window.start, window.size);
	expect(session->unregister_memory(memory), OK, "UNREGISTER after UNMAP of a whole window");
}

// Two regions side by side, one mapping over both: it is one range for the
// device.
CASE(regions, one_map_over_two_regions)
{
	Session session;
	const u64 half = 8 * page_size();
	const Memory memory = Memory::pages(2 * half);
	expect(session->register_memory(memory.address(), half), OK, "REGISTER of the first half");
	expect(session->register_memory(memory.address() + half, half), OK, "of the second");
	const Status status = session->map(memory.address(), 0, 2 * half);
	one_of(status, { OK, refused(EINVAL) }, "MAP over two regions");
	if (!status.ok())
		return;
	both_ways(session.edu(), half - KiB, memory.at(half - KiB, 2 * KiB), 31);
	expect(session->unregister_memory(memory.address(), half), refused(EBUSY), "first half");
	expect(session->unregister_memory(memory.address() + half, half), refused(EBUSY),
	       "second half");
	session.unmapped(0, half);
	expect(session->unregister_memory(memory.address(), half), OK, "first half, unmapped");
	expect(session->unregister_memory(memory.address() + half, half), refused(EBUSY),
	       "second half");
	session.unmapped(0, 2 * half);
	expect(session->unregister_memory(memory.address() + half, half), OK,
	       "second half, unmapped");
}

// UNREGISTER of part of a region, as DPDK's partial unmap tries it: refused
// cleanly, all of it still mapped and usable.
CASE(regions, partial_unregister)
{
	Session session;
	const u64 size = 16 * page_size();
	const Memory memory = Memory::pages(size);
	session.registered(memory);
	session.mapped(memory.address(), 0, size);
	session.unmapped(0, size / 2);
	session.refuses(ENOENT, "UNREGISTER of the unmapped half",
			[&] { return session->unregister_memory(memory.address(), size / 2); });
	both_ways(session.edu(), size / 2, memory.at(size / 2, TCE_PAGE), 41);
	session.mapped(memory.address(), 0, size / 2);
	both_ways(session.edu(), 0, memory.at(0, TCE_PAGE), 42);
}

// Many small regions, in no order; each one is found again.
CASE(regions, many)
{
	constexpr u64 COUNT = 512;
	Session session;
	const u64 page = page_size();
	const Memory memory = Memory::pages(COUNT * page);
	const auto place = [&](u64 index) { return index * 197 % COUNT; };
	const u64 before = pinned_pages();
	for (u64 index = 0; index < COUNT; ++index)
		expect(session->register_memory(memory.address() + place(index) * page, page), OK,
		       "REGISTER");
	for (u64 index = 0; index < COUNT; ++index)
		session.mapped(memory.address() + index * page, place(index) * page, page);
	both_ways(session.edu(), place(400) * page, memory.at(400 * page, TCE_PAGE), 51);
	for (u64 index = 0; index < COUNT; index += 2)
		session.unmapped(place(index) * page, page);
	for (u64 index = 0; index < COUNT; ++index)
		expect(session->unregister_memory(memory.address() + index * page, page),
		       index % 2 ? refused(EBUSY) : OK, cat("UNREGISTER of region ", index));
	session.unmapped(0, COUNT * page);
	for (u64 index = 1; index < COUNT; index += 2)
		expect(session->unregister_memory(memory.address() + index * page, page), OK,
		       "UNREGISTER");
	settle_pins(before, "after all regions");
}

} // namespace
} // namespace client

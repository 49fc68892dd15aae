// SPDX-License-Identifier: GPL-2.0-only
//
// Windows come and go: where they land, what they cost, and that the next one
// finds room.
#include "files.hpp"
#include "registry.hpp"
#include "session.hpp"

#include <cerrno>

namespace client {
namespace {

// The default window is really removed: what is created next lands at bus
// address 0 (DPDK needs that), and there is room for one more beside it. The
// old driver only forgot the window and left it in firmware, so everything else
// landed at the 64-bit address.
CASE(windows, default_is_really_removed)
{
	Session session;
	const Memory memory = Memory::pages(4 * page_size());
	session.registered(memory);
	const Window first = session.only_window(12, 2 * default_size());
	expect(Hex{ first.start }, Hex{ 0 }, "address of the first window");
	const Window second = session.window(12, 4 * GiB);
	expect(Hex{ second.start }, Hex{ DDW_START }, "address of the second window");
	session.refuses(ENOSPC, "a third window", [&] { return session->create(12, MiB).status; });
	session.mapped(memory.address(), default_size() + MiB, TCE_PAGE);
	session.mapped(memory.address() + TCE_PAGE, second.start + 3 * GiB, TCE_PAGE);
	both_ways(session.edu(), default_size() + MiB, memory.at(0, TCE_PAGE), 1);
	both_ways(session.edu(), second.start + 3 * GiB, memory.at(TCE_PAGE, TCE_PAGE), 2);
}

// REMOVE of the default window succeeds whether or not anybody used it, once.
// QEMU begins with it.
CASE(windows, remove_default)
{
	Session session;
	expect(session->remove(0), OK, "REMOVE of the unused default window");
	session.refuses(EINVAL, "REMOVE again", [&] { return session->remove(0); });
}

CASE(windows, remove_default_in_use)
{
	Session session;
	const Memory memory = Memory::pages(page_size());
	session.registered(memory);
	session.mapped(memory.address(), 0, TCE_PAGE);
	both_ways(session.edu(), 0, memory.at(0, TCE_PAGE), 3);
	expect(session->remove(0), OK, "REMOVE of the used default window");
	fill(memory.at(0, TCE_PAGE), 4);
	session.edu().writes(0, Edu::BUFFER_SIZE);
	check(filled(memory.at(0, TCE_PAGE), 4), "DMA through a removed window landed");
	expect(session->unregister_memory(memory), OK, "UNREGISTER");
}

// The same beside a window that stays: firmware may keep the removed one, but
// it must be closed.
CASE(windows, remove_default_beside_another)
{
	Session session;
	const Memory memory = Memory::pages(2 * page_size());
	session.registered(memory);
	const Window high = session.window(12, MiB);
	session.mapped(memory.address(), MiB, TCE_PAGE);
	session.mapped(memory.address() + TCE_PAGE, high.start, TCE_PAGE);
	expect(session->remove(0), OK, "REMOVE of the default window");
	fill(memory.at(0, TCE_PAGE), 4);
	session.edu().writes(MiB, Edu::BUFFER_SIZE);
	check(filled(memory.at(0, TCE_PAGE), 4), "DMA through the removed window landed");
	session.refuses(ENXIO, "MAP into the removed window",
			[&] { return session->map(memory.address(), MiB, TCE_PAGE); });
	both_ways(session.edu(), high.start, memory.at(TCE_PAGE, TCE_PAGE), 5);
	// Made again it is empty.
	expect(Hex{ session.window(12, default_size()).start }, Hex{ 0 }, "the window made again");
	session.edu().writes(MiB, Edu::BUFFER_SIZE);
	check(filled(memory.at(0, TCE_PAGE), 4), "a mapping of the removed window came back");
}

// QEMU's reset of its guest, several times over: everything out, the default
// window's shape back at 0, then the guest's 64-bit window.
CASE(windows, guest_reboots)
{
	Session session;
	const Memory memory = Memory::pages(4 * page_size());
	session.registered(memory);
	expect(session->remove(0), OK, "REMOVE at start");
	for (u64 round = 0; round < 4; ++round) {
		const Window low = session.window(12, default_size(), 2);
		expect(Hex{ low.start }, Hex{ 0 }, "the 32-bit window");
		session.mapped(memory.address(), 0, TCE_PAGE);
		const Window high = session.window(12, 512 * MiB, 2);
		expect(Hex{ high.start }, Hex{ DDW_START }, "the 64-bit window");
		session.mapped(memory.address(), high.start, 4 * TCE_PAGE);
		if (round == 3)
			both_ways(session.edu(), high.start, memory.at(0, TCE_PAGE), 5);
		// The order of a machine reset: window 0, then window 1.
		session.unmapped(0, default_size());
		expect(session->remove(0), OK, "REMOVE of window 0");
		session.unmapped(high.start, high.size);
		expect(session->remove(high.start), OK, "REMOVE of window 1");
	}
}

// Window 0 goes and comes back while the 64-bit window lives and keeps its
// mappings. Firmware may have no place at 0 to give then; so the call may fail,
// but only cleanly, and a window that is made must not lie over the other one.
CASE(windows, slot_0_again_beside_the_64_bit_window)
{
	Session session;
	const Memory memory = Memory::pages(4 * page_size());
	session.registered(memory);
	const Window high = session.window(12, MiB);
	session.mapped(memory.address(), high.start, TCE_PAGE);
	expect(session->remove(0), OK, "REMOVE of the default window");
	const Ledger before = read_ledger();
	const Created low = session->create(12, default_size());
	if (low.status.ok()) {
		check(low.window.end() <= high.start || low.window.start >= high.end(),
		      cat("the new window at ", Hex{ low.window.start },
			  " lies over the other one"));
		session.mapped(memory.address() + TCE_PAGE, low.window.start, TCE_PAGE);
		both_ways(session.edu(), low.window.start, memory.at(TCE_PAGE, TCE_PAGE), 6);
	} else {
		check(low.status.value() < 0, "CREATE answers a positive number");
		note(cat("CREATE beside the 64-bit window: ", low.status));
		settle(before, "the refused CREATE changed something");
	}
	both_ways(session.edu(), high.start, memory.at(0, TCE_PAGE), 7);
	// Once the 64-bit window is gone there must be a window at 0 again.
	if (low.status.ok())
		expect(session->remove(low.window.start), OK, "REMOVE of the low window");
	expect(session->remove(high.start), OK, "REMOVE of the high window");
	expect(Hex{ session.window(12, default_size()).start }, Hex{ 0 }, "the window afterwards");
}

// The sequence that made a device useless for everybody until reboot: a page
// shift that only firmware refuses, then two windows of which it has no second.
// The user sees errors at most, and the next one works.
CASE(windows, failed_create_is_forgiven)
{
	{
		Session session;
		session.refuses(EINVAL, "page shift 0x8c",
				[&] { return session->create(0x8c, GiB).status; });
		expect(session->remove(0), OK, "REMOVE of the default window");
		const Created first = session->create(16, GiB);
		const Created second = session->create(16, GiB);
		expect(first.status, OK, "CREATE");
		expect(second.status, OK, "CREATE of the second");
		session.refuses(ENOSPC, "a third", [&] { return session->create(16, GiB).status; });
	}
	Session session;
	const Memory memory = Memory::pages(page_size());
	session.registered(memory);
	session.mapped(memory.address(), 0, TCE_PAGE);
	both_ways(session.edu(), 0, memory.at(0, TCE_PAGE), 8);
}

// Bytes in the kernel's general purpose heap.
u64 heap()
{
	std::istringstream lines{ read_file("/proc/slabinfo").value_or("") };
	u64 bytes = 0;
	for (std::string line; std::getline(lines, line);) {
		std::istringstream words{ line };
		std::string name;
		u64 active = 0;
		u64 total = 0;
		u64 size = 0;
		if (words >> name >> active >> total >> size && name.starts_with("kmalloc"))
			bytes += active * size;
	}
	return bytes;
}

// A refused CREATE leaves no kernel memory behind. (Once: one table's head for
// each, without any limit.)
CASE(windows, failed_creates_leak_nothing)
{
	constexpr u64 TRIES = 2000;
	Session session;
	expect(session->create(12, MiB).status, OK, "CREATE of the 64-bit window");
	expect(session->remove(0), OK, "REMOVE of the default window");
	session->create(12, 4096); // takes the slot, if firmware has another window
	const u64 locked = locked_bytes();
	const u64 bytes = heap();
	for (u64 round = 0; round < TRIES; ++round)
		check(!session->create(12, 4096).status.ok(), "CREATE beyond the limit works");
	expect(session->remove(DDW_START), OK, "REMOVE of the 64-bit window");
	const u64 too_large = u64{ 1 } << (host().powernv ? 56 : 51); // for hardware or firmware
	for (u64 round = 0; round < TRIES / 5; ++round)
		check(session->create(12, too_large).status.value() < 0,
		      cat("CREATE of ", Hex{ too_large }, " works"));
	expect(session->create(12, MiB).status, OK, "CREATE after all");
	expect(locked_bytes(), locked, "locked memory");
	// A kernel that looks for leaks by itself keeps what was freed for a
	// while.
	if (!exists("/sys/kernel/debug/kmemleak"))
		at_most(heap(), bytes + TRIES * 64, "bytes in the kernel's heap");
}

// A window of 512 GiB on a machine with a thousandth of its table in RAM: it
// works where it is used. The old driver made it and then wrote to address 0.
CASE(windows, sparse)
{
	for (const u64 size : { 512 * GiB, TiB }) {
		Session session;
		const Memory memory = Memory::pages(4 * page_size());
		session.registered(memory);
		const Created created = session->create(12, size);
		if (created.status == refused(ENOMEM)) {
			note(cat("CREATE of ", size / GiB, " GiB: ", created.status));
			continue;
		}
		expect(created.status, OK, cat("CREATE of ", size / GiB, " GiB"));
		const Window &window = created.window;
		for (u64 place = 0; place < 16; ++place)
			session.mapped(memory.address(), window.start + place * (size / 16),
				       2 * TCE_PAGE);
		session.mapped(memory.address() + TCE_PAGE, window.end() - TCE_PAGE, TCE_PAGE);
		both_ways(session.edu(), window.start + 7 * (size / 16), memory.at(0, TCE_PAGE), 9);
		both_ways(session.edu(), window.end() - TCE_PAGE, memory.at(TCE_PAGE, TCE_PAGE),
			  10);
	}
}

// A big window costs what is used of it: kilobytes when it is made, a little
// per mapped page, and all of it is given back.
CASE(windows, empty_terabyte_is_cheap)
{
	Session session;
	const Memory memory = Memory::pages(page_size());
	session.registered(memory);
	expect(session->remove(0), OK, "REMOVE of the default window");
	const u64 charged = locked_bytes();
	const u64 before = read_field("/proc/meminfo", "MemFree:").value_or(0);
	const Window window = session.window(12, TiB);
	const u64 after = read_field("/proc/meminfo", "MemFree:").value_or(0);
	at_most(locked_bytes() - charged, u64{ 256 * KiB }, "locked memory for an empty window");
	at_most(before > after ? (before - after) * KiB : 0, u64{ 4 * MiB },
		"memory for an empty window");
	session.mapped(memory.address(), window.start + 512 * GiB, TCE_PAGE);
	at_most(locked_bytes() - charged, u64{ MiB }, "locked memory with one page mapped");
	expect(session->remove(window.start), OK, "REMOVE");
	expect(locked_bytes(), charged, "locked memory after REMOVE");
}

// A full window costs no more than the old driver charged for the same (8 bytes
// per page), so that limits which libvirt or an administrator computed stay
// sufficient.
CASE(windows, full_window_is_not_dearer)
{
	Session session;
	const Memory memory = Memory::aliased(64 * MiB, MiB);
	session.registered(memory);
	expect(session->remove(0), OK, "REMOVE of the default window");
	const u64 charged = locked_bytes();
	const Window window = session.window(12, default_size());
	for (u64 at = 0; at < window.size; at += memory.size())
		session.mapped(memory.address(), window.start + at, memory.size());
	at_most(locked_bytes() - charged, window.size / TCE_PAGE * 8 + 64 * KiB,
		"locked memory for a full window");
	expect(session->remove(window.start), OK, "REMOVE");
	expect(locked_bytes(), charged, "locked memory after REMOVE");
}

void every_size(Session &session, u32 shift)
{
	for (u64 pages : { u64{ 1 }, u64{ 2 }, u64{ 512 }, u64{ 1 } << 16, u64{ 1 } << 20 })
		for (u32 levels : { 0U, 2U }) {
			const Window window = session.window(shift, pages << shift, levels);
			expect(Hex{ window.start }, Hex{ 0 }, "address");
			expect(session->remove(window.start), OK, "REMOVE");
		}
}

// Windows of every size and page size that the platform has, one after the
// other.
CASE(windows, shapes)
{
	Session session;
	Info info;
	expect(session->get_info(info), OK, "GET_INFO");
	expect(session->remove(0), OK, "REMOVE of the default window");
	for (u32 shift = 0; shift < 64; ++shift)
		if (info.ddw.pgsizes >> shift & 1)
			every_size(session, shift);
}

} // namespace
} // namespace client

// SPDX-License-Identifier: GPL-2.0-only
//
// The two windows of a PE (IODA2): addresses, sizes, order, and what is behind
// them.
#include "files.hpp"
#include "registry.hpp"
#include "session.hpp"

#include <cerrno>

namespace client {
namespace {

void must_not_reach(const Edu &edu, u64 iova, const Memory &memory, std::string_view what)
{
	fill(memory.bytes(), 99);
	edu.writes(iova, Edu::BUFFER_SIZE);
	check(filled(memory.bytes(), 99), what);
}

// The host's drivers see all memory at 2^59. While VFIO has the group nobody
// does, whatever windows there are, and were.
CASE(powernv_windows, bypass_is_off, .powernv = true)
{
	Session session;
	const Memory memory = Memory::pages(page_size());
	const Memory other = Memory::pages(page_size());
	session.registered(memory);
	session.registered(other);
	const u64 at = DDW_START + physical(memory);
	must_not_reach(session.edu(), at, memory, "the bypass is on");
	session.mapped(other.address(), 0, TCE_PAGE);
	must_not_reach(session.edu(), at, memory, "the bypass is on beside the default window");
	const Window window = session.window(12, GiB);
	must_not_reach(session.edu(), at, memory, "the bypass is on beside the second window");
	expect(session->remove(window.start), OK, "REMOVE");
	must_not_reach(session.edu(), at, memory, "the bypass is on after REMOVE");
	expect(session->remove(0), OK, "REMOVE of the default window");
	must_not_reach(session.edu(), physical(memory), memory, "window 0 is a bypass");
}

// A window in either slot, made in either order, goes and comes back beside the
// other one.
CASE(powernv_windows, either_order, .powernv = true)
{
	Session session;
	const Memory memory = Memory::pages(4 * page_size());
	session.registered(memory);
	// The second one first, then the default one by its first MAP.
	const Window high = session.window(12, 64 * GiB, 3);
	session.mapped(memory.address(), high.start + GiB, TCE_PAGE);
	both_ways(session.edu(), high.start + GiB, memory.at(0, TCE_PAGE), 1);
	session.mapped(memory.address() + TCE_PAGE, default_size() - TCE_PAGE, TCE_PAGE);
	both_ways(session.edu(), default_size() - TCE_PAGE, memory.at(TCE_PAGE, TCE_PAGE), 2);
	// The default one goes; what comes in its place may be larger.
	expect(session->remove(0), OK, "REMOVE of the default window");
	both_ways(session.edu(), high.start + GiB, memory.at(0, TCE_PAGE), 3);
	const Window low = session.window(12, 64 * GiB, 4);
	expect(Hex{ low.start }, Hex{ 0 }, "its successor's address");
	session.mapped(memory.address() + 2 * TCE_PAGE, 48 * GiB, TCE_PAGE);
	both_ways(session.edu(), 48 * GiB, memory.at(2 * TCE_PAGE, TCE_PAGE), 4);
	// The second one goes and comes back.
	expect(session->remove(high.start), OK, "REMOVE of the second window");
	const Window again = session.window(12, MiB);
	expect(Hex{ again.start }, Hex{ DDW_START }, "the second window's address");
	session.mapped(memory.address() + 3 * TCE_PAGE, again.start, TCE_PAGE);
	both_ways(session.edu(), again.start, memory.at(3 * TCE_PAGE, TCE_PAGE), 5);
	both_ways(session.edu(), 48 * GiB, memory.at(2 * TCE_PAGE, TCE_PAGE), 6);
}

// Windows smaller than the smallest table (512 entries) are as large as was
// asked for. The old driver made them larger.
CASE(powernv_windows, small_ones_keep_their_size, .powernv = true)
{
	Session session;
	const Memory memory = Memory::pages(4 * page_size());
	session.registered(memory);
	expect(session->remove(0), OK, "REMOVE of the default window");
	for (u64 pages : { 1UL, 2UL, 16UL, 256UL }) {
		const Window window = session.window(12, pages * TCE_PAGE);
		const u64 last = window.end() - TCE_PAGE;
		const std::string windows =
			read_file("/sys/kernel/debug/vfio_tce/windows").value_or("");
		check(windows.find(cat("size ", Hex{ window.size }, " ")) != windows.npos,
		      cat("the driver's list has another size: ", windows));
		session.mapped(memory.address(), last, TCE_PAGE);
		session.refuses(ENXIO, "MAP behind the window", [&] {
			return session->map(memory.address(), window.end(), TCE_PAGE);
		});
		session.refuses(EINVAL, "MAP over its end",
				[&] { return session->map(memory.address(), last, 2 * TCE_PAGE); });
		session.refuses(ENXIO, "UNMAP behind the window",
				[&] { return session->unmap(window.end(), TCE_PAGE); });
		session.refuses(EINVAL, "UNMAP over its end",
				[&] { return session->unmap(last, 2 * TCE_PAGE); });
		both_ways(session.edu(), last, memory.at(0, TCE_PAGE), pages);
		must_not_reach(session.edu(), window.end(), memory, "DMA behind the window landed");
		expect(session->remove(window.start), OK, "REMOVE");
	}
	expect(session->create(16, 64 * KiB).status, OK, "a window of one 64K page");
	session.refuses(EINVAL, "one smaller than its page",
			[&] { return session->create(16, 8192).status; });
}

// What GET_INFO promises works, and not more: 5 levels, each page size.
CASE(powernv_windows, info_is_true, .powernv = true)
{
	Session session;
	Info info;
	expect(session->get_info(info), OK, "GET_INFO");
	expect(Hex{ info.dma32_window_start }, Hex{ 0 }, "dma32_window_start");
	expect(info.ddw.max_dynamic_windows_supported, 2U, "max_dynamic_windows_supported");
	expect(info.ddw.levels, 5U, "levels");
	expect(session->remove(0), OK, "REMOVE of the default window");
	const Ledger before = read_ledger();
	for (u32 shift = 0; shift < 64; ++shift) {
		if (!(info.ddw.pgsizes >> shift & 1))
			continue;
		for (u32 levels = 0; levels <= 6; ++levels)
			for (u64 pages : { 1UL, 1UL << 18 }) {
				const Window window = session.window(shift, pages << shift, levels);
				expect(session->remove(window.start), OK, "REMOVE");
			}
	}
	settle(before, "windows made and removed changed something");
}

// Addresses from 2^55 on do not reach the tables.
CASE(powernv_windows, size_limit, .powernv = true)
{
	Session session;
	const Memory memory = Memory::pages(page_size());
	session.registered(memory);
	const Window window = session.window(12, u64{ 1 } << 55);
	session.mapped(memory.address(), window.end() - TCE_PAGE, TCE_PAGE);
	both_ways(session.edu(), window.end() - TCE_PAGE, memory.at(0, TCE_PAGE), 7);
	expect(session->remove(window.start), OK, "REMOVE");
	for (unsigned lg2 = 56; lg2 < 64; ++lg2)
		session.refuses(EINVAL, cat("a window of 2^", lg2),
				[&] { return session->create(12, u64{ 1 } << lg2).status; });
}

// A user who dies, and one who closes without a word, with deep tables in both
// windows. The next one, whom the runner sends, gets everything; what the dead
// one's device writes lands nowhere.
CASE(powernv_windows, closed_without_a_word, .powernv = true)
{
	const Ledger before = read_ledger();
	for (u32 levels : { 1U, 5U }) {
		Session session;
		const Memory memory = Memory::pages(64 * page_size());
		session.registered(memory);
		const Window low = session.only_window(12, 256 * GiB, levels);
		const Window high = session.window(12, 256 * GiB, levels);
		for (u64 place = 0; place < 32; ++place) {
			session.mapped(memory.address(), low.start + place * 8 * GiB, TCE_PAGE);
			session.mapped(memory.address(), high.start + place * 8 * GiB,
				       2 * TCE_PAGE);
		}
		both_ways(session.edu(), high.start + 31 * 8 * GiB, memory.at(0, TCE_PAGE), 8);
	}
	settle(before, "after the last close");
}

} // namespace
} // namespace client

// SPDX-License-Identifier: GPL-2.0-only
//
// What a real device can reach, and what it must not.
#include "registry.hpp"
#include "session.hpp"

#include <algorithm>
#include <cerrno>

namespace client {
namespace {

// Two pages of memory under two neighbouring pages of a window; the device
// copies between them.
CASE(dma, both_directions)
{
	Session session;
	const Memory memory = Memory::pages(4 * page_size());
	session.registered(memory);
	session.mapped(memory.address(), 3 * MiB, 4 * TCE_PAGE);
	const u64 half = Edu::BUFFER_SIZE;
	fill(memory.at(0, half), 1);
	copies(session.edu(), 3 * MiB, 3 * MiB + 2 * TCE_PAGE, half);
	check(filled(memory.at(2 * TCE_PAGE, half), 1), "the copy is not the original");
	// Over the border of two pages.
	both_ways(session.edu(), 3 * MiB + TCE_PAGE - half / 2,
		  memory.at(TCE_PAGE - half / 2, half), 2);
}

// Pages in another order than in memory: every entry is its own.
CASE(dma, scattered)
{
	Session session;
	const Memory memory = Memory::pages(16 * page_size());
	session.registered(memory);
	for (u64 page = 0; page < 16; ++page)
		session.mapped(memory.address() + (15 - page) * TCE_PAGE, page * TCE_PAGE,
			       TCE_PAGE);
	both_ways(session.edu(), 0, memory.at(15 * TCE_PAGE, TCE_PAGE), 3);
	both_ways(session.edu(), 12 * TCE_PAGE, memory.at(3 * TCE_PAGE, TCE_PAGE), 4);
}

// The device's write to an address without a mapping lands nowhere, neither in
// the page that was mapped there before nor in the neighbours.
CASE(dma, unmapped_is_out_of_reach)
{
	Session session;
	const Memory memory = Memory::pages(3 * page_size());
	session.registered(memory);
	session.mapped(memory.address(), 0, 3 * TCE_PAGE);
	const Edu &edu = session.edu();
	both_ways(edu, TCE_PAGE, memory.at(TCE_PAGE, TCE_PAGE), 5);

	session.unmapped(TCE_PAGE, TCE_PAGE);
	const auto whole = memory.at(0, 3 * TCE_PAGE);
	fill(whole, 6);
	edu.writes(TCE_PAGE, Edu::BUFFER_SIZE);	    // seed 5 is in the device's buffer
	edu.writes(3 * TCE_PAGE, Edu::BUFFER_SIZE); // behind the mapping
	check(filled(whole, 6), "DMA to an unmapped page landed");

	// What it reads there is not what was mapped there.
	edu.reads(TCE_PAGE, Edu::BUFFER_SIZE);
	edu.writes(0, Edu::BUFFER_SIZE);
	check(!std::ranges::equal(memory.at(0, Edu::BUFFER_SIZE),
				  memory.at(TCE_PAGE, Edu::BUFFER_SIZE)),
	      "DMA read an unmapped page");
}

// Ranges of sizes and places around what one hypercall or one table takes: the
// last page is mapped, the one behind it is not, and after UNMAP neither is the
// last.
CASE(dma, borders_of_ranges)
{
	struct Range {
		u64 place;
		u64 pages;
	};
	Session session;
	const u64 most = 1100;
	const Memory memory = Memory::pages((most + 20) * TCE_PAGE) /* whole system pages of 64K */;
	session.registered(memory);
	u64 seed = 100;
	for (const Range &range : {
		     Range{ 0,    9	 },
			    Range{ 511,	2	  },
		     Range{ 1,    511  },
		      Range{ 3,	512  },
		     Range{ 1024, 513  },
			 Range{ 8000, most }
	     }) {
		const u64 iova = MiB * 64 + range.place * TCE_PAGE;
		const u64 last = (range.pages - 1) * TCE_PAGE;
		const auto page = memory.at(last, TCE_PAGE);
		const auto behind = memory.at(last + TCE_PAGE, TCE_PAGE);
		// Both in place, then without what is to be unmapped, then
		// without the rest.
		session.mapped(memory.address(), iova, (range.pages + 1) * TCE_PAGE);
		session.unmapped(iova + last + TCE_PAGE, TCE_PAGE);
		both_ways(session.edu(), iova + last, page, ++seed);
		fill(behind, ++seed);
		session.edu().writes(iova + last + TCE_PAGE, Edu::BUFFER_SIZE);
		check(filled(behind, seed),
		      cat("the page behind ", range.pages, " pages is mapped"));
		session.unmapped(iova, range.pages * TCE_PAGE);
		fill(page, ++seed);
		session.edu().writes(iova + last, Edu::BUFFER_SIZE);
		check(filled(page, seed),
		      cat("the last of ", range.pages, " pages is still mapped"));
		session.mapped(memory.address(), iova, range.pages * TCE_PAGE);
		both_ways(session.edu(), iova + last, page, ++seed);
		session.unmapped(iova, range.pages * TCE_PAGE);
	}
}

// FLAG_READ: the device may read, not write.
CASE(dma, read_only_mapping)
{
	Session session;
	const Memory memory = Memory::pages(2 * page_size());
	session.registered(memory);
	session.mapped(memory.address(), 0, TCE_PAGE, READ);
	session.mapped(memory.address() + TCE_PAGE, TCE_PAGE, TCE_PAGE);
	fill(memory.at(0, TCE_PAGE), 7);
	copies(session.edu(), 0, TCE_PAGE, Edu::BUFFER_SIZE);
	check(filled(memory.at(TCE_PAGE, Edu::BUFFER_SIZE), 7), "the device cannot read");
	fill(memory.at(0, TCE_PAGE), 8);
	session.edu().writes(0, Edu::BUFFER_SIZE);
	check(filled(memory.at(0, TCE_PAGE), 8), "the device wrote through a read-only mapping");
	// The permission can change in place.
	session.mapped(memory.address(), 0, TCE_PAGE);
	both_ways(session.edu(), 0, memory.at(0, TCE_PAGE), 9);
	session.mapped(memory.address(), 0, TCE_PAGE, READ);
	fill(memory.at(0, TCE_PAGE), 10);
	session.edu().writes(0, Edu::BUFFER_SIZE);
	check(filled(memory.at(0, TCE_PAGE), 10), "it wrote after the permission was taken back");
}

// FLAG_WRITE: the device may write, not read. (IODA2 hardware cannot tell: who
// may write may read.)
CASE(dma, write_only_mapping)
{
	Session session;
	const Memory memory = Memory::pages(2 * page_size());
	session.registered(memory);
	session.mapped(memory.address(), 0, TCE_PAGE, WRITE);
	session.mapped(memory.address() + TCE_PAGE, TCE_PAGE, TCE_PAGE);
	const u64 size = Edu::BUFFER_SIZE;
	fill(memory.at(TCE_PAGE, size), 11);
	copies(session.edu(), TCE_PAGE, 0, size);
	check(filled(memory.at(0, size), 11), "the device cannot write");
	fill(memory.at(0, size), 12);
	copies(session.edu(), 0, TCE_PAGE, size);
	check(host().powernv || !filled(memory.at(TCE_PAGE, size), 12),
	      "the device read through a write-only mapping");
}

// A MAP that fails in its middle leaves every entry as it was. The old driver
// had by then replaced the first ones, and cleared them: the device lost
// mappings that nobody had touched.
CASE(dma, failed_map_changes_nothing)
{
	Session session;
	const Memory kept = Memory::pages(16 * page_size());
	Memory half = Memory::nothing(32 * page_size());
	half.populate(0, 32 * page_size());
	session.registered(kept);
	expect(session->register_memory(half.address(), 16 * page_size()), OK,
	       "REGISTER of a half");
	session.mapped(kept.address(), 0, 8 * TCE_PAGE);
	const u64 from = half.address() + 16 * page_size() - 4 * TCE_PAGE;
	session.refuses(EINVAL, "MAP whose fifth page is not registered",
			[&] { return session->map(from, 0, 16 * TCE_PAGE); });
	both_ways(session.edu(), 0, kept.at(0, TCE_PAGE), 13);
	both_ways(session.edu(), 3 * TCE_PAGE, kept.at(3 * TCE_PAGE, TCE_PAGE), 14);
	both_ways(session.edu(), 7 * TCE_PAGE, kept.at(7 * TCE_PAGE, TCE_PAGE), 15);
	// Behind the eighth page there was nothing, and there is nothing now.
	const auto never = half.at(16 * page_size() - 4 * TCE_PAGE, 4 * TCE_PAGE);
	fill(never, 16);
	session.edu().writes(8 * TCE_PAGE, Edu::BUFFER_SIZE);
	check(filled(never, 16), "a page of the failed MAP is mapped");
	expect(session->unregister_memory(half.address(), 16 * page_size()), OK, "UNREGISTER");
}

// Both windows at once, and the last page of each.
CASE(dma, two_windows)
{
	Session session;
	const Memory memory = Memory::pages(4 * page_size());
	session.registered(memory);
	const Window window = session.window(12, 4 * GiB);
	session.mapped(memory.address(), 0, TCE_PAGE);
	session.mapped(memory.address() + TCE_PAGE, window.start, TCE_PAGE);
	session.mapped(memory.address() + 2 * TCE_PAGE, default_size() - TCE_PAGE, TCE_PAGE);
	session.mapped(memory.address() + 3 * TCE_PAGE, window.end() - TCE_PAGE, TCE_PAGE);
	const Edu &edu = session.edu();
	both_ways(edu, 0, memory.at(0, TCE_PAGE), 17);
	both_ways(edu, window.start, memory.at(TCE_PAGE, TCE_PAGE), 18);
	both_ways(edu, default_size() - TCE_PAGE, memory.at(2 * TCE_PAGE, TCE_PAGE), 19);
	both_ways(edu, window.end() - TCE_PAGE, memory.at(3 * TCE_PAGE, TCE_PAGE), 20);
}

// 64 KiB IOMMU pages: out of large pages on a kernel of 4 KiB pages, out of any
// page on one of 64.
CASE(dma, pages_64k)
{
	Session session;
	auto memory = page_size() >= 64 * KiB ? Memory::pages(2 * MiB) : Memory::huge(2 * MiB, 21);
	if (!memory)
		skip("no huge pages here");
	session.registered(*memory);
	const Window window = session.window(16, GiB);
	session.mapped(memory->address(), window.start, 16 * 64 * KiB);
	session.mapped(memory->address() + MiB, window.end() - 64 * KiB, 64 * KiB);
	both_ways(session.edu(), window.start + 5 * 64 * KiB + 60 * KiB,
		  memory->at(5 * 64 * KiB + 60 * KiB, 4 * KiB), 21);
	both_ways(session.edu(), window.end() - 4 * KiB, memory->at(MiB + 60 * KiB, 4 * KiB), 22);
	session.refuses(EBUSY, "UNREGISTER", [&] { return session->unregister_memory(*memory); });
	session.unmapped(window.start, window.size);
	expect(session->unregister_memory(*memory), OK, "UNREGISTER");
}

// IOMMU pages of 2 MiB and 16 MiB, within huge pages of whatever size there is.
void huge_pages(unsigned shift, std::initializer_list<unsigned> memory_shifts)
{
	Session session;
	const u64 page = u64{ 1 } << shift;
	std::optional<Memory> memory;
	for (unsigned memory_shift : memory_shifts)
		if (!memory)
			memory = Memory::huge(u64{ 1 } << memory_shift, memory_shift);
	if (!memory)
		skip(cat("no huge pages for IOMMU pages of 2^", shift));
	session.registered(*memory);
	const Window window = session.window(shift, 64 * page);
	session.mapped(memory->address(), window.start + page, page);
	both_ways(session.edu(), window.start + page, memory->at(0, 4 * KiB), 23);
	both_ways(session.edu(), window.start + 2 * page - 4 * KiB,
		  memory->at(page - 4 * KiB, 4 * KiB), 24);
	fill(memory->at(0, 4 * KiB), 25);
	session.edu().writes(window.start, Edu::BUFFER_SIZE);
	check(filled(memory->at(0, 4 * KiB), 25), "DMA landed one IOMMU page too low");
	session.refuses(EINVAL, "MAP of a part of such a page",
			[&] { return session->map(memory->address(), window.start, page / 2); });
	session.unmapped(window.start, window.size);
	expect(session->unregister_memory(*memory), OK, "UNREGISTER");
}

CASE(dma, pages_2m)
{
	huge_pages(21, { 21, 24 });
}

CASE(dma, pages_16m)
{
	huge_pages(24, { 24, 30 });
}

// A region that begins with huge pages and goes on with small ones: its small
// half must not pass as huge, or the device reads memory that is not the
// user's.
CASE(dma, mixed_region)
{
	const unsigned shift = page_size() >= 64 * KiB ? 21 : 16;
	const u64 page = u64{ 1 } << shift;
	Session session;
	auto huge = Memory::huge(2 * MiB, 21);
	if (!huge)
		skip("no huge pages here");
	// Small pages right behind the huge one.
	Memory range = Memory::nothing(8 * MiB);
	const u64 middle = (range.address() + 4 * MiB - 1) & ~(2 * MiB - 1);
	huge->move_to(middle - 2 * MiB);
	range.populate(middle - range.address(), 2 * MiB);
	expect(session->register_memory(middle - 2 * MiB, 4 * MiB), OK, "REGISTER of both");
	const Window window = session.window(shift, 64 * page);
	const Ledger before = read_ledger();
	one_of(session->map(middle, window.start, page), { refused(EINVAL), refused(EPERM) },
	       "MAP of small pages as a large one");
	settle(before, "the refused MAP changed something");
	expect(session->unregister_memory(middle - 2 * MiB, 4 * MiB), OK, "UNREGISTER");
}

} // namespace
} // namespace client

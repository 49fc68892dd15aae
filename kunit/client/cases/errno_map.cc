// SPDX-License-Identifier: GPL-2.0-only
//
// MAP and UNMAP: what they refuse. The old driver compared only the first page
// of a range with the window and let the rest write over whatever lay behind
// the table.
#include "registry.hpp"
#include "session.hpp"

#include <array>
#include <cerrno>

namespace client {
namespace {

constexpr u32 MAP_ARGSZ = sizeof(vfio_iommu_type1_dma_map);
constexpr u32 UNMAP_ARGSZ = sizeof(vfio_iommu_type1_dma_unmap);

Status map(Session &session, u32 argsz, u32 flags, u64 vaddr)
{
	vfio_iommu_type1_dma_map request{ argsz, flags, vaddr, 0, TCE_PAGE };
	return session->ioctl(VFIO_IOMMU_MAP_DMA, &request);
}

Status unmap(Session &session, u32 argsz, u32 flags, u64 size)
{
	vfio_iommu_type1_dma_unmap request{};
	request.argsz = argsz;
	request.flags = flags;
	request.size = size;
	return session->ioctl(VFIO_IOMMU_UNMAP_DMA, &request);
}

// A session with 8 MiB registered and its first page mapped at 0: what is
// refused must leave that mapping (and everything else) as it is.
struct Mapped : Session {
	Mapped()
	{
		registered(memory);
		mapped(memory.address(), 0, TCE_PAGE);
	}
	~Mapped() = default;

	void still_there() { both_ways(edu(), 0, memory.at(0, TCE_PAGE), 7); }
	u64 at(u64 offset = 0) const { return memory.address() + offset; }

	Memory memory = Memory::pages(8 * MiB);
};

CASE(errno_map, map_argsz_and_flags)
{
	Mapped session;
	for (u32 argsz : { 0U, 8U, MAP_ARGSZ - 1 })
		session.refuses(EINVAL, cat("MAP with argsz ", argsz),
				[&] { return map(session, argsz, READ_WRITE, session.at()); });
	// Bit 2 is type1's VADDR, the rest is nobody's.
	for (u32 flags : { 0U, 4U, READ | 4U, READ_WRITE | 8U, READ | 1U << 31, 0xfffffffcU })
		session.refuses(EINVAL, cat("MAP with flags ", flags),
				[&] { return map(session, MAP_ARGSZ, flags, session.at()); });
	session.refuses(EFAULT, "MAP of a null pointer",
			[&] { return session->ioctl(VFIO_IOMMU_MAP_DMA, nullptr); });
	expect(map(session, MAP_ARGSZ + 64, READ, session.at()), OK,
	       "MAP with a later version's argsz");
	session.mapped(session.at(), 0, TCE_PAGE);
	session.still_there();
}

// Sizes of 0, parts of pages, addresses between pages. (Once: an address
// between pages was answered with a positive number, which QEMU reports as an
// error called "success".)
CASE(errno_map, map_alignment)
{
	Mapped session;
	const auto refuse = [&](const char *what, u64 vaddr, u64 iova, u64 size) {
		session.refuses(EINVAL, cat("MAP ", what),
				[&] { return session->map(vaddr, iova, size); });
	};
	refuse("of size 0", session.at(), 0, 0);
	refuse("of size 0 further up", session.at(), MiB, 0);
	refuse("of one byte", session.at(), 0, 1);
	refuse("of half a page", session.at(), 0, TCE_PAGE / 2);
	refuse("of a page and a byte", session.at(), 0, TCE_PAGE + 1);
	refuse("from between pages", session.at(1), 0, TCE_PAGE);
	refuse("from the middle of a page", session.at(TCE_PAGE / 2), 0, TCE_PAGE);
	refuse("to between pages", session.at(), 1, TCE_PAGE);
	refuse("to the middle of a page", session.at(), TCE_PAGE / 2, TCE_PAGE);
	refuse("with all of it odd", session.at(3), 5, TCE_PAGE + 7);
	session.still_there();
}

// Ranges that begin in the window and end behind it, one page too many or
// megabytes: -EINVAL.
CASE(errno_map, map_over_the_end)
{
	Mapped session;
	const auto refuse = [&](u64 iova, u64 size) {
		session.refuses(EINVAL, cat("MAP of ", Hex{ size }, " at ", Hex{ iova }),
				[&] { return session->map(session.at(), iova, size); });
	};
	refuse(default_size() - TCE_PAGE, 2 * TCE_PAGE);
	refuse(default_size() - TCE_PAGE, 4 * MiB);
	refuse(default_size() - 4 * MiB, 8 * MiB);
	const Window window = session.window(12, MiB);
	refuse(window.end() - TCE_PAGE, 2 * TCE_PAGE);
	refuse(window.start, 2 * MiB);
	refuse(window.start + MiB / 2, MiB);
	// Ranges whose end wraps around.
	refuse(TCE_PAGE, 0 - TCE_PAGE);
	refuse(TCE_PAGE, 0 - TCE_PAGE * 2);
	refuse(window.start, u64{ 1 } << 63);
	refuse(window.start, 0 - window.start);
	refuse(window.start, 0 - window.start + MiB);
	// The last page is still in it.
	session.mapped(session.at(), default_size() - TCE_PAGE, TCE_PAGE);
	session.mapped(session.at(), window.end() - TCE_PAGE, TCE_PAGE);
	session.still_there();
}

// Addresses in no window: -ENXIO, by which users tell "not there" from "not
// like this". Nor does such a call make the default window as a side effect.
CASE(errno_map, map_outside)
{
	Session fresh;
	const Memory memory = Memory::pages(page_size());
	fresh.registered(memory);
	const auto refuse = [&](Session &session, u64 iova) {
		session.refuses(ENXIO, cat("MAP at ", Hex{ iova }),
				[&] { return session->map(memory.address(), iova, TCE_PAGE); });
		session.refuses(ENXIO, cat("UNMAP at ", Hex{ iova }),
				[&] { return session->unmap(iova, TCE_PAGE); });
	};
	for (u64 iova : { default_size(), DDW_START, DDW_START - TCE_PAGE, u64{ 1 } << 40,
			  u64{ 1 } << 63, ~u64{ 0xfff } })
		refuse(fresh, iova);
	const Window window = fresh.window(12, MiB);
	for (u64 iova :
	     { window.end(), window.start - TCE_PAGE, window.start + GiB, default_size() })
		refuse(fresh, iova);
	expect(fresh->remove(0), OK, "REMOVE of the default window");
	refuse(fresh, 0);
	refuse(fresh, MiB);
}

// Memory that nobody registered, or that ends before the range does, is
// -EINVAL, and every entry of the range is as it was: the first pages of such a
// range are not replaced, nor cleared.
CASE(errno_map, map_unregistered)
{
	Mapped session;
	const u64 size = 16 * page_size();
	Memory stranger = Memory::nothing(2 * size);
	stranger.populate(0, 2 * size);
	expect(session->register_memory(stranger.address(), size), OK,
	       "REGISTER of the first half");

	const auto refuse = [&](const char *what, u64 vaddr, u64 length) {
		session.refuses(EINVAL, cat("MAP of ", what),
				[&] { return session->map(vaddr, 0, length); });
	};
	refuse("unregistered memory", stranger.address() + size, TCE_PAGE);
	refuse("memory registered in its first half", stranger.address(), 2 * size);
	refuse("memory registered but for its last page", stranger.address() + TCE_PAGE, size);
	refuse("kernel addresses", u64{ 0xc } << 60, TCE_PAGE);
	refuse("a null pointer", 0, TCE_PAGE);
	refuse("the last page there is", ~u64{ 0xfff }, TCE_PAGE);
	refuse("addresses that wrap", ~u64{ 0xfff }, 4 * TCE_PAGE);
	session.still_there();
	// Nothing was left mapped of the refused ranges: the region can go.
	expect(session->unregister_memory(stranger.address(), size), OK, "UNREGISTER");
}

// The default window is made at its first use; a MAP that is refused is no use.
CASE(errno_map, refused_first_map)
{
	Session session;
	const Memory memory = Memory::pages(page_size());
	session.registered(memory);
	const auto refuse = [&](const char *what, u64 vaddr, u64 iova, u64 size) {
		session.refuses(EINVAL, cat("the first MAP, ", what),
				[&] { return session->map(vaddr, iova, size); });
	};
	refuse("of size 0", memory.address(), 0, 0);
	refuse("between pages", memory.address(), 1, TCE_PAGE);
	refuse("over the end", memory.address(), default_size() - TCE_PAGE, 2 * TCE_PAGE);
	refuse("of unregistered memory", memory.end() + MiB, 0, TCE_PAGE);
	expect(Hex{ session.window(12, MiB).start }, Hex{ DDW_START }, "the window beside it");
}

// Without any registration MAP is not allowed at all.
CASE(errno_map, map_before_register)
{
	Session session;
	const Memory memory = Memory::pages(page_size());
	const Ledger before = read_ledger();
	one_of(session->map(memory.address(), 0, TCE_PAGE), { refused(EPERM), refused(EINVAL) },
	       "MAP before any REGISTER");
	settle(before, "that MAP changed something");
}

CASE(errno_map, unmap_arguments)
{
	Mapped session;
	for (u32 argsz : { 0U, 8U, UNMAP_ARGSZ - 1 })
		session.refuses(EINVAL, cat("UNMAP with argsz ", argsz),
				[&] { return unmap(session, argsz, 0, TCE_PAGE); });
	// Bits 0 and 1 are type1's GET_DIRTY_BITMAP and ALL.
	for (u32 flags : { 1U, 2U, 3U, 4U, 1U << 31 })
		session.refuses(EINVAL, cat("UNMAP with flags ", flags),
				[&] { return unmap(session, UNMAP_ARGSZ, flags, TCE_PAGE); });
	session.refuses(EFAULT, "UNMAP of a null pointer",
			[&] { return session->ioctl(VFIO_IOMMU_UNMAP_DMA, nullptr); });

	const auto refuse = [&](const char *what, u64 iova, u64 size) {
		session.refuses(EINVAL, cat("UNMAP ", what),
				[&] { return session->unmap(iova, size); });
	};
	refuse("of size 0", 0, 0);
	refuse("of one byte", 0, 1);
	refuse("of part of a page", 0, TCE_PAGE + 1);
	refuse("from between pages", 1, TCE_PAGE);
	refuse("from the middle of a page", TCE_PAGE / 2, TCE_PAGE);
	refuse("over the end of the window", 0, default_size() + TCE_PAGE);
	refuse("of the last page and one more", default_size() - TCE_PAGE, 2 * TCE_PAGE);
	refuse("of everything from 0", 0, ~u64{ 0xfff });
	refuse("of a range that wraps", TCE_PAGE, 0 - TCE_PAGE);
	session.still_there();
	expect(unmap(session, UNMAP_ARGSZ + 64, 0, TCE_PAGE), OK,
	       "UNMAP with a later version's argsz");
}

// A page of a window must lie within one page of memory: 64 KiB or 2 MiB IOMMU
// pages over memory of small pages would give the device its neighbours too.
CASE(errno_map, map_small_memory_in_large_pages)
{
	Session session;
	const unsigned shift = page_size() >= 64 * KiB ? 21 : 16;
	const u64 page = u64{ 1 } << shift;
	const Memory memory = Memory::pages(4 * page);
	session.registered(memory);
	const Window window = session.window(shift, 16 * page);
	const u64 aligned = (memory.address() + page - 1) & ~(page - 1);
	const Ledger before = read_ledger();
	one_of(session->map(aligned, window.start, page), { refused(EINVAL), refused(EPERM) },
	       "MAP of small pages as a large one");
	settle(before, "the refused MAP changed something");
	session.refuses(EINVAL, "MAP of part of a large page",
			[&] { return session->map(aligned, window.start, TCE_PAGE); });
	session.refuses(EINVAL, "MAP from between large pages",
			[&] { return session->map(aligned + TCE_PAGE, window.start, page); });
	session.refuses(EINVAL, "UNMAP of part of a large page",
			[&] { return session->unmap(window.start, TCE_PAGE); });
}

// A log that an unprivileged process can fill is a way to hide things in it and
// to slow the host: a thousand refused calls may leave a few lines, not a
// thousand.
CASE(errno_map, refusals_are_quiet)
{
	Mapped session;
	KernelLog log;
	for (int round = 0; round < 500; ++round) {
		session->map(session.at(), default_size() - TCE_PAGE, 2 * TCE_PAGE);
		session->map(session.memory.end(), 0, TCE_PAGE);
		session->unmap(default_size() - TCE_PAGE, 2 * TCE_PAGE);
		session->create(13, MiB);
		session->create(12, 3 * MiB);
		session->remove(DDW_START + 4096);
	}
	at_most(log.news().lines, size_t{ 30 }, "lines in the kernel's log");
}

} // namespace
} // namespace client

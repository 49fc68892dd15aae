// SPDX-License-Identifier: GPL-2.0-only
//
// CREATE and REMOVE: what they refuse. A refused CREATE must cost nothing: QEMU
// and DPDK try several shapes in a row, and in the old driver each miss kept
// gigabytes charged and could make the device useless until the next reboot.
#include "registry.hpp"
#include "session.hpp"

#include <sys/mman.h>

#include <array>
#include <cerrno>

namespace client {
namespace {

constexpr u32 CREATE_ARGSZ = sizeof(vfio_iommu_spapr_tce_create);
constexpr u32 REMOVE_ARGSZ = offsetof(vfio_iommu_spapr_tce_remove, start_addr) + sizeof(u64);

Status create(Session &session, u32 argsz, u32 flags)
{
	vfio_iommu_spapr_tce_create request{};
	request.argsz = argsz;
	request.flags = flags;
	request.page_shift = 12;
	request.window_size = MiB;
	request.levels = 1;
	return session->ioctl(VFIO_IOMMU_SPAPR_TCE_CREATE, &request);
}

Status remove(Session &session, u32 argsz, u32 flags, u64 start)
{
	vfio_iommu_spapr_tce_remove request{};
	request.argsz = argsz;
	request.flags = flags;
	request.start_addr = start;
	return session->ioctl(VFIO_IOMMU_SPAPR_TCE_REMOVE, &request);
}

// The default window made, so that what follows is measured against a state
// that stays.
void settled_default(Session &session, const Memory &memory)
{
	session.registered(memory);
	session.mapped(memory.address(), 0, TCE_PAGE);
	session.unmapped(0, TCE_PAGE);
}

CASE(errno_window, create_argsz_and_flags)
{
	Session session;
	const Memory memory = Memory::pages(page_size());
	settled_default(session, memory);
	for (u32 argsz : { 0U, 4U, CREATE_ARGSZ - 1 })
		session.refuses(EINVAL, cat("CREATE with argsz ", argsz),
				[&] { return create(session, argsz, 0); });
	for (u32 flags : { 1U, 2U, 1U << 31 })
		session.refuses(EINVAL, cat("CREATE with flags ", flags),
				[&] { return create(session, CREATE_ARGSZ, flags); });
	session.refuses(EFAULT, "CREATE of a null pointer",
			[&] { return session->ioctl(VFIO_IOMMU_SPAPR_TCE_CREATE, nullptr); });
	expect(create(session, CREATE_ARGSZ + 64, 0), OK, "CREATE with a later version's argsz");
}

// 0x8c is 12 modulo 128: a shift by it gives the 4 KiB page in hardware, so the
// old driver let it through to the firmware, whose refusal made the device
// useless until reboot.
CASE(errno_window, create_page_shift)
{
	Session session;
	const Memory memory = Memory::pages(page_size());
	settled_default(session, memory);
	Info info;
	expect(session->get_info(info), OK, "GET_INFO");
	for (u32 shift : { 0U,	 1U,	11U,   13U,  15U,	  17U,	       20U,	   25U,
			   28U,	 30U,	34U,   62U,  63U,	  64U,	       65U,	   76U,
			   128U, 0x8cU, 0x90U, 255U, 0x1000000cU, 0x8000000cU, 0xffffffffU })
		if (!(shift < 64 && info.ddw.pgsizes >> shift & 1))
			session.refuses(EINVAL, cat("CREATE with page shift ", shift),
					[&] { return session->create(shift, GiB).status; });
	expect(session->create(12, MiB).status, OK, "CREATE afterwards");
}

// Sizes: 0, not a power of two, smaller than one page (which once made a window
// of 32 MiB out of a request for 8 KiB), larger than any address.
CASE(errno_window, create_size)
{
	Session session;
	const Memory memory = Memory::pages(page_size());
	settled_default(session, memory);
	const auto refuse = [&](u32 shift, u64 size) {
		session.refuses(EINVAL, cat("CREATE of ", Hex{ size }, " in pages of 2^", shift),
				[&] { return session->create(shift, size).status; });
	};
	for (u64 size :
	     { u64{ 0 }, u64{ 1 }, u64{ 2048 }, 3 * MiB, MiB + 4096, MiB - 1, GiB + MiB,
	       u64{ 1 } << 62, u64{ 1 } << 63, ~u64{ 0 }, ~u64{ 0xfff }, (u64{ 1 } << 63) + MiB })
		refuse(12, size);
	refuse(16, 8192);
	refuse(16, 32768);
	refuse(24, MiB);
	expect(session->create(16, 64 * KiB).status, OK, "a window of one page");
}

// `levels` is a hint here. Every QEMU before 10.1 asks for 2 levels on a
// 4K-page host, later ones ask for 0; the old driver refused both and the
// virtual machine aborted.
CASE(errno_window, create_levels)
{
	Session session;
	session.refuses(EINVAL, "3 MiB", [&] { return session->create(12, 3 * MiB).status; });
	for (u32 levels : { 2U, 0U, 1U, 3U, 4U, 5U, 6U, 64U, 0xffffffffU }) {
		const Window window = session.window(12, MiB, levels);
		expect(Hex{ window.start }, Hex{ DDW_START },
		       cat("address with ", levels, " levels"));
		expect(session->remove(window.start), OK, "REMOVE");
	}
}

// Two windows, and no third one: -ENOSPC, with the charge as it was. (Once: 4
// GiB more charged at every such call.)
CASE(errno_window, create_too_many)
{
	Session session;
	const Window window = session.window(12, MiB, 2);
	expect(Hex{ window.start }, Hex{ DDW_START }, "the second window's address");
	for (u32 levels : { 2U, 1U, 2U })
		session.refuses(ENOSPC, "a third window",
				[&] { return session->create(12, MiB, levels).status; });
	session.refuses(EINVAL, "a third one of bad size",
			[&] { return session->create(12, 3 * MiB).status; });
	expect(session->remove(window.start), OK, "REMOVE of the second window");
	expect(session->create(12, MiB).status, OK, "CREATE in its place");
}

// The answer cannot be delivered: then there must be no window either, or
// nobody could ever remove it.
CASE(errno_window, create_answer_lost)
{
	Session session;
	Memory page = Memory::pages(page_size());
	auto *request = new (page.bytes().data()) vfio_iommu_spapr_tce_create{};
	request->argsz = CREATE_ARGSZ;
	request->page_shift = 12;
	request->window_size = MiB;
	request->levels = 1;
	const Memory memory = Memory::pages(page_size());
	settled_default(session, memory);
	page.protect(PROT_READ);
	for (int round = 0; round < 3; ++round)
		session.refuses(EFAULT, "CREATE with its answer in read-only memory", [&] {
			return session->ioctl(VFIO_IOMMU_SPAPR_TCE_CREATE, page.bytes().data());
		});
	session.refuses(EINVAL, "REMOVE of what that would have made",
			[&] { return session->remove(DDW_START); });
	expect(Hex{ session.window(12, MiB).start }, Hex{ DDW_START }, "a proper CREATE's address");
}

CASE(errno_window, remove_arguments)
{
	Session session;
	const Memory memory = Memory::pages(page_size());
	settled_default(session, memory);
	const u64 start = session.window(12, MiB).start;
	for (u32 argsz : { 0U, 4U, REMOVE_ARGSZ - 1 })
		session.refuses(EINVAL, cat("REMOVE with argsz ", argsz),
				[&] { return remove(session, argsz, 0, start); });
	for (u32 flags : { 1U, 1U << 31 })
		session.refuses(EINVAL, cat("REMOVE with flags ", flags),
				[&] { return remove(session, REMOVE_ARGSZ, flags, start); });
	session.refuses(EFAULT, "REMOVE of a null pointer",
			[&] { return session->ioctl(VFIO_IOMMU_SPAPR_TCE_REMOVE, nullptr); });
	expect(remove(session, REMOVE_ARGSZ, 0, start), OK, "REMOVE");
	session.refuses(EINVAL, "REMOVE again", [&] { return session->remove(start); });
}

// Only a window's own start names it. The old driver removed the window that
// contains the address.
CASE(errno_window, remove_inside)
{
	Session session;
	const Memory memory = Memory::pages(page_size());
	settled_default(session, memory);
	const Window window = session.window(12, MiB);
	session.mapped(memory.address(), window.start, TCE_PAGE);
	for (u64 inside : { u64{ 0x12345 }, u64{ 1 }, u64{ 4096 }, MiB - 4096, MiB - 1, MiB })
		session.refuses(EINVAL, cat("REMOVE of start + ", Hex{ inside }),
				[&] { return session->remove(window.start + inside); });
	for (u64 nowhere :
	     { u64{ 4096 }, default_size() - 4096, default_size(), u64{ 1 } << 40, ~u64{ 0 } })
		session.refuses(EINVAL, cat("REMOVE of ", Hex{ nowhere }),
				[&] { return session->remove(nowhere); });
	both_ways(session.edu(), window.start, memory.at(0, TCE_PAGE), 1);
	expect(session->remove(window.start), OK, "REMOVE of its start");
}

} // namespace
} // namespace client

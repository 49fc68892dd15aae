// SPDX-License-Identifier: GPL-2.0-only
//
// What a container says about itself, and what it does not know.
#include "host.hpp"
#include "registry.hpp"
#include "session.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

namespace client {
namespace {

constexpr unsigned long FIXED_INFO = offsetof(Info, ddw);

struct Answer {
	unsigned long extension;
	long expected;
};

// QEMU and DPDK ask for type1 first and take the first positive answer: it must
// be 0 here.
constexpr std::array EXTENSIONS{
	Answer{ VFIO_SPAPR_TCE_v2_IOMMU,	 1 },
	Answer{ VFIO_SPAPR_TCE_IOMMU,     1 },
	Answer{ VFIO_TYPE1_IOMMU,	  0 },
	Answer{ VFIO_TYPE1v2_IOMMU,	    0 },
	Answer{ VFIO_TYPE1_NESTING_IOMMU, 0 },
	Answer{ VFIO_UNMAP_ALL,		0 },
	Answer{ VFIO_UPDATE_VADDR,	   0 },
	Answer{ 0,			0 },
	Answer{ 0xffffffff,		    0 },
	Answer{ ~0UL,		      0 },
};

// Extensions, asked before and after the IOMMU is chosen.
CASE(errno_container, check_extension)
{
	const Container bare;
	for (const Answer &answer : EXTENSIONS)
		expect(bare.check_extension(answer.extension), Status{ answer.expected },
		       cat("CHECK_EXTENSION ", answer.extension, " without a group"));
	Session session;
	for (const Answer &answer : EXTENSIONS)
		expect(session->check_extension(answer.extension), Status{ answer.expected },
		       cat("CHECK_EXTENSION ", answer.extension, " in use"));
	check(session->check_extension(VFIO_EEH).value() >= 0,
	      "CHECK_EXTENSION of EEH is an error");
}

// DPDK tries SET_IOMMU(type1) first and relies on its refusal; the container
// stays usable.
CASE(errno_container, set_iommu)
{
	const Container container;
	expect(container.set_iommu(VFIO_SPAPR_TCE_v2_IOMMU), refused(EINVAL),
	       "SET_IOMMU, no group");
	Group group{ host().edus[0].group };
	expect(group.set_container(container), OK, "SET_CONTAINER");
	for (unsigned long type : { VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU, 99 })
		check(container.set_iommu(type).value() < 0,
		      cat("SET_IOMMU of type ", type, " works"));
	expect(container.set_iommu(VFIO_SPAPR_TCE_v2_IOMMU), OK, "SET_IOMMU of v2");
	expect(container.set_iommu(VFIO_SPAPR_TCE_v2_IOMMU), refused(EINVAL), "SET_IOMMU, twice");
}

// GET_INFO: QEMU passes an uninitialised structure and uses every field
// blindly, so all of it has to be filled in, whatever was there.
CASE(errno_container, get_info)
{
	Session session;
	Info info;
	std::ranges::fill(std::span{ reinterpret_cast<u8 *>(&info), sizeof info }, u8{ 0xa5 });
	info.argsz = sizeof info;
	expect(session->ioctl(VFIO_IOMMU_SPAPR_TCE_GET_INFO, &info), OK, "GET_INFO");
	expect(info.argsz, u32{ sizeof info }, "argsz");
	expect(info.flags, u32{ VFIO_IOMMU_SPAPR_INFO_DDW }, "flags");
	expect(Hex{ info.dma32_window_start }, Hex{ 0 }, "dma32_window_start");
	expect(Hex{ info.dma32_window_size }, Hex{ default_size() }, "dma32_window_size");
	// 4K has to be there always: QEMU backs any guest page with it. The
	// rest is what this platform's firmware or hardware offers.
	const u64 huge = host().powernv ? GiB : 16 * MiB;
	expect(Hex{ info.ddw.pgsizes }, Hex{ 4 * KiB | 64 * KiB | 2 * MiB | huge }, "pgsizes");
	expect(info.ddw.max_dynamic_windows_supported, 2U, "max_dynamic_windows_supported");
	check(info.ddw.levels >= 1 && info.ddw.levels <= 5, cat("levels: ", info.ddw.levels));
}

// A short argsz is refused, an old (smaller) structure gets no byte too many, a
// longer one is taken.
CASE(errno_container, get_info_argsz)
{
	Session session;
	struct Guarded {
		Info info;
		std::array<u8, 64> guard;
	} request;
	const auto ask = [&](u32 argsz) {
		std::ranges::fill(std::span{ reinterpret_cast<u8 *>(&request), sizeof request },
				  u8{ 0xa5 });
		request.info.argsz = argsz;
		return session->ioctl(VFIO_IOMMU_SPAPR_TCE_GET_INFO, &request.info);
	};
	const auto untouched = [](const void *from, u64 size) {
		const u8 *bytes = static_cast<const u8 *>(from);
		return std::all_of(bytes, bytes + size, [](u8 byte) { return byte == 0xa5; });
	};
	for (u32 argsz : { 0U, 1U, 4U, static_cast<u32>(FIXED_INFO) - 1 }) {
		session.refuses(EINVAL, cat("GET_INFO with argsz ", argsz),
				[&] { return ask(argsz); });
		check(untouched(&request.info.flags, sizeof request - 4),
		      "a refused GET_INFO writes");
	}
	expect(ask(FIXED_INFO), OK, "GET_INFO without the DDW part");
	expect(Hex{ request.info.dma32_window_size }, Hex{ default_size() },
	       "size in the short structure");
	check(untouched(&request.info.ddw, sizeof request - FIXED_INFO), "written behind argsz");
	expect(ask(sizeof request), OK, "GET_INFO of a later version's size");
	check(untouched(&request.guard, sizeof request.guard), "written behind the known fields");
	session.refuses(EFAULT, "GET_INFO into nowhere",
			[&] { return session->ioctl(VFIO_IOMMU_SPAPR_TCE_GET_INFO, nullptr); });
}

// Calls of v1, of other drivers and of nobody: -ENOTTY, by which userspace
// tells.
CASE(errno_container, unknown_calls)
{
	Session session;
	for (unsigned long call : { VFIO_IOMMU_ENABLE, VFIO_IOMMU_DISABLE, _IO(VFIO_TYPE, 0xfe),
				    _IO(VFIO_TYPE, VFIO_BASE + 40), _IO('x', 1) })
		session.refuses(ENOTTY, cat("ioctl ", Hex{ call }),
				[&] { return session->ioctl(call, 0UL); });
}

// A container without an IOMMU knows nothing yet: the group is attached, no
// driver is.
CASE(errno_container, before_set_iommu)
{
	const Container container;
	Group group{ host().edus[0].group };
	expect(group.set_container(container), OK, "SET_CONTAINER");
	const Memory memory = Memory::pages(page_size());
	Info info;
	expect(container.get_info(info), refused(EINVAL), "GET_INFO");
	expect(container.register_memory(memory), refused(EINVAL), "REGISTER");
	expect(container.map(memory.address(), 0, TCE_PAGE), refused(EINVAL), "MAP");
	expect(container.create(12, MiB).status, refused(EINVAL), "CREATE");
}

} // namespace
} // namespace client

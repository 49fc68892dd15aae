// SPDX-License-Identifier: GPL-2.0-only
//
// v1 containers (VFIO_SPAPR_TCE_IOMMU): one group, its default window, ENABLE
// charges for all of it at once, and each TCE pins its page.
#include "patience.hpp"
#include "process.hpp"
#include "registry.hpp"
#include "session.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>

namespace client {
namespace {

class OldSession {
public:
	explicit OldSession(bool enabled = true) : group_{ host().edus[0].group }
	{
		expect(group_.set_container(container_), OK, "SET_CONTAINER");
		expect(container_.set_iommu(VFIO_SPAPR_TCE_IOMMU), OK, "SET_IOMMU of v1");
		if (enabled)
			expect(enable(), OK, "ENABLE");
	}

	Container *operator->() { return &container_; }
	const Group &group() const { return group_; }
	const Edu &edu()
	{
		if (!edu_)
			edu_.emplace(Device{ group_, host().edus[0].name });
		return *edu_;
	}
	void no_edu() { edu_.reset(); }

	Status enable() const { return container_.ioctl(VFIO_IOMMU_ENABLE, 0UL); }
	Status disable() const { return container_.ioctl(VFIO_IOMMU_DISABLE, 0UL); }
	void mapped(u64 address, u64 iova, u64 size, u32 flags = READ_WRITE)
	{
		expect(container_.map(address, iova, size, flags), OK, cat("MAP at ", Hex{ iova }));
	}
	void unmapped(u64 iova, u64 size)
	{
		expect(container_.unmap(iova, size), OK, cat("UNMAP at ", Hex{ iova }));
	}
	// The call must answer -err and change nothing.
	template <class Call> void refuses(int err, std::string_view what, const Call &call)
	{
		const Ledger before = read_ledger();
		expect(call(), refused(err), what);
		settle(before, cat(what, " was refused but changed something"));
	}

private:
	Container container_;
	Group group_;
	std::optional<Edu> edu_;
};

// The default window has its table, so that what follows is measured against a
// state that stays.
void settled(OldSession &session)
{
	const Memory memory = Memory::pages(page_size());
	session.mapped(memory.address(), 0, TCE_PAGE);
	session.unmapped(0, TCE_PAGE);
}

// No flags, no DDW: v1 has the default window and nothing else.
CASE(v1, get_info, .ddw = false)
{
	OldSession session{ false };
	Info info;
	std::ranges::fill(std::span{ reinterpret_cast<u8 *>(&info), sizeof info }, u8{ 0xa5 });
	info.argsz = sizeof info;
	expect(session->ioctl(VFIO_IOMMU_SPAPR_TCE_GET_INFO, &info), OK, "GET_INFO");
	expect(info.flags, 0U, "flags");
	expect(Hex{ info.dma32_window_start }, Hex{ 0 }, "dma32_window_start");
	expect(Hex{ info.dma32_window_size }, Hex{ default_size() }, "dma32_window_size");
	expect(Hex{ info.ddw.pgsizes }, Hex{ 0 }, "pgsizes");
	expect(info.ddw.max_dynamic_windows_supported, 0U, "max_dynamic_windows_supported");
	expect(info.ddw.levels, 0U, "levels");
}

// What only v2 has, v1 does not know.
CASE(v1, calls_of_v2, .ddw = false)
{
	OldSession session;
	const Memory memory = Memory::pages(page_size());
	session.refuses(ENOTTY, "REGISTER", [&] { return session->register_memory(memory); });
	session.refuses(ENOTTY, "UNREGISTER", [&] { return session->unregister_memory(memory); });
	session.refuses(ENOTTY, "CREATE", [&] { return session->create(12, MiB).status; });
	session.refuses(ENOTTY, "REMOVE", [&] { return session->remove(0); });
}

// ENABLE charges for the window, once; DISABLE gives it back, and may come at
// any time.
CASE(v1, enable_and_disable, .ddw = false)
{
	OldSession session{ false };
	const u64 before = locked_bytes();
	expect(session.disable(), OK, "DISABLE before ENABLE");
	for (int round = 0; round < 2; ++round) {
		expect(session.enable(), OK, "ENABLE");
		expect(locked_bytes() - before, default_size(), "charged");
		session.refuses(EBUSY, "ENABLE again", [&] { return session.enable(); });
		expect(session.disable(), OK, "DISABLE");
		expect(locked_bytes(), before, "charged afterwards");
		expect(session.disable(), OK, "DISABLE again");
	}
}

CASE(v1, enable_over_the_limit, .ddw = false)
{
	OldSession session{ false };
	limit_locked_memory(default_size() - page_size());
	session.refuses(ENOMEM, "ENABLE", [&] { return session.enable(); });
	const Memory memory = Memory::pages(page_size());
	session.refuses(EPERM, "MAP", [&] { return session->map(memory.address(), 0, TCE_PAGE); });
}

// Before ENABLE and after DISABLE nothing is mapped.
CASE(v1, not_enabled, .ddw = false)
{
	OldSession session{ false };
	const Memory memory = Memory::pages(page_size());
	const auto map = [&] { return session->map(memory.address(), 0, TCE_PAGE); };
	const auto unmap = [&] { return session->unmap(0, TCE_PAGE); };
	session.refuses(EPERM, "MAP before ENABLE", map);
	session.refuses(EPERM, "UNMAP before ENABLE", unmap);
	expect(session.enable(), OK, "ENABLE");
	expect(map(), OK, "MAP");
	expect(session.disable(), OK, "DISABLE");
	session.refuses(EPERM, "MAP after DISABLE", map);
	session.refuses(EPERM, "UNMAP after DISABLE", unmap);
}

// One group and not more.
CASE(v1, second_group, .groups = 2, .ddw = false)
{
	OldSession session;
	const Memory memory = Memory::pages(page_size());
	session.mapped(memory.address(), 0, TCE_PAGE);
	Group second{ host().edus[1].group };
	Container &container = *session.operator->();
	expect(second.set_container(container), refused(EBUSY), "SET_CONTAINER of a second group");
	both_ways(session.edu(), 0, memory.at(0, TCE_PAGE), 1);
	// It works in a container of its own.
	Container other;
	expect(second.set_container(other), OK, "SET_CONTAINER of another container");
	expect(other.set_iommu(VFIO_SPAPR_TCE_IOMMU), OK, "SET_IOMMU there");
}

// SET_IOMMU that fails with the second group lets go of the first one again,
// and leaves both in the state in which any version can have them.
CASE(v1, set_iommu_of_two_groups, .groups = 2, .ddw = false)
{
	Container container;
	Group first{ host().edus[0].group };
	Group second{ host().edus[1].group };
	expect(first.set_container(container), OK, "SET_CONTAINER");
	expect(second.set_container(container), OK, "SET_CONTAINER of the second");
	for (int round = 0; round < 2; ++round)
		check(container.set_iommu(VFIO_SPAPR_TCE_IOMMU).value() < 0,
		      "SET_IOMMU of v1 with two groups works");
	expect(container.set_iommu(VFIO_SPAPR_TCE_v2_IOMMU), OK, "SET_IOMMU of v2");
	const Memory memory = Memory::pages(page_size());
	expect(container.register_memory(memory), OK, "REGISTER");
	expect(container.map(memory.address(), 0, TCE_PAGE), OK, "MAP");
	for (Group *group : { &first, &second }) {
		const unsigned index = group == &second;
		const Edu edu{
			Device{ *group, host().edus[index].name }
		};
		both_ways(edu, 0, memory.at(0, TCE_PAGE), 13 + index);
	}
}

CASE(v1, map_arguments, .ddw = false)
{
	OldSession session;
	settled(session);
	const Memory memory = Memory::pages(4 * page_size());
	const u64 at = memory.address();
	const auto refuse = [&](int err, std::string_view what, u64 address, u64 iova, u64 size,
				u32 flags = READ_WRITE) {
		session.refuses(err, cat("MAP ", what),
				[&] { return session->map(address, iova, size, flags); });
	};
	refuse(EINVAL, "of nothing", at, 0, 0);
	refuse(EINVAL, "of half a page", at, 0, TCE_PAGE / 2);
	refuse(EINVAL, "at half a page", at, TCE_PAGE / 2, TCE_PAGE);
	refuse(EINVAL, "of memory at half a page", at + TCE_PAGE / 2, 0, TCE_PAGE);
	refuse(EINVAL, "without rights", at, 0, TCE_PAGE, 0);
	refuse(EINVAL, "with flags of later versions", at, 0, TCE_PAGE, READ_WRITE | 4);
	refuse(EINVAL, "over the window's end", at, default_size() - TCE_PAGE, 2 * TCE_PAGE);
	refuse(EINVAL, "over the window's end by far", at, default_size() - TCE_PAGE, 4 * MiB);
	refuse(EINVAL, "around the end of all addresses", at, TCE_PAGE, ~u64{ 0xfff });
	refuse(ENXIO, "behind the window", at, default_size(), TCE_PAGE);
	refuse(ENXIO, "at the 64-bit address", at, DDW_START, TCE_PAGE);
	refuse(EFAULT, "of the kernel's memory", u64{ 0xc } << 60, 0, TCE_PAGE);
	const auto unmap = [&](int err, std::string_view what, u64 iova, u64 size) {
		session.refuses(err, cat("UNMAP ", what),
				[&] { return session->unmap(iova, size); });
	};
	unmap(EINVAL, "of nothing", 0, 0);
	unmap(EINVAL, "of half a page", 0, TCE_PAGE / 2);
	unmap(EINVAL, "over the window's end", default_size() - TCE_PAGE, 2 * TCE_PAGE);
	unmap(ENXIO, "behind the window", default_size(), TCE_PAGE);
}

// Each TCE has a pin: MAP, MAP over it, UNMAP. The device reaches what is
// mapped and nothing else.
CASE(v1, dma, .ddw = false)
{
	OldSession session;
	settled(session);
	const u64 before = pinned_pages();
	const Memory memory = Memory::pages(16 * page_size());
	const u64 half = 8 * TCE_PAGE;
	session.mapped(memory.address(), MiB, half);
	expect(pinned_pages(), before + 8, "pins after MAP");
	both_ways(session.edu(), MiB, memory.at(0, TCE_PAGE), 2);
	both_ways(session.edu(), MiB + 7 * TCE_PAGE, memory.at(7 * TCE_PAGE, TCE_PAGE), 3);
	// Other pages in their place.
	session.mapped(memory.address() + half, MiB, half);
	settle_pins(before + 8, "after MAP over it");
	both_ways(session.edu(), MiB + TCE_PAGE, memory.at(9 * TCE_PAGE, TCE_PAGE), 4);
	session.unmapped(MiB, 4 * TCE_PAGE);
	settle_pins(before + 4, "after UNMAP of one half");
	fill(memory.bytes(), 5);
	session.edu().writes(MiB, Edu::BUFFER_SIZE);
	session.edu().writes(MiB + 8 * TCE_PAGE, Edu::BUFFER_SIZE);
	check(filled(memory.bytes(), 5), "DMA to an unmapped page landed");
	session.unmapped(0, default_size());
	settle_pins(before, "after UNMAP of everything");
}

// Memory that its owner may only read, for a device that only reads. (Once:
// -EFAULT.)
CASE(v1, read_only_memory, .ddw = false)
{
	OldSession session;
	settled(session);
	Memory memory = Memory::pages(page_size());
	const Memory results = Memory::pages(page_size());
	fill(memory.bytes(), 6);
	memory.protect(PROT_READ);
	session.mapped(results.address(), MiB, TCE_PAGE);
	for (u32 flags : { WRITE, READ_WRITE })
		session.refuses(EFAULT, "MAP of it for writing",
				[&] { return session->map(memory.address(), 0, TCE_PAGE, flags); });
	session.mapped(memory.address(), 0, TCE_PAGE, READ);
	copies(session.edu(), 0, MiB, Edu::BUFFER_SIZE);
	check(std::ranges::equal(memory.at(0, Edu::BUFFER_SIZE), results.at(0, Edu::BUFFER_SIZE)),
	      "the device does not read it");
	fill(results.bytes(), 7);
	copies(session.edu(), MiB, 0, Edu::BUFFER_SIZE);
	check(filled(memory.bytes(), 6), "the device wrote to it");
}

// A MAP that finds a hole has pinned nothing, mapped nothing, and taken nothing
// away.
CASE(v1, hole_in_memory, .ddw = false)
{
	OldSession session;
	settled(session);
	Memory memory = Memory::pages(64 * page_size());
	session.mapped(memory.address(), 0, TCE_PAGE);
	memory.punch(40 * page_size(), page_size());
	session.refuses(EFAULT, "MAP over a hole",
			[&] { return session->map(memory.address(), 0, memory.size()); });
	both_ways(session.edu(), 0, memory.at(0, TCE_PAGE), 8);
}

// DISABLE with 64 MiB mapped: nothing stays pinned without being paid for.
// (Once: all of it did.)
CASE(v1, disable_unmaps, .ddw = false)
{
	OldSession session;
	settled(session);
	const Ledger before = read_ledger();
	const Memory memory = Memory::aliased(64 * MiB, MiB);
	session.mapped(memory.address(), 0, memory.size());
	expect(pinned_pages(), before.pins + memory.size() / TCE_PAGE, "pins");
	session.edu().reads(0, Edu::BUFFER_SIZE);
	expect(session.disable(), OK, "DISABLE");
	settle_pins(before.pins, "after DISABLE");
	at_most(locked_bytes(), before.locked - default_size() + MiB, "locked memory");
	fill(memory.at(0, MiB), 9);
	session.edu().writes(0, Edu::BUFFER_SIZE);
	check(filled(memory.at(0, MiB), 9), "DMA landed after DISABLE");
	expect(session.enable(), OK, "ENABLE");
	session.mapped(memory.address(), 0, TCE_PAGE);
	both_ways(session.edu(), 0, memory.at(0, TCE_PAGE), 10);
}

// The pins go with the container, whoever closes it and how.
CASE(v1, closed_without_a_word, .ddw = false)
{
	const u64 before = pinned_pages();
	for (bool killed : { false, true }) {
		Child user{ [&] {
			OldSession session;
			const Memory memory = Memory::pages(64 * page_size());
			session.mapped(memory.address(), 0, memory.size());
			session.mapped(memory.address(), default_size() - memory.size(),
				       memory.size());
			if (killed)
				::kill(::getpid(), SIGKILL);
			::_exit(0);
			return 0;
		} };
		expect(user.wait(), killed ? 128 + SIGKILL : 0, "the user's end");
		settle_pins(before, "after the user's end");
	}
}

CASE(v1, kill_in_mid_map, .ddw = false)
{
	const u64 before = pinned_pages();
	for (unsigned round = 0; round < 8; ++round) {
		Child user{ [&] {
			OldSession session;
			const Memory memory = Memory::aliased(256 * MiB, MiB);
			for (;;) {
				session.mapped(memory.address(), 0, memory.size());
				session.unmapped(0, memory.size());
			}
			return 0;
		} };
		check(in_time([&] { return pinned_pages() != before; }), "the user maps nothing");
		::usleep(round * 9000);
		user.kill();
		expect(user.wait(), 128 + SIGKILL, "the user's end");
		settle_pins(before, cat("after kill number ", round));
	}
}

// The memory is unmapped from the process while the device has it: the device
// keeps the old pages.
CASE(v1, memory_unmapped_under_the_device, .ddw = false)
{
	OldSession session;
	Memory memory = Memory::pages(4 * page_size());
	session.mapped(memory.address(), 0, memory.size());
	fill(memory.at(0, TCE_PAGE), 11);
	session.edu().reads(0, Edu::BUFFER_SIZE);
	memory.populate(0, memory.size());
	fill(memory.at(0, TCE_PAGE), 12);
	session.edu().writes(0, Edu::BUFFER_SIZE);
	check(filled(memory.at(0, TCE_PAGE), 12), "the device reaches memory that was not mapped");
	session.unmapped(0, default_size());
}

// A forked child shares the descriptors, not the memory.
CASE(v1, another_process, .ddw = false)
{
	OldSession session;
	const Memory memory = Memory::pages(page_size());
	Child other{ [&] {
		const auto is = [](Status found) { return found == refused(EPERM); };
		return is(session->map(memory.address(), 0, TCE_PAGE)) &&
				       is(session->unmap(0, TCE_PAGE)) && is(session.disable()) ?
			       0 :
			       1;
	} };
	expect(other.wait(), 0, "MAP, UNMAP, DISABLE by another process");
}

} // namespace
} // namespace client

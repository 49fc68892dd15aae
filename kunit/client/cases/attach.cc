// SPDX-License-Identifier: GPL-2.0-only
//
// SET_IOMMU and SET_CONTAINER that fail, at every point at which they can, and
// how they are unwound; giving a group back when there is no memory for it.
#include "fault.hpp"
#include "registry.hpp"
#include "session.hpp"

#include <cerrno>
#include <optional>
#include <vector>

namespace client {
namespace {

constexpr auto NO_MEMORY = { refused(ENOMEM) };
// The arguments may be what cannot be copied.
constexpr auto NO_MEMORY_OR_COPY = { refused(ENOMEM), refused(EFAULT) };

// Without memory for a property's file the kernel does without the file: what
// the device tree announces could not be seen.
constexpr const char *FILES = "__of_add_property_sysfs";

// From groups of nobody to a container that works.
void set_iommu(unsigned long version, unsigned groups)
{
	spare(FILES);
	const Container container;
	std::vector<Group> members;
	for (unsigned index = 0; index < groups; ++index)
		members.emplace_back(host().edus[index].group);
	const auto release = [&](unsigned joined) {
		for (unsigned index = 0; index < joined; ++index)
			expect(members[index].unset_container(), OK, "UNSET_CONTAINER");
	};
	const auto attach = [&] {
		Status status;
		unsigned joined = 0;
		while (status.ok() && joined < groups)
			if (status = members[joined].set_container(container); status.ok())
				++joined;
		if (status.ok())
			status = container.set_iommu(version);
		if (!status.ok())
			release(joined);
		return status;
	};
	fails_cleanly("SET_CONTAINER and SET_IOMMU", NO_MEMORY, attach, [&] { release(groups); });
}

CASE(attach, out_of_memory, .faults = true)
{
	set_iommu(VFIO_SPAPR_TCE_v2_IOMMU, 1);
}

CASE(attach, out_of_memory_v1, .faults = true)
{
	set_iommu(VFIO_SPAPR_TCE_IOMMU, 1);
}

CASE(attach, out_of_memory_with_two_groups, .groups = 2, .faults = true)
{
	set_iommu(VFIO_SPAPR_TCE_v2_IOMMU, 2);
}

// A second group that cannot join a running container leaves that as it is, and
// is free itself.
CASE(attach, join_out_of_memory, .groups = 2, .faults = true)
{
	spare(FILES);
	Session session;
	const Memory memory = Memory::pages(4 * page_size());
	session.registered(memory);
	const Window window = session.window(12, GiB);
	session.mapped(memory.address(), 0, TCE_PAGE);
	session.mapped(memory.address() + page_size(), window.start, TCE_PAGE);
	Group second{ host().edus[1].group };
	fails_cleanly(
		"SET_CONTAINER", NO_MEMORY,
		[&] { return second.set_container(session.container()); },
		[&] { expect(second.unset_container(), OK, "UNSET_CONTAINER"); });
	both_ways(session.edu(), 0, memory.at(0, TCE_PAGE), 1);
	const Edu edu{
		Device{ second, host().edus[1].name }
	};
	both_ways(edu, 0, memory.at(0, TCE_PAGE), 2);
	both_ways(edu, window.start, memory.at(page_size(), TCE_PAGE), 3);
}

// What a user does with a container, each call with all its faults.
CASE(attach, calls_out_of_memory, .faults = true)
{
	Session session;
	const Memory memory = Memory::pages(4 * page_size());
	fails_cleanly(
		"REGISTER", NO_MEMORY_OR_COPY, [&] { return session->register_memory(memory); },
		[&] { expect(session->unregister_memory(memory), OK, "UNREGISTER"); });
	u64 start = 0;
	fails_cleanly(
		"CREATE", NO_MEMORY_OR_COPY,
		[&] {
			const Created created = session->create(12, GiB);
			start = created.window.start;
			return created.status;
		},
		[&] { expect(session->remove(start), OK, "REMOVE"); });
	expect(Hex{ start }, Hex{ DDW_START }, "the window's address");
	// Tables of a failed MAP may stay: they are there for the next one, and
	// paid for.
	session.mapped(memory.address(), start, memory.size());
	session.unmapped(start, memory.size());
	fails_cleanly(
		"MAP", NO_MEMORY_OR_COPY,
		[&] { return session->map(memory.address(), start, memory.size()); },
		[&] { session.unmapped(start, memory.size()); });
	both_ways(session.edu(), start, memory.at(0, TCE_PAGE), 4);
}

CASE(attach, calls_out_of_memory_v1, .faults = true)
{
	Container container;
	Group group{ host().edus[0].group };
	expect(group.set_container(container), OK, "SET_CONTAINER");
	expect(container.set_iommu(VFIO_SPAPR_TCE_IOMMU), OK, "SET_IOMMU of v1");
	expect(container.ioctl(VFIO_IOMMU_ENABLE, 0UL), OK, "ENABLE");
	const Memory memory = Memory::pages(64 * page_size());
	const auto map = [&] { return container.map(memory.address(), 0, memory.size()); };
	const auto unmap = [&] { expect(container.unmap(0, memory.size()), OK, "UNMAP"); };
	expect(map(), OK, "MAP");
	unmap();
	fails_cleanly("MAP", NO_MEMORY_OR_COPY, map, unmap);
	const Edu edu{
		Device{ group, host().edus[0].name }
	};
	both_ways(edu, 0, memory.at(0, TCE_PAGE), 5);
}

// The group is given back, and the kernel has no memory for what the host's
// drivers would need. The next user gets all of it nevertheless, and nothing
// that was meant for them: with PowerNV the bypass, by which a device reaches
// all memory.
CASE(attach, hand_back_out_of_memory, .faults = true)
{
	const Memory memory = Memory::pages(page_size());
	constexpr u64 MOST = 24; // later ones are files in debugfs
	bool happened = true;
	for (u64 nth = 1; happened && nth <= MOST; ++nth) {
		std::optional<Session> session{ std::in_place, 1U };
		session->registered(memory);
		fill(memory.bytes(), nth);
		for (u64 base : { u64{ 0 }, DDW_START })
			session->edu().writes(base + physical(memory), Edu::BUFFER_SIZE);
		check(filled(memory.bytes(), nth),
		      cat("after fault ", nth - 1, " the next user reaches all memory"));
		const Window window = session->window(12, GiB);
		session->mapped(memory.address(), 0, TCE_PAGE);
		session->mapped(memory.address(), window.start, TCE_PAGE);

		Fault fault{ nth };
		session.reset();
		happened = fault.happened();
		check(happened || nth > 1, "nothing can fail");
	}
}

// Two groups that cannot be in one container: their default windows differ.
// Whichever comes first, the other one is refused, and what was done with the
// first is undone.
CASE(attach, unlike_groups)
{
	if (host().unlike.empty())
		skip("the groups of this machine are all alike");
	const Ledger before = read_ledger();
	const Function &here = host().edus[0];
	const Function &there = host().unlike[0];
	for (bool swapped : { false, true }) {
		Container container;
		Group first{ (swapped ? there : here).group };
		Group second{ (swapped ? here : there).group };
		expect(first.set_container(container), OK, "SET_CONTAINER");
		expect(second.set_container(container), OK, "SET_CONTAINER of the second");
		expect(container.set_iommu(VFIO_SPAPR_TCE_v2_IOMMU), refused(EPERM),
		       "SET_IOMMU with both");
		settle(before, "a failed SET_IOMMU left something behind");
		// Each by itself works, and does not let the other one in.
		expect(second.unset_container(), OK, "UNSET_CONTAINER");
		expect(container.set_iommu(VFIO_SPAPR_TCE_v2_IOMMU), OK, "SET_IOMMU with one");
		const Memory memory = Memory::pages(page_size());
		expect(container.register_memory(memory), OK, "REGISTER");
		expect(container.map(memory.address(), 0, TCE_PAGE), OK, "MAP");
		expect(second.set_container(container), refused(EPERM),
		       "SET_CONTAINER of the second");
		const Edu edu{
			Device{ first, (swapped ? there : here).name }
		};
		both_ways(edu, 0, memory.at(0, TCE_PAGE), 6 + swapped);
		Container other;
		expect(second.set_container(other), OK, "SET_CONTAINER of another container");
		expect(other.set_iommu(VFIO_SPAPR_TCE_v2_IOMMU), OK, "SET_IOMMU there");
	}
}

} // namespace
} // namespace client

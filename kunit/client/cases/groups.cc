// SPDX-License-Identifier: GPL-2.0-only
//
// Several groups (on pSeries: one per host bridge). In one container they share
// windows and mappings, which the old driver could not do at all here; in two
// they share nothing but pins.
#include "host.hpp"
#include "registry.hpp"
#include "session.hpp"

#include <cerrno>

namespace client {
namespace {

// One MAP serves the devices of both groups, in both windows.
CASE(groups, share_one_container, .groups = 2)
{
	Session session{ 2 };
	const Memory memory = Memory::pages(4 * page_size());
	session.registered(memory);
	const Window window = session.window(12, GiB);
	expect(Hex{ window.start }, Hex{ DDW_START }, "the window's address");
	session.mapped(memory.address(), 0, 2 * TCE_PAGE);
	session.mapped(memory.address() + 2 * TCE_PAGE, window.start + MiB, 2 * TCE_PAGE);
	for (unsigned index : { 0U, 1U }) {
		both_ways(session.edu(index), TCE_PAGE, memory.at(TCE_PAGE, TCE_PAGE), 1 + index);
		both_ways(session.edu(index), window.start + MiB, memory.at(2 * TCE_PAGE, TCE_PAGE),
			  3 + index);
	}
	// An UNMAP is for both as well.
	session.unmapped(0, default_size());
	fill(memory.at(0, 2 * TCE_PAGE), 5);
	for (unsigned index : { 0U, 1U })
		session.edu(index).writes(TCE_PAGE, Edu::BUFFER_SIZE);
	check(filled(memory.at(0, 2 * TCE_PAGE), 5), "DMA landed after UNMAP");
	expect(session->remove(window.start), OK, "REMOVE");
	expect(session->unregister_memory(memory), OK, "UNREGISTER");
}

// A group that joins a container with windows and mappings finds them all.
CASE(groups, joins_later, .groups = 2)
{
	Session session;
	const Memory memory = Memory::pages(8 * page_size());
	session.registered(memory);
	const Window window = session.window(12, 64 * GiB);
	session.mapped(memory.address(), 0, TCE_PAGE);
	session.mapped(memory.address() + TCE_PAGE, 777 * MiB, TCE_PAGE);
	session.mapped(memory.address() + 2 * TCE_PAGE, window.end() - TCE_PAGE, TCE_PAGE);
	session.mapped(memory.address() + 3 * TCE_PAGE, window.start, TCE_PAGE, READ);
	expect(session.join(1), OK, "a group joins the running container");
	const Edu &edu = session.edu(1);
	both_ways(edu, 0, memory.at(0, TCE_PAGE), 6);
	both_ways(edu, 777 * MiB, memory.at(TCE_PAGE, TCE_PAGE), 7);
	both_ways(edu, window.end() - TCE_PAGE, memory.at(2 * TCE_PAGE, TCE_PAGE), 8);
	fill(memory.at(3 * TCE_PAGE, TCE_PAGE), 9);
	edu.writes(window.start, Edu::BUFFER_SIZE);
	check(filled(memory.at(3 * TCE_PAGE, TCE_PAGE), 9),
	      "the read-only mapping became writable");
	// And what comes afterwards.
	session.mapped(memory.address() + 4 * TCE_PAGE, MiB, TCE_PAGE);
	both_ways(edu, MiB, memory.at(4 * TCE_PAGE, TCE_PAGE), 10);
	both_ways(session.edu(0), MiB, memory.at(4 * TCE_PAGE, TCE_PAGE), 11);
}

// A group that joins after the default window went must not bring its own one
// with it: the two would disagree about address 0.
CASE(groups, joins_without_default_window, .groups = 2)
{
	Session session;
	const Memory memory = Memory::pages(4 * page_size());
	session.registered(memory);
	const Window low = session.only_window(12, 2 * GiB);
	session.mapped(memory.address(), low.start + GiB + MiB, TCE_PAGE);
	const Status status = session.join(1);
	if (!status.ok()) {
		note(cat("joining: ", status));
		check(status.value() < 0, "SET_CONTAINER answers a positive number");
	} else {
		both_ways(session.edu(1), low.start + GiB + MiB, memory.at(0, TCE_PAGE), 12);
	}
	both_ways(session.edu(0), low.start + GiB + MiB, memory.at(0, TCE_PAGE), 13);
}

// One group leaves; the DMA of the one that stays goes on. The old driver
// cleared every window of the container for each group that left. The leaver's
// device reaches nothing any more.
void one_leaves(unsigned leaver)
{
	const unsigned stayer = 1 - leaver;
	Session session{ 2 };
	const Memory memory = Memory::pages(4 * page_size());
	session.registered(memory);
	const Window window = session.window(12, GiB);
	session.mapped(memory.address(), 0, TCE_PAGE);
	session.mapped(memory.address() + TCE_PAGE, window.start, TCE_PAGE);
	both_ways(session.edu(leaver), 0, memory.at(0, TCE_PAGE), 14);
	both_ways(session.edu(stayer), 0, memory.at(0, TCE_PAGE), 15);
	expect(session.leave(leaver), OK, "UNSET_CONTAINER");
	both_ways(session.edu(stayer), 0, memory.at(0, TCE_PAGE), 16);
	both_ways(session.edu(stayer), window.start, memory.at(TCE_PAGE, TCE_PAGE), 17);
	session.refuses(EBUSY, "UNREGISTER", [&] { return session->unregister_memory(memory); });
	session.mapped(memory.address() + 2 * TCE_PAGE, TCE_PAGE, TCE_PAGE);
	both_ways(session.edu(stayer), TCE_PAGE, memory.at(2 * TCE_PAGE, TCE_PAGE), 18);

	// The leaver in a container of its own: it does not see the other one's
	// mappings.
	Container other;
	expect(session.group(leaver).set_container(other), OK,
	       "SET_CONTAINER of another container");
	expect(other.set_iommu(VFIO_SPAPR_TCE_v2_IOMMU), OK, "SET_IOMMU there");
	{
		const Edu edu{
			Device{ session.group(leaver), host().edus[leaver].name }
		};
		fill(memory.at(0, 2 * TCE_PAGE), 19);
		edu.writes(0, Edu::BUFFER_SIZE);
		edu.writes(window.start, Edu::BUFFER_SIZE);
		check(filled(memory.at(0, 2 * TCE_PAGE), 19),
		      "the group that left still reaches the memory");
	}
	both_ways(session.edu(stayer), 0, memory.at(0, TCE_PAGE), 20);
}

CASE(groups, last_one_leaves, .groups = 2)
{
	one_leaves(1);
}

CASE(groups, first_one_leaves, .groups = 2)
{
	one_leaves(0);
}

// A window costs the same however many groups look into it.
CASE(groups, cost_does_not_grow, .groups = 2)
{
	const Memory memory = Memory::aliased(16 * MiB, MiB);
	const auto cost = [&](unsigned groups) {
		Session session{ groups };
		session.registered(memory);
		const u64 before = locked_bytes();
		const Window window = session.window(12, 16 * GiB);
		session.mapped(memory.address(), window.start, memory.size());
		return locked_bytes() - before;
	};
	const u64 one = cost(1);
	expect(cost(2), one, "locked memory with two groups");
}

// A container uses the regions that it registered itself, not those of another
// one of the same process, which may vanish without notice.
CASE(groups, region_of_another_container, .groups = 2)
{
	Session first;
	Container second;
	Group group{ host().edus[1].group };
	expect(group.set_container(second), OK, "SET_CONTAINER");
	expect(second.set_iommu(VFIO_SPAPR_TCE_v2_IOMMU), OK, "SET_IOMMU");
	const Memory mine = Memory::pages(page_size());
	const Memory shared = Memory::pages(16 * page_size());
	expect(second.register_memory(mine), OK, "REGISTER in the second");
	first.registered(shared);
	expect(second.map(shared.address(), 0, TCE_PAGE), refused(EINVAL),
	       "MAP of the first's region");
	expect(second.unregister_memory(shared), refused(ENOENT),
	       "UNREGISTER of the first's region");
	// The first one can let go of it at any time.
	expect(first->unregister_memory(shared), OK, "UNREGISTER in the first");
}

// The same memory in two containers of one process is pinned and charged once
// (libvirt computes limits with that), and is there until both have let go.
CASE(groups, region_of_both_containers, .groups = 2)
{
	const u64 pages = 64;
	const Ledger before = read_ledger();
	const Memory memory = Memory::pages(pages * page_size());
	{
		Session first;
		Container second;
		Group group{ host().edus[1].group };
		expect(group.set_container(second), OK, "SET_CONTAINER");
		expect(second.set_iommu(VFIO_SPAPR_TCE_v2_IOMMU), OK, "SET_IOMMU");
		first.registered(memory);
		const Ledger once = read_ledger();
		expect(once.pins, before.pins + pages, "pins");
		expect(second.register_memory(memory), OK, "REGISTER in the second");
		settle(once, "the second registration costs something");
		first.mapped(memory.address(), 0, TCE_PAGE);
		expect(second.map(memory.address(), 0, TCE_PAGE), OK, "MAP in the second");
		const Ledger mapped = read_ledger();
		// The registry belongs to the process, KVM's mappings in it to
		// nobody's container: so the first may let go although it has a
		// page mapped. The page stays.
		expect(first->unregister_memory(memory), OK, "UNREGISTER in the first, mapped");
		settle(mapped, "something was given back while it is registered and mapped");
		both_ways(first.edu(), 0, memory.at(0, TCE_PAGE), 21);
		const Edu edu{
			Device{ group, host().edus[1].name }
		};
		both_ways(edu, 0, memory.at(0, TCE_PAGE), 22);
		expect(second.unmap(0, TCE_PAGE), OK, "UNMAP in the second");
		expect(second.unregister_memory(memory), refused(EBUSY),
		       "UNREGISTER in the second, mapped by the first");
		first.unmapped(0, TCE_PAGE);
		expect(second.unregister_memory(memory), OK, "UNREGISTER in the second");
		settle_pins(before.pins, "after both have let go");
	}
	settle(before, "after both");
}

} // namespace
} // namespace client

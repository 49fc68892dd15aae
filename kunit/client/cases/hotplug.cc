// SPDX-License-Identifier: GPL-2.0-only
//
// Functions and drivers that come and go while VFIO has the group.
#include "files.hpp"
#include "process.hpp"
#include "registry.hpp"
#include "session.hpp"

#include <unistd.h>

#include <cerrno>
#include <optional>

namespace client {
namespace {

std::string neighbour_or_skip()
{
	const std::string name = neighbour(host().edus[0]);
	if (name.empty())
		skip("no second function in the first group");
	return name;
}

// The other function of a group that VFIO holds goes away and comes back (a
// hot-unplug): the one in use, its windows and its mappings do not notice. The
// old code took the windows from under it.
CASE(hotplug, neighbour)
{
	const std::string other = neighbour_or_skip();
	Session session;
	const Memory memory = Memory::pages(4 * page_size());
	session.registered(memory);
	const Window window = session.window(12, GiB);
	session.mapped(memory.address(), 0, TCE_PAGE);
	session.mapped(memory.address() + TCE_PAGE, window.start, TCE_PAGE);
	const Edu &edu = session.edu();
	both_ways(edu, window.start, memory.at(TCE_PAGE, TCE_PAGE), 1);

	unplug(other);
	both_ways(edu, window.start, memory.at(TCE_PAGE, TCE_PAGE), 2);
	replug(other);

	both_ways(edu, 0, memory.at(0, TCE_PAGE), 3);
	both_ways(edu, window.start, memory.at(TCE_PAGE, TCE_PAGE), 4);
	session.mapped(memory.address() + 2 * TCE_PAGE, window.start + MiB, TCE_PAGE);
	both_ways(edu, window.start + MiB, memory.at(2 * TCE_PAGE, TCE_PAGE), 5);
	session.unmapped(0, default_size());
	session.unmapped(window.start, window.size);
	expect(session->remove(window.start), OK, "REMOVE");
	expect(session->unregister_memory(memory), OK, "UNREGISTER");
}

// The same where the default window is gone and another one in its place: what
// comes back does not bring the old one along.
CASE(hotplug, neighbour_without_default_window)
{
	const std::string other = neighbour_or_skip();
	Session session;
	const Memory memory = Memory::pages(2 * page_size());
	session.registered(memory);
	const Window window = session.only_window(12, 2 * GiB);
	session.mapped(memory.address(), window.start + GiB + MiB, TCE_PAGE);
	unplug(other);
	replug(other);
	both_ways(session.edu(), window.start + GiB + MiB, memory.at(0, TCE_PAGE), 6);
	session.mapped(memory.address() + page_size(), window.start, TCE_PAGE);
	both_ways(session.edu(), window.start, memory.at(page_size(), TCE_PAGE), 7);
}

// It goes while VFIO has the group and comes when VFIO has it no more, and the
// other way round.
CASE(hotplug, neighbour_over_a_close)
{
	const std::string other = neighbour_or_skip();
	{
		Session session;
		const Memory memory = Memory::pages(page_size());
		session.registered(memory);
		session.mapped(memory.address(), 0, TCE_PAGE);
		unplug(other);
	}
	next_user();
	replug(other);
	next_user();
	unplug(other);
	Session session;
	const Memory memory = Memory::pages(page_size());
	session.registered(memory);
	session.mapped(memory.address(), 0, TCE_PAGE);
	replug(other);
	both_ways(session.edu(), 0, memory.at(0, TCE_PAGE), 8);
}

// A v1 container has the default window only: it stays, too.
CASE(hotplug, neighbour_of_v1)
{
	const std::string other = neighbour_or_skip();
	Container container;
	Group group{ host().edus[0].group };
	expect(group.set_container(container), OK, "SET_CONTAINER");
	expect(container.set_iommu(VFIO_SPAPR_TCE_IOMMU), OK, "SET_IOMMU of v1");
	expect(container.ioctl(VFIO_IOMMU_ENABLE, 0UL), OK, "ENABLE");
	const Memory memory = Memory::pages(page_size());
	expect(container.map(memory.address(), 0, TCE_PAGE), OK, "MAP");
	const Edu edu{
		Device{ group, host().edus[0].name }
	};
	unplug(other);
	both_ways(edu, 0, memory.at(0, TCE_PAGE), 9);
	replug(other);
	both_ways(edu, 0, memory.at(0, TCE_PAGE), 10);
}

// The device in use is to go: its removal waits for the user, who notices
// nothing, and the device comes back to another one.
CASE(hotplug, device_in_use)
{
	neighbour_or_skip(); // the group ends with its last function
	const Function &own = host().edus[0];
	int ends[2];
	check(::pipe(ends) == 0, "no pipe");
	const Fd came{ ends[0] };
	const Fd go{ ends[1] };
	// Made before the device is open: with a copy of its descriptor it
	// would wait for itself.
	Child remover{ [&] {
		char byte;
		return ::read(came.get(), &byte, 1) == 1 &&
				       write_file(sysfs(own.name) + "remove", "1").ok() ?
			       0 :
			       1;
	} };
	std::optional<Session> session{ std::in_place, 1U };
	const Memory memory = Memory::pages(page_size());
	session->registered(memory);
	session->mapped(memory.address(), 0, TCE_PAGE);
	both_ways(session->edu(), 0, memory.at(0, TCE_PAGE), 11);
	check(::write(go.get(), "!", 1) == 1, "the pipe is closed");
	::usleep(200000);
	both_ways(session->edu(), 0, memory.at(0, TCE_PAGE), 12);
	session.reset();
	expect(remover.wait(), 0, "the removal");
	check(!exists(sysfs(own.name)), "the device is still there");
	replug(own.name);
	bind_to_vfio(own.name);
}

// The driver vfio-pci lets go of a device that nobody has open, and of its
// group with it, although that is in a container with windows and mappings. The
// container has nothing left.
CASE(hotplug, driver_lets_go)
{
	const Function &own = host().edus[0];
	const Ledger before = read_ledger();
	const Memory memory = Memory::pages(16 * page_size());
	Session session;
	session.registered(memory);
	const Window window = session.window(12, GiB);
	session.mapped(memory.address(), 0, memory.size());
	session.mapped(memory.address(), window.start, memory.size());
	Child admin{ [&] {
		return write_file(sysfs(own.name) + "driver/unbind", own.name).ok() ? 0 : 1;
	} };
	expect(admin.wait(), 0, "unbinding");
	settle(before, "after unbinding");
	expect(session->map(memory.address(), 0, TCE_PAGE), refused(EINVAL), "MAP without a group");
	bind_to_vfio(own.name);
}

} // namespace
} // namespace client

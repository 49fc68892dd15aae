// SPDX-License-Identifier: GPL-2.0-only
//
// A container belongs to the process that used it first: memory is pinned and
// charged there. A process that has the descriptor by inheritance gets -EPERM
// (DPDK's secondary processes know).
#include "process.hpp"
#include "registry.hpp"
#include "session.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>

namespace client {
namespace {

CASE(errno_foreign, after_fork)
{
	Session session;
	const Memory memory = Memory::pages(16 * page_size());
	const Memory other = Memory::pages(16 * page_size());
	session.registered(memory);
	session.mapped(memory.address(), 0, TCE_PAGE);
	const Ledger before = read_ledger();

	Child child{ [&] {
		const Ledger mine = read_ledger();
		Info info;
		expect(session->register_memory(other), refused(EPERM), "REGISTER by a child");
		expect(session->register_memory(memory), refused(EPERM),
		       "REGISTER of the parent's region");
		expect(session->unregister_memory(memory), refused(EPERM), "UNREGISTER by a child");
		expect(session->map(memory.address(), TCE_PAGE, TCE_PAGE), refused(EPERM),
		       "MAP by a child");
		expect(session->unmap(0, TCE_PAGE), refused(EPERM), "UNMAP by a child");
		expect(session->create(12, MiB).status, refused(EPERM), "CREATE by a child");
		expect(session->remove(0), refused(EPERM), "REMOVE by a child");
		expect(session->get_info(info), refused(EPERM), "GET_INFO by a child");
		// Asking what there is has never been forbidden.
		expect(session->check_extension(VFIO_SPAPR_TCE_v2_IOMMU), Status{ 1 },
		       "CHECK_EXTENSION");
		settle(mine, "a child's refused calls changed something");
		return 0;
	} };
	expect(child.wait(), 0, "the child's exit code");
	settle(before, "a child's refused calls changed something");
	both_ways(session.edu(), 0, memory.at(0, TCE_PAGE), 3);
}

// The process that set everything up dies first; a child still holds the
// descriptors. When that one goes, everything is given back although the
// owner's memory is long gone.
CASE(errno_foreign, owner_dies_first)
{
	std::array<int, 2> ends;
	expect(Status{ ::pipe(ends.data()) }, OK, "pipe");
	Fd reader{ ends[0] };
	Fd writer{ ends[1] };
	const u64 before = pinned_pages();
	{
		Child owner{ [&] {
			Session session;
			const Memory memory = Memory::pages(64 * page_size());
			session.registered(memory);
			session.mapped(memory.address(), 0, memory.size());
			const Window window = session.window(12, MiB);
			session.mapped(memory.address(), window.start, 16 * TCE_PAGE);
			// A grandchild that outlives us, until the test closes
			// its end of the pipe.
			if (::fork() == 0) {
				char byte;
				writer.close();
				if (::read(reader.get(), &byte, 1) < 0)
					::_exit(1);
				::_exit(0);
			}
			::_exit(0); // without any clean-up
			return 0;
		} };
		expect(owner.wait(), 0, "the owner's exit code");
	}
	at_most(before + 1, pinned_pages(), "pins while the descriptors are held");
	writer.close();
	settle_pins(before, "after the last holder has gone");
}

} // namespace
} // namespace client

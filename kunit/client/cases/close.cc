// SPDX-License-Identifier: GPL-2.0-only
//
// Letting go without saying goodbye. After each case the runner checks that
// locked memory, pins and windows are back, and that the next user gets
// everything.
#include "options.hpp"
#include "patience.hpp"
#include "process.hpp"
#include "registry.hpp"
#include "session.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <optional>

namespace client {
namespace {

// Fills both windows here and there.
void busy(Session &session, const Memory &memory)
{
	session.registered(memory);
	const Window window = session.window(12, TiB / 16);
	session.mapped(memory.address(), 0, memory.size());
	session.mapped(memory.address(), MiB * 512, memory.size());
	session.mapped(memory.address(), window.start, memory.size());
	session.mapped(memory.address(), window.end() - memory.size(), memory.size());
}

// QEMU's end: no call at all, every descriptor is just closed.
CASE(close, without_unmap)
{
	const Ledger before = read_ledger();
	for (int round = 0; round < 3; ++round) {
		const Memory memory = Memory::pages(256 * page_size());
		Session session;
		busy(session, memory);
	}
	settle(before, "after the last close");
}

// The container's descriptor goes first, and the group's keeps everything alive
// until it goes too.
CASE(close, container_first)
{
	const Ledger before = read_ledger();
	const Memory memory = Memory::pages(16 * page_size());
	{
		Session session;
		session.registered(memory);
		session.mapped(memory.address(), 0, TCE_PAGE);
		const Edu &edu = session.edu();
		session->close();
		both_ways(edu, 0, memory.at(0, TCE_PAGE), 1);
		check(locked_bytes() > before.locked, "the memory was let go too early");
	}
	settle(before, "after the last close");
}

// A process exits, or dies, with windows and mappings: another context cleans
// up after it.
CASE(close, exit_and_kill)
{
	const u64 before = pinned_pages();
	for (bool killed : { false, true }) {
		Child user{ [&] {
			Session session;
			const Memory memory = Memory::pages(64 * page_size());
			busy(session, memory);
			if (killed)
				::kill(::getpid(), SIGKILL);
			::_exit(0);
			return 0;
		} };
		expect(user.wait(), killed ? 128 + SIGKILL : 0, "the user's end");
		settle_pins(before, "after the user's end");
	}
}

// kill -9 while a long MAP (or UNMAP) is under way, at different moments of it:
// the process dies soon, nothing is left, and the kernel does not report a
// lock-up.
CASE(close, kill_in_mid_map)
{
	const u64 SIZE = default_size() / 4;
	const u64 before = pinned_pages();
	for (unsigned round = 0; round < rounds(5); ++round) {
		Child user{ [&] {
			Session session;
			const Memory memory = Memory::aliased(SIZE, MiB);
			session.registered(memory);
			for (u64 iova = 0;; iova = (iova + SIZE) % default_size()) {
				session.mapped(memory.address(), iova, SIZE);
				session.unmapped(iova, SIZE);
			}
			return 0;
		} };
		// The registration shows in the pins; what follows is MAP and
		// UNMAP.
		check(in_time([&] { return pinned_pages() >= before + SIZE / page_size(); }),
		      "the user registers nothing");
		::usleep(round * 17000);
		user.kill();
		expect(user.wait(), 128 + SIGKILL, "the user's end");
		settle_pins(before, cat("after kill number ", round));
	}
}

// The group leaves its container, which loses its IOMMU, and serves in another
// one at once.
CASE(close, unset_container)
{
	const Ledger before = read_ledger();
	const Memory memory = Memory::pages(64 * page_size());
	Session session;
	busy(session, memory);
	session.edu();
	expect(session.leave(0), OK, "UNSET_CONTAINER");
	settle(before, "after UNSET_CONTAINER");
	expect(session->map(memory.address(), 0, TCE_PAGE), refused(EINVAL), "MAP without a group");

	Container other;
	expect(session.group().set_container(other), OK, "SET_CONTAINER of another container");
	expect(other.set_iommu(VFIO_SPAPR_TCE_v2_IOMMU), OK, "SET_IOMMU there");
	expect(other.register_memory(memory), OK, "REGISTER there");
	expect(other.map(memory.address(), 0, TCE_PAGE), OK, "MAP there");
}

// The memory is unmapped from the process while it is registered and mapped for
// the device: its pages stay until they are unregistered, and the device
// reaches them, not their successors.
CASE(close, memory_unmapped_under_the_device)
{
	const Ledger before = read_ledger();
	Session session;
	Memory memory = Memory::pages(16 * page_size());
	session.registered(memory);
	session.mapped(memory.address(), 0, memory.size());
	fill(memory.at(0, TCE_PAGE), 2);
	session.edu().reads(0, Edu::BUFFER_SIZE);
	memory.populate(0, memory.size()); // other pages at the same address
	fill(memory.at(0, TCE_PAGE), 3);
	session.edu().writes(0, Edu::BUFFER_SIZE);
	check(filled(memory.at(0, TCE_PAGE), 3),
	      "the device reaches memory that was never registered");
	session.unmapped(0, default_size());
	expect(session->unregister_memory(memory), OK, "UNREGISTER");
	settle_pins(before.pins, "after UNREGISTER");
}

} // namespace
} // namespace client

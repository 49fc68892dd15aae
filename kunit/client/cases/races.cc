// SPDX-License-Identifier: GPL-2.0-only
//
// Calls at the same time. Each of these made the old driver use freed memory,
// lose windows, or let a device write to memory that was given back.
#include "host.hpp"
#include "options.hpp"
#include "process.hpp"
#include "registry.hpp"
#include "session.hpp"
#include "together.hpp"

#include <atomic>
#include <cerrno>

namespace client {
namespace {

// MAP and UNMAP in a window that another thread removes and makes again: the
// answer is 0, or -ENXIO while there is no window. (Once: a table was used
// after it was freed, within a second.)
CASE(races, map_against_remove, .cpus = 2)
{
	Session session;
	const Memory memory = Memory::pages(64 * page_size());
	session.registered(memory);
	const Window window = session.window(12, 16 * MiB);
	std::atomic<bool> over = false;
	unsigned long done = 0;
	unsigned long missed = 0;
	together({ [&] {
			  while (!over) {
				  const Status map = session->map(memory.address(), window.start,
								  64 * TCE_PAGE);
				  one_of(map, { OK, refused(ENXIO) }, "MAP");
				  const Status unmap = session->unmap(window.start, 32 * TCE_PAGE);
				  one_of(unmap, { OK, refused(ENXIO) }, "UNMAP");
				  ++(map.ok() ? done : missed);
			  }
		  },
		   [&] {
			   try {
				   for (unsigned round = 0; round < rounds(300); ++round) {
					   expect(session->remove(window.start), OK, "REMOVE");
					   const Created again = session->create(12, 16 * MiB);
					   expect(again.status, OK, "CREATE");
					   expect(Hex{ again.window.start }, Hex{ window.start },
						  "its address");
				   }
			   } catch (...) {
				   over = true;
				   throw;
			   }
			   over = true;
		   } });
	note(cat("MAPs done: ", done, ", without a window: ", missed));
	expect(session->remove(window.start), OK, "REMOVE");
	expect(session->unregister_memory(memory), OK, "UNREGISTER");
}

// The default window is made at its first use. Two threads' first MAP: one
// window, both succeed. (Once: two windows, of which the device kept one for
// ever.)
CASE(races, first_use_of_the_default_window, .cpus = 2)
{
	for (unsigned round = 0; round < rounds(40); ++round) {
		Session session;
		const Memory memory = Memory::pages(2 * page_size());
		session.registered(memory);
		const auto user = [&](u64 page) {
			return [&, page] {
				expect(session->map(memory.address() + page * TCE_PAGE, page * MiB,
						    TCE_PAGE),
				       OK, "the first MAP");
			};
		};
		together({ user(0), user(1) });
		if (round == 0)
			for (u64 page : { 0UL, 1UL })
				both_ways(session.edu(), page * MiB,
					  memory.at(page * TCE_PAGE, TCE_PAGE), 1 + page);
		expect(Hex{ session.window(12, MiB).start }, Hex{ DDW_START },
		       "the window after it");
	}
}

// MAP A and MAP B against UNMAP at one address, while B is mapped somewhere
// else for good: B is busy all the time. (Once: table and bookkeeping of an
// entry changed one after the other, B counted as unmapped, was unregistered,
// and the device wrote to its pages.)
CASE(races, map_against_unmap, .cpus = 2)
{
	Session session;
	const Memory one = Memory::pages(page_size());
	const Memory two = Memory::pages(page_size());
	const u64 contested = MiB;
	for (unsigned round = 0; round < rounds(60); ++round) {
		session.registered(one);
		session.registered(two);
		session.mapped(two.address(), 0, TCE_PAGE);
		together({ [&] {
				  for (int turn = 0; turn < 300; ++turn) {
					  session.mapped(one.address(), contested, TCE_PAGE);
					  session.mapped(two.address(), contested, TCE_PAGE);
				  }
			  },
			   [&] {
				   for (int turn = 0; turn < 300; ++turn)
					   session.unmapped(contested, TCE_PAGE);
			   } });
		session.unmapped(contested, TCE_PAGE);
		expect(session->unregister_memory(two), refused(EBUSY),
		       cat("UNREGISTER, round ", round));
		expect(session->unregister_memory(one), OK,
		       cat("UNREGISTER of the other, round ", round));
		session.unmapped(0, TCE_PAGE);
		expect(session->unregister_memory(two), OK, "UNREGISTER after its UNMAP");
	}
}

// MAP of a region that another thread registers and unregisters: the answer is
// 0 or -EINVAL, -EBUSY for the UNREGISTER that comes too late, and in the end
// it balances.
CASE(races, map_against_unregister, .cpus = 2)
{
	Session session;
	const Memory kept = Memory::pages(page_size());
	const Memory fleeting = Memory::pages(32 * page_size());
	session.registered(kept);
	std::atomic<bool> over = false;
	together({ [&] {
			  while (!over) {
				  one_of(session->map(fleeting.address(), 0, 32 * TCE_PAGE),
					 { OK, refused(EINVAL) }, "MAP");
				  session.unmapped(0, 32 * TCE_PAGE);
			  }
		  },
		   [&] {
			   try {
				   for (unsigned round = 0; round < rounds(2000); ++round) {
					   one_of(session->register_memory(fleeting),
						  { OK, refused(EBUSY) }, "REGISTER");
					   one_of(session->unregister_memory(fleeting),
						  { OK, refused(EBUSY) }, "UNREGISTER");
				   }
			   } catch (...) {
				   over = true;
				   throw;
			   }
			   over = true;
		   } });
	session.unmapped(0, default_size());
	one_of(session->unregister_memory(fleeting), { OK, refused(ENOENT) },
	       "the last UNREGISTER");
}

// Threads that work in neighbouring places of one window, over the borders of
// tables and of hypercalls: none disturbs another, and in the end every page of
// a device's view is right.
CASE(races, neighbours, .cpus = 2)
{
	constexpr u64 SPAN = 700; // pages: never a multiple of what one hypercall or one table
				  // takes
	Session session;
	const Memory memory =
		Memory::pages((2 * SPAN * TCE_PAGE + page_size() - 1) & ~(page_size() - 1));
	session.registered(memory);
	const auto worker = [&](u64 which) {
		return [&, which] {
			const u64 base = which * SPAN * TCE_PAGE;
			for (u64 turn = 0; turn < rounds(60); ++turn) {
				const u64 offset = turn * 7 % 40 * TCE_PAGE;
				const u64 size = SPAN * TCE_PAGE - offset;
				session.mapped(memory.address() + base + offset, base + offset,
					       size);
				session.unmapped(base + offset, size / 2 & ~(TCE_PAGE - 1));
			}
			session.mapped(memory.address() + base, base, SPAN * TCE_PAGE);
		};
	};
	together({ worker(0), worker(1) });
	for (u64 page : { 0UL, 511UL, SPAN - 1, SPAN, 2 * SPAN - 1 })
		both_ways(session.edu(), page * TCE_PAGE, memory.at(page * TCE_PAGE, TCE_PAGE),
			  page);
	expect(session->unregister_memory(memory), refused(EBUSY), "UNREGISTER, mapped");
	session.unmapped(0, 2 * SPAN * TCE_PAGE);
	expect(session->unregister_memory(memory), OK, "UNREGISTER");
}

// Ioctls while the last group leaves: they get an error once there is no driver
// behind the container, and never run on a container that is gone.
CASE(races, calls_against_last_detach, .cpus = 2)
{
	const Memory memory = Memory::pages(16 * page_size());
	for (unsigned round = 0; round < rounds(40); ++round) {
		Session session;
		session.registered(memory);
		session.mapped(memory.address(), 0, TCE_PAGE);
		std::atomic<bool> over = false;
		together({ [&] {
				  while (!over) {
					  Info info;
					  session->map(memory.address(), 0, 16 * TCE_PAGE);
					  session->get_info(info);
					  session->unmap(0, TCE_PAGE);
					  session->create(12, MiB);
					  session->remove(DDW_START);
				  }
				  expect(session->map(memory.address(), 0, TCE_PAGE),
					 refused(EINVAL), "MAP without a group");
			  },
			   [&] {
				   const Status status = session.leave(0);
				   over = true;
				   expect(status, OK, "UNSET_CONTAINER");
			   } });
	}
}

// Two processes with a group each do the same work at the same time; neither
// disturbs the other.
CASE(races, two_processes, .groups = 2, .cpus = 2)
{
	const auto user = [](unsigned index) {
		return [index] {
			for (unsigned round = 0; round < rounds(8); ++round) {
				Session session{ index, 1 };
				const Memory memory = Memory::pages(512 * page_size());
				session.registered(memory);
				const Window window = session.window(12, 64 * GiB);
				for (u64 place = 0; place < 64 * GiB; place += 4 * GiB)
					session.mapped(memory.address(), window.start + place,
						       512 * TCE_PAGE);
				session.unmapped(window.start, 32 * GiB);
				if (round == 0)
					both_ways(session.edu(index), window.end() - 4 * GiB,
						  memory.at(0, TCE_PAGE), 1 + index);
			}
			return 0;
		};
	};
	Child first{ user(0) };
	Child second{ user(1) };
	expect(first.wait(), 0, "the first process");
	expect(second.wait(), 0, "the second process");
}

// A group joins and leaves while another group's mappings change; both see the
// same in the end.
CASE(races, map_against_join, .groups = 2, .cpus = 2)
{
	Session session;
	const Memory memory = Memory::pages(64 * page_size());
	session.registered(memory);
	session.mapped(memory.address(), 0, 64 * TCE_PAGE);
	std::atomic<bool> over = false;
	together({ [&] {
			  for (u64 turn = 0; !over; ++turn) {
				  session.mapped(memory.address() + turn % 64 * TCE_PAGE,
						 MiB + turn % 512 * TCE_PAGE, TCE_PAGE);
				  session.unmapped(MiB + (turn + 256) % 512 * TCE_PAGE, TCE_PAGE);
			  }
		  },
		   [&] {
			   Status status;
			   Group group{ host().edus[1].group };
			   for (unsigned round = 0; round < rounds(40) && status.ok(); ++round) {
				   status = group.set_container(session.container());
				   if (status.ok())
					   status = group.unset_container();
			   }
			   over = true;
			   expect(status, OK, "joining and leaving");
		   } });
	session.unmapped(MiB, 512 * TCE_PAGE);
	expect(session.join(1), OK, "the group joins");
	both_ways(session.edu(1), 5 * TCE_PAGE, memory.at(5 * TCE_PAGE, TCE_PAGE), 1);
	fill(memory.at(0, 64 * TCE_PAGE), 2);
	session.edu(1).writes(MiB, Edu::BUFFER_SIZE);
	check(filled(memory.at(0, 64 * TCE_PAGE), 2), "a stale entry reached the joining group");
}

} // namespace
} // namespace client

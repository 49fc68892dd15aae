// SPDX-License-Identifier: GPL-2.0-only
//
// What the programs do that people run: their sequences of calls, and what they
// check in between.
#include "host.hpp"
#include "options.hpp"
#include "registry.hpp"
#include "session.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <map>
#include <random>
#include <vector>

namespace client {
namespace {

// QEMU 10.0 on a 4K-page host tries these `levels` for its guest's default
// window, in this order, and any of them must do: it aborts the virtual machine
// otherwise.
Window qemu_window(Session &session, u32 shift, u64 size, u64 expected)
{
	const unsigned per_level = static_cast<unsigned>(std::countr_zero(page_size())) + 8;
	const unsigned bits = static_cast<unsigned>(std::countr_zero((size >> shift) * 8));
	const Window window = session.window(shift, size, (bits + per_level - 1) / per_level);
	expect(Hex{ window.start }, Hex{ expected }, "the window's address, which QEMU insists on");
	return window;
}

// A virtual machine of QEMU: start, its guest's driver opens a 64-bit window,
// memory is plugged in, the guest reboots, a second device is plugged in, and
// the process ends without a word.
CASE(consumers, qemu, .groups = 2)
{
	Session session;
	expect(session->check_extension(VFIO_TYPE1v2_IOMMU), Status{ 0 }, "type1 v2");
	expect(session->check_extension(VFIO_TYPE1_IOMMU), Status{ 0 }, "type1");
	const Memory ram = Memory::pages(16 * MiB);
	session.registered(ram);
	Info info;
	expect(session->get_info(info), OK, "GET_INFO");
	expect(session->remove(info.dma32_window_start), OK, "REMOVE of the default window");

	const Memory dimm = Memory::pages(4 * MiB);
	for (int boot = 0; boot < 2; ++boot) {
		const Window low = qemu_window(session, 12, GiB, 0);
		for (u64 page = 0; page < 64; ++page) // the guest's firmware and early drivers
			session.mapped(ram.address() + page * TCE_PAGE, page * TCE_PAGE, TCE_PAGE);
		both_ways(session.edu(), TCE_PAGE, ram.at(TCE_PAGE, TCE_PAGE), 1);
		// The guest's 64-bit window maps all of its memory, in its own
		// large pages.
		const Window high = qemu_window(session, 12, 32 * MiB, DDW_START);
		session.mapped(ram.address(), high.start, ram.size());
		both_ways(session.edu(), high.start + 9 * MiB, ram.at(9 * MiB, TCE_PAGE), 2);
		if (boot == 0)
			session.registered(dimm);
		session.mapped(dimm.address(), high.start + 16 * MiB, dimm.size());
		both_ways(session.edu(), high.start + 17 * MiB, dimm.at(MiB, TCE_PAGE), 3);

		session.unmapped(low.start, low.size);
		expect(session->remove(low.start), OK, "REMOVE at reset");
		session.unmapped(high.start, high.size);
		expect(session->remove(high.start), OK, "REMOVE of the 64-bit window at reset");
	}

	qemu_window(session, 12, GiB, 0);
	session.mapped(ram.address(), 0, MiB);
	expect(session.join(1), OK, "a device of another group is plugged in");
	both_ways(session.edu(1), 5 * TCE_PAGE, ram.at(5 * TCE_PAGE, TCE_PAGE), 4);
	expect(session.leave(1), OK, "and unplugged");
	both_ways(session.edu(0), 5 * TCE_PAGE, ram.at(5 * TCE_PAGE, TCE_PAGE), 5);
}

// DPDK with huge pages: type1 has to fail, one window at 0 for everything, each
// huge page registered and mapped as it is allocated, unmapped and unregistered
// as it is freed; a port of another group joins late.
CASE(consumers, dpdk, .groups = 2)
{
	constexpr u64 PAGE = 2 * MiB;
	constexpr u64 COUNT = 16;
	auto memory = Memory::huge(COUNT * PAGE, 21);
	if (!memory)
		skip("no huge pages here");

	Session session;
	check(session->set_iommu(VFIO_TYPE1_IOMMU).value() < 0, "SET_IOMMU of type1 works");
	Info info;
	expect(session->get_info(info), OK, "GET_INFO");
	expect(session->remove(info.dma32_window_start), OK, "REMOVE of the default window");
	check((info.ddw.pgsizes & PAGE) != 0, "no window of 2 MiB pages");
	// Bus addresses are virtual addresses: the window reaches up to the
	// highest one.
	const u64 size = std::bit_ceil(memory->end());
	const Window window = session.window(21, size);
	expect(Hex{ window.start }, Hex{ 0 }, "the window's address, which DPDK insists on");
	const auto add = [&](u64 index) {
		const u64 at = memory->address() + index * PAGE;
		expect(session->register_memory(at, PAGE), OK, "REGISTER of a huge page");
		session.mapped(at, at, PAGE);
	};
	const auto drop = [&](u64 index) {
		const u64 at = memory->address() + index * PAGE;
		session.unmapped(at, PAGE);
		expect(session->unregister_memory(at, PAGE), OK, "UNREGISTER of a huge page");
	};
	for (u64 index = 0; index < COUNT; ++index)
		add(index);
	both_ways(session.edu(), memory->address() + 5 * PAGE, memory->at(5 * PAGE, TCE_PAGE), 6);
	for (u64 index = 1; index < COUNT; index += 2)
		drop(index);
	fill(memory->at(3 * PAGE, TCE_PAGE), 8);
	session.edu().writes(memory->address() + 3 * PAGE, Edu::BUFFER_SIZE);
	check(filled(memory->at(3 * PAGE, TCE_PAGE), 8), "a freed huge page can be written");
	expect(session.join(1), OK, "the second port");
	both_ways(session.edu(1), memory->address() + 6 * PAGE, memory->at(6 * PAGE, TCE_PAGE), 7);
	fill(memory->at(7 * PAGE, TCE_PAGE), 8);
	session.edu(1).writes(memory->address() + 7 * PAGE, Edu::BUFFER_SIZE);
	check(filled(memory->at(7 * PAGE, TCE_PAGE), 8),
	      "the second port reaches a freed huge page");
	for (u64 index = 1; index < COUNT; index += 2)
		add(index);
	both_ways(session.edu(1), memory->address() + 7 * PAGE, memory->at(7 * PAGE, TCE_PAGE), 9);
	for (u64 index = 0; index < COUNT; ++index)
		drop(index);
}

// Anything in any order: random MAPs and UNMAPs in two windows next to a simple
// model of them, then the device is asked about a number of places.
CASE(consumers, random_mappings)
{
	constexpr u64 SPAN = 4096; // pages of each window that are played with
	constexpr u64 PAGES = 256; // of memory
	const u64 seed = options().seed ? options().seed : std::random_device{}();
	note(cat("seed ", seed));
	std::mt19937_64 random{ seed };

	Session session;
	const Memory memory = Memory::pages(PAGES * TCE_PAGE);
	session.registered(memory);
	const Window high = session.window(12, 16 * GiB, 2);
	const u64 bases[] = { default_size() - SPAN * TCE_PAGE, high.start + 5 * GiB };
	std::map<u64, u64> model; // bus page -> page of memory
	std::vector<u64> edges;	  // of the last ranges

	for (int turn = 0; turn < 3000; ++turn) {
		const u64 base = bases[random() % 2];
		const u64 place = random() % SPAN;
		const u64 longest = random() % 4 ? 8 : PAGES;
		const u64 count = std::min(1 + random() % longest, SPAN - place);
		if (turn >= 2900) // where things are most likely to be wrong
			for (u64 edge : { place, place + count - 1, place + count })
				edges.push_back(base + edge * TCE_PAGE);
		if (random() % 3) {
			const u64 from = random() % (PAGES - count + 1);
			session.mapped(memory.address() + from * TCE_PAGE, base + place * TCE_PAGE,
				       count * TCE_PAGE);
			for (u64 page = 0; page < count; ++page)
				model[base + (place + page) * TCE_PAGE] = from + page;
		} else {
			session.unmapped(base + place * TCE_PAGE, count * TCE_PAGE);
			for (u64 page = 0; page < count; ++page)
				model.erase(base + (place + page) * TCE_PAGE);
		}
	}
	for (u64 page = 0; page < PAGES; ++page)
		fill(memory.at(page * TCE_PAGE, TCE_PAGE), 1000 + page);
	for (size_t asked = 0; asked < 20; ++asked) {
		const u64 iova = edges[random() % edges.size()];
		const auto found = model.find(iova);
		if (found == model.end()) {
			session.edu().writes(iova, Edu::BUFFER_SIZE);
			continue; // nothing may have changed: seen below
		}
		both_ways(session.edu(), iova, memory.at(found->second * TCE_PAGE, TCE_PAGE),
			  1000 + found->second);
	}
	for (u64 page = 0; page < PAGES; ++page)
		check(filled(memory.at(page * TCE_PAGE, TCE_PAGE), 1000 + page),
		      cat("DMA to an unmapped place reached page ", page));
}

} // namespace
} // namespace client

// SPDX-License-Identifier: GPL-2.0-only
//
// A platform without dynamic windows (QEMU: -global
// spapr-pci-host-bridge.ddw=off) has its default window and nothing else. The
// old driver could not use even that, and gave the device up.
#include "host.hpp"
#include "registry.hpp"
#include "session.hpp"

#include <cerrno>

namespace client {
namespace {

CASE(no_ddw, default_window, .no_ddw = true)
{
	for (int round = 0; round < 2; ++round) {
		Session session;
		Info info;
		expect(session->get_info(info), OK, "GET_INFO");
		expect(Hex{ info.dma32_window_start }, Hex{ 0 }, "dma32_window_start");
		expect(Hex{ info.dma32_window_size }, Hex{ default_size() }, "dma32_window_size");
		at_most(info.ddw.max_dynamic_windows_supported, 1U,
			"max_dynamic_windows_supported");
		const Memory memory = Memory::pages(16 * page_size());
		session.registered(memory);
		session.mapped(memory.address(), 0, 16 * TCE_PAGE);
		session.mapped(memory.address(), default_size() - TCE_PAGE, TCE_PAGE);
		both_ways(session.edu(), TCE_PAGE, memory.at(TCE_PAGE, TCE_PAGE), 1);
		both_ways(session.edu(), default_size() - TCE_PAGE, memory.at(0, TCE_PAGE), 2);
		session.refuses(EINVAL, "MAP over the end", [&] {
			return session->map(memory.address(), default_size() - TCE_PAGE,
					    2 * TCE_PAGE);
		});
		session.unmapped(0, TCE_PAGE * 2);
		fill(memory.at(TCE_PAGE, TCE_PAGE), 3);
		session.edu().writes(TCE_PAGE, Edu::BUFFER_SIZE);
		check(filled(memory.at(TCE_PAGE, TCE_PAGE), 3), "DMA to an unmapped page landed");
	}
}

// What QEMU does at its start and at every reset: the window is taken out and
// made again, in place. Out of it, nothing is reachable; another shape, or a
// second one, is refused.
CASE(no_ddw, remove_and_create, .no_ddw = true)
{
	Session session;
	const Memory memory = Memory::pages(16 * page_size());
	session.registered(memory);
	for (u64 round = 0; round < 3; ++round) {
		expect(session->remove(0), OK, "REMOVE of the default window");
		if (round == 1) {
			fill(memory.at(0, TCE_PAGE), 4);
			session.edu().writes(0, Edu::BUFFER_SIZE);
			check(filled(memory.at(0, TCE_PAGE), 4),
			      "DMA through the removed window landed");
		}
		session.refuses(ENXIO, "MAP without a window",
				[&] { return session->map(memory.address(), 0, TCE_PAGE); });
		const Ledger before = read_ledger();
		for (u32 shift : { 16U, 24U })
			check(session->create(shift, GiB).status.value() < 0,
			      "CREATE of large pages works");
		check(session->create(12, 2 * GiB).status.value() < 0,
		      "CREATE beyond the window works");
		settle(before, "refused CREATEs changed something");
		const Window window = session.window(12, default_size(), 2);
		expect(Hex{ window.start }, Hex{ 0 }, "its address");
		check(session->create(12, MiB).status.value() < 0, "a second window works");
		session.mapped(memory.address(), 0, TCE_PAGE);
		if (round == 2)
			both_ways(session.edu(), 0, memory.at(0, TCE_PAGE), 5);
	}
}

} // namespace
} // namespace client

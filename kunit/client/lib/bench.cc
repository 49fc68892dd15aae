// SPDX-License-Identifier: GPL-2.0-only
#include "bench.hpp"

#include "host.hpp"
#include "session.hpp"

#include <chrono>
#include <cstdio>
#include <functional>

namespace client {

namespace {

using Clock = std::chrono::steady_clock;

void timed(const char *step, u64 count, const std::function<void()> &work)
{
	const auto start = Clock::now();
	work();
	const std::chrono::duration<double, std::milli> took = Clock::now() - start;
	std::printf("bench %s %s %llu %.3f\n", host().in_tree ? "in-tree" : "vfio-tce", step,
		    static_cast<unsigned long long>(count), took.count());
	std::fflush(stdout);
}

} // namespace

void run_bench(u64 regions)
{
	constexpr u64 SIZE = 64 * KiB;
	check(regions >= 1 && regions * SIZE <= default_size(), "regions: 1 to 16384");

	Session session;
	const Memory memory = Memory::pages(regions * SIZE);
	const auto each = [&](const auto &work) {
		for (u64 index = 0; index < regions; ++index)
			expect(work(memory.address() + index * SIZE, index * SIZE), OK,
			       cat("region ", index));
	};
	const Ledger before = read_ledger();
	timed("register", regions, [&] {
		each([&](u64 address, u64) { return session->register_memory(address, SIZE); });
	});
	timed("map", regions, [&] {
		each([&](u64 address, u64 iova) { return session->map(address, iova, SIZE); });
	});
	timed("unmap", 1, [&] { session.unmapped(0, regions * SIZE); });
	timed("unregister", regions, [&] {
		each([&](u64 address, u64) { return session->unregister_memory(address, SIZE); });
	});
	settle_pins(before.pins, "after the benchmark");
}

} // namespace client

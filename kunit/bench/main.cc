// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the engine costs, entry by entry, over a port that does nothing.
 *
 *	bench		times, by Google Benchmark
 *	bench --counts	for valgrind's callgrind: each path is dumped by its
 *			name, and a line says NAME ENTRIES CALLS BYTES
 *	bench --counts NAME...	only those
 *	bench --contention	what vCPUs do to each other; lines KILL_US VCPUS
 *			ONE_LEAF OWN_LEAVES, the last two updates a second
 */
#include "contention.hpp"
#include "paths.hpp"

#include <benchmark/benchmark.h>
#include <valgrind/callgrind.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string_view>

namespace {

using Clock = std::chrono::steady_clock;

Clock::time_point began;
Clock::duration took;

void begin()
{
	began = Clock::now();
}

void end()
{
	took = Clock::now() - began;
}

/* What is counted so far is nobody's; callgrind knows all callers, though. */
void zero()
{
	CALLGRIND_ZERO_STATS;
}

const char *counted;

void dump()
{
	CALLGRIND_DUMP_STATS_AT(counted);
}

int count(const std::vector<bench::Path> &all, int argc, char **argv)
{
	for (const bench::Path &path : all) {
		const bool wanted = argc == 0 ||
				    std::any_of(argv, argv + argc, [&](const char *name) {
					    return path.name == name;
				    });

		if (!wanted)
			continue;

		counted = path.name.c_str();

		const bench::Cost cost = bench::run(path, zero, dump);

		std::printf("%s %llu %llu %llu\n", path.name.c_str(), cost.entries, cost.calls,
			    cost.allocated);
	}
	return 0;
}

int contention()
{
	for (unsigned int us : { 2u, 20u, 200u }) {
		for (unsigned int n = 1; n <= 16; n *= 2)
			std::printf("%u %u %.0f %.0f\n", us, n,
				    bench::updates_per_second(n, bench::Where::OneLeaf, us * 1000),
				    bench::updates_per_second(n, bench::Where::OwnLeaf, us * 1000));
	}
	return 0;
}

} /* namespace */

int main(int argc, char **argv)
{
	const std::vector<bench::Path> all = bench::paths();

	if (argc > 1 && std::string_view(argv[1]) == "--counts")
		return count(all, argc - 2, argv + 2);
	if (argc > 1 && std::string_view(argv[1]) == "--contention")
		return contention();
	for (const bench::Path &path : all) {
		benchmark::RegisterBenchmark(
			path.name.c_str(),
			[&path](benchmark::State &state) {
				unsigned long long entries = 0;

				for ([[maybe_unused]] auto _ : state) {
					entries += bench::run(path, begin, end).entries;
					state.SetIterationTime(
						std::chrono::duration<double>(took).count());
				}
				state.SetItemsProcessed(static_cast<long>(entries));
			})
			->UseManualTime()
			->Unit(benchmark::kMillisecond);
	}
	benchmark::Initialize(&argc, argv);
	if (benchmark::ReportUnrecognizedArguments(argc, argv))
		return 2;
	benchmark::RunSpecifiedBenchmarks();
	return 0;
}

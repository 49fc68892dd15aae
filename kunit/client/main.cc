// SPDX-License-Identifier: GPL-2.0-only
//
// Drives /dev/vfio on a POWER host against QEMU's `edu` devices, as QEMU and
// DPDK drive it and as they never should, and checks that real DMA goes where
// it must and nowhere else.
#include "bench.hpp"
#include "host.hpp"
#include "hostile/hostile.hpp"
#include "options.hpp"
#include "registry.hpp"
#include "session.hpp"

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace {

using namespace client;

constexpr const char *USAGE =
	"usage: client [--list] [--skip GLOB] [--rounds N] [--seed N] [GLOB...]  run cases, print KTAP\n"
	"       client bench [REGIONS]                                measure, print `bench` lines\n"
	"       client cycle                                          be a user of every group once\n"
	"       client hold           use every group until the end of standard input, say when it begins\n"
	"       client hostile ...    random calls of many processes, in rounds; hostile --help\n";

int bench(int argc, char **argv)
{
	run_bench(argc > 2 ? std::strtoull(argv[2], nullptr, 0) : 16384);
	return 0;
}

// One user of all groups, with both windows, whose devices work before the wait
// and after it.
void hold()
{
	Session session{ static_cast<unsigned>(host().edus.size()) };
	const Memory memory = Memory::pages(2 * page_size());
	session.registered(memory);
	const Window window = session.window(12, GiB);
	session.mapped(memory.address(), 0, TCE_PAGE);
	session.mapped(memory.address() + page_size(), window.start, TCE_PAGE);
	const auto use = [&](u64 seed) {
		for (unsigned index = 0; index < host().edus.size(); ++index) {
			both_ways(session.edu(index), 0, memory.at(0, TCE_PAGE), ++seed);
			both_ways(session.edu(index), window.start,
				  memory.at(page_size(), TCE_PAGE), ++seed);
		}
	};
	use(1);
	note("held");
	while (std::getchar() != EOF)
		continue;
	use(100);
}

int run(int argc, char **argv)
{
	Selection selection;
	bool only_list = false;
	for (int index = 1; index < argc; ++index) {
		const std::string_view word{ argv[index] };
		const bool has_value = index + 1 < argc;
		if (word == "--list")
			only_list = true;
		else if (word == "--skip" && has_value)
			selection.unwanted.emplace_back(argv[++index]);
		else if (word == "--rounds" && has_value)
			options().rounds =
				static_cast<unsigned>(std::strtoul(argv[++index], nullptr, 0));
		else if (word == "--seed" && has_value)
			options().seed = std::strtoul(argv[++index], nullptr, 0);
		else if (word.starts_with("-"))
			return std::fputs(USAGE, stderr), 2;
		else
			selection.wanted.emplace_back(word);
	}
	if (only_list) {
		list_cases(selection);
		return 0;
	}
	set_host(prepare_host());
	return run_cases(selection);
}

} // namespace

int main(int argc, char **argv)
{
	try {
		const std::string_view word{ argc > 1 ? argv[1] : "" };
		if (word == "linger")
			return linger_after_exec();
		if (word == "bench" || word == "cycle" || word == "hold" || word == "hostile") {
			set_host(prepare_host());
			if (word == "hostile")
				return run_hostile(argc, argv);
			if (word == "bench")
				return bench(argc, argv);
			word == "hold" ? hold() : next_user();
			return 0;
		}
		return run(argc, argv);
	} catch (const Failure &failure) {
		std::printf("Bail out! %s\n", failure.text.c_str());
	} catch (const Skip &skipped) {
		std::printf("Bail out! %s\n", skipped.why.c_str());
	}
	return 1;
}

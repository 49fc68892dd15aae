// SPDX-License-Identifier: GPL-2.0-only
#include "hostile.hpp"

#include "files.hpp"
#include "host.hpp"
#include "patience.hpp"
#include "process.hpp"
#include "round.hpp"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace client {

namespace {

using namespace hostile;

constexpr const char *USAGE =
	"usage: client hostile [--seconds N] [--seed N] [--round N] [--patience N] [--most-entries N]\n"
	"  --round N         only this round of the seed, which prints both\n"
	"  --patience N      seconds that one call may take (120)\n"
	"  --most-entries N  largest window that is asked for (2^27; pSeries' firmware dies of 2^32)\n";

constexpr size_t MOST_LINES = 400;
constexpr unsigned MOST_FAILURES = 5;
// What the machine may lose of its memory over all rounds: caches, a
// sanitizer's quarantine.
constexpr u64 MOST_LOST = 192 * MiB;
// What the kernel's own may grow by where there is no quarantine; where there
// is one, kmemleak looks.
constexpr u64 MOST_GROWN = 12 * MiB;
constexpr u64 MISERS = 8; // one round in so many

struct Wishes {
	u64 seconds = 20;
	u64 seed = 0;
	u64 round = 0;
	u64 patience = PATIENCE_S;
	u64 most_entries = u64{ 1 } << 27;
};

bool understood(int argc, char **argv, Wishes &wishes)
{
	for (int index = 2; index + 1 < argc; index += 2) {
		const std::string_view word{ argv[index] };
		const u64 value = std::strtoull(argv[index + 1], nullptr, 0);
		if (word == "--seconds")
			wishes.seconds = value;
		else if (word == "--seed")
			wishes.seed = value;
		else if (word == "--round")
			wishes.round = value;
		else if (word == "--patience")
			wishes.patience = value;
		else if (word == "--most-entries")
			wishes.most_entries = value;
		else
			return false;
	}
	return argc % 2 == 0;
}

// What can be had, when caches are dropped.
u64 available()
{
	write_file("/proc/sys/vm/drop_caches", "3");
	return read_field("/proc/meminfo", "MemAvailable:").value_or(0) * KiB;
}

Verdict play(Rounds &rounds, u64 seed, u64 number, const Wishes &wishes, std::string &what)
{
	const u64 own = seed_of(seed, number);
	if (number % MISERS || !host().ddw) {
		what = Plan{ own, { wishes.most_entries } }.text();
		return rounds.play(own);
	}
	what = "one user without charge";
	Verdict verdict;
	const Outcome outcome = run_in_child([&] { miser(own, wishes.most_entries); }, CASE_S);
	verdict.trusted = outcome.kind != Outcome::Kind::hung;
	if (outcome.kind != Outcome::Kind::passed)
		verdict.wrong.push_back(outcome.text);
	return verdict;
}

void explain(const Verdict &verdict)
{
	size_t lines = 0;
	for (const auto *all : { &verdict.wrong, &verdict.calls })
		for (const std::string &line : *all)
			if (++lines < MOST_LINES)
				note(line);
}

} // namespace

int linger_after_exec()
{
	return linger();
}

int run_hostile(int argc, char **argv)
{
	Wishes wishes;
	if (!understood(argc, argv, wishes))
		return std::fputs(USAGE, stderr), 2;
	if (!wishes.seed)
		wishes.seed = static_cast<u64>(std::time(nullptr)) << 16 ^
			      static_cast<u64>(Clock::now().time_since_epoch().count());
	std::printf("KTAP version 1\n");
	note(cat("seed ", wishes.seed));
	// Of those whose parents are killed.
	::prctl(PR_SET_CHILD_SUBREAPER, 1);
	::signal(SIGPIPE, SIG_IGN);
	// Where there are huge pages, a few are to be had.
	write_file("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "12");

	Rounds rounds{ { wishes.most_entries }, static_cast<unsigned>(wishes.patience) };
	const auto until = Clock::now() + std::chrono::seconds{ wishes.seconds };
	const u64 first = wishes.round ? wishes.round : 1;
	u64 number = first;
	unsigned failures = 0;
	u64 calls = 0;
	bool trusted = true;
	u64 had = 0;
	u64 own = 0;
	do {
		std::string what;
		const auto begin = Clock::now();
		const Verdict verdict = play(rounds, wishes.seed, number, wishes, what);
		const auto took =
			std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
		explain(verdict);
		std::printf("%s %llu hostile.round_%llu # %lld ms, %llu calls, seed %llu: %s\n",
			    verdict.wrong.empty() ? "ok" : "not ok",
			    static_cast<unsigned long long>(number - first + 1),
			    static_cast<unsigned long long>(number),
			    static_cast<long long>(took.count()),
			    static_cast<unsigned long long>(verdict.count),
			    static_cast<unsigned long long>(wishes.seed), what.c_str());
		std::fflush(stdout);
		calls += verdict.count;
		failures += !verdict.wrong.empty();
		trusted = verdict.trusted;
		if (number - first == 2) {
			had = available();
			own = kernels_own();
		}
		++number;
	} while (trusted && failures < MOST_FAILURES && !wishes.round && Clock::now() < until);

	write_file("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "0");
	const u64 have = available();
	const u64 owns = kernels_own();
	const u64 grown = own ? owns - std::min(owns, own) : 0;
	note(cat("calls: ", calls,
		 ", memory lost since the third round: ", (had - std::min(had, have)) / KiB,
		 " kB, the kernel's own has grown by ", grown / KiB, " kB"));
	for (const std::string &line : Books::get().tally())
		note(line);
	const bool lost = had > have + MOST_LOST ||
			  (grown > MOST_GROWN && !exists("/sys/kernel/debug/kmemleak"));
	failures += lost;
	std::printf("%s %llu hostile.memory\n", lost ? "not ok" : "ok",
		    static_cast<unsigned long long>(number++ - first + 1));
	std::printf("1..%llu\n", static_cast<unsigned long long>(number - first));
	if (!trusted)
		std::printf("Bail out! the machine cannot be used any more\n");
	std::fflush(stdout);
	return failures ? 1 : 0;
}

} // namespace client

// SPDX-License-Identifier: GPL-2.0-only
//
// A guest that asks its host for what it must not have, under a VMM that helps
// it, round after round until the time is over. After each round nothing of
// them may be left, nobody else may have been hurt, and the kernel must not
// have complained.
#include "board.hpp"

#include "files.hpp"
#include "host.hpp"
#include "ledger.hpp"
#include "patience.hpp"
#include "process.hpp"
#include "session.hpp"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <utility>
#include <vector>

namespace {

using namespace hostile;
using namespace client;

constexpr const char *USAGE =
	"usage: hostile [--seconds N] [--rounds N] [--seed N] [--vcpus N] [--always WHAT] [--never WHAT]\n"
	"WHAT:";

struct Options {
	u64 seconds = 60;
	u64 rounds = -1UL;
	u64 seed = 0;
	unsigned vcpus = 2;
	std::vector<std::string_view> always;
	std::vector<std::string_view> never;
};

// What a round may have, and how often.
struct Flavour {
	std::string_view name;
	bool Plan::*flag;
	unsigned percent;
};
constexpr std::array FLAVOURS{
	Flavour("foreign", &Plan::foreign, 30), Flavour("keeps", &Plan::keeps, 25),
	Flavour("both", &Plan::both, 20),	Flavour("tables", &Plan::tables, 100),
	Flavour("outside", &Plan::outside, 80), Flavour("windows", &Plan::windows, 70),
	Flavour("memory", &Plan::memory, 70),	Flavour("slots", &Plan::slots, 30),
	Flavour("early", &Plan::early, 10),	Flavour("orderly", &Plan::orderly, 30),
	Flavour("leaves", &Plan::leaves, 50),
};

u64 slice_size()
{
	return std::max(64 * KiB, 4 * page_size());
}

double seconds_since(Clock::time_point start)
{
	return std::chrono::duration<double>(Clock::now() - start).count();
}

// A process of a round, perhaps not our child.
class Process {
public:
	explicit Process(pid_t pid)
		: pid_{ pid },
		  fd_{ pid > 0 ? static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)) : -1 }
	{
	}
	Process(const Process &) = delete;

	bool runs() const { return fd_ && !ended_within(0); }
	void kill()
	{
		if (fd_)
			::kill(pid_, SIGKILL);
		wait();
	}
	// Answers what waitpid() says, or 0 for who is not our child.
	int wait()
	{
		int status = 0;
		if (fd_ && !ended_within(PATIENCE_S * 1000))
			fail(cat("process ", pid_, " does not end"));
		if (fd_)
			::waitpid(pid_, &status, WNOHANG);
		fd_.close();
		return status;
	}

private:
	bool ended_within(int milliseconds) const
	{
		pollfd event{ fd_.get(), POLLIN, 0 };
		return ::poll(&event, 1, milliseconds) == 1;
	}

	pid_t pid_;
	Fd fd_;
};

class Round {
public:
	Round(const Plan &plan, Random &random)
		: plan_{ plan },
		  random_{ random },
		  data_{ Memory::shared(SLICES * slice_size()) },
		  foreign_data_{ Memory::shared(SLICES * slice_size()) },
		  board_memory_{ Memory::shared(sizeof(Board)) },
		  board_{ *new(board_memory_.bytes().data()) Board{} }
	{
	}

	~Round()
	{
		try {
			end_all();
		} catch (const Failure &failure) {
			note(failure.text);
		}
	}

	void run()
	{
		Process vmm{ start() };
		if (plan_.early) {
			::usleep(static_cast<unsigned>(random_.below(1000000)));
			vmm.kill();
			return;
		}
		await(board_.ready, vmm);
		Process foreign{ board_.foreign };
		if (plan_.foreign)
			await(board_.foreign_ready, vmm);
		::usleep(static_cast<unsigned>(500000 + random_.below(3000000)));
		check(vmm.runs() || board_.complained, "the VMM ended by itself");

		if (plan_.foreign && random_.percent(60)) {
			foreign.kill();
			set_canary(foreign_data_.bytes());
			::usleep(1500000); // a device writes ten times a second
			check_canary(foreign_data_.bytes(), "memory of a process that is gone",
				     board_);
		}
		if (plan_.orderly) {
			board_.over = true;
			const int status = vmm.wait();
			check(status == 0 || board_.complained, "the VMM's orderly end");
		}
		vmm.kill();
		if (random_.percent(50))
			::usleep(100000);
		foreign.kill();
	}

	// All are gone after this, and their memory is ours.
	void finish()
	{
		end_all();
		set_canary(data_.bytes());
		set_canary(foreign_data_.bytes());
	}
	// After others have used the groups.
	void check_memory()
	{
		check_canary(data_.bytes(), "memory of a guest that is gone", board_);
		check_canary(foreign_data_.bytes(), "memory of a foreign guest that is gone",
			     board_);
	}
	const Board &board() const { return board_; }

private:
	pid_t start()
	{
		std::fflush(stdout);
		const pid_t pid = ::fork();
		check(pid >= 0, "fork");
		::setpgid(pid, 0);
		if (pid)
			return processes_ = pid;
		::prctl(PR_SET_PDEATHSIG, SIGKILL);
		try {
			run_vmm(plan_, board_, data_, foreign_data_);
		} catch (const Failure &failure) {
			board_.complain(failure.text);
		}
		::_exit(board_.complained);
	}
	void await(const std::atomic<bool> &flag, const Process &vmm)
	{
		const auto begin = Clock::now();
		while (!flag && !board_.complained) {
			check(vmm.runs(), "the VMM ended before its guest ran");
			check(seconds_since(begin) < PATIENCE_S, "the guest does not start");
			::usleep(1000);
		}
	}

	// All that the VMM has started; who lost its parent is our child.
	void end_all()
	{
		if (!processes_)
			return;
		const pid_t processes = std::exchange(processes_, 0);
		const auto begin = Clock::now();
		::kill(-processes, SIGKILL);
		while (::waitpid(-processes, nullptr, WNOHANG) >= 0) {
			check(seconds_since(begin) < PATIENCE_S, "a process does not end");
			::usleep(1000);
		}
	}

	const Plan &plan_;
	Random &random_;
	pid_t processes_ = 0;
	Memory data_;
	Memory foreign_data_;
	Memory board_memory_;
	Board &board_;
};

// Tables come and go in every other round, and a guest goes over the end of
// theirs in most of the rest.
Plan make_plan(const Options &options, u64 round, Random &random)
{
	Plan plan;
	plan.seed = random.number();
	plan.vcpus = options.vcpus;
	for (const Flavour &flavour : FLAVOURS) {
		const bool drawn = random.percent(flavour.percent);
		plan.*flavour.flag = !std::ranges::count(options.never, flavour.name) &&
				     (drawn || std::ranges::count(options.always, flavour.name));
	}
	plan.foreign &= host().edus.size() > 1;
	plan.keeps &= plan.foreign;
	plan.both &= host().edus.size() > 1 && !plan.foreign;
	plan.tables &= round % 2;
	plan.outside &= !plan.tables;
	plan.orderly &= !plan.early;
	plan.leaves &= plan.orderly;
	plan.errors = random.one_of({ 0u, 10u, 50u, 100u });
	return plan;
}

std::string describe(const Plan &plan)
{
	std::string text;
	for (const Flavour &flavour : FLAVOURS)
		if (plan.*flavour.flag)
			text += cat(' ', flavour.name);
	return cat(text, ", errors ", plan.errors, '%');
}

std::string describe(const Counts &counts)
{
	return cat(counts.calls.load(), " hypercalls, ", counts.done.load(), " done, ",
		   counts.for_vmm.load(), " for the VMM, ", counts.ioctls.load(), " ioctls, ",
		   counts.attached.load(), " tables attached, ", counts.dma.load(), " DMA, ",
		   counts.canaries.load(), " times memory back");
}

// There was a guest whose calls reached tables of ours, and a device beside it.
bool was_active(const Counts &counts)
{
	return counts.done && counts.refused && counts.attached && counts.dma;
}

// What a round may not leave behind.
class Judge {
public:
	Judge()
	{
		for (Ledger before = read_ledger(); before != ledger_; before = read_ledger()) {
			ledger_ = before;
			::usleep(300000);
		}
	}

	// Warnings that come once come again.
	void begin(const Plan &plan)
	{
		outside_ = plan.outside;
		write_file("/sys/kernel/debug/clear_warn_once", "1");
	}

	// False when the kernel is not to be trusted any more.
	bool judge(Round &round)
	{
		if (round.board().complained)
			complain(round.board().complaint);
		if (!listen())
			return false;
		try {
			settle(ledger_, "left behind");
		} catch (const Failure &failure) {
			complain(failure.text);
			ledger_ = read_ledger();
		}
		const Outcome outcome = run_in_child(next_user, PATIENCE_S);
		if (outcome.kind != Outcome::Kind::passed)
			complain("the next user cannot work: " + outcome.text);
		const bool before = round.board().complained;
		round.check_memory();
		if (!before && round.board().complained)
			complain(round.board().complaint);
		return listen() && outcome.kind != Outcome::Kind::hung;
	}
	void complain(const std::string &text)
	{
		note("found: " + text);
		++complaints_;
	}
	bool listen()
	{
		const KernelLog::News news = log_.news();
		for (const std::string &line : news.bad)
			if (!ours_to_bear(line))
				complain("kernel: " + line);
		return !news.fatal;
	}
	unsigned complaints() const { return complaints_; }

private:
	// KVM's own: it was killed between two calls that belong together; it
	// asked us for entries that no window has, and our error keeps it from
	// writing over its table's end.
	bool ours_to_bear(const std::string &line) const
	{
		return line.find("kvm_vfio_release+") != line.npos ||
		       (outside_ && line.find("kvmppc_tce_iommu_unmap+") != line.npos);
	}

	KernelLog log_;
	bool outside_ = false;
	Ledger ledger_;
	unsigned complaints_ = 0;
};

int usage()
{
	std::fputs(USAGE, stderr);
	for (const Flavour &flavour : FLAVOURS)
		std::fprintf(stderr, " %s", flavour.name.data());
	std::fputc('\n', stderr);
	return 2;
}

int run(const Options &options)
{
	std::printf("KTAP version 1\n1..1\n");
	note(cat("seed ", options.seed, ", ", options.vcpus, " vCPUs"));
	::prctl(PR_SET_CHILD_SUBREAPER, 1);
	set_host(prepare_host());
	Judge judge;
	const auto start = Clock::now();
	Random random{ options.seed };
	u64 rounds = 0;
	bool trusted = true;
	bool active = false;
	while (trusted && rounds < options.rounds &&
	       seconds_since(start) < static_cast<double>(options.seconds)) {
		Random own{ random.number() };
		const Plan plan = make_plan(options, ++rounds, own);
		note(cat("round ", rounds, " at ", static_cast<long>(seconds_since(start)),
			 " s:", describe(plan)));
		judge.begin(plan);
		Round round{ plan, own };
		for (const auto step : { &Round::run, &Round::finish })
			try {
				(round.*step)();
			} catch (const Failure &failure) {
				judge.complain(failure.text);
			}
		note(cat("    ", describe(round.board().counts)));
		active |= was_active(round.board().counts);
		trusted = judge.judge(round);
	}
	if (trusted && !active)
		judge.complain("no guest did anything");
	const bool good = trusted && !judge.complaints() && rounds;
	if (!trusted)
		note("the kernel is broken");
	std::printf("%s 1 hostile.guest # %llu rounds, %.0f s\n", good ? "ok" : "not ok",
		    static_cast<unsigned long long>(rounds), seconds_since(start));
	return good ? 0 : 1;
}

} // namespace

int main(int argc, char **argv)
{
	Options options;
	options.seed =
		static_cast<u64>(std::chrono::system_clock::now().time_since_epoch().count()) %
		1000000000;
	for (int index = 1; index < argc; ++index) {
		const std::string_view word{ argv[index] };
		const auto value = [&] {
			return index + 1 < argc ? std::strtoul(argv[++index], nullptr, 0) : 0;
		};
		if (word == "--seconds")
			options.seconds = value();
		else if (word == "--rounds")
			options.rounds = value();
		else if (word == "--seed")
			options.seed = value();
		else if (word == "--vcpus")
			options.vcpus = static_cast<unsigned>(std::clamp(value(), 1ul, 16ul));
		else if (word == "--always" && index + 1 < argc)
			options.always.emplace_back(argv[++index]);
		else if (word == "--never" && index + 1 < argc)
			options.never.emplace_back(argv[++index]);
		else
			return usage();
	}
	try {
		return run(options);
	} catch (const Failure &failure) {
		std::printf("Bail out! %s\n", failure.text.c_str());
	}
	return 1;
}

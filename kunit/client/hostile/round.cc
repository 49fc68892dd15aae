// SPDX-License-Identifier: GPL-2.0-only
#include "round.hpp"

#include "files.hpp"
#include "host.hpp"
#include "patience.hpp"
#include "process.hpp"
#include "session.hpp"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace client::hostile {

namespace {

constexpr unsigned MOST_SECONDS = 5; // of a round, until it is over

void reap_all()
{
	int status = 0;
	while (::waitpid(-1, &status, WNOHANG) > 0)
		continue;
}

bool gone(pid_t pid)
{
	return ::kill(pid, 0) != 0 && errno == ESRCH;
}

// Where the threads of a process are in the kernel.
void show_stacks(pid_t pid, std::vector<std::string> &lines)
{
	const std::string tasks = cat("/proc/", pid, "/task/");
	for (const std::string &task : list(tasks)) {
		lines.push_back(cat("process ", pid, " thread ", task, ' ',
				    read_file(tasks + task + "/comm").value_or("?"), " state ",
				    read_file(tasks + task + "/wchan").value_or("?"), ':'));
		std::istringstream stack{ read_file(tasks + task + "/stack").value_or("") };
		for (std::string line; std::getline(stack, line);)
			lines.push_back("    " + line);
	}
}

// A user of all groups, and DMA by each: it reaches what is mapped, and nothing
// that was given back.
void whole()
{
	next_user();
	Session session{ static_cast<unsigned>(host().edus.size()) };
	const Memory memory = Memory::pages(page_size());
	session.registered(memory);
	session.mapped(memory.address(), 0, TCE_PAGE);
	for (unsigned index = 0; index < host().edus.size(); ++index)
		both_ways(session.edu(index), 0, memory.at(0, TCE_PAGE), index);
	expect(session->unregister_memory(memory), refused(EBUSY), "UNREGISTER of what is mapped");
	session.unmapped(0, TCE_PAGE);
	expect(session->unregister_memory(memory), OK, "UNREGISTER");
	fill(memory.at(0, TCE_PAGE), 99);
	for (unsigned index = 0; index < host().edus.size(); ++index)
		session.edu(index).writes(0, Edu::BUFFER_SIZE);
	check(filled(memory.at(0, TCE_PAGE), 99),
	      "memory was written to after it had been given back");
}

} // namespace

Plan::Plan(u64 from, Limits limit) : seed{ from }, limits{ limit }
{
	Random random{ from };
	users = 1 + random.index(4);
	threads = 1 + random.index(3);
	calls = 200 + random.below(2000);
	layout = random.one_in(8) ? 3 : random.index(3);
	slow = random.one_in(3);
	kept = random.one_in(2);
	foreign = users > 1 && random.one_in(3);
	// In the others nobody has to get on beside the slow one.
	orderly = random.one_in(2) || slow;
}

std::string Plan::text() const
{
	return cat(users, " users of ", threads, " threads, ", calls, " calls, layout ", layout,
		   slow ? ", slow" : "", kept ? ", kept" : "", foreign ? ", foreign" : "",
		   orderly ? ", orderly" : ", killed");
}

Rounds::Rounds(Limits limits, unsigned patience) : limits_{ limits }, patience_{ patience }
{
	for (Ledger before = read_ledger(); before != ledger_; before = read_ledger()) {
		ledger_ = before;
		::usleep(300000);
	}
}

bool Rounds::heard(Complaints &wrong)
{
	const KernelLog::News news = log_.news();
	for (const std::string &line : news.bad)
		wrong.push_back("kernel: " + line);
	return news.fatal;
}

// Stops, continues and kills them, and changes what they may lock.
void Rounds::disturb(const Plan &plan)
{
	static constexpr u64 LIMITS[] = { 0, 64 * KiB, 16 * MiB, 64 * MiB, 64 * MiB, 3 * GiB };
	Books &books = Books::get();
	Random random{ seed_of(plan.seed, 0x10000) };
	const auto until = Clock::now() + std::chrono::seconds{ MOST_SECONDS };
	while (Clock::now() < until && books.calls() < plan.calls) {
		::usleep(static_cast<u32>(1000 + random.below(40000)));
		const auto people = books.people();
		if (people.empty())
			continue;
		const Person &victim = *people[random.below(people.size())];
		// Its number may be somebody else's by now.
		if (!victim.prey || ::getpgid(victim.pid) == ::getpgrp())
			continue;
		switch (random.below(12)) {
		case 0:
			::kill(victim.pid, SIGKILL);
			break;
		case 1:
		case 2: {
			const rlimit limit{ random.of(LIMITS), RLIM_INFINITY };
			::prlimit(victim.pid, RLIMIT_MEMLOCK, &limit, nullptr);
			break;
		}
		case 3:
		case 4:
		case 5:
			::kill(victim.pid, SIGSTOP);
			break;
		default:
			::kill(victim.pid, SIGCONT);
			break;
		}
	}
}

// Who obeys lets go of its files, also while somebody who does not is in a call
// that never ends; that one is killed afterwards. False when somebody hangs.
bool Rounds::all_close(Complaints &wrong)
{
	Books &books = Books::get();
	books.stop = true;
	const auto pending = [&](bool all) {
		reap_all();
		bool some = false;
		for (Person *person : books.people()) {
			if (person->state != State::busy || gone(person->pid))
				continue;
			if (!all && !person->obeys)
				continue;
			// It was stopped, or started as everybody else was
			// told.
			::kill(person->pid, person->obeys ? SIGCONT : SIGKILL);
			some = true;
		}
		return some;
	};
	if (within(patience_, [&] { return !pending(false); }) &&
	    within(patience_, [&] { return !pending(true); })) {
		books.check = true;
		return true;
	}
	wrong.push_back(cat("a call is not done after ", patience_, " s"));
	for (const Person *person : books.people())
		if (person->state == State::busy)
			show_stacks(person->pid, wrong);
	return false;
}

bool Rounds::all_die(pid_t stage, Complaints &wrong)
{
	const auto none_left = [] {
		reap_all();
		return ::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD;
	};
	if (within(patience_, none_left))
		return true;
	wrong.push_back(cat("a process is not dead after ", patience_, " s"));
	for (const std::string &name : list("/proc")) {
		const pid_t pid = std::atoi(name.c_str());
		if (pid > 0 && ::getpgid(pid) == stage)
			show_stacks(pid, wrong);
	}
	return false;
}

bool Rounds::end(const Plan &plan, pid_t stage, Complaints &wrong)
{
	bool in_time = true;
	if (plan.orderly) {
		in_time = all_close(wrong);
		// They look at their accounts.
		within(patience_, [&] {
			reap_all();
			return ::waitpid(-1, nullptr, WNOHANG) < 0;
		});
	}
	::kill(-stage, SIGKILL);
	return all_die(stage, wrong) && in_time;
}

// All is as it was, and works.
bool Rounds::clean(Complaints &wrong)
{
	if (heard(wrong))
		return false;
	try {
		settle(ledger_, "left behind by the round");
	} catch (const Failure &failure) {
		wrong.push_back(failure.text);
		ledger_ = read_ledger();
	}
	const Outcome outcome = run_in_child(whole, PATIENCE_S);
	if (outcome.kind != Outcome::Kind::passed)
		wrong.push_back("the next user cannot work: " + outcome.text);
	return outcome.kind != Outcome::Kind::hung && !heard(wrong);
}

Verdict Rounds::play(u64 seed)
{
	Books &books = Books::get();
	const Plan plan{ seed, limits_ };
	books.begin(seed);
	std::fflush(stdout);
	const pid_t pid = ::fork();
	if (pid < 0)
		fail(cat("fork: ", Status{ -errno }));
	if (pid == 0) {
		::setpgid(0, 0);
		int code = 1;
		try {
			code = stage(plan);
		} catch (const Failure &failure) {
			books.report(failure.text);
		}
		::_exit(code);
	}
	::setpgid(pid, pid);
	disturb(plan);

	Verdict verdict;
	verdict.trusted = end(plan, pid, verdict.wrong);
	verdict.trusted = clean(verdict.wrong) && verdict.trusted;
	for (const std::string &problem : books.problems())
		verdict.wrong.push_back(problem);
	if (!verdict.wrong.empty())
		verdict.calls = books.last_calls(false);
	verdict.count = books.calls();
	return verdict;
}

} // namespace client::hostile

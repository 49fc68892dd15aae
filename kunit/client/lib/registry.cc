// SPDX-License-Identifier: GPL-2.0-only
#include "registry.hpp"

#include "fault.hpp"
#include "host.hpp"
#include "ledger.hpp"
#include "patience.hpp"
#include "process.hpp"
#include "session.hpp"

#include <fnmatch.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace client {

namespace {

bool matches(const std::vector<std::string> &globs, const std::string &name)
{
	return std::ranges::any_of(globs, [&](const std::string &glob) {
		return ::fnmatch(glob.c_str(), name.c_str(), 0) == 0;
	});
}

std::vector<Case> select(const Selection &selection)
{
	std::vector<Case> chosen;
	std::ranges::copy_if(cases(), std::back_inserter(chosen),
			     [&](const Case &entry) { return selection.has(entry); });
	std::ranges::stable_sort(chosen, {}, [](const Case &entry) { return entry.full_name(); });
	return chosen;
}

std::string missing(const Needs &needs)
{
	if (host().edus.size() < needs.groups)
		return cat("needs ", needs.groups, " groups with an edu device");
	if (host().cpus < needs.cpus)
		return cat("needs ", needs.cpus, " CPUs");
	if (needs.papr && host().powernv)
		return "needs a pSeries partition";
	if (needs.powernv && !host().powernv)
		return "needs a PowerNV machine";
	if (needs.faults && !faults_available())
		return "needs a kernel with fault injection";
	if (needs.no_ddw && host().ddw)
		return "needs a platform without dynamic windows";
	if (needs.ddw && !needs.no_ddw && !host().ddw)
		return "needs a platform with dynamic windows";
	return {};
}

// The body, and what the process itself can see of the ledger before and after
// it.
void balanced(const Ledger &ledger, void (*body)())
{
	settle(ledger, "before the case");
	body();
	settle(ledger, "after the case, its process still alive");
}

class Runner {
public:
	// Who was here before may still be giving pages back.
	Runner()
	{
		for (Ledger before = read_ledger(); before != ledger_; before = read_ledger()) {
			ledger_ = before;
			::usleep(300000);
		}
	}

	// Before anything else: is there something to test at all?
	bool usable()
	{
		const Outcome outcome = run_in_child(next_user, PATIENCE_S);
		if (outcome.kind != Outcome::Kind::passed)
			std::printf("Bail out! no usable group: %s\n", outcome.text.c_str());
		log_.news();
		return outcome.kind == Outcome::Kind::passed;
	}

	// Prints the result line; false when the kernel is not to be trusted
	// any more.
	bool run(size_t number, const Case &entry)
	{
		const std::string lacking = missing(entry.needs);
		if (!lacking.empty()) {
			report(number, entry, "ok", cat(" # SKIP ", lacking));
			++skipped_;
			return true;
		}

		const Outcome outcome =
			run_in_child([&] { balanced(ledger_, entry.body); }, CASE_S);
		std::vector<std::string> complaints;
		if (outcome.kind != Outcome::Kind::passed && outcome.kind != Outcome::Kind::skipped)
			complaints.push_back(outcome.text);
		const bool trusted = outcome.kind != Outcome::Kind::hung &&
				     aftermath(entry, complaints);

		for (const std::string &complaint : complaints)
			note(cat(entry.full_name(), ": ", complaint));
		const std::string time = cat(static_cast<long>(outcome.seconds * 1000), " ms");
		if (!complaints.empty()) {
			report(number, entry, "not ok", " # " + time);
			++failed_;
		} else if (outcome.kind == Outcome::Kind::skipped) {
			report(number, entry, "ok", " # SKIP " + outcome.text);
			++skipped_;
		} else {
			report(number, entry, "ok", " # " + time);
			++passed_;
		}
		return trusted;
	}

	int finish(bool trusted) const
	{
		if (!trusted)
			std::printf("Bail out! the kernel is broken\n");
		note(cat("pass:", passed_, " fail:", failed_, " skip:", skipped_));
		return trusted && failed_ == 0 && passed_ > 0 ? 0 : 1;
	}

private:
	static void report(size_t number, const Case &entry, const char *verdict,
			   const std::string &rest)
	{
		std::printf("%s %zu %s%s\n", verdict, number, entry.full_name().c_str(),
			    rest.c_str());
		std::fflush(stdout);
	}

	// Looks at what a case left behind. False when the kernel oopsed or
	// hangs.
	bool aftermath(const Case &entry, std::vector<std::string> &complaints)
	{
		if (heard(complaints, entry.needs.faults))
			return false;
		try {
			settle(ledger_, "left behind after the process ended");
		} catch (const Failure &failure) {
			complaints.push_back(failure.text);
			ledger_ = read_ledger();
		}
		const Outcome outcome = run_in_child(next_user, PATIENCE_S);
		if (outcome.kind != Outcome::Kind::passed)
			complaints.push_back("the next user cannot work: " + outcome.text);
		return outcome.kind != Outcome::Kind::hung && !heard(complaints, false);
	}

	bool heard(std::vector<std::string> &complaints, bool faults)
	{
		const KernelLog::News news = log_.news();
		for (const std::string &line : news.bad)
			if (!faults || !about_faults(line))
				complaints.push_back("kernel: " + line);
		return news.fatal;
	}

	KernelLog log_;
	Ledger ledger_;
	unsigned passed_ = 0;
	unsigned failed_ = 0;
	unsigned skipped_ = 0;
};

} // namespace

std::vector<Case> &cases()
{
	static std::vector<Case> all;
	return all;
}

bool Selection::has(const Case &entry) const
{
	const std::string name = entry.full_name();
	return (wanted.empty() || matches(wanted, name)) && !matches(unwanted, name);
}

void list_cases(const Selection &selection)
{
	for (const Case &entry : select(selection))
		std::printf("%s\n", entry.full_name().c_str());
}

int run_cases(const Selection &selection)
{
	const std::vector<Case> chosen = select(selection);
	std::printf("KTAP version 1\n1..%zu\n", chosen.size());
	Runner runner;
	if (chosen.empty() || !runner.usable())
		return 1;
	bool trusted = true;
	for (size_t index = 0; index < chosen.size() && trusted; ++index)
		trusted = runner.run(index + 1, chosen[index]);
	return runner.finish(trusted);
}

} // namespace client

// SPDX-License-Identifier: GPL-2.0-only
#include "books.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <ctime>

namespace client::hostile {

namespace {

u64 clock_ms()
{
	timespec now{};
	::clock_gettime(CLOCK_MONOTONIC, &now);
	return static_cast<u64>(now.tv_sec) * 1000 + static_cast<u64>(now.tv_nsec) / 1000000;
}

std::string shown(const Call &call)
{
	std::string text = cat(call.began, " ms ", call.name, '(');
	for (size_t index = 0; index < call.arguments.size(); ++index)
		text += cat(index ? ", " : "", Hex{ call.arguments[index] });
	text += ") ";
	if (call.running)
		return text + "RUNS";
	return text + (call.answer > 0 ? cat("= ", call.answer) : cat("= ", Status{ call.answer }));
}

} // namespace

const Call *Diary::current() const
{
	if (!count)
		return nullptr;
	const Call &last = calls[(count - 1) % KEPT];
	return last.running ? &last : nullptr;
}

std::string Diary::last() const
{
	return count ? shown(calls[(count - 1) % KEPT]) : "";
}

Books &Books::get()
{
	static Books *books = [] {
		void *place = ::mmap(nullptr, sizeof(Books), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (place == MAP_FAILED)
			fail(cat("shared memory: ", Status{ -errno }));
		return new (place) Books{};
	}();
	return *books;
}

void Books::begin(u64 seed)
{
	stop = false;
	check = false;
	seed_ = seed;
	start_ = clock_ms();
	for (Person &person : people_)
		person.state = State::unused;
	for (Diary &diary : diaries_)
		diary = {};
	people_used_ = diaries_used_ = problems_used_ = 0;
	for (auto &hint : hints_)
		hint = 0;
	next_closed_ = 0;
}

u64 Books::hinted(u64 which) const
{
	const u64 closed = std::min<u64>(next_closed_, MOST_CLOSED);
	if (closed && which % 2)
		return closed_[which / 2 % closed];
	return hints_[which / 2 % MOST_HINTS];
}

u64 Books::now() const
{
	return clock_ms() - start_;
}

Person *Books::enter(bool obeys, bool prey)
{
	const size_t index = people_used_++;
	if (index >= people_.size())
		return nullptr;
	Person &person = people_[index];
	person.pid = ::getpid();
	person.obeys = obeys;
	person.prey = prey;
	person.state = State::busy;
	return &person;
}

std::vector<Person *> Books::people()
{
	std::vector<Person *> all;
	for (Person &person : people_)
		if (person.state != State::unused)
			all.push_back(&person);
	return all;
}

Diary &Books::open_diary(const char *role)
{
	Diary &diary = diaries_[std::min(diaries_used_++, MOST_DIARIES)];
	diary = {};
	diary.pid = ::getpid();
	diary.thread = ::gettid();
	diary.role = role;
	return diary;
}

std::vector<std::string> Books::last_calls(bool only_running) const
{
	std::vector<std::string> lines;
	const size_t used = std::min(diaries_used_.load(), MOST_DIARIES);
	for (size_t index = 0; index < used; ++index) {
		const Diary &diary = diaries_[index];
		if (only_running && !diary.current())
			continue;
		lines.push_back(cat(diary.role, " process ", diary.pid, " thread ", diary.thread,
				    ": ", diary.count, " calls, the last ones"));
		const u64 first = diary.count - std::min<u64>(diary.count, Diary::KEPT);
		for (u64 number = first; number < diary.count; ++number)
			lines.push_back("    " + shown(diary.calls[number % Diary::KEPT]));
	}
	return lines;
}

u64 Books::calls() const
{
	u64 sum = 0;
	for (const Diary &diary : diaries_)
		sum += diary.count;
	return sum;
}

void Books::count(const char *name, long answer, u64 took)
{
	for (Tally &tally : tally_) {
		const char *other = nullptr;
		if (tally.name != name && !tally.name.compare_exchange_strong(other, name) &&
		    other != name)
			continue;
		++tally.calls;
		tally.done += answer >= 0;
		if (answer < 0 && -answer < static_cast<long>(Tally::ERRORS))
			++tally.errors[static_cast<size_t>(-answer)];
		tally.took += took;
		return;
	}
}

std::vector<std::string> Books::tally() const
{
	std::vector<std::string> lines;
	for (const Tally &tally : tally_) {
		if (!tally.name)
			continue;
		std::string text = cat(tally.name.load(), ": ", tally.calls, " calls, ", tally.took,
				       " ms, ", tally.done, " done");
		for (size_t error = 1; error < Tally::ERRORS; ++error)
			if (tally.errors[error])
				text += cat(", ", Status{ -static_cast<long>(error) }, ' ',
					    tally.errors[error]);
		lines.push_back(text);
	}
	std::ranges::sort(lines);
	return lines;
}

void Books::report(const std::string &problem)
{
	const size_t index = problems_used_++;
	if (index < problems_.size())
		std::snprintf(problems_[index].data(), problems_[index].size(), "%s",
			      problem.c_str());
}

std::vector<std::string> Books::problems() const
{
	std::vector<std::string> all;
	for (size_t index = 0; index < std::min(problems_used_.load(), MOST_PROBLEMS); ++index)
		all.emplace_back(problems_[index].data());
	return all;
}

Entry::Entry(Diary &diary, const char *name, std::array<u64, 4> arguments)
	: call_{ diary.calls[diary.count % Diary::KEPT] }
{
	call_ = { name, arguments, 0, Books::get().now(), true };
	++diary.count;
}

Status Entry::ends(long value)
{
	return ends(Status{ value < 0 ? -static_cast<long>(errno) : value });
}

Status Entry::ends(Status status)
{
	call_.answer = status.value();
	call_.running = false;
	Books &books = Books::get();
	books.count(call_.name, call_.answer, books.now() - call_.began);
	return status;
}

} // namespace client::hostile

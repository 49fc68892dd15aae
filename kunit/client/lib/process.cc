// SPDX-License-Identifier: GPL-2.0-only
#include "process.hpp"

#include "fd.hpp"
#include "patience.hpp"

#include <linux/capability.h>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <utility>

namespace client {

namespace {

constexpr int EXIT_FAILED = 1;
constexpr int EXIT_SKIPPED = 77;

[[noreturn]] void child_main(const std::function<void()> &body, int report, unsigned seconds)
{
	time_for(seconds);
	int code = 0;
	std::string text;
	try {
		body();
	} catch (const Failure &failure) {
		code = EXIT_FAILED;
		text = failure.text;
	} catch (const Skip &skipped) {
		code = EXIT_SKIPPED;
		text = skipped.why;
	} catch (const std::exception &exception) {
		code = EXIT_FAILED;
		text = exception.what();
	}
	std::fflush(stdout);
	if (::write(report, text.data(), text.size()) < 0)
		code = EXIT_FAILED;
	::_exit(code);
}

std::string drain(int fd)
{
	std::string text;
	std::array<char, 1024> chunk;
	for (ssize_t got; (got = ::read(fd, chunk.data(), chunk.size())) > 0;)
		text.append(chunk.data(), static_cast<size_t>(got));
	return text;
}

// Waits for the child; false when it still runs then.
bool reap(pid_t pid, int &status, double seconds)
{
	pid_t done = 0;
	const auto ended = [&] { return (done = ::waitpid(pid, &status, WNOHANG)) != 0; };
	return within(seconds, ended, 500) && done == pid;
}

Outcome::Kind kind_of(int status)
{
	if (WIFSIGNALED(status))
		return Outcome::Kind::killed;
	if (WEXITSTATUS(status) == 0)
		return Outcome::Kind::passed;
	return WEXITSTATUS(status) == EXIT_SKIPPED ? Outcome::Kind::skipped : Outcome::Kind::failed;
}

} // namespace

Outcome run_in_child(const std::function<void()> &body, unsigned seconds)
{
	std::array<int, 2> ends;
	if (::pipe2(ends.data(), O_CLOEXEC) != 0)
		fail(cat("pipe: ", Status{ -errno }));
	Fd reader{ ends[0] };
	Fd writer{ ends[1] };
	std::fflush(stdout);

	const auto start = Clock::now();
	const pid_t pid = ::fork();
	if (pid < 0)
		fail(cat("fork: ", Status{ -errno }));
	if (pid == 0)
		child_main(body, writer.get(), seconds);
	writer.close();

	Outcome outcome;
	int status = 0;
	if (reap(pid, status, seconds)) {
		outcome.kind = kind_of(status);
		outcome.text = outcome.kind == Outcome::Kind::killed ?
				       cat("killed by signal ", WTERMSIG(status)) :
				       drain(reader.get());
	} else {
		::kill(pid, SIGKILL);
		const bool gone = reap(pid, status, PATIENCE_S);
		outcome.kind = gone ? Outcome::Kind::failed : Outcome::Kind::hung;
		outcome.text =
			cat("not done after ", seconds, gone ? " s" : " s and cannot be killed");
	}
	outcome.seconds = std::chrono::duration<double>(Clock::now() - start).count();
	return outcome;
}

Child::Child(const std::function<int()> &body)
{
	std::fflush(stdout);
	pid_ = ::fork();
	if (pid_ < 0)
		fail(cat("fork: ", Status{ -errno }));
	if (pid_ == 0) {
		::prctl(PR_SET_PDEATHSIG, SIGKILL);
		int code = 99;
		try {
			code = body();
		} catch (const Failure &failure) {
			note(failure.text);
		}
		std::fflush(stdout);
		::_exit(code);
	}
}

Child::~Child()
{
	int status = 0;
	if (pid_ > 0) {
		kill();
		reap(pid_, status, PATIENCE_S);
	}
}

void Child::kill()
{
	if (pid_ > 0)
		::kill(pid_, SIGKILL);
}

int Child::wait()
{
	int status = 0;
	const pid_t pid = std::exchange(pid_, -1);
	if (!reap(pid, status, seconds_left()))
		fail("a child process does not end");
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void limit_locked_memory(u64 bytes)
{
	__user_cap_header_struct header{ _LINUX_CAPABILITY_VERSION_3, 0 };
	std::array<__user_cap_data_struct, 2> sets{};
	if (::syscall(SYS_capget, &header, sets.data()) != 0)
		fail(cat("capget: ", Status{ -errno }));
	const u32 lock = u32{ 1 } << CAP_IPC_LOCK;
	sets[0].effective &= ~lock;
	sets[0].permitted &= ~lock;
	if (::syscall(SYS_capset, &header, sets.data()) != 0)
		fail(cat("capset: ", Status{ -errno }));
	const rlimit limit{ bytes, bytes };
	if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0)
		fail(cat("setrlimit: ", Status{ -errno }));
}

} // namespace client

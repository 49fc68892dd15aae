// SPDX-License-Identifier: GPL-2.0-only
#include "actors.hpp"

#include "edu.hpp"
#include "files.hpp"
#include "host.hpp"
#include "ledger.hpp"
#include "patience.hpp"
#include "slow.hpp"

#include <linux/capability.h>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <thread>
#include <utility>

namespace client::hostile {

namespace {

bool over()
{
	return Books::get().stop;
}

// A group's number, whatever its windows look like.
std::vector<Function> all_functions()
{
	std::vector<Function> all = host().edus;
	all.insert(all.end(), host().unlike.begin(), host().unlike.end());
	return all;
}

int open_group(const Function &function)
{
	return ::open(cat("/dev/vfio/", function.group).c_str(), O_RDWR);
}

// Limits on locked memory are for those only who have not the right to ignore
// them; setting them takes another right, which stays.
void be_limited()
{
	__user_cap_header_struct header{ _LINUX_CAPABILITY_VERSION_3, 0 };
	std::array<__user_cap_data_struct, 2> sets{};
	::syscall(SYS_capget, &header, sets.data());
	const u32 lock = u32{ 1 } << CAP_IPC_LOCK;
	sets[0].effective &= ~lock;
	sets[0].permitted &= ~lock;
	if (::syscall(SYS_capset, &header, sets.data()) != 0)
		fail(cat("capset: ", Status{ -errno }));
	set_locked_limit(64 * MiB);
}

// --- Users
// ---------------------------------------------------------------------

// A child has its parent's files, and memory that looks like its parent's.
void child(Process &process, Random &random)
{
	Person *self = Books::get().enter(true, true);
	if (!self)
		::_exit(0);
	process.canaries.release();
	process.canaries = std::make_unique<Canaries>();
	Caller caller{ process, "child", random.next() };
	for (u64 left = random.below(200); left && !over(); --left)
		caller.step();
	if (random.one_in(4))
		while (!over())
			::usleep(2000);
	self->state = State::closed;
	::_exit(0);
}

// The files stay open, the memory goes.
void become_another_program(Person *self)
{
	if (self)
		self->obeys = false;
	::execl("/proc/self/exe", "client", LINGER.data(), nullptr);
	::_exit(1);
}

void call_until_over(Process &process, Person *self, u64 seed)
{
	Random random{ seed };
	Caller caller{ process, "user", random.next() };
	std::vector<pid_t> children;
	while (!over()) {
		caller.step();
		if (random.one_in(300) && children.size() < 3) {
			const pid_t pid = ::fork();
			if (pid == 0)
				child(process, random);
			if (pid > 0)
				children.push_back(pid);
		}
		if (random.one_in(400))
			process.canaries->look();
		if (random.one_in(6000))
			become_another_program(self);
	}
}

// Once nobody has a file open any more, nothing is charged to anybody.
void settle_account()
{
	if (!within(SOON_S, [] { return !locked_bytes(); }))
		Books::get().report(
			cat(locked_bytes() / KiB, " kB stay locked of process ", ::getpid()));
}

struct Stage {
	explicit Stage(const Plan &what) : plan{ what } {}

	const Plan &plan;
	Handles handles;
	std::vector<int> devices; // a group's file for who uses its device
	int file = -1;		  // memory that processes share
	int mail_end = -1;
};

[[noreturn]] void user(const Stage &stage, unsigned index, u64 seed)
{
	Books &books = Books::get();
	Person *self = books.enter(true, true);
	be_limited();
	::signal(SIGCHLD, SIG_IGN); // nobody asks how children end
	Process process{ stage.file, stage.plan.limits };
	const bool stranger = stage.plan.foreign && index + 1 == stage.plan.users;
	for (size_t which = 0; which < Handles::CONTAINERS; ++which)
		process.handles.containers[which] = stage.handles.containers[which].load();
	for (size_t which = 0; which < Handles::GROUPS; ++which)
		process.handles.groups[which] = stage.handles.groups[which].load();
	process.handles.mail = index % 2 ? stage.handles.mail.load() : stage.mail_end;
	for (int device : stage.devices)
		::close(device);
	if (stranger) {
		for (auto &container : process.handles.containers)
			Handles::close(container);
		for (auto &group : process.handles.groups)
			Handles::close(group);
	}
	process.favourite = stage.plan.layout == 0 ? 0 : index % Handles::CONTAINERS;

	std::vector<std::thread> threads;
	for (unsigned number = 1; number < stage.plan.threads; ++number)
		threads.emplace_back(call_until_over, std::ref(process), self,
				     seed_of(seed, number));
	call_until_over(process, self, seed);
	for (std::thread &thread : threads)
		thread.join();
	process.handles.close_all();
	::close(stage.mail_end);
	::close(stage.handles.mail);
	process.canaries->look();
	if (self)
		self->state = State::closed;
	while (!books.check)
		::usleep(2000);
	settle_account();
	process.canaries->look();
	::_exit(0);
}

// --- Devices
// --------------------------------------------------------------------

constexpr u64 MSI = u64{ 1 } << 42;

void transfers(const Edu &edu, Random &random, Diary &diary)
{
	Books &books = Books::get();
	for (u64 left = 1 + random.below(4); left && !over(); --left) {
		for (int wait = 0; edu.busy(); ++wait) {
			if (over() || wait > 500)
				return;
			::usleep(5000);
		}
		// Beyond that are interrupts.
		u64 iova = random.any_size() % (u64{ 1 } << 59);
		if (!random.one_in(8))
			iova = books.hinted(random.next());
		if (random.one_in(4))
			iova += random.below(16) * 4096;
		// So they are here on pSeries, in a window that begins at 0 and
		// is large enough: QEMU dies of numbers that are no interrupts.
		if (iova >> 17 == MSI >> 17)
			continue;
		const u64 size = 1 + random.below(Edu::BUFFER_SIZE);
		const bool to_memory = !random.one_in(4);
		Entry entry{
			diary, to_memory ? "DMA to" : "DMA from", { iova, size }
		};
		edu.starts(iova, size, to_memory);
		entry.ends(0);
	}
}

[[noreturn]] void device(const Stage &stage, const Function &function, int group, u64 seed)
{
	Person *self = Books::get().enter(true, true);
	Diary &diary = Books::get().open_diary("device");
	Random random{ seed };
	for (int file : stage.handles.containers)
		::close(file);
	for (int file : stage.handles.groups)
		::close(file);
	for (int file : stage.devices)
		if (file != group)
			::close(file);
	while (!over()) {
		// Who has lost it may have it again.
		if (group >= 0 && random.one_in(2))
			Handles::send(random.one_in(2) ? stage.handles.mail.load() : stage.mail_end,
				      group, false);
		if (group < 0 || random.one_in(16)) {
			if (group >= 0)
				::close(group);
			Entry entry{ diary, "open group", { static_cast<u64>(function.group) } };
			group = static_cast<int>(entry.ends(open_group(function)).value());
		}
		try {
			const Edu edu{
				Device{ group, function.name }
			};
			transfers(edu, random, diary);
		} catch (const Failure &) {
			// It has no container now.
		}
		::usleep(static_cast<u32>(random.below(20000)));
	}
	if (self)
		self->state = State::closed;
	::_exit(0);
}

// --- The stage
// ---------------------------------------------------------------------

void furnish(Stage &stage, size_t groups)
{
	const Plan &plan = stage.plan;
	const auto functions = all_functions();
	int ends[2] = { -1, -1 };
	Handles::mailbox(ends);
	stage.handles.mail = ends[0];
	stage.mail_end = ends[1];
	stage.file = ::memfd_create("hostile", 0);
	if (::ftruncate(stage.file, Arena::FILE_SIZE) != 0)
		fail("no shared memory");
	for (auto &container : stage.handles.containers)
		container = ::open("/dev/vfio/vfio", O_RDWR);
	for (size_t index = 0; index < groups && index < Handles::GROUPS; ++index) {
		const int group = open_group(functions[index]);
		stage.handles.groups[index] = group;
		stage.devices.push_back(::dup(group));
		// 0: all in one; 1: one each; 2: the first in v1; 3: none
		// anywhere.
		const size_t which = plan.layout == 0 ? 0 : index;
		int container = stage.handles.containers[which];
		if (plan.layout == 3 || ::ioctl(group, VFIO_GROUP_SET_CONTAINER, &container))
			continue;
		::ioctl(container, VFIO_SET_IOMMU,
			plan.layout == 2 && index == 0 ? VFIO_SPAPR_TCE_IOMMU :
							 VFIO_SPAPR_TCE_v2_IOMMU);
	}
}

template <class Body> pid_t started(const Body &body)
{
	const pid_t pid = ::fork();
	if (pid != 0)
		return pid;
	try {
		body();
	} catch (const Failure &failure) {
		Books::get().report(failure.text);
	}
	::_exit(1);
}

} // namespace

int stage(const Plan &plan)
{
	Books &books = Books::get();
	Person *self = books.enter(true, false);
	const auto functions = all_functions();
	Stage stage{ plan };
	// The one whose memory is slow to come has the last of those that are
	// alike.
	const size_t groups = plan.slow && host().edus.size() > 1 ? host().edus.size() - 1 :
								    functions.size();
	furnish(stage, groups);

	std::vector<std::pair<pid_t, std::function<void(u64)>>> actors;
	for (unsigned index = 0; index < plan.users; ++index)
		actors.emplace_back(-1, [&, index](u64 seed) { user(stage, index, seed); });
	for (size_t index = 0; index < groups; ++index)
		actors.emplace_back(-1, [&, index](u64 seed) {
			const int group = index < stage.devices.size() ? stage.devices[index] : -1;
			device(stage, functions[index], group, seed);
		});
	if (groups < functions.size() && plan.slow) {
		// Before the others come: whoever has a group keeps it.
		const int group = open_group(functions[groups]);
		started([&] { slow(group, stage.handles.mail, seed_of(plan.seed, 0)); });
		::close(group);
	}

	bool kept = true;
	for (u64 starts = 0; !over();) {
		for (auto &[pid, body] : actors)
			if (pid < 0 && starts < 40) {
				const u64 seed = seed_of(plan.seed, ++starts);
				pid = started([&] { body(seed); });
			}
		if (kept && !plan.kept) {
			stage.handles.close_all();
			for (int &group : stage.devices)
				::close(std::exchange(group, -1));
			kept = false;
		}
		int status = 0;
		for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;)
			for (auto &actor : actors)
				if (actor.first == pid)
					actor.first = -1;
		::usleep(5000);
	}
	if (self)
		self->state = State::closed;
	return 0;
}

int linger()
{
	for (;;)
		::pause();
}

} // namespace client::hostile

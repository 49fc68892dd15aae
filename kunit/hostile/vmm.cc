// SPDX-License-Identifier: GPL-2.0-only
//
// The VMM of a hostile guest. Beside the guest its own threads do all that a
// VMM can do to the tables, windows and memory that the guest uses, and a
// device writes wherever it is let.
#include "guest.hpp"
#include "session.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>

namespace hostile {

using namespace client;

namespace {

constexpr u64 WINDOW_SIZE = 64 * MiB;
constexpr u64 LIOBN = 0x80000000;

void pause(Random &random, unsigned most_ms)
{
	::usleep(static_cast<unsigned>(random.below(most_ms * 1000 + 1)));
}

// The tables of a guest: exact ones, one whose pages are larger than the
// window's, one that ends early.
std::vector<Target> targets(const Plan &plan, u64 window)
{
	const u64 entries = default_size() / TCE_PAGE;
	const u64 more = WINDOW_SIZE / TCE_PAGE;
	return {
		{ LIOBN,	 0,	    12, entries,	 plan.outside },
		{ LIOBN + 1, window, 12, more,	       plan.outside },
		{ LIOBN + 2, window, 16, more / 16,   plan.outside },
		{ LIOBN + 3, 0,	12, entries / 2, false	       }
	};
}

// Tables of a KVM, each attached to the groups once in its life: KVM loses
// count of more.
class Tables {
public:
	Tables(const Vm &vm, std::vector<int> groups, std::vector<Target> targets, Board &board)
		: vm_{ vm },
		  groups_{ std::move(groups) },
		  targets_{ std::move(targets) },
		  fds_(targets_.size()),
		  board_{ board }
	{
		add();
		for (size_t index = 0; index < targets_.size(); ++index)
			targets_[index].over_the_end &= make(index);
	}
	const std::vector<Target> &targets() const { return targets_; }

	// Something else about them.
	void change(Random &random)
	{
		const size_t index = random.below(fds_.size());
		if (random.percent(20)) {
			for (int group : groups_)
				vm_.remove(group);
			pause(random, 3);
			add();
		} else if (fds_[index]) {
			fds_[index].close();
		}
		if (!fds_[index])
			make(index);
	}

private:
	// KVM warns of a group that it has to let go and was never asked about.
	void add()
	{
		for (int group : groups_) {
			vm_.add(group);
			vm_.attach(group, -1);
		}
	}
	bool make(size_t index)
	{
		const Target &target = targets_[index];
		fds_[index] = vm_.table(target.liobn, target.start, target.shift, target.entries);
		if (!fds_[index])
			return false;
		const bool all = std::ranges::all_of(groups_, [&](int group) {
			return vm_.attach(group, fds_[index].get()).ok();
		});
		board_.counts.attached += all;
		return all;
	}

	const Vm &vm_;
	std::vector<int> groups_;
	std::vector<Target> targets_;
	std::vector<Fd> fds_;
	Board &board_;
};

// The other process: a guest of its own, with memory of its own, on the group
// of the first.
void run_foreign(const Plan &plan, Board &board, const Memory &data, int group)
{
	Session session{ 1, 1 };
	session.registered(data);
	while (!board.window)
		::usleep(1000);
	const Vm vm;
	Tables tables{ vm, { group }, targets(plan, board.window), board };
	Plan own = plan;
	own.seed += 7777;
	own.vcpus = 1;
	own.first = FOREIGN_FIRST;
	const Guest guest{ own, board, vm, data, &session.container(), tables.targets() };
	board.foreign_ready = true;
	Random random{ own.seed };
	for (;;) {
		if (plan.tables)
			tables.change(random);
		pause(random, 50);
	}
}

class Vmm {
public:
	Vmm(const Plan &plan, Board &board, const Memory &data)
		: plan_{ plan }, board_{ board }, data_{ data }, session_{ 0, plan.both ? 2u : 1u }
	{
	}

	void fork_foreign(const Memory &data)
	{
		const pid_t pid = ::fork();
		if (pid < 0)
			fail(cat("fork: ", Status{ -errno }));
		if (pid) {
			board_.foreign = pid;
			return;
		}
		if (!plan_.keeps)
			session_->close();
		try {
			run_foreign(plan_, board_, data, session_.group().fd());
		} catch (const Failure &failure) {
			board_.complain(cat("the foreign process: ", failure.text));
		}
		::_exit(1);
	}

	void run()
	{
		for (u64 number = 0; number < SLICES; ++number)
			expect(session_->register_memory(slice(number).data_address, slice_size()),
			       OK, "REGISTER");
		arm_device();
		window_ = session_.window(12, WINDOW_SIZE).start;
		touch_windows();
		board_.window = window_;

		std::optional<Vm> vm{ std::in_place };
		std::vector<int> groups{ session_.group().fd() };
		if (plan_.both)
			groups.push_back(session_.group(1).fd());
		std::optional<Tables> tables{ std::in_place, *vm, groups, targets(plan_, window_),
					      board_ };
		{
			Guest guest{
				plan_, board_, *vm, data_, &session_.container(), tables->targets()
			};
			threads(guest, *tables);
			board_.ready = true;
			while (!board_.over)
				::usleep(1000);
			over_ = true;
			threads_.clear();
			for (unsigned index = 0; plan_.leaves && index < groups.size(); ++index) {
				expect(session_.leave(index), OK, "UNSET_CONTAINER");
				::usleep(50000);
			}
		}
	}

private:
	struct Slice {
		u64 data_address;
		std::span<u8> bytes;
	};
	u64 slice_size() const { return data_.size() / SLICES; }
	Slice slice(u64 number) const
	{
		return { data_.address() + number * slice_size(),
			 data_.at(number * slice_size(), slice_size()) };
	}

	// From now on what the device writes is known.
	void arm_device()
	{
		std::ranges::fill(slice(0).bytes, DEVICE);
		session_.mapped(data_.address(), 0, TCE_PAGE);
		session_.edu().reads(0, Edu::BUFFER_SIZE);
		session_.unmapped(0, TCE_PAGE);
	}

	// KVM works on its own only where entries have been in use before.
	void touch_windows()
	{
		constexpr u64 STEP = 64 * KiB;
		for (u64 window : { u64{ 0 }, window_ })
			for (u64 at = 0; at < 2 * FOREIGN_FIRST * TCE_PAGE; at += STEP) {
				session_.mapped(data_.address(), window + at, STEP);
				session_.unmapped(window + at, STEP);
			}
	}

	void threads(Guest &guest, Tables &tables)
	{
		const auto start = [&](u64 number, auto step) {
			threads_.push_back(worker(board_, [this, number, step] {
				Random random{ plan_.seed * 1000 + number };
				while (!over_)
					step(random);
			}));
		};
		start(900, [this](Random &random) { device(random); });
		start(901, [this](Random &random) { map(random); });
		if (plan_.memory)
			start(902, [this, &guest](Random &random) {
				give_back(random, guest.slices());
			});
		if (plan_.windows)
			start(903, [this](Random &random) { change_window(random); });
		if (plan_.slots)
			start(905, [&guest](Random &random) {
				guest.lose_memory(random);
				pause(random, 50);
			});
		if (plan_.tables)
			start(904, [&tables](Random &random) {
				tables.change(random);
				pause(random, 30);
			});
	}

	u64 place(Random &random)
	{
		const u64 entry = random.percent(70) ? random.below(4) : random.below(1024);
		return (random.percent(50) ? 0 : window_) + entry * TCE_PAGE;
	}

	void device(Random &random)
	{
		const bool foreign = plan_.foreign && random.percent(50);
		session_.edu().writes(place(random) + (foreign ? FOREIGN_FIRST * TCE_PAGE : 0),
				      Edu::BUFFER_SIZE);
		++board_.counts.dma;
	}

	void map(Random &random)
	{
		const u64 pages = 1 + random.below(random.one_of<u64>({ 1, 8, 64 }));
		const u64 size = std::min(pages * TCE_PAGE, slice_size());
		const u64 from = random.below(data_.size() - size) & ~(TCE_PAGE - 1);
		board_.counts.ioctls += 2;
		session_->map(data_.address() + from, place(random), size,
			      static_cast<u32>(1 + random.below(3)));
		session_->unmap(place(random), pages * TCE_PAGE);
		pause(random, 5);
	}

	// Memory that was given back is nobody's but ours.
	void give_back(Random &random, Slices &slices)
	{
		const u64 number = random.below(SLICES);
		const Slice part = slice(number);
		slices &= ~(1u << number);
		pause(random, 50);
		if (random.percent(80)) {
			session_->unmap(0, default_size());
			session_->unmap(window_, WINDOW_SIZE);
		}
		if (session_->unregister_memory(part.data_address, slice_size()).ok()) {
			set_canary(part.bytes);
			pause(random, 400);
			check_canary(part.bytes, "memory that was given back", board_);
			++board_.counts.canaries;
			expect(session_->register_memory(part.data_address, slice_size()), OK,
			       "REGISTER again");
		}
		slices |= 1u << number;
		pause(random, 20);
	}

	void change_window(Random &random)
	{
		session_->remove(random.percent(90) ? window_ : 0);
		pause(random, 10);
		session_->create(random.percent(80) ? 12 : 16,
				 random.percent(80) ? WINDOW_SIZE : MiB);
		pause(random, plan_.tables ? 40 : 1500);
	}

	const Plan &plan_;
	Board &board_;
	const Memory &data_;
	Session session_;
	u64 window_ = 0;
	std::atomic<bool> over_ = false;
	std::vector<std::jthread> threads_;
};

} // namespace

void run_vmm(const Plan &plan, Board &board, const Memory &data, const Memory &foreign_data)
{
	{
		Vmm vmm{ plan, board, data };
		if (plan.foreign)
			vmm.fork_foreign(foreign_data);
		vmm.run();
	}
	// What another process keeps open goes on to be charged.
	if (const u64 locked = plan.foreign ? 0 : locked_bytes())
		fail(cat(locked, " bytes are still charged when all is closed"));
}

} // namespace hostile

// SPDX-License-Identifier: GPL-2.0-only
//
// Random calls of one thread of a hostile process: most with arguments that
// make sense, some with arguments that never do.
#pragma once

#include "arena.hpp"
#include "handles.hpp"

#include "vfio.hpp"

#include <memory>
#include <mutex>
#include <vector>

namespace client::hostile {

// A window as a process believes it to be.
struct Believed {
	std::atomic<u64> start, size;
	std::atomic<unsigned> shift;
};

// Memory that was mapped for a device and given back: no device may write to it
// any more.
class Canaries {
public:
	// Takes pages over, fills them.
	void add(Memory memory);
	// Says what is wrong.
	void look() const;

private:
	static constexpr size_t MOST = 64;
	mutable std::mutex lock_;
	std::vector<Memory> pages_;
};

struct Limits {
	u64 most_entries; // that a window is asked for with
};

// What the threads of a process share.
struct Process {
	Process(int file, Limits chosen) : arena{ file }, limits{ chosen } {}

	Arena arena;
	Handles handles;
	// A child of a process with threads gets others: it cannot know who
	// holds their lock.
	std::unique_ptr<Canaries> canaries = std::make_unique<Canaries>();
	Limits limits;
	std::array<std::array<Believed, 2>, Handles::CONTAINERS> windows{};
	unsigned favourite = 0; // the container that it mostly uses
};

class Caller {
public:
	Caller(Process &process, const char *role, u64 seed);
	~Caller();
	Caller(const Caller &) = delete;

	// One call, or a few that belong together.
	void step();
	Diary &diary() { return diary_; }

private:
	int container(unsigned &which);
	int group();
	// Where the kernel reads an argument, mostly a good place.
	void *place(const void *argument, size_t size);
	template <class Argument>
	Status ask(const char *name, int file, unsigned long request, Argument &argument,
		   std::array<u64, 3> shown);
	Status ask_plain(const char *name, int file, unsigned long request, u64 argument);
	template <class Argument> void spoil(Argument &argument);
	void judge(const char *name, Status status);

	u64 iova(unsigned which, u64 &most, unsigned &shift);
	Range known();

	void open_or_close();
	void set_container();
	void settle_in();
	void furnish();
	void set_iommu();
	void ask_information();
	void registration();
	bool map_one();
	void map();
	void unmap();
	void create();
	void remove();
	void eeh();
	void garbage();
	void mail();
	void limit();
	void churn();
	void canary();
	bool one_canary();
	void strange();

	Process &process_;
	Diary &diary_;
	Random random_;
	u8 *edge_ = nullptr; // a page with nothing behind it
};

// All that may be locked by this process from now on.
void set_locked_limit(u64 bytes);

} // namespace client::hostile

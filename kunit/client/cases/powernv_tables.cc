// SPDX-License-Identifier: GPL-2.0-only
//
// Tables that the hardware walks (IODA2): every depth, and in each the entries
// at the boundaries of every level. Entries next to them stay closed: what the
// device writes there lands nowhere.
#include "files.hpp"
#include "registry.hpp"
#include "session.hpp"
#include "together.hpp"

#include <algorithm>
#include <set>

namespace client {
namespace {

struct Shape {
	u32 shift = 12;	    // log2 of the IOMMU page
	u32 levels = 1;	    // as asked for, and as they come
	unsigned pages_lg2; // log2 of the window in IOMMU pages
	unsigned level_lg2; // log2 of the entries of a level

	u64 page() const { return u64{ 1 } << shift; }
	u64 pages() const { return u64{ 1 } << pages_lg2; }
	// Pages of the window below one entry of a level.
	u64 reach(unsigned level) const { return u64{ 1 } << (level_lg2 * level); }
	// Those with more than one entry in use, at most.
	unsigned used_levels() const
	{
		return std::min(levels, (pages_lg2 + level_lg2 - 1) / level_lg2);
	}
	// The emulated bridge takes an address behind a full top level for one
	// at its beginning.
	bool full() const { return pages_lg2 == level_lg2 * levels; }
};

// A part of a page that one transfer moves; so many, and one more, fit into a
// device's buffer.
constexpr u64 PART = 64;
constexpr u64 MAX_PLACES = Edu::BUFFER_SIZE / PART - 1;

using Places = std::set<u64>;

// The first, last and middle entries of what hangs below the first and the last
// entry of each level.
Places first_ones(const Shape &shape)
{
	Places places{ 0, shape.pages() / 2 };
	for (unsigned level = 1; level < shape.used_levels(); ++level) {
		places.insert(shape.reach(level));
		places.insert(shape.reach(level) + shape.reach(level) / 2);
		places.insert(shape.pages() - shape.reach(level));
	}
	return places;
}

Places last_ones(const Shape &shape)
{
	Places places{ shape.pages() - 1, shape.pages() / 2 - 1 };
	for (unsigned level = 1; level < shape.used_levels(); ++level) {
		places.insert(shape.reach(level) - 1);
		places.insert(shape.reach(level) + shape.reach(level) / 2 - 1);
		places.insert(shape.pages() - shape.reach(level) - 1);
	}
	return places;
}

// Some entries of a window, each with an IOMMU page of memory of its own, and
// one for results. The devices of several groups share the work, each below a
// bridge that walks the same table.
class Probe {
public:
	Probe(Session &session, unsigned devices, const Window &window, const Shape &shape,
	      const Places &places)
		: session_{ session },
		  devices_{ devices },
		  window_{ window },
		  shape_{ shape },
		  places_{ places },
		  memory_{ Memory::pages(std::max(page_size(), (places.size() + 1) * shape.page() +
								       page_size() - 1) &
					 ~(page_size() - 1)) }
	{
		check(places.size() <= MAX_PLACES, "too many places for the device's buffer");
		session_.registered(memory_);
		fill(memory_.bytes(), shape.levels);
		for (u64 place : places_)
			session_.mapped(page_of(place).address, iova(place), shape_.page());
		session_.mapped(results().address, iova(RESULTS), shape_.page());
	}
	~Probe()
	{
		session_->unmap(window_.start, window_.size);
		session_->unregister_memory(memory_);
	}
	Probe(const Probe &) = delete;

	// The device finds every page behind its entry, and writes there and
	// not beside it.
	void run()
	{
		want_.assign(memory_.bytes().begin(), memory_.bytes().end());
		at_once([&](const Edu &edu, const Share &share) { read(edu, share); });
		u64 number = 0;
		for (u64 place : places_)
			expect_copy(page_of(place).offset + shape_.page() / 2,
				    results().offset + number++ * PART);
		compare("the device read something else");
		at_once([&](const Edu &edu, const Share &share) { write(edu, share); });
		for (const Share &share : shares())
			for (u64 place : share.places)
				expect_copy(results().offset + share.first * PART,
					    page_of(place).offset + shape_.page() - PART);
		compare("DMA landed where it must not");
	}

	// After UNMAP the device reaches none of it.
	void closed()
	{
		session_.unmapped(window_.start, window_.size);
		at_once([&](const Edu &edu, const Share &share) {
			for (u64 place : share.places)
				edu.writes(iova(place), PART);
		});
		compare("DMA landed after UNMAP");
	}

private:
	static constexpr u64 RESULTS = 100; // an entry that is no place, nor next to one

	struct Page {
		u64 offset;
		u64 address;
	};

	u64 iova(u64 place) const { return window_.start + (place << window_.shift); }
	Page page_at(u64 number) const
	{
		const u64 offset = number * shape_.page();
		return { offset, memory_.address() + offset };
	}
	Page page_of(u64 place) const
	{
		return page_at(
			static_cast<u64>(std::distance(places_.begin(), places_.find(place))));
	}
	Page results() const { return page_at(places_.size()); }

	// What one device does: some places, and the number of the first of
	// them.
	struct Share {
		u64 first;
		std::vector<u64> places;
	};

	std::vector<Share> shares() const
	{
		const std::vector<u64> all{ places_.begin(), places_.end() };
		std::vector<Share> shares;
		for (u64 device = 0; device < devices_; ++device) {
			const u64 first = all.size() * device / devices_;
			const u64 end = all.size() * (device + 1) / devices_;
			const std::span mine = std::span{ all }.subspan(first, end - first);
			shares.push_back({
				first, { mine.begin(), mine.end() }
			    });
		}
		return shares;
	}

	template <class Work> void at_once(const Work &work)
	{
		std::vector<std::function<void()>> works;
		unsigned device = 0;
		for (const Share &share : shares())
			works.emplace_back([&work, &edu = session_.edu(device++), share] {
				work(edu, share);
			});
		together(works);
	}

	// From each page a part, and what follows in the last one, so that each
	// device has two parts.
	void read(const Edu &edu, const Share &share) const
	{
		u64 at = share.first * PART;
		for (u64 place : share.places) {
			const u64 size = place == share.places.back() ? 2 * PART : PART;
			edu.reads(iova(place) + shape_.page() / 2, size, at);
			at += PART;
		}
		edu.writes(iova(RESULTS) + share.first * PART, share.places.size() * PART,
			   share.first * PART);
	}

	// The first part in the device's buffer goes to the end of each page,
	// the second over it, and the first before it.
	void write(const Edu &edu, const Share &share) const
	{
		for (u64 place : share.places) {
			const u64 end = iova(place) + shape_.page();
			const bool beyond = place + 1 < shape_.pages() || !shape_.full();
			edu.writes(end - PART, beyond ? 2 * PART : PART, share.first * PART);
			if (place > 0)
				edu.writes(iova(place) - PART, PART, share.first * PART);
		}
	}

	void expect_copy(u64 from, u64 to)
	{
		std::copy_n(want_.begin() + from, PART, want_.begin() + to);
	}

	void compare(std::string_view what) const
	{
		const auto differs = std::ranges::mismatch(memory_.bytes(), want_).in1;
		if (differs == memory_.bytes().end())
			return;
		const u64 at = static_cast<u64>(differs - memory_.bytes().begin());
		u64 number = at / shape_.page();
		for (u64 place : places_)
			if (number-- == 0)
				fail(cat(what, ": at ", Hex{ at % shape_.page() }, " of entry ",
					 Hex{ place }));
		fail(cat(what, ": at ", Hex{ at % shape_.page() }, " of the results"));
	}

	Session &session_;
	const unsigned devices_;
	const Window window_;
	const Shape shape_;
	const Places places_;
	Memory memory_;
	std::vector<u8> want_;
};

// What the driver says that the hardware walks.
void expect_shape(const Window &window, const Shape &shape)
{
	const std::string windows = read_file("/sys/kernel/debug/vfio_tce/windows").value_or("");
	const std::string line = cat("start ", Hex{ window.start }, " size ", Hex{ window.size },
				     " page_shift ", shape.shift, " levels ", shape.levels,
				     " entries ", shape.reach(1));
	if (!host().in_tree && windows.find(line) == windows.npos)
		fail(cat("no \"", line, "\" in: ", windows));
}

void walk(const Shape &shape)
{
	const unsigned devices = host().edus.size() > 1 ? 2 : 1;
	Session session{ devices };
	const Window window =
		session.only_window(shape.shift, shape.pages() << shape.shift, shape.levels);
	expect_shape(window, shape);
	for (const Places &places : { first_ones(shape), last_ones(shape) }) {
		Probe probe{ session, devices, window, shape, places };
		probe.run();
		probe.closed();
	}
	// The same in the other window.
	const Window other =
		session.window(shape.shift, shape.pages() << shape.shift, shape.levels);
	expect(Hex{ other.start }, Hex{ DDW_START }, "the second window's address");
	expect_shape(other, shape);
	Probe probe{ session, devices, other, shape, last_ones(shape) };
	probe.run();
}

// 4K pages; levels of 4 KiB. The window is as large as it takes to have two
// entries or more in each level; no place lies at 0xffff0000 to 0xffffffff,
// where the bridge takes writes for interrupts.
CASE(powernv_tables, depth_1, .powernv = true)
{
	walk({ 12, 1, 10, 10 });
}
CASE(powernv_tables, depth_2, .powernv = true)
{
	walk({ 12, 2, 12, 9 });
}
CASE(powernv_tables, depth_3, .powernv = true)
{
	walk({ 12, 3, 22, 9 });
}
CASE(powernv_tables, depth_4, .powernv = true)
{
	walk({ 12, 4, 29, 9 });
}
CASE(powernv_tables, depth_5, .powernv = true)
{
	walk({ 12, 5, 37, 9 });
}

// More levels than the window needs: the upper ones have one entry in use.
CASE(powernv_tables, default_window_in_5_levels, .powernv = true)
{
	walk({ 12, 5, 19, 9 });
}

// One level of half a megabyte, and two of 128 KiB: what becomes of `levels ==
// 1`.
CASE(powernv_tables, one_large_level, .powernv = true)
{
	walk({ 12, 1, 16, 16 });
}
CASE(powernv_tables, two_large_levels, .powernv = true)
{
	walk({ 12, 2, 28, 14 });
}

void walk_64k(const Shape &shape)
{
	if (page_size() != 64 * KiB)
		skip("needs a kernel with 64K pages");
	walk(shape);
}

CASE(powernv_tables, pages_of_64k_depth_1, .powernv = true)
{
	walk_64k({ 16, 1, 10, 10 });
}
CASE(powernv_tables, pages_of_64k_depth_2, .powernv = true)
{
	walk_64k({ 16, 2, 12, 9 });
}
CASE(powernv_tables, pages_of_64k_depth_4, .powernv = true)
{
	walk_64k({ 16, 4, 28, 9 });
}

// 1 TiB in 3 levels: half a system page each. The old driver refused it on this
// kernel.
CASE(powernv_tables, pages_of_64k_terabyte_in_3_levels, .powernv = true)
{
	walk_64k({ 16, 3, 24, 9 });
}

} // namespace
} // namespace client

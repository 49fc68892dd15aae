// SPDX-License-Identifier: GPL-2.0-only
//
// Memory for devices to read and write.
#pragma once

#include "check.hpp"

#include <optional>
#include <span>
#include <utility>

namespace client {

u64 page_size();

// A mapping of ours, unmapped when it goes out of scope.
class Memory {
public:
	Memory() = default;
	Memory(Memory &&other) noexcept
		: base_{ std::exchange(other.base_, nullptr) },
		  size_{ std::exchange(other.size_, 0) }
	{
	}
	Memory &operator=(Memory &&other) noexcept
	{
		std::swap(base_, other.base_);
		std::swap(size_, other.size_);
		return *this;
	}
	~Memory();

	// Ordinary pages, touched, never merged into huge ones.
	static Memory pages(u64 size);
	// Pages that a child process shares with us.
	static Memory shared(u64 size);
	// Pages of 2^shift bytes out of hugetlbfs; nothing when this machine
	// has none to give.
	static std::optional<Memory> huge(u64 size, unsigned shift);
	// A range of `size` bytes of addresses in which the same `backing`
	// bytes of memory appear over and over: a window of a gigabyte is
	// filled with a megabyte of RAM.
	static Memory aliased(u64 size, u64 backing);
	// Addresses with nothing behind them.
	static Memory nothing(u64 size);

	// Puts ordinary pages at [offset, offset + size) of this range.
	void populate(u64 offset, u64 size);
	// Takes [offset, offset + size) out of this range.
	void punch(u64 offset, u64 size);
	void protect(int prot);
	// Moves the whole range to another address, over whatever is there.
	void move_to(u64 address);

	u64 address() const { return reinterpret_cast<u64>(base_); }
	u64 size() const { return size_; }
	u64 end() const { return address() + size_; }
	std::span<u8> bytes() const { return { base_, size_ }; }
	std::span<u8> at(u64 offset, u64 size) const { return bytes().subspan(offset, size); }

private:
	Memory(void *base, u64 size) : base_{ static_cast<u8 *>(base) }, size_{ size } {}

	u8 *base_ = nullptr;
	u64 size_ = 0;
};

// Where its first page is in the machine's memory.
u64 physical(const Memory &memory);

// Fills with bytes that depend on the seed and on the place, so that a page in
// the wrong place shows.
void fill(std::span<u8> bytes, u64 seed);
bool filled(std::span<const u8> bytes, u64 seed);

} // namespace client

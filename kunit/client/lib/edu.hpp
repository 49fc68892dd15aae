// SPDX-License-Identifier: GPL-2.0-only
//
// QEMU's `edu` device: it copies between memory and a 4 KiB buffer of its own,
// through whatever its IOMMU allows. A transfer takes a tenth of a second by
// design, so cases are thrifty with them.
#pragma once

#include "vfio.hpp"

#include <span>

namespace client {

class Edu {
public:
	// The device has 4 KiB, but some versions of it stop QEMU when a
	// transfer reaches their end.
	static constexpr u64 BUFFER_SIZE = 2048;

	explicit Edu(Device device) : device_{ std::move(device) } {}

	// The device reads memory at `iova` into its buffer.
	void reads(u64 iova, u64 size, u64 at = 0) const;
	// The device writes its buffer to memory at `iova`.
	void writes(u64 iova, u64 size, u64 at = 0) const;

	// One transfer, to memory or from it, that nobody waits for; not while
	// another one runs.
	void starts(u64 iova, u64 size, bool to_memory) const;
	bool busy() const;

private:
	void begin(u64 source, u64 target, u64 size, u64 command) const;
	void run(u64 source, u64 target, u64 size, u64 command) const;

	Device device_;
};

// The device reads `memory` at `iova` and writes it back after we wiped it:
// both directions work and reach this memory. `size` bytes of it, at most the
// device's buffer.
void both_ways(const Edu &edu, u64 iova, std::span<u8> memory, u64 seed);

// The device copies from one bus address to another.
void copies(const Edu &edu, u64 from, u64 to, u64 size);

} // namespace client

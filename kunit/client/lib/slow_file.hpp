// SPDX-License-Identifier: GPL-2.0-only
//
// A file whose pages come late or never: a FUSE server of our own. Who touches
// a mapping of it, and be it the kernel that pins it, waits for the server.
//
// userfaultfd would be less work, but does not hold up a REGISTER: the registry
// pins with a lock held that it does not let go of, and a fault that may not
// let go of it gets an error at once.
#pragma once

#include "fd.hpp"
#include "memory.hpp"

#include <functional>
#include <optional>

namespace client {

class SlowFile {
public:
	// The server is a process of its own, which runs `first`, and ends by
	// SIGKILL only; its death ends all waiting with an error. `brings` says
	// how long it takes to bring a page, in microseconds; negative: for
	// ever. Nothing where the kernel has no FUSE.
	static std::optional<SlowFile> make(const std::function<void()> &first,
					    const std::function<long()> &brings);

	// Pages that nobody has asked for yet take the place of what is at
	// `base`.
	void renew(void *base, u64 size);

private:
	explicit SlowFile(Fd file) : file_{ std::move(file) } {}

	Fd file_;
	u64 next_ = 0;
};

} // namespace client

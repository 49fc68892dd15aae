// SPDX-License-Identifier: GPL-2.0-only
#include "round.hpp"

#include "files.hpp"
#include "host.hpp"
#include "process.hpp"
#include "session.hpp"

#include <algorithm>
#include <cerrno>
#include <set>

namespace client::hostile {

namespace {

constexpr unsigned CALLS = 3000;
constexpr u64 BOUND = 8 * MiB;

} // namespace

u64 kernels_own()
{
	u64 sum = 0;
	for (const char *field : { "SUnreclaim:", "VmallocUsed:", "Percpu:" })
		sum += read_field("/proc/meminfo", field).value_or(0) * KiB;
	return sum;
}

void miser(u64 seed, u64 most_entries)
{
	Random random{ seed };
	Session session;
	const Memory memory = Memory::pages(page_size());
	session.registered(memory);
	const Window window = session.window(12, most_entries << 12);
	limit_locked_memory(locked_bytes());
	const u64 before = kernels_own();
	unsigned mapped = 0;
	for (unsigned call = 0; call < CALLS; ++call) {
		const u64 page = random.below(window.size >> window.shift);
		const Status status =
			session->map(memory.address(), window.start + (page << 12), TCE_PAGE);
		one_of(status, { OK, refused(ENOMEM) }, "MAP with an exhausted charge");
		mapped += status.ok();
	}
	const u64 after = kernels_own();
	const u64 grown = after - std::min(before, after);
	at_most(mapped, CALLS / 10, "MAPs that go on although the charge is exhausted");
	at_most(grown, BOUND, cat("bytes that the kernel grew by for ", CALLS, " refused MAPs"));
}

} // namespace client::hostile

// SPDX-License-Identifier: GPL-2.0-only
//
// Several functions at the same time.
#pragma once

#include "check.hpp"

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace client {

// Runs all of them at once, from the same starting signal, and waits for all.
// The first failure of any is thrown on.
inline void together(const std::vector<std::function<void()>> &works)
{
	// They wait for each other awake: who is woken up comes too late for
	// most races.
	std::atomic<size_t> waiting = works.size();
	std::mutex lock;
	std::optional<Failure> failed;
	std::vector<std::thread> threads;
	for (const auto &work : works)
		threads.emplace_back([&, work] {
			--waiting;
			while (waiting)
				std::this_thread::yield();
			try {
				work();
			} catch (const Failure &failure) {
				const std::scoped_lock guard{ lock };
				if (!failed)
					failed = failure;
			}
		});
	for (std::thread &thread : threads)
		thread.join();
	if (failed)
		throw *failed;
}

} // namespace client

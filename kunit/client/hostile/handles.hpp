// SPDX-License-Identifier: GPL-2.0-only
//
// The file descriptors of a hostile process. Its threads take, replace and
// close them under each other; a number may come to mean another file between
// two looks at it.
#pragma once

#include "books.hpp"
#include "random.hpp"

#include <array>
#include <atomic>

namespace client::hostile {

class Handles {
public:
	static constexpr size_t CONTAINERS = 4;
	static constexpr size_t GROUPS = 4;

	Handles()
	{
		for (auto *all : { &containers, &groups })
			for (auto &file : *all)
				file = -1;
		mail = -1;
	}

	// Another file takes the place, and the one that was there is closed.
	static void put(std::atomic<int> &place, int file);
	static void close(std::atomic<int> &place) { put(place, -1); }
	void close_all();

	// Through a socket that all processes of a round share.
	static int mailbox(int (&ends)[2]);
	static long send(int socket, int file, bool container);
	void receive(Random &random, Diary &diary);

	std::array<std::atomic<int>, CONTAINERS> containers;
	std::array<std::atomic<int>, GROUPS> groups;
	std::atomic<int> mail;
};

} // namespace client::hostile

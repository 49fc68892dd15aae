// SPDX-License-Identifier: GPL-2.0-only
//
// A user of VFIO as most cases need one: a container with a group in it, its
// IOMMU set, and the group's edu device at hand.
#pragma once

#include "edu.hpp"
#include "host.hpp"
#include "ledger.hpp"
#include "vfio.hpp"

#include <functional>
#include <optional>

namespace client {

// The size of the platform's default window, which is at bus address 0.
inline u64 default_size()
{
	return host().default_size;
}

inline constexpr u64 TCE_PAGE = 4096;
inline constexpr u64 DDW_START = u64{ 1 } << 59;

class Session {
public:
	// With the groups of the first `groups` edu devices.
	explicit Session(unsigned groups = 1) : Session{ 0, groups } {}
	// With so many groups from that one on.
	Session(unsigned first, unsigned groups);
	Session(const Session &) = delete;

	Container &container() { return container_; }
	Container *operator->() { return &container_; }
	const Group &group(unsigned index = 0) const { return *members_.at(index).group; }
	// The device; opened at the first call.
	Edu &edu(unsigned index = 0);

	// Takes one more group (with its device) in, or lets one go.
	Status join(unsigned index);
	Status leave(unsigned index);

	// Registers memory that has to be registered for the case to make
	// sense.
	void registered(const Memory &memory);
	// Removes the default window and creates one, which must work.
	Window only_window(u32 shift, u64 size, u32 levels = 1);
	// Creates a window beside what is there, which must work.
	Window window(u32 shift, u64 size, u32 levels = 1);
	void mapped(u64 address, u64 iova, u64 size, u32 flags = READ_WRITE);
	void unmapped(u64 iova, u64 size);

	// The call must answer -err and change nothing: not what is charged,
	// pinned or announced.
	void refuses(int err, std::string_view what, const std::function<Status()> &call,
		     std::source_location where = std::source_location::current());

private:
	struct Member {
		std::optional<Group> group;
		std::optional<Edu> edu;
		std::string function;
	};

	Container container_;
	std::vector<Member> members_;
};

// The next user of the group: everything it needs works, on any driver that is
// not broken.
void next_user();

} // namespace client

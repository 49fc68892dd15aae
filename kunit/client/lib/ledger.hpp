// SPDX-License-Identifier: GPL-2.0-only
//
// What a user of VFIO may hold of the machine: locked memory, pinned pages, DMA
// windows. The ledger is read before and after everything, and it has to
// balance.
#pragma once

#include "check.hpp"
#include "fd.hpp"

#include <optional>
#include <string>
#include <vector>

namespace client {

struct Ledger {
	u64 locked = 0;	     // bytes: VmLck of this process
	u64 pins = 0;	     // pages pinned for long, of the whole machine
	std::string windows; // DMA windows that the device tree announces
	std::string driver;  // what the driver says that it holds, where it says so

	bool operator==(const Ledger &) const = default;
};
std::ostream &operator<<(std::ostream &out, const Ledger &ledger);

Ledger read_ledger();
u64 locked_bytes();
u64 pinned_pages();
// The DMA windows that the device tree announces for every edu device.
std::string announced_windows();

// Pages are unpinned a little after the call that gives them back (RCU), so an
// expected state may take a moment. Fails when it does not come.
void settle(const Ledger &expected, std::string_view what,
	    std::source_location where = std::source_location::current());
// The same for the number of pins alone.
void settle_pins(u64 expected, std::string_view what,
		 std::source_location where = std::source_location::current());

// The driver's own counters (debugfs), and nothing when it has none.
std::optional<u64> driver_counter(std::string_view name);

// Counts TCE hypercalls with the kernel's own trace event, whatever driver
// makes them.
class HypercallCount {
public:
	HypercallCount();
	~HypercallCount();
	HypercallCount(const HypercallCount &) = delete;

	static bool available();
	// Hypercalls since construction: H_PUT_TCE, H_GET_TCE, H_STUFF_TCE,
	// H_PUT_TCE_INDIRECT.
	u64 tce() const { return total() - before_; }

private:
	static u64 total();
	u64 before_ = 0;
};

// What the kernel said since the last look.
class KernelLog {
public:
	KernelLog();

	struct News {
		size_t lines = 0;
		std::vector<std::string> bad; // warnings, oopses, corruption
		bool fatal = false;	      // the kernel is not to be trusted after this
	};
	News news();

private:
	Fd fd_;
};

} // namespace client

// SPDX-License-Identifier: GPL-2.0-only
//
// A guest: its memory, its vCPUs, and what answers the hypercalls that KVM
// leaves to its VMM.
#pragma once

#include "board.hpp"
#include "kvm.hpp"
#include "vfio.hpp"

#include <list>
#include <thread>

namespace hostile {

using client::Container;

class Guest {
public:
	// A VMM without a container answers with errors.
	Guest(const Plan &plan, Board &board, const Vm &vm, const Memory &data,
	      Container *container, std::vector<Target> targets);
	~Guest();

	// The slices of its memory that it uses.
	Slices &slices() { return slices_; }

	// Its data memory goes away and comes back.
	void lose_memory(Random &random) const;

private:
	void vcpu(unsigned number);
	void refill(Caller &caller, std::span<Call> list, Random &random);
	void tally(std::span<const Call> list);
	u64 answer(const kvm_run &run, Random &random);
	u64 put(const Target &target, u64 address, u64 tce);
	const Target *target(u64 liobn) const;

	const Plan &plan_;
	Board &board_;
	const Vm &vm_;
	const Memory &data_;
	Container *container_;
	std::vector<Target> targets_;
	Memory control_;
	Slices slices_{ (1u << SLICES) - 1 };
	std::list<Vcpu> vcpus_;
	std::atomic<bool> over_ = false;
	std::vector<std::jthread> threads_;
};

// A thread that complains when it fails.
template <class Work> std::jthread worker(Board &board, Work work)
{
	return std::jthread{ [&board, work] {
		try {
			work();
		} catch (const client::Failure &failure) {
			board.complain(failure.text);
		}
	} };
}

} // namespace hostile

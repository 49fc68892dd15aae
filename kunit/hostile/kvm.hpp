// SPDX-License-Identifier: GPL-2.0-only
//
// What a VMM needs of KVM: a machine, its vCPUs, tables for its LIOBNs, and
// VFIO's groups behind them.
#pragma once

#include "check.hpp"
#include "fd.hpp"
#include "memory.hpp"
#include "payload.hpp"

#include <linux/kvm.h>

#include <sys/mman.h>

namespace hostile {

using client::Fd;
using client::Memory;
using client::Status;
using client::u32;

class Vcpu {
public:
	Vcpu(const Fd &kvm, const Fd &vm, u64 id);
	Vcpu(const Vcpu &) = delete;
	~Vcpu();

	// Where the payload begins, and its list.
	void start(u64 address, u64 list, u64 calls) const;
	Status run() const;
	kvm_run &state() const { return *run_; }

private:
	Fd fd_;
	kvm_run *run_ = nullptr;
	size_t size_ = 0;
};

class Vm {
public:
	Vm();

	void memory(u32 slot, u64 guest_address, const Memory &memory) const;
	void no_memory(u32 slot) const;
	// A table of `size` pages of 2^shift bytes at a bus address. It has all
	// of its memory at once, so that KVM never sleeps for it while it walks
	// its own lists.
	Fd table(u64 liobn, u64 start, u32 shift, u64 size) const;

	Status add(int group) const;
	Status remove(int group) const;
	Status attach(int group, int table) const;

	const Fd &kvm() const { return kvm_; }
	const Fd &vm() const { return vm_; }

private:
	Status vfio(u64 attribute, void *argument) const;

	Fd kvm_;
	Fd vm_;
	Fd vfio_;
};

} // namespace hostile

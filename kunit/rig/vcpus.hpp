// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several vCPUs on the entries of one window, each in the middle of what the
 * other does.
 *
 * One thread plays them all: at a point of one vCPU's sequence another one does
 * all of its own.
 */
#ifndef TCE_CASES_VCPUS_HPP
#define TCE_CASES_VCPUS_HPP

#include "params.hpp"
#include "rig.hpp"

namespace fake {

enum class VcpuOp : u32 {
	Map,	     /* do_map() without a kill */
	MapNoRights, /* the same, a TCE without rights (A37b) */
	MapNoMemory, /* breaks off with the slot in its hands */
	Unmap,	     /* do_unmap() without a kill */
	Clear,	     /* kvmppc_clear_tce() */
	Kill,	     /* of the entry */
	Put,	     /* H_PUT_TCE */
	PutNothing,  /* H_PUT_TCE of 0 */
	PutIndirect, /* H_PUT_TCE_INDIRECT of a few */
	Stuff,	     /* H_STUFF_TCE of a few */
	Count
};

const char *name_of(VcpuOp op);

class Vcpus {
public:
	static constexpr u64 kMems = 3;
	static constexpr u64 kMem[kMems] = { bit(36), bit(37), bit(38) };
	static constexpr u64 kSize = 256 * kKiB;
	static constexpr u64 kEntry = 5; /* where most happens */
	static constexpr u64 kWindow = 8 * kMiB;
	static constexpr u32 kBoth = TCE_PERM_READ | TCE_PERM_WRITE;

	explicit Vcpus(const Config &config);
	~Vcpus();
	Vcpus(const Vcpus &) = delete;
	Vcpus &operator=(const Vcpus &) = delete;

	/*
	 * As vCPU @vcpu, with memory @mem at entry @entry; the kernel's answer.
	 */
	long act(u32 vcpu, VcpuOp op, u32 mem, u64 entry = kEntry);
	/*
	 * What KVM would do next; nothing is pending then, and notes are what
	 * entries name.
	 */
	void settle(const char *what);
	/* Memory is busy while it is named, and goes when it is not. */
	void unregister(const char *what);
	void finish(const char *what);
	u64 named(u32 mem) const;

	Rig r;
	Kvm kvm;
	GuestTable table;
};

} // namespace fake

#endif /* TCE_CASES_VCPUS_HPP */

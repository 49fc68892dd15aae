// SPDX-License-Identifier: GPL-2.0-only
/*
 * port.h, "Hypercalls": a hypervisor with one table per LIOBN.  When an entry
 * is set, the memory that it names must be pinned.
 */
#ifndef TCE_FAKE_PSERIES_HCALL_HPP
#define TCE_FAKE_PSERIES_HCALL_HPP

#include "alloc.hpp"
#include "group.hpp"
#include "mm.hpp"

namespace fake {

enum class Op : u32 { Put, PutIndirect, Stuff, Count };

constexpr u32 op_bit(Op o)
{
	return 1u << static_cast<u32>(o);
}

inline constexpr u32 kAllOps = op_bit(Op::Put) | op_bit(Op::PutIndirect) | op_bit(Op::Stuff);

/*
 * "After @skip calls of @ops, @times calls answer @status, having set @apply
 * entries."
 */
struct Script {
	u32 ops;
	u64 skip;
	u64 times;
	long status;
	u32 apply;
	bool zero_only; /* count only calls that clear entries */
	u32 liobn = 0;	/* 0: any */
};

struct HcallCount {
	u64 calls;
	u64 entries; /* that were changed */
};

class Hypervisor : public Part<Hypervisor> {
public:
	HcallCount hcalls[static_cast<u32>(Op::Count)] = {};
	u64 refused_hcalls = 0;
	bool allow_bad_hcalls = false; /* do not fail the case for them */
	u64 bad_hcalls = 0;
	/* Told of every entry that changes, with the world's lock held. */
	void (*watch)(void *arg, const FwWindow &w, u64 index, u64 old_tce, u64 new_tce) = nullptr;
	void *watch_arg = nullptr;
	static constexpr u32 kScripts = 4;
	Script scripts[kScripts] = {};

	void script(const Script &s);
	void no_scripts();
	u64 hcall_calls(Op o) const { return hcalls[static_cast<u32>(o)].calls; }
	u64 hcall_total() const;
	void reset_counts();

	void set_entry(FwWindow &w, u64 index, u64 tce);
	/* The window goes, and what is in it. */
	void drop_window(FwWindow &w);

	/* Entries of all windows that name some of [hpa, hpa + bytes). */
	u64 names(u64 hpa, u64 bytes) const;
	/* Is there one that names a page of @mem? */
	bool names_mem(const tce_mem &mem) const;

private:
	void note_tce(u64 old_tce, u64 new_tce, u32 page_shift);

	/* live entries that name block number n of 2^shift bytes */
	static constexpr u32 kShifts = 7;
	Sparse reach_[kShifts];
	static const u32 kShiftOf[kShifts];
};

template <> Hypervisor *Part<Hypervisor>::here;

} // namespace fake

#endif /* TCE_FAKE_PSERIES_HCALL_HPP */

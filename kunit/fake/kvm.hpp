// SPDX-License-Identifier: GPL-2.0-only
/*
 * In-kernel KVM as the tables see it: arch/powerpc/kvm/book3s_64_vio.c, call
 * for call, its error paths and its flaws included.
 *
 * Guest physical address 0 is user address `base` of the process that made it.
 *
 * Every op is called in a section: nothing in there may sleep, and grace
 * periods wait for its end (Users).  A hypercall is one section.  The calling
 * thread is one vCPU; for another one it says so (Vcpu).
 */
#ifndef TCE_FAKE_KVM_HPP
#define TCE_FAKE_KVM_HPP

#include "mem.hpp"

namespace fake {

/*
 * A guest's TCE table (struct kvmppc_spapr_tce_table): the tables it stands
 * for, and memory of its own with what the guest put there last.
 */
struct GuestTable {
	static constexpr u32 kMaxTables = 4;

	u32 page_shift = 12;
	u64 offset = 0; /* entries */
	u64 size = 0;	/* entries */
	tce_ktable *tables[kMaxTables] = {};
	u32 known[kMaxTables] = {}; /* how often each was found */
	u32 nr_tables = 0;
	Sparse values;
};

class Kvm {
public:
	Kvm(tce_mm *mm, u64 base) : mm_(mm), base_(base) {}
	Kvm(const Kvm &) = delete;
	Kvm &operator=(const Kvm &) = delete;

	/*
	 * KVM_DEV_VFIO_FILE_ADD with SET_SPAPR_TCE: 0, or -EINVAL if no table
	 * fits.  It asks nobody whose group that is.  A table that is known
	 * already loses a reference for ever (Ktables::give_up_lost()).
	 */
	int attach(GuestTable &t, u32 group);
	/* KVM_DEV_VFIO_FILE_DEL: drops what the group still shows. */
	void detach_group(GuestTable &t, u32 group);
	/* The table's file descriptor is closed. */
	void release(GuestTable &t);

	long h_put_tce(GuestTable &t, u64 ioba, u64 tce);
	/* @list is read twice. */
	long h_put_tce_indirect(GuestTable &t, u64 ioba, const u64 *list, u32 nr);
	long h_stuff_tce(GuestTable &t, u64 ioba, u64 value, u64 nr);

	/* For traps: the pieces, one by one. */
	long do_map(tce_ktable *k, u64 entry, u64 ua, u32 perm);
	long do_unmap(tce_ktable *k, u64 entry);
	void kill(tce_ktable *k, u64 entry, u64 nr = 1);
	void clear_tce(const GuestTable &t, tce_ktable *k, u64 entry);

	/*
	 * For traps: called in the middle, where another CPU may do anything.
	 * It comes in this order, but that a clearing exchange has no slot and
	 * stores nothing.
	 */
	enum class Point : u32 {
		Validated,	/* H_PUT_TCE_INDIRECT: the list will be read again */
		HaveSlot,	/* the entry's slot */
		BeforeExchange, /* the memory is noted to be mapped */
		Exchanged,
		BeforeStore, /* to the slot */
		Stored,
		BeforeKill,
		Killed,
		Count
	};
	void (*hook)(void *arg, Point at) = nullptr;
	void *hook_arg = nullptr;

	/* Times that the kernel would have printed a warning. */
	u32 warns = 0;
	/*
	 * Linux 7.2 looks at the length of H_STUFF_TCE and H_PUT_TCE_INDIRECT,
	 * 6.12 does not.
	 */
	bool checks_length = false;
	/* Stores behind the memory of guests' tables. */
	u32 overruns = 0;

private:
	void stop(Point at)
	{
		if (hook)
			hook(hook_arg, at);
	}
	long tce_to_ua(u64 tce, u64 *ua) const;
	long validate_ioba(const GuestTable &t, u64 ioba, u64 npages) const;
	long validate_tce(const GuestTable &t, u64 tce) const;
	long map(const GuestTable &t, tce_ktable *k, u64 entry, u64 ua, u32 perm);
	long unmap(const GuestTable &t, tce_ktable *k, u64 entry);
	long mapped_dec(tce_ktable *k, u64 entry);
	int xchg(tce_ktable *k, u64 entry, u64 *hpa, u32 *perm);
	void put(GuestTable &t, u64 entry, u64 tce);
	static void forget(GuestTable &t, u32 i);

	tce_mm *mm_;
	u64 base_;
};

/* The calling thread is vCPU @n as long as it lives, for hooks. */
class Vcpu {
public:
	explicit Vcpu(u32 n) : before_(env_self()->task) { as_task(n); }
	~Vcpu() { env_self()->task = before_; }
	Vcpu(const Vcpu &) = delete;
	Vcpu &operator=(const Vcpu &) = delete;

private:
	unsigned long before_;
};

} // namespace fake

#endif /* TCE_FAKE_KVM_HPP */

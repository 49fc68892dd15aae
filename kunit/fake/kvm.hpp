// SPDX-License-Identifier: GPL-2.0-only
/*
 * In-kernel KVM as the tables see it: arch/powerpc/kvm/book3s_64_vio.c, call for
 * call, its error paths included.
 *
 * Guest physical address 0 is user address `base` of the process that made it.
 */
#ifndef TCE_FAKE_KVM_HPP
#define TCE_FAKE_KVM_HPP

#include "world.hpp"

namespace fake {

/* A guest's TCE table (struct kvmppc_spapr_tce_table). */
struct GuestTable {
	static constexpr u32 kMaxTables = 4;

	u32 page_shift = 12;
	u64 offset = 0; /* entries */
	u64 size = 0;	/* entries */
	tce_ktable *tables[kMaxTables] = {};
	u32 nr_tables = 0;
};

class Kvm {
public:
	Kvm(tce_mm *mm, u64 base) : mm_(mm), base_(base) {}
	Kvm(const Kvm &) = delete;
	Kvm &operator=(const Kvm &) = delete;

	/* KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE: 0, or -EINVAL if no table fits. */
	int attach(GuestTable &t, u32 group);
	/* KVM_DEV_VFIO_GROUP_DEL: drops what the group still shows. */
	void detach_group(GuestTable &t, u32 group);
	/* The table's file descriptor is closed. */
	void release(GuestTable &t);

	long h_put_tce(GuestTable &t, u64 ioba, u64 tce);
	long h_put_tce_indirect(GuestTable &t, u64 ioba, const u64 *list, u32 nr);
	long h_stuff_tce(GuestTable &t, u64 ioba, u64 value, u64 nr);

	/* For traps: the pieces, one by one. */
	long do_map(tce_ktable *k, u64 entry, u64 ua, u32 perm);
	long do_unmap(tce_ktable *k, u64 entry);
	void clear_tce(const GuestTable &t, tce_ktable *k, u64 entry);

	/*
	 * For traps: called in the middle of do_map() and do_unmap(), where another CPU
	 * may do anything.
	 */
	enum class Point : u32 { HaveSlot, Exchanged, Dropped };
	void (*hook)(void *arg, Point at) = nullptr;
	void *hook_arg = nullptr;

	/* Times that the kernel would have printed a warning. */
	u32 warns = 0;

	static void wait_for_users();
	/* The calling thread sleeps; in between nobody has to wait for it. */
	static void sleep_begins();
	static void sleep_ends();

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

	tce_mm *mm_;
	u64 base_;
};

/* A reference to a table, as iommu_tce_table_get() and _put() do it. */
void ktable_get(tce_ktable *k);
void ktable_put(tce_ktable *k);

} // namespace fake

#endif /* TCE_FAKE_KVM_HPP */

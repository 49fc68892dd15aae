// SPDX-License-Identifier: GPL-2.0-only
/* A guest: its memory is registered, one window is in the kernel's hands. */
#ifndef TCE_CASES_GUEST_HPP
#define TCE_CASES_GUEST_HPP

#include "rig.hpp"

namespace fake::guest {

inline constexpr u64 kBoth = TCE_PERM_READ | TCE_PERM_WRITE;
inline constexpr u64 kRam = bit(40);
inline constexpr u64 kRamSize = 64 * kMiB;

/* A guest with its RAM registered, one window in use by the kernel. */
class Guest {
public:
	/* @shift: IOMMU page of the window; @guest_shift: of the guest's TCEs. */
	explicit Guest(u32 shift, u32 guest_shift, const Config &config = {}, u32 containers = 1,
		       u32 levels = 1)
		: r(config, containers), kvm(&r.w.mm[0], kRam)
	{
		r.w.make_contiguous(kRam, kRam + kRamSize, shift > config.page_shift ? shift : 24);
		TCE_EXPECT_EQ(r.reg(kRam, kRamSize), 0);
		TCE_EXPECT_EQ(r.create(shift, 64 * kGiB, levels), 0);
		at = r.start;
		table.page_shift = guest_shift;
		table.offset = at >> guest_shift;
		table.size = 64 * kGiB >> guest_shift;
		TCE_EXPECT_EQ(kvm.attach(table, 0), 0);
		r.w.reset_counts();
	}
	~Guest()
	{
		kvm.release(table);
		TCE_EXPECT_EQ(kvm.warns, 0);
	}
	Guest(const Guest &) = delete;
	Guest &operator=(const Guest &) = delete;

	long put(u64 n, u64 tce) { return kvm.h_put_tce(table, at + (n << table.page_shift), tce); }
	tce_ktable *ktable() const { return table.tables[0]; }
	/* The window's index of guest entry @n. */
	u64 index(u64 n) const
	{
		return (at >> ktable()->shape.page_shift) +
		       (n << (table.page_shift - ktable()->shape.page_shift));
	}
	bool reaches(u64 n, u64 gpa) const
	{
		return r.reaches(at + (n << table.page_shift), kRam + gpa);
	}

	Rig r;
	Kvm kvm;
	GuestTable table;
	u64 at = 0;
};

} // namespace fake::guest

#endif /* TCE_CASES_GUEST_HPP */

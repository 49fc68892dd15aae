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
	/*
	 * @shift: IOMMU page of the window; @guest_shift: of the guest's TCEs.
	 */
	explicit Guest(u32 shift, u32 guest_shift, const Config &config = {}, u32 containers = 1,
		       u32 levels = 1)
		: r(config, containers), kvm(&r.w.mm[0], kRam)
	{
		r.w.make_hugetlb(kRam, kRam + kRamSize, 24);
		TCE_EXPECT_EQ(r.reg(kRam, kRamSize), 0);
		TCE_EXPECT_EQ(r.create(shift, 64 * kGiB, levels), 0);
		at = r.start;
		table.page_shift = guest_shift;
		table.offset = at >> guest_shift;
		table.size = 64 * kGiB >> guest_shift;
		TCE_EXPECT_EQ(kvm.attach(table, 0), 0);
		/*
		 * The guest has used the beginning: KVM finds no slot where
		 * nothing was ever mapped.
		 */
		for (u64 i = 0; i < 8 * bit(guest_shift) || i < 1024 * bit(shift);
		     i += 512 * bit(shift)) {
			TCE_EXPECT_EQ(r.map(kRam, at + i, bit(shift)), 0);
			TCE_EXPECT_EQ(r.unmap(at + i, bit(shift)), 0);
		}
		r.w.reset_counts();
	}
	~Guest()
	{
		kvm.release(table);
		TCE_EXPECT_EQ(kvm.warns, 0);
	}
	Guest(const Guest &) = delete;
	Guest &operator=(const Guest &) = delete;

	/* H_PUT_TCE as the kernel answers it. */
	long put_in_kernel(u64 n, u64 tce) { return kvm.h_put_tce(table, address(n), tce); }
	/*
	 * As the guest sees it: what is too hard for the kernel, QEMU does, and
	 * puts it in the guest's table (put_tce_emu(),
	 * vfio_iommu_map_notify()).
	 */
	long put(u64 n, u64 tce)
	{
		const long rc = put_in_kernel(n, tce);

		return rc == h::kTooHard ? by_ioctl(n, tce) : rc;
	}
	/* The levels for these are there, so that KVM does not need QEMU. */
	void touch(u64 n, u64 nr = 1)
	{
		for (u64 i = n; i < n + nr; i++) {
			TCE_EXPECT_EQ(by_ioctl(i, kBoth), h::kSuccess);
			TCE_EXPECT_EQ(by_ioctl(i, 0), h::kSuccess);
		}
		ioctls = 0;
		r.w.reset_counts();
	}
	long by_ioctl(u64 n, u64 tce)
	{
		const u64 size = bit(table.page_shift);
		const u64 flags = tce & kBoth;

		if (!r.c[0])
			return h::kTooHard;

		const int rc = flags ? r.map(kRam + (tce & ~(size - 1)), address(n), size,
					     static_cast<u32>(flags)) :
				       r.unmap(address(n), size);

		ioctls++;
		return rc ? h::kTooHard : h::kSuccess;
	}
	u64 address(u64 n) const { return at + (n << table.page_shift); }
	tce_ktable *ktable() const { return table.tables[0]; }
	/* The window's index of guest entry @n. */
	u64 index(u64 n) const
	{
		return (at >> ktable()->shape.page_shift) +
		       (n << (table.page_shift - ktable()->shape.page_shift));
	}
	bool reaches(u64 n, u64 gpa) const { return r.reaches(address(n), kRam + gpa); }

	Rig r;
	Kvm kvm;
	GuestTable table;
	u64 at = 0;
	u64 ioctls = 0; /* how often KVM could not */
};

} // namespace fake::guest

#endif /* TCE_CASES_GUEST_HPP */

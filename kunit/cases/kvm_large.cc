// SPDX-License-Identifier: GPL-2.0-only
/*
 * IOMMU pages that are larger than system pages, through KVM, which asks the
 * registry how large pages are: a region that begins with hugetlb memory and
 * goes on with ordinary pages passes for huge all the way
 * (mm_iommu_do_alloc()).
 */
#include "guest.hpp"
#include "params.hpp"

using namespace fake;
using guest::kBoth;

namespace {

constexpr u64 kMem = bit(42);
constexpr u64 kHuge = bit(25); /* bytes of hugetlb memory at its beginning */
constexpr u64 kSize = bit(26);
constexpr u64 kOddPage = kHuge + 5 * 65536;

/* A window of 16 MiB pages, or of 64 KiB where system pages are smaller. */
struct Large {
	Config config;
	u32 shift;
};

Large large(unsigned int param)
{
	const Large all[] = {
		{ with_system_pages(0), 16 },
		{ with_system_pages(0), 24 },
		{ with_system_pages(1), 24 },
		{ with_powernv(1, 12), 16 },
		{ with_powernv(1, 16), 21 }
	};

	return all[param];
}

class Huge {
public:
	explicit Huge(const Large &l) : r(l.config), kvm(&r.w.mm[0], kMem), shift(l.shift)
	{
		r.w.strict_notes = true;
		/*
		 * One physical block as it seems, but for one page; only the
		 * first half is huge.
		 */
		r.w.make_hugetlb(kMem, kMem + kHuge, 24);
		r.w.make_contiguous(kMem + kHuge, kMem + kSize, 24);
		r.w.make_odd(kMem + kOddPage);
	}
	~Huge()
	{
		kvm.release(table);
		TCE_EXPECT_EQ(kvm.warns, 0);
	}
	Huge(const Huge &) = delete;
	Huge &operator=(const Huge &) = delete;

	void open()
	{
		TCE_EXPECT_EQ(r.create(shift, 64 * kGiB), 0);
		table.page_shift = shift;
		table.offset = r.start >> shift;
		table.size = 64 * kGiB >> shift;
		TCE_EXPECT_EQ(kvm.attach(table, 0), 0);
		/* The level is there. */
		TCE_EXPECT_EQ(r.map(kMem, r.start, bit(shift)), 0);
		TCE_EXPECT_EQ(r.unmap(r.start, bit(shift)), 0);
	}
	long put(u64 n, u64 tce)
	{
		const long rc = kvm.h_put_tce(table, r.start + (n << shift), tce);

		r.w.ioda.snoop();
		return rc;
	}
	bool reaches(u64 n, u64 gpa) const { return r.reaches(r.start + (n << shift), kMem + gpa); }

	Rig r;
	Kvm kvm;
	GuestTable table;
	const u32 shift;
};

} // namespace

int tce_params_large_pages(unsigned int i, char *buf, unsigned long bytes)
{
	static const char *const names[] = { "papr_4k_64k", "papr_4k_16m", "papr_64k_16m",
					     "powernv_4k_64k", "powernv_64k_2m" };

	return named(names, i, buf, bytes);
}

/* True claims are KVM's to use. */
TCE_CASE(kvm, large_in_hugetlb)
{
	Huge g(large(param));

	TCE_ASSERT_EQ(g.r.reg(kMem, kHuge), 0);
	g.open();
	TCE_EXPECT_EQ(g.put(1, kBoth), h::kSuccess);
	TCE_EXPECT(g.reaches(1, 0));
	TCE_EXPECT_EQ(g.put(1, (kHuge - bit(g.shift)) | kBoth), h::kSuccess);
	TCE_EXPECT(g.reaches(1, kHuge - bit(g.shift)));
	TCE_EXPECT_EQ(g.r.unreg(kMem, kHuge), err::kBusy);
	TCE_EXPECT_EQ(g.put(1, 0), h::kSuccess);
	TCE_EXPECT_EQ(g.r.w.live_tces(), 0);
	TCE_EXPECT_EQ(g.r.unreg(kMem, kHuge), 0);
}

/*
 * No device gets to a frame that is not the owner's, whatever KVM makes of a
 * false one.
 */
TCE_CASE(kvm, large_behind_hugetlb)
{
	Huge g(large(param));
	const int rc = g.r.reg(kMem, kSize);

	/* Not to take such memory at all would do as well. */
	if (rc) {
		TCE_EXPECT_EQ(rc, err::kInval);
		TCE_EXPECT_LE(1, g.r.w.logs);
		return;
	}
	g.open();
	/* The registry has been found out: of large pages KVM gets none. */
	TCE_EXPECT_EQ(g.put(1, kBoth), h::kTooHard);
	for (u64 gpa = 0; gpa < kSize; gpa += bit(24)) {
		const bool good = gpa < kHuge;
		const u64 at = good ? gpa : kOddPage & ~(bit(g.shift) - 1);
		const long put = g.put(1, at | kBoth);

		/*
		 * Through to nowhere, or to userspace, which has a closer look.
		 */
		TCE_EXPECT(put == h::kSuccess || put == h::kTooHard);
		if (!good)
			TCE_EXPECT(g.r.closed(g.r.start + bit(g.shift), bit(g.shift)));
		g.r.w.run_deferred();
		TCE_EXPECT_EQ(g.put(1, 0), h::kSuccess);
		g.r.w.run_deferred();
		TCE_EXPECT_EQ(g.r.w.live_tces(), 0);
	}
	/*
	 * Over an entry that is live, too: what it was it is not any more, or
	 * still is.
	 */
	TCE_EXPECT_EQ(g.r.map(kMem, g.r.start + bit(g.shift), bit(g.shift)), 0);
	g.put(1, (kOddPage & ~(bit(g.shift) - 1)) | kBoth);
	g.r.w.run_deferred();
	TCE_EXPECT(g.r.closed(g.r.start + bit(g.shift), bit(g.shift)) || g.reaches(1, 0));
	/* Who has made a false claim is not asked for another one. */
	TCE_EXPECT_EQ(g.r.w.counters[TCE_COUNT_KVM_REFUSED], 0);
	TCE_EXPECT_EQ(g.r.unmap(g.r.start, 64 * kGiB), 0);
	TCE_EXPECT_EQ(g.r.unreg(kMem, kSize), 0);
}

/*
 * The ioctl looks at every system page: what is one block goes in, what is not
 * does not.
 */
TCE_CASE(kvm, large_by_ioctl)
{
	Huge g(large(param));
	const u64 odd = kOddPage & ~(bit(g.shift) - 1);

	if (g.r.reg(kMem, kSize))
		return;
	g.open();
	TCE_EXPECT_EQ(g.r.map(kMem, g.r.start, bit(g.shift)), 0);
	TCE_EXPECT_EQ(g.r.map(kMem + kSize - bit(g.shift), g.r.start + bit(g.shift), bit(g.shift)),
		      0);
	if (g.shift > g.r.w.config.page_shift)
		TCE_EXPECT_EQ(g.r.map(kMem + odd, g.r.start, bit(g.shift)), err::kPerm);
	TCE_EXPECT(g.reaches(0, 0));
	TCE_EXPECT_EQ(g.r.unmap(g.r.start, 64 * kGiB), 0);
	TCE_EXPECT_EQ(g.r.unreg(kMem, kSize), 0);
}

/*
 * One block of ordinary pages: the registry does not know, and KVM asks
 * userspace.
 */
TCE_CASE(kvm, large_not_hugetlb)
{
	Huge g(large(param));
	constexpr u64 kStart = kMem + kHuge + bit(24);

	TCE_ASSERT_EQ(g.r.reg(kMem, kHuge), 0);
	TCE_ASSERT_EQ(g.r.reg(kStart, bit(24)), 0);
	g.open();
	TCE_EXPECT_EQ(g.put(1, (kStart - kMem) | kBoth), h::kTooHard);
	TCE_EXPECT(g.r.closed(g.r.start, 64 * kGiB));
	TCE_EXPECT_EQ(g.r.map(kStart, g.r.start + bit(g.shift), bit(g.shift)), 0);
	TCE_EXPECT(g.reaches(1, kStart - kMem));
	TCE_EXPECT_EQ(g.put(1, 0), h::kSuccess);
	TCE_EXPECT_EQ(g.r.unreg(kStart, bit(24)), 0);
}

/*
 * Directly, as KVM would with any registry: an address that is no such page's.
 */
TCE_CASE(kvm, large_exchanges)
{
	Huge g(large(param));

	TCE_ASSERT_EQ(g.r.reg(kMem, kHuge), 0);
	g.open();

	tce_table *t = g.table.tables[0]->table;
	const u64 entry = (g.r.start >> g.shift) + 1;
	const u64 wrong[] = { g.r.w.hpa_of(&g.r.w.mm[0], kMem) + 4096,
			      g.r.w.hpa_of(&g.r.w.mm[0], kMem + kHuge),
			      g.r.w.hpa_of(&g.r.w.mm[0], kMem + kOddPage) & ~(bit(g.shift) - 1) };

	for (u64 at : wrong) {
		u64 hpa = at;
		u32 perm = kBoth;

		/* Who was lied to once may ask no more. */
		if (!tce_table_useraddr(t, entry, 1))
			continue;
		TCE_EXPECT_EQ(tce_table_xchg(t, entry, &hpa, &perm), 0);
		TCE_EXPECT_EQ(perm, TCE_PERM_NONE);
		tce_table_kill(t, entry, 1);
		g.r.w.ioda.snoop();
		TCE_EXPECT(g.r.closed(g.r.start, 64 * kGiB));
	}
	TCE_EXPECT_LE(1, g.r.w.counters[TCE_COUNT_KVM_REFUSED]);
	TCE_EXPECT(!tce_table_useraddr(t, entry, 1));
	g.r.w.run_deferred();
	TCE_EXPECT_EQ(g.r.unreg(kMem, kHuge), 0);
}

/*
 * One false word of the registry is enough: then KVM maps nothing to nowhere,
 * userspace does it all.
 */
TCE_CASE(kvm, large_after_a_lie)
{
	Huge g(large(param));
	const u64 odd = kOddPage & ~(bit(g.shift) - 1);

	/* Said when the memory was registered. */
	TCE_ASSERT_EQ(g.r.reg(kMem, kSize), 0);
	g.open();
	TCE_EXPECT_EQ(g.put(1, odd | kBoth), h::kTooHard);
	/* What is true as well: nobody can tell. */
	TCE_EXPECT_EQ(g.put(1, kBoth), h::kTooHard);
	TCE_EXPECT_EQ(g.r.w.counters[TCE_COUNT_KVM_REFUSED], 0);
	TCE_EXPECT_EQ(g.r.map(kMem, g.r.start + bit(g.shift), bit(g.shift)), 0);
	TCE_EXPECT(g.reaches(1, 0));
	TCE_EXPECT_EQ(g.put(1, 0), h::kSuccess);
	TCE_EXPECT_EQ(g.r.w.live_tces(), 0);
	TCE_EXPECT_EQ(g.r.unreg(kMem, kSize), 0);
}

/* The same when it is not noticed before it is used. */
TCE_CASE(kvm, large_after_a_late_lie)
{
	Huge g(large(param));
	u64 hpa;
	u32 perm = kBoth;

	TCE_ASSERT_EQ(g.r.reg(kMem, kHuge), 0);
	g.open();

	tce_table *t = g.table.tables[0]->table;
	const u64 entry = (g.r.start >> g.shift) + 1;

	TCE_EXPECT_EQ(g.put(2, kBoth), h::kSuccess);
	hpa = g.r.w.hpa_of(&g.r.w.mm[0], kMem + kHuge);
	TCE_EXPECT(tce_table_useraddr(t, entry, 1));
	TCE_EXPECT_EQ(tce_table_xchg(t, entry, &hpa, &perm), 0);
	TCE_EXPECT_EQ(g.r.w.counters[TCE_COUNT_KVM_REFUSED], 1);
	TCE_EXPECT(!tce_table_useraddr(t, entry, 1));
	TCE_EXPECT_EQ(g.put(3, kBoth), h::kTooHard);
	/* What is there stays, and can be closed. */
	TCE_EXPECT(g.reaches(2, 0));
	TCE_EXPECT_EQ(g.put(2, 0), h::kSuccess);
	g.r.w.run_deferred();
	TCE_EXPECT_EQ(g.r.w.live_tces(), 0);
	TCE_EXPECT_EQ(g.r.unreg(kMem, kHuge), 0);
}

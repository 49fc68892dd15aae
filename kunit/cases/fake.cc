// SPDX-License-Identifier: GPL-2.0-only
/* The fake finds what it is there to find. */
#include "params.hpp"

using namespace fake;

namespace {

/* A world without an engine in it. */
class Bare {
public:
	explicit Bare(const Config &config = {}) : w(*make<World>(config)) {}
	~Bare() { unmake(&w); }
	Bare(const Bare &) = delete;
	Bare &operator=(const Bare &) = delete;

	World &w;
};

} // namespace

TCE_CASE(fake, lock_order)
{
	Bare b;
	tce_mutex outer, inner;
	tce_spinlock leaf;

	tce_port_mutex_init(&outer, TCE_LOCK_OWNER);
	tce_port_mutex_init(&inner, TCE_LOCK_UPDATE);
	tce_port_spin_init(&leaf, TCE_LOCK_LEAF);

	tce_port_mutex_lock(&outer);
	tce_port_mutex_lock(&inner);
	tce_port_spin_lock(&leaf);
	tce_port_mutex_assert_held(&inner);
	tce_port_spin_assert_held(&leaf);
	tce_port_spin_unlock(&leaf);
	tce_port_mutex_unlock(&outer);
	tce_port_mutex_unlock(&inner);

	Caught caught;

	tce_port_mutex_lock(&inner);
	tce_port_mutex_lock(&outer);
	TCE_EXPECT(caught.count() == 1);
	tce_port_mutex_unlock(&outer);
	tce_port_mutex_unlock(&inner);
	tce_port_mutex_assert_held(&inner);
	TCE_EXPECT(caught.count() == 2);
	tce_port_spin_lock(&leaf);
	tce_port_mutex_lock(&inner);
	TCE_EXPECT(caught.count() == 4);
	tce_port_mutex_unlock(&inner);
	tce_port_spin_unlock(&leaf);

	const u32 found = caught.count();

	tce_port_mutex_destroy(&inner);
	tce_port_mutex_destroy(&outer);
	if (found != 4)
		env_fail(__FILE__, __LINE__, "the lock checks do not work");
}

TCE_CASE(fake, sleeping_in_atomic)
{
	Bare b;
	u32 found;
	{
		Caught caught;
		Atomic atomic;

		tce_port_free(tce_port_alloc(8));
		tce_port_yield();
		found = caught.count();
	}
	TCE_EXPECT_EQ(found, 2);
}

TCE_CASE(fake, addresses)
{
	Config config;

	config.page_shift = kSystemShifts[param];

	Bare b(config);
	const u64 page = bit(config.page_shift);

	/*
	 * Distinct pages are distinct, nothing larger than a page is
	 * contiguous.
	 */
	TCE_EXPECT_NE(b.w.hpa_of(&b.w.mm[0], 0x100000), b.w.hpa_of(&b.w.mm[1], 0x100000));
	TCE_EXPECT(!b.w.block_is_contiguous(0x1000000, config.page_shift + 1));
	TCE_EXPECT(b.w.block_is_contiguous(0x1000000, 12));
	for (u64 va = 0x1000000; va < 0x1000000 + 4 * page; va += 2 * page) {
		TCE_EXPECT_EQ(b.w.hpa_of(&b.w.mm[0], va), b.w.hpa_of(&b.w.mm[0], va + page) + page);
	}

	b.w.make_contiguous(0x40000000, 0x80000000, 24);
	TCE_EXPECT(b.w.block_is_contiguous(0x41000000, 24));
	TCE_EXPECT(!b.w.block_is_contiguous(0x50000000, 28));
	TCE_EXPECT_EQ(b.w.hpa_of(&b.w.mm[0], 0x41000000) & (bit(24) - 1), 0);
	TCE_EXPECT_EQ(b.w.hpa_of(&b.w.mm[0], 0x41ff0000) - b.w.hpa_of(&b.w.mm[0], 0x41000000),
		      0xff0000);

	b.w.make_odd(0x41230000);
	TCE_EXPECT(!b.w.block_is_contiguous(0x41000000, 24));
	TCE_EXPECT(b.w.block_is_contiguous(0x42000000, 24));
}

TCE_CASE(fake, charges)
{
	Config config;

	config.locked_limit = 10;

	Bare b(config);
	tce_mm *m = tce_port_mm_get();

	TCE_EXPECT_EQ(tce_port_charge(m, 10), 0);
	TCE_EXPECT_EQ(tce_port_charge(m, 1), err::kNoMem);
	TCE_EXPECT_EQ(tce_port_charge(m, ~0ull), err::kNoMem);
	tce_port_uncharge(m, 10);

	u32 found;
	{
		Caught caught;

		tce_port_uncharge(m, 1);
		found = caught.count();
	}
	TCE_EXPECT_EQ(found, 1);
	tce_port_mm_put(m);
}

TCE_CASE(fake, memory_as_mm_iommu)
{
	Config config;

	config.page_shift = kSystemShifts[param];
	config.locked_limit = 16;

	Bare b(config);
	const u64 page = bit(config.page_shift);
	tce_mm *m = tce_port_mm_get();
	tce_mem *mem = nullptr, *same = nullptr, *other = nullptr;

	TCE_ASSERT_EQ(tce_port_mem_get(m, 16 * page, 8, &mem), 0);
	TCE_EXPECT_EQ(b.w.locked_vm(), 8);
	TCE_EXPECT_EQ(tce_port_mem_get(m, 16 * page, 8, &same), 0);
	TCE_EXPECT_EQ(same, mem);
	TCE_EXPECT_EQ(b.w.locked_vm(), 8);
	TCE_EXPECT_EQ(tce_port_mem_get(m, 23 * page, 2, &other), err::kInval);
	TCE_EXPECT_EQ(tce_port_mem_get(m, 64 * page, 9, &other), err::kNoMem);
	b.w.make_hole(65 * page, 66 * page);
	TCE_EXPECT_EQ(tce_port_mem_get(m, 64 * page, 8, &other), err::kFault);
	TCE_EXPECT_EQ(tce_port_mem_get(m, bit(60), 1, &other), err::kFault);
	TCE_EXPECT_EQ(b.w.locked_vm(), 8);

	u64 hpa[2] = {};

	TCE_EXPECT_EQ(tce_port_mem_translate(mem, 16 * page, config.page_shift, 2, hpa), 0);
	TCE_EXPECT_EQ(hpa[0], b.w.hpa_of(m, 16 * page));
	TCE_EXPECT_EQ(hpa[1], b.w.hpa_of(m, 17 * page));
	TCE_EXPECT_EQ(tce_port_mem_translate(mem, 23 * page, config.page_shift, 2, hpa),
		      err::kFault);
	TCE_EXPECT_EQ(tce_port_mem_translate(mem, 16 * page, config.page_shift + 1, 1, hpa),
		      err::kPerm);

	TCE_EXPECT_EQ(tce_port_mem_map(mem, 3), 0);
	TCE_EXPECT_EQ(tce_port_mem_put(m, mem), 0);
	TCE_EXPECT_EQ(tce_port_mem_put(m, mem), err::kBusy);
	tce_port_mem_unmap(mem, 2);
	tce_port_mem_unmap_user(m, 20 * page, page);

	u32 found;
	{
		Caught caught;

		tce_port_mem_unmap(mem, 1);
		found = caught.count();
	}
	TCE_EXPECT_EQ(found, 1);
	TCE_EXPECT_EQ(tce_port_mem_put(m, mem), 0);
	TCE_EXPECT_EQ(b.w.locked_vm(), 0);
	tce_port_mm_put(m);
}

TCE_CASE(fake, unpin_under_dma)
{
	Bare b;
	tce_mm *m = tce_port_mm_get();
	tce_mem *mem = nullptr;
	const u32 liobn = b.w.groups[0].win[0].liobn;

	TCE_ASSERT_EQ(tce_port_mem_get(m, 0x10000, 1, &mem), 0);

	const u64 hpa = b.w.hpa_of(m, 0x10000);

	TCE_EXPECT_EQ(tce_port_h_put_tce(liobn, 0x5000, hpa | TCE_PERM_READ), h::kSuccess);
	TCE_EXPECT(b.w.device_reaches(hpa, 4096));
	TCE_EXPECT(!b.w.device_reaches(hpa + 4096, 4096));
	TCE_EXPECT_EQ(b.w.tce_at(0, 0x5000), hpa | TCE_PERM_READ);

	u32 found;
	{
		Caught caught;

		tce_port_mem_put(m, mem);
		found = caught.count();
	}
	TCE_EXPECT_EQ(found, 1);
	/* And the other way round: the memory is not pinned any more. */
	{
		Caught caught;

		TCE_EXPECT(tce_port_h_put_tce(liobn, 0x6000, hpa | 1) == h::kParameter);
		found = caught.count();
	}
	TCE_EXPECT_EQ(found, 1);
	tce_port_h_put_tce(liobn, 0x5000, 0);
	TCE_EXPECT(!b.w.device_reaches(hpa, 4096));
	tce_port_mm_put(m);
}

TCE_CASE(fake, hypercalls)
{
	Bare b;
	const u32 liobn = b.w.groups[0].win[0].liobn;
	static const u64 list[513] = {};

	TCE_EXPECT_EQ(tce_port_h_put_tce_indirect(liobn, 0, list, 512), h::kSuccess);
	TCE_EXPECT_EQ(tce_port_h_stuff_tce(liobn, 0x3fffe000, 0, 2), h::kSuccess);
	TCE_EXPECT_EQ(b.w.hcall_calls(Op::PutIndirect), 1);
	TCE_EXPECT_EQ(b.w.hcall_total(), 2);

	b.w.allow_bad_hcalls = true;
	TCE_EXPECT_EQ(tce_port_h_put_tce_indirect(liobn, 0, list, 513), h::kParameter);
	TCE_EXPECT_EQ(tce_port_h_put_tce_indirect(liobn, 0, list, 0), h::kParameter);
	TCE_EXPECT_EQ(tce_port_h_put_tce_indirect(liobn, 0,
						  reinterpret_cast<const char *>(list) + 4, 1),
		      h::kParameter);
	TCE_EXPECT_EQ(tce_port_h_stuff_tce(liobn, 0x3fffe000, 0, 3), h::kParameter);
	TCE_EXPECT_EQ(tce_port_h_stuff_tce(liobn + 1, 0, 0, 1), h::kParameter);
	TCE_EXPECT_EQ(tce_port_h_put_tce(liobn, 0x800, 0), h::kParameter);
	TCE_EXPECT_EQ(b.w.bad_hcalls, 6);
}

TCE_CASE(fake, refusals)
{
	Bare b;
	tce_mm *m = tce_port_mm_get();
	tce_mem *mem = nullptr;
	const u32 liobn = b.w.groups[0].win[0].liobn;

	TCE_ASSERT_EQ(tce_port_mem_get(m, 0x10000, 1, &mem), 0);

	const u64 tce = b.w.hpa_of(m, 0x10000) | 3;

	/* After one call, two are refused, having set one entry each. */
	b.w.script({ op_bit(Op::Stuff), 1, 2, h::kHardware, 1, false });
	TCE_EXPECT_EQ(tce_port_h_stuff_tce(liobn, 0, tce, 2), h::kSuccess);
	TCE_EXPECT_EQ(tce_port_h_stuff_tce(liobn, 0x10000, tce, 2), h::kHardware);
	TCE_EXPECT_EQ(b.w.live_tces(), 3);
	TCE_EXPECT_EQ(tce_port_h_stuff_tce(liobn, 0, 0, 2), h::kHardware);
	TCE_EXPECT_EQ(b.w.live_tces(), 2);
	TCE_EXPECT_EQ(tce_port_h_stuff_tce(liobn, 0, 0, 32), h::kSuccess);
	TCE_EXPECT_EQ(b.w.live_tces(), 0);
	TCE_EXPECT_EQ(b.w.refused_hcalls, 2);
	TCE_EXPECT_EQ(tce_port_mem_put(m, mem), 0);
	tce_port_mm_put(m);
}

TCE_CASE(fake, windows_as_qemu)
{
	Config config;

	config.fw.default_by_liobn = true;

	Bare b(config);
	tce_port_group *g = &b.w.groups[0];
	tce_ddw_query q = {};
	tce_ddw_window one = {}, two = {};

	TCE_EXPECT_EQ(tce_port_ddw_query(g, &q), 0);
	TCE_EXPECT_EQ(q.available, 1);
	TCE_EXPECT_EQ(tce_port_ddw_create(g, 16, 36, &one), 0);
	TCE_EXPECT_EQ(one.start, bit(59));
	TCE_EXPECT_EQ(one.liobn, g->caps.default_liobn + 1);
	TCE_EXPECT_EQ(tce_port_ddw_create(g, 16, 36, &two), err::kIo);
	TCE_EXPECT_EQ(tce_port_ddw_remove(g, g->caps.default_liobn), 0);

	/* One is active, so the next one lands on top of it. */
	TCE_EXPECT_EQ(tce_port_ddw_create(g, 12, 30, &two), 0);
	TCE_EXPECT_EQ(two.start, bit(59));
	TCE_EXPECT_EQ(two.liobn, g->caps.default_liobn);
	TCE_EXPECT_EQ(tce_port_ddw_remove(g, two.liobn), 0);

	/* The last one goes, and was not the default one. */
	TCE_EXPECT_EQ(tce_port_ddw_remove(g, one.liobn), 0);
	TCE_EXPECT(g->win[0].live && g->win[0].is_default && !g->win[1].live);

	/* A window with the LIOBN of the default one is taken for it. */
	TCE_EXPECT_EQ(tce_port_ddw_remove(g, g->caps.default_liobn), 0);
	TCE_EXPECT_EQ(tce_port_ddw_query(g, &q), 0);
	TCE_EXPECT_EQ(q.available, 2);
	TCE_EXPECT_EQ(tce_port_ddw_create(g, 16, 40, &one), 0);
	TCE_EXPECT_EQ(one.start, 0);
	TCE_EXPECT_EQ(tce_port_ddw_remove(g, one.liobn), 0);
	TCE_EXPECT(!g->win[0].live);
	TCE_EXPECT_EQ(tce_port_ddw_reset(g), 0);
	TCE_EXPECT(g->win[0].live && g->win[0].is_default);
}

TCE_CASE(fake, windows_as_lopar)
{
	Config config;

	config.fw.max_windows = 1;
	config.fw.liobn_reuse = false;

	Bare b(config);
	tce_port_group *g = &b.w.groups[0];
	tce_ddw_window one = {};

	TCE_EXPECT_EQ(tce_port_ddw_create(g, 16, 36, &one), err::kIo);
	TCE_EXPECT_EQ(tce_port_ddw_remove(g, g->caps.default_liobn), 0);
	TCE_EXPECT_EQ(tce_port_ddw_create(g, 13, 36, &one), err::kIo);
	TCE_EXPECT_EQ(tce_port_ddw_create(g, 16, 15, &one), err::kIo);
	TCE_EXPECT_EQ(tce_port_ddw_create(g, 16, 36, &one), 0);
	TCE_EXPECT_EQ(one.start, 0);
	TCE_EXPECT_NE(one.liobn, g->caps.default_liobn);
	TCE_EXPECT_EQ(tce_port_ddw_remove(g, one.liobn), 0);
	TCE_EXPECT(g->win[0].live && g->win[0].is_default);
}

TCE_CASE(fake, injection)
{
	Bare b;

	b.w.fail_nth(2, site_bit(Site::Alloc));

	void *first = tce_port_alloc(1);
	void *second = tce_port_alloc(1);
	void *third = tce_port_alloc(1);

	TCE_EXPECT(first && !second && third);
	TCE_EXPECT_EQ(b.w.injected(), 1);
	b.w.fail_nth(1, kAllocSites, true);
	TCE_EXPECT(!tce_port_alloc(1));
	{
		NoFail no_fail;
		void *p = tce_port_alloc(1);

		TCE_EXPECT(p);
		tce_port_free(p);
	}
	b.w.fail_nth(1, site_bit(Site::Killed));
	TCE_EXPECT(tce_port_killed());
	TCE_EXPECT(!tce_port_killed());
	tce_port_free(first);
	tce_port_free(third);
}

TCE_CASE(fake, balance)
{
	u32 found;
	{
		Caught caught;
		{
			Bare b;

			/*
			 * A block, a charge with its reference, a
			 * window.
			 */
			static_cast<void>(tce_port_alloc(10));
			TCE_EXPECT(!tce_port_charge(tce_port_mm_get(), 3));
			tce_port_ddw_remove(&b.w.groups[0], b.w.groups[0].caps.default_liobn);
			tce_port_count(TCE_COUNT_LEAVES, 1);
			b.w.check_balance();
			found = caught.count();

			/* Give back what the sanitizers would miss. */
			b.w.skip_balance = true;
			b.w.release_all();
		}
	}
	TCE_EXPECT_EQ(found, 5);
}

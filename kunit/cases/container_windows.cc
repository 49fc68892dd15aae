// SPDX-License-Identifier: GPL-2.0-only
/*
 * Containers: windows come and go, in the order in which QEMU, DPDK and others
 * have them come and go.
 */
#include "params.hpp"
#include "rig.hpp"

using namespace fake;

namespace {

/* What the window in the firmware of group 0 at @at looks like. */
const FwWindow *firmware(Rig &r, u64 at)
{
	const FwWindow *w = r.w.window_at(0, at);

	return w && w->start == at ? w : nullptr;
}

} // namespace

/*
 * hw/vfio/spapr.c: prereg, GET_INFO, REMOVE(default), CREATE as the guest goes.
 */
TCE_CASE(container, qemu_start)
{
	Rig r(with_firmware(param));
	tce_info info = {};
	const u64 page = bit(r.w.config.page_shift);

	TCE_ASSERT_EQ(r.reg(kUser, 512 * kMiB), 0);
	TCE_EXPECT_EQ(r.info(&info), 0);
	TCE_EXPECT_EQ(r.remove(info.dma32_start), 0);
	TCE_EXPECT(!firmware(r, 0));
	/* QEMU up to 10.0 on a 4K host asks for two levels. */
	TCE_ASSERT_EQ(r.create(12, kGiB, 2), 0);
	TCE_EXPECT_EQ(r.start, 0);
	TCE_EXPECT_EQ(r.map(kUser, 0, page), 0);
	TCE_EXPECT(r.reaches(0, kUser));
	TCE_ASSERT_EQ(r.create(16, 512 * kMiB, 1), 0);
	TCE_EXPECT_EQ(r.start, kDdwStart);
	if (page == 65536) {
		TCE_EXPECT_EQ(r.map(kUser, kDdwStart, 16 * kMiB), 0);
		TCE_EXPECT(r.reaches(kDdwStart + 0x30000, kUser + 0x30000));
	}
	TCE_EXPECT(r.reaches(0, kUser));
}

/* spapr_phb_dma_reset(), again and again. */
TCE_CASE(container, qemu_reset)
{
	Rig r(with_firmware(param));
	const u64 page = bit(r.w.config.page_shift);

	TCE_ASSERT_EQ(r.reg(kUser, 512 * kMiB), 0);
	TCE_ASSERT_EQ(r.remove(0), 0);
	TCE_ASSERT_EQ(r.create(12, kGiB, 2), 0);
	TCE_EXPECT_EQ(r.start, 0);

	const u64 blocks = r.w.live_blocks;
	const u64 locked = r.w.locked_vm();

	for (u32 i = 0; i < 4; i++) {
		TCE_EXPECT_EQ(r.map(kUser, 0, 3 * page), 0);
		if (i % 2) {
			TCE_EXPECT_EQ(r.create(r.w.config.page_shift, 512 * kMiB, 1), 0);
			TCE_EXPECT_EQ(r.start, kDdwStart);
			TCE_EXPECT_EQ(r.map(kUser, kDdwStart, 16 * page), 0);
		}
		TCE_EXPECT_EQ(r.unmap(0, kGiB), 0);
		TCE_EXPECT_EQ(r.remove(0), 0);
		if (i % 2) {
			TCE_EXPECT_EQ(r.unmap(kDdwStart, 512 * kMiB), 0);
			TCE_EXPECT_EQ(r.remove(kDdwStart), 0);
		}
		TCE_EXPECT_EQ(r.create(12, kGiB, 2), 0);
		TCE_EXPECT_EQ(r.start, 0);
		TCE_EXPECT_EQ(r.w.live_blocks, blocks);
		TCE_EXPECT_EQ(r.w.locked_vm(), locked);
		TCE_EXPECT_EQ(r.w.live_tces(), 0);
	}
}

/* One window is given up while the other lives. */
TCE_CASE(container, remove_default_under_ddw)
{
	Rig r(with_firmware(param));
	const u64 page = bit(r.w.config.page_shift);

	TCE_ASSERT_EQ(r.reg(kUser, 16 * page), 0);
	TCE_ASSERT_EQ(r.create(r.w.config.page_shift, 64 * kGiB), 0);
	TCE_EXPECT_EQ(r.start, kDdwStart);
	TCE_ASSERT_EQ(r.map(kUser, kDdwStart, page), 0);
	TCE_ASSERT_EQ(r.map(kUser + page, 0, page), 0);
	for (u32 i = 0; i < 3; i++) {
		TCE_EXPECT_EQ(r.remove(0), 0);
		TCE_EXPECT(r.closed(0, kGiB));
		TCE_EXPECT_EQ(r.map(kUser, 0, page), err::kNxio);
		TCE_EXPECT_EQ(r.unmap(0, page), err::kNxio);
		TCE_EXPECT(r.reaches(kDdwStart, kUser));
		TCE_EXPECT_EQ(r.create(12, kGiB, 2), 0);
		TCE_EXPECT_EQ(r.start, 0);
		TCE_EXPECT_EQ(r.map(kUser + page, 0, page), 0);
		TCE_EXPECT(r.reaches(0, kUser + page));
		TCE_EXPECT(r.reaches(kDdwStart, kUser));
	}
}

TCE_CASE(container, remove_ddw_under_default)
{
	Rig r(with_firmware(param));
	const u64 page = bit(r.w.config.page_shift);

	TCE_ASSERT_EQ(r.reg(kUser, 16 * page), 0);
	TCE_ASSERT_EQ(r.map(kUser, 0, page), 0);
	for (u32 i = 0; i < 3; i++) {
		TCE_EXPECT_EQ(r.create(r.w.config.page_shift, 64 * kGiB), 0);
		TCE_EXPECT_EQ(r.start, kDdwStart);
		TCE_EXPECT_EQ(r.map(kUser, kDdwStart, page), 0);
		TCE_EXPECT_EQ(r.remove(kDdwStart), 0);
		TCE_EXPECT(!firmware(r, kDdwStart));
		TCE_EXPECT(r.reaches(0, kUser));
	}
}

/* DPDK: the large window has to be at 0. */
TCE_CASE(container, dpdk)
{
	Rig r(with_firmware(param));
	const u64 size = kTiB;

	r.w.make_contiguous(bit(40), bit(41), 25);
	TCE_ASSERT_EQ(r.reg(bit(40), 32 * kMiB), 0);
	for (u32 i = 0; i < 3; i++) {
		const u32 shift = i == 1 ? 21 : 16;

		TCE_ASSERT_EQ(r.remove(0), 0);
		TCE_ASSERT_EQ(r.create(shift, size, 1), 0);
		TCE_EXPECT_EQ(r.start, 0);
		TCE_EXPECT(firmware(r, 0) && firmware(r, 0)->window_shift == 40);
		TCE_EXPECT_EQ(r.map(bit(40), size - 32 * kMiB, 32 * kMiB), 0);
		TCE_EXPECT(r.reaches(size - bit(shift), bit(40) + 32 * kMiB - bit(shift)));
	}
	/* The memory goes by itself, the window with the container. */
	TCE_EXPECT_EQ(r.unmap(size - 32 * kMiB, 32 * kMiB), 0);
	TCE_EXPECT_EQ(r.unreg(bit(40), 32 * kMiB), 0);
}

/*
 * A large window at 0 gives way to a small one, as after kexec or a new guest.
 */
TCE_CASE(container, large_then_small_at_zero)
{
	Rig r(with_firmware(param));

	TCE_ASSERT_EQ(r.remove(0), 0);
	TCE_ASSERT_EQ(r.create(16, kTiB), 0);
	TCE_EXPECT_EQ(r.start, 0);
	TCE_ASSERT_EQ(r.create(16, kTiB), 0);
	TCE_EXPECT_EQ(r.start, kDdwStart);
	TCE_ASSERT_EQ(r.remove(0), 0);
	TCE_ASSERT_EQ(r.remove(kDdwStart), 0);
	TCE_ASSERT_EQ(r.create(12, kGiB), 0);
	TCE_EXPECT_EQ(r.start, 0);
	TCE_ASSERT_EQ(r.create(16, kTiB), 0);
	TCE_EXPECT_EQ(r.start, kDdwStart);
}

/*
 * Firmware puts a window where another one is: it is refused, and the one that
 * is there goes on.
 */
TCE_CASE(container, second_large_window)
{
	Rig r(with_firmware(param));
	const u64 page = bit(r.w.config.page_shift);

	TCE_ASSERT_EQ(r.reg(kUser, 16 * page), 0);
	TCE_ASSERT_EQ(r.create(r.w.config.page_shift, kTiB), 0);
	TCE_ASSERT_EQ(r.map(kUser, kDdwStart, page), 0);
	TCE_ASSERT_EQ(r.remove(0), 0);

	const int rc = r.create(16, kTiB);

	TCE_EXPECT(rc == err::kIo || rc == err::kNoSpc);
	TCE_EXPECT(r.reaches(kDdwStart, kUser));
	/* And the small one still comes up at 0. */
	TCE_EXPECT_EQ(r.create(12, kGiB), 0);
	TCE_EXPECT_EQ(r.start, 0);
	TCE_EXPECT(r.reaches(kDdwStart, kUser));
}

/* A window whose end is the end of all addresses works, or is refused. */
TCE_CASE(container, window_at_the_end)
{
	Config config;

	config.fw.ddw_start = 0 - kTiB;

	Rig r(config);

	TCE_ASSERT_EQ(r.reg(kUser, 16 * 4096), 0);
	if (r.create(12, kTiB))
		return;
	TCE_EXPECT_EQ(r.start, 0 - kTiB);
	TCE_EXPECT_EQ(r.map(kUser, 0 - 8192ull, 8192), 0);
	TCE_EXPECT(r.reaches(0 - 4096ull, kUser + 4096));
	TCE_EXPECT_EQ(r.map(kUser, 0 - 4096ull, 8192), err::kInval);
	TCE_EXPECT_EQ(r.unmap(0 - kTiB, kTiB), 0);
	TCE_EXPECT_EQ(r.w.live_tces(), 0);
}

TCE_CASE(container, smaller_default)
{
	Rig r(with_firmware(param));
	const u64 page = bit(r.w.config.page_shift);

	TCE_ASSERT_EQ(r.reg(kUser, 16 * page), 0);
	TCE_ASSERT_EQ(r.remove(0), 0);
	TCE_ASSERT_EQ(r.create(12, 256 * kMiB), 0);
	TCE_EXPECT_EQ(r.start, 0);
	TCE_EXPECT_EQ(r.map(kUser, 256 * kMiB - page, page), 0);
	TCE_EXPECT_EQ(r.map(kUser, 256 * kMiB - page, 2 * page), err::kInval);
	TCE_EXPECT_EQ(r.map(kUser, 256 * kMiB, page), err::kNxio);
	TCE_ASSERT_EQ(r.remove(0), 0);
	TCE_ASSERT_EQ(r.create(12, kGiB), 0);
	TCE_EXPECT_EQ(r.map(kUser, 256 * kMiB, page), 0);
}

/* `levels` is a hint: whatever it is, the window works. */
TCE_CASE(container, levels)
{
	static constexpr u32 kHints[] = { 0, 1, 2, 3, 4, 5, 6, 255, ~0u };
	Rig r;

	TCE_ASSERT_EQ(r.reg(kUser, 65536), 0);
	r.w.make_contiguous(0x40000000, 0x80000000, 16);
	TCE_ASSERT_EQ(r.reg(0x40000000, kMiB), 0);
	for (u32 levels : kHints) {
		TCE_ASSERT_EQ(r.create(16, kTiB, levels), 0);
		TCE_EXPECT_EQ(r.start, kDdwStart);
		TCE_EXPECT_EQ(r.map(0x40000000, kDdwStart + kTiB - kMiB, kMiB), 0);
		TCE_EXPECT_EQ(r.map(0x40000000, kDdwStart + 512 * kGiB - kMiB / 2, kMiB), 0);
		TCE_EXPECT(r.reaches(kDdwStart + kTiB - 65536, 0x40000000 + kMiB - 65536));
		TCE_EXPECT(r.reaches(kDdwStart + 512 * kGiB, 0x40000000 + kMiB / 2));
		TCE_EXPECT_EQ(r.remove(kDdwStart), 0);
	}
}

/* Every page size and shape that there is, from end to end of the window. */
TCE_CASE(container, shapes)
{
	const Shape &s = kShapes[param];
	Config config;

	config.fw.pgsizes = bit(12) | bit(16) | bit(21) | bit(24) | bit(28) | bit(30) | bit(34);
	config.fw.largest = ~0ull;

	Rig r(config);
	const u64 page = bit(s.page_shift);
	const u64 entries = bit(s.window_shift - s.page_shift);
	const u64 base = bit(40);
	const u64 at = kDdwStart;

	r.w.make_contiguous(base, base + bit(36), 35);
	TCE_ASSERT_EQ(r.reg(base, 2 * page < 65536 ? 65536 : 2 * page), 0);
	TCE_ASSERT_EQ(r.create(s.page_shift, bit(s.window_shift), s.levels), 0);
	TCE_ASSERT_EQ(r.start, at);

	/* Around every power of two, so around every border of every level. */
	for (u32 lg2 = 0; bit(lg2) < entries; lg2++) {
		const u64 border = at + bit(lg2) * page;

		TCE_EXPECT_EQ(r.map(base, border - page, 2 * page), 0);
		TCE_EXPECT(r.reaches(border - page, base));
		TCE_EXPECT(r.reaches(border, base + page));
		TCE_EXPECT_EQ(r.unmap(border - page, page), 0);
		TCE_EXPECT(!r.w.tce_at(0, border - page));
		TCE_EXPECT(r.reaches(border, base + page));
	}
	TCE_EXPECT_EQ(r.map(base, at + (entries - 1) * page, page), 0);
	TCE_EXPECT(r.reaches(at + (entries - 1) * page, base));
	TCE_EXPECT_EQ(r.unmap(at, entries * page), 0);
	TCE_EXPECT_EQ(r.w.live_tces(), 0);
	TCE_EXPECT_EQ(r.remove(at), 0);
}

/* What the host's driver left in the default window is not the user's. */
TCE_CASE(container, leftovers)
{
	Rig r(with_firmware(param), 1, false);
	tce_mm *host = tce_port_mm_get();
	tce_mem *mem = nullptr;
	const u32 liobn = r.w.groups[0].win[0].liobn;

	TCE_ASSERT_EQ(tce_port_mem_get(host, bit(32), 16, &mem), 0);
	for (u64 i = 0; i < 8; i++)
		tce_port_h_put_tce(liobn, i * 0x07654000 & (kGiB - 4096),
				   r.w.hpa_of(host, bit(32)) | 3);
	TCE_EXPECT_EQ(r.w.live_tces(), 8);
	TCE_EXPECT_EQ(r.attach(0), 0);
	TCE_EXPECT_EQ(r.w.live_tces(), 0);
	TCE_EXPECT_EQ(tce_port_mem_put(host, mem), 0);
	tce_port_mm_put(host);
}

/*
 * A firmware without any of it: there is the default window, and that is all.
 */
TCE_CASE(container, no_ddw)
{
	Config config;

	config.fw.has_ddw = false;
	config.fw.has_reset = false;
	config.fw.pgsizes = bit(12);

	Rig r(config);
	tce_info info = {};

	TCE_ASSERT_EQ(r.reg(kUser, kMiB), 0);
	TCE_EXPECT_EQ(r.info(&info), 0);
	TCE_EXPECT_EQ(info.max_windows, 1);
	TCE_EXPECT_EQ(r.map(kUser, 0, kMiB), 0);
	TCE_EXPECT(r.reaches(4096, kUser + 4096));
	TCE_EXPECT_EQ(r.create(12, kGiB), err::kNoSpc);
	for (u32 i = 0; i < 2; i++) {
		TCE_EXPECT_EQ(r.remove(0), 0);
		TCE_EXPECT_EQ(r.w.live_tces(), 0);
		TCE_EXPECT_EQ(r.create(12, kGiB, 2), 0);
		TCE_EXPECT_EQ(r.start, 0);
		TCE_EXPECT_EQ(r.map(kUser, 0, kMiB), 0);
	}
	TCE_EXPECT_EQ(r.w.ddw_calls[1] + r.w.ddw_calls[2] + r.w.ddw_calls[3], 0);
}

/*
 * Reset is an extension: without it the default window is not removed for good.
 */
TCE_CASE(container, no_reset)
{
	Config config;

	config.fw.has_reset = false;

	Rig r(config);

	TCE_ASSERT_EQ(r.reg(kUser, kMiB), 0);
	for (u32 i = 0; i < 3; i++) {
		TCE_EXPECT_EQ(r.remove(0), 0);
		TCE_EXPECT_EQ(r.create(12, kGiB, 2), 0);
		TCE_EXPECT_EQ(r.start, 0);
		TCE_EXPECT_EQ(r.map(kUser, 0, kMiB), 0);
		TCE_EXPECT_EQ(r.create(16, kTiB), 0);
		TCE_EXPECT_EQ(r.start, kDdwStart);
		TCE_EXPECT_EQ(r.remove(kDdwStart), 0);
	}
}

/* SR-IOV functions can have one window: the default one or a large one. */
TCE_CASE(container, one_window)
{
	Config config;

	config.fw.max_windows = 1;

	Rig r(config);

	r.w.make_contiguous(0x40000000, 0x80000000, 16);
	TCE_ASSERT_EQ(r.reg(0x40000000, kMiB), 0);
	TCE_EXPECT_EQ(r.create(16, kTiB), err::kNoSpc);
	for (u32 i = 0; i < 2; i++) {
		TCE_EXPECT_EQ(r.remove(0), 0);
		TCE_EXPECT_EQ(r.create(16, kTiB), 0);
		TCE_EXPECT_EQ(r.start, 0);
		TCE_EXPECT_EQ(r.map(0x40000000, kTiB - kMiB, kMiB), 0);
		TCE_EXPECT_EQ(r.create(16, kTiB), err::kNoSpc);
		TCE_EXPECT_EQ(r.remove(0), 0);
		TCE_EXPECT_EQ(r.create(12, kGiB), 0);
		TCE_EXPECT_EQ(r.start, 0);
	}
}

/* The same user, or the next one, again and again (the audit's row 8). */
TCE_CASE(container, users_follow)
{
	Rig r(with_firmware(param), 1, false);

	for (u32 i = 0; i < 4; i++) {
		TCE_ASSERT_EQ(r.attach(0), 0);
		TCE_EXPECT_EQ(r.create(0x8c, kGiB), err::kInval);
		if (i & 1)
			TCE_EXPECT_EQ(r.remove(0), 0);
		TCE_EXPECT_EQ(r.create(16, kGiB), 0);
		TCE_EXPECT_EQ(r.start, i & 1 ? 0 : kDdwStart);
		r.create(16, kGiB);
		TCE_EXPECT_EQ(r.reg(kUser, kMiB), 0);
		if (!(i & 1))
			TCE_EXPECT_EQ(r.map(kUser, 0, kMiB), 0);
		r.detach(0);
		if (i < 2)
			TCE_EXPECT_EQ(r.unreg(kUser, kMiB), 0);
		else
			r.close();
		r.w.check_balance_of_firmware();
		if (i >= 2)
			r.reopen();
	}
}

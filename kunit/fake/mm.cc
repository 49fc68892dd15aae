// SPDX-License-Identifier: GPL-2.0-only
/*
 * port.h, "The owner's address space".
 *
 * A user page's physical address is a rule, not a table: processes are 2^44 bytes
 * apart, and within one the blocks that are to be contiguous swap places with
 * their neighbours, so that nothing larger than such a block is.
 */
#include "world.hpp"

namespace fake {

namespace {

constexpr u32 kMmLg2 = 44;
constexpr u64 kOddBit = 1ull << 43;
constexpr u64 kUserEnd = 1ull << 43;

} // namespace

void check_mm(const tce_mm *m)
{
	if (m < &world->mm[0] || m >= &world->mm[kMaxMms] || !m->refs)
		env_panic(__FILE__, __LINE__, "use of an mm without a reference");
}

bool accessible(u64 start, u64 bytes)
{
	if (start >= kUserEnd || bytes > kUserEnd - start)
		return false;
	for (u32 i = 0; i < world->nr_holes; i++) {
		if (start < world->holes[i].end && world->holes[i].start < start + bytes)
			return false;
	}
	return true;
}

bool writable(u64 start, u64 bytes)
{
	for (u32 i = 0; i < world->nr_read_only; i++) {
		if (start < world->read_only[i].end && world->read_only[i].start < start + bytes)
			return false;
	}
	return true;
}

void World::make_contiguous(u64 start, u64 end, u32 lg2)
{
	if (nr_contiguous == sizeof(contiguous) / sizeof(contiguous[0]) ||
	    ((start | end) & (bit(lg2 + 1) - 1))) {
		FAKE_FAIL("make_contiguous: too many, or not aligned to two blocks");
		return;
	}
	contiguous[nr_contiguous++] = { start, end, lg2 };
}

void World::make_hugetlb(u64 start, u64 end, u32 lg2)
{
	if (nr_huge == sizeof(huge) / sizeof(huge[0])) {
		FAKE_FAIL("make_hugetlb: too many");
		return;
	}
	huge[nr_huge++] = { start, end, lg2 };
	make_contiguous(start, end, lg2);
}

void World::make_displaced(u64 start, u64 end, u32 by)
{
	make_contiguous(start, end, 34);
	displaced = { start, end, by };
}

bool World::block_is_huge(u64 vaddr, u32 shift) const
{
	for (u32 i = 0; i < nr_huge; i++) {
		if (huge[i].start <= vaddr && vaddr < huge[i].end)
			return huge[i].lg2 >= shift;
	}
	return false;
}

void World::make_hole(u64 start, u64 end)
{
	if (nr_holes == sizeof(holes) / sizeof(holes[0])) {
		FAKE_FAIL("make_hole: too many");
		return;
	}
	holes[nr_holes++] = { start, end };
}

void World::make_odd(u64 vaddr)
{
	if (nr_odd == sizeof(odd_pages) / sizeof(odd_pages[0])) {
		FAKE_FAIL("make_odd: too many");
		return;
	}
	odd_pages[nr_odd++] = vaddr >> config.page_shift;
}

bool World::page_is_odd(u64 vaddr) const
{
	for (u32 i = 0; i < nr_odd; i++) {
		if (odd_pages[i] == vaddr >> config.page_shift)
			return true;
	}
	return false;
}

void World::make_read_only(u64 start, u64 end)
{
	if (nr_read_only == sizeof(read_only) / sizeof(read_only[0])) {
		FAKE_FAIL("make_read_only: too many");
		return;
	}
	read_only[nr_read_only++] = { start, end };
}

bool World::is_writable(u64 hpa, u64 bytes) const
{
	const u64 page = bit(config.page_shift);

	for (u64 at = hpa & ~(page - 1); nr_read_only && at < hpa + bytes; at += page) {
		u32 which;
		u64 ua;

		if (locate(at, &which, &ua) && !writable(ua, page))
			return false;
	}
	return true;
}

u32 World::block_lg2(u64 vaddr) const
{
	for (u32 i = 0; i < nr_contiguous; i++) {
		if (contiguous[i].start <= vaddr && vaddr < contiguous[i].end)
			return contiguous[i].lg2;
	}
	return config.page_shift;
}

u64 World::hpa_of(const tce_mm *m, u64 vaddr) const
{
	const u64 process = static_cast<u64>(m->index + 1) << kMmLg2;
	u64 hpa = (vaddr ^ bit(block_lg2(vaddr))) | process;

	if (displaced.start <= vaddr && vaddr < displaced.end) {
		const u64 size = displaced.end - displaced.start;

		return process |
		       (displaced.start + (vaddr - displaced.start + bit(displaced.lg2)) % size);
	}

	if (page_is_odd(vaddr))
		hpa |= kOddBit;
	return hpa;
}

bool World::locate(u64 hpa, u32 *which, u64 *vaddr) const
{
	const u64 index = hpa >> kMmLg2;
	const bool odd = hpa & kOddBit;
	const u64 place = hpa & (bit(kMmLg2) - 1) & ~kOddBit;

	if (index < 1 || index > kMaxMms)
		return false;
	*which = static_cast<u32>(index - 1);
	/* Blocks swap places within a contiguous range, so the image is the range. */
	*vaddr = place ^ bit(block_lg2(place));
	if (displaced.start <= place && place < displaced.end) {
		const u64 size = displaced.end - displaced.start;

		*vaddr = displaced.start +
			 (place - displaced.start + size - bit(displaced.lg2)) % size;
	}
	return page_is_odd(*vaddr) == odd;
}

bool World::block_is_contiguous(u64 vaddr, u32 shift) const
{
	const u64 start = vaddr & ~(bit(shift) - 1);

	if (shift <= config.page_shift)
		return true;
	if (block_lg2(vaddr) < shift)
		return false;
	for (u32 i = 0; i < nr_odd; i++) {
		const u64 odd = odd_pages[i] << config.page_shift;

		if (odd >= start && odd - start < bit(shift))
			return false;
	}
	return true;
}

tce_mem *World::mem_lookup(const tce_mm *m, u64 ua, u64 bytes) const
{
	for (tce_mem *mem = m->mems; mem; mem = mem->next) {
		const u64 size = mem->npages << config.page_shift;

		if (mem->ua <= ua && ua - mem->ua < size && bytes <= size - (ua - mem->ua))
			return mem;
	}
	return nullptr;
}

bool World::is_pinned(u64 hpa, u64 bytes) const
{
	const u64 page = bit(config.page_shift);
	u64 at = hpa & ~(page - 1);

	/* The whole block at once where the rule allows it. */
	while (at < hpa + bytes) {
		u32 which;
		u64 ua;

		if (!locate(at, &which, &ua))
			return false;

		const tce_mem *mem = mem_lookup(&mm[which], ua, page);

		if (!mem && !pins.get(at >> config.page_shift))
			return false;
		if (!mem) {
			at += page;
			continue;
		}

		const u64 block = bit(block_lg2(ua));
		const u64 block_end = (ua | (block - 1)) + 1;
		const u64 mem_end = mem->ua + (mem->npages << config.page_shift);
		u64 step = (block_end < mem_end ? block_end : mem_end) - ua;

		if (nr_odd)
			step = page;
		at += step;
	}
	return true;
}

u64 World::live_mems() const
{
	u64 n = 0;

	for (const tce_mm &m : mm) {
		for (const tce_mem *mem = m.mems; mem; mem = mem->next)
			n++;
	}
	return n;
}

} // namespace fake

using namespace fake;

/* --- The owner's address space ------------------------------------------------ */

struct tce_mm *tce_port_mm_get(void)
{
	expect_process_context("tce_port_mm_get");

	Guard g;
	auto *m = static_cast<tce_mm *>(env_self()->mm);

	if (!m)
		m = &world->mm[0];
	m->refs++;
	return m;
}

void tce_port_mm_put(struct tce_mm *m)
{
	expect_process_context("tce_port_mm_put");

	Guard g;

	check_mm(m);
	m->refs--;
}

int tce_port_mm_is_current(const struct tce_mm *m)
{
	if (env_self()->in_user && world->on_asked)
		world->on_asked(world->asked_arg);

	Guard g;
	const void *current = env_self()->mm;

	check_mm(m);
	return m == (current ? current : &world->mm[0]);
}

int tce_port_charge(struct tce_mm *m, tce_u64 npages)
{
	expect_process_context("tce_port_charge");

	Guard g;

	check_mm(m);
	if (!npages)
		return 0;
	if (world->inject(Site::Charge))
		return err::kNoMem;

	const u64 locked = world->locked_vm(m->index);

	if (npages > m->limit || locked > m->limit - npages)
		return err::kNoMem;
	m->locked_port += npages;
	return 0;
}

void tce_port_uncharge(struct tce_mm *m, tce_u64 npages)
{
	expect_process_context("tce_port_uncharge");

	Guard g;

	check_mm(m);
	if (npages > m->locked_port) {
		FAKE_FAIL("uncharge of %llu pages, only %llu are charged", npages, m->locked_port);
		npages = m->locked_port;
	}
	m->locked_port -= npages;
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * port.h, "The owner's address space".
 *
 * A user page's physical address is a rule, not a table: processes are 2^44
 * bytes apart, and within one the blocks that are to be contiguous swap places
 * with their neighbours, so that nothing larger than such a block is.
 */
#include "mm.hpp"

namespace fake {

template <> constinit UserMemory *Part<UserMemory>::here = nullptr;

namespace {

constexpr u32 kMmLg2 = 44;
constexpr u64 kOddBit = 1ull << 43;
constexpr u64 kUserEnd = 1ull << 43;

} // namespace

UserMemory::UserMemory(u64 locked_limit)
{
	for (u32 i = 0; i < kMaxMms; i++) {
		mm[i].index = i;
		mm[i].limit = locked_limit;
	}
}

UserMemory::~UserMemory()
{
	for (tce_mm &m : mm) {
		while (tce_mem *mem = m.mems) {
			m.mems = mem->next;
			env_free(mem);
		}
	}
}

void UserMemory::check_balance() const
{
	const char *what = "left at the end";

	for (const tce_mm &m : mm) {
		if (m.refs)
			FAKE_FAIL("mm %u: %llu references %s", m.index, m.refs, what);
		if (m.locked_port)
			FAKE_FAIL("mm %u: %llu pages charged %s", m.index, m.locked_port, what);
		for (const tce_mem *mem = m.mems; mem; mem = mem->next) {
			FAKE_FAIL("mm %u: memory 0x%llx used %llu mapped %lld %s", m.index, mem->ua,
				  mem->used, mem->mapped, what);
		}
	}
	if (live_pins)
		FAKE_FAIL("%llu pins of pages %s", live_pins, what);
}

void run_as(u32 which)
{
	env_self()->mm = &UserMemory::here->mm[which];
}

tce_mm &UserMemory::current()
{
	auto *m = static_cast<tce_mm *>(env_self()->mm);

	return m ? *m : mm[0];
}

void check_mm(const tce_mm *m)
{
	if (m < &UserMemory::here->mm[0] || m >= &UserMemory::here->mm[kMaxMms] || !m->refs)
		env_panic(__FILE__, __LINE__, "use of an mm without a reference");
}

bool UserMemory::accessible(u64 start, u64 bytes) const
{
	if (start >= kUserEnd || bytes > kUserEnd - start)
		return false;
	for (u32 i = 0; i < nr_holes_; i++) {
		if (start < holes_[i].end && holes_[i].start < start + bytes)
			return false;
	}
	return true;
}

bool UserMemory::writable(u64 start, u64 bytes) const
{
	for (u32 i = 0; i < nr_read_only_; i++) {
		if (start < read_only_[i].end && read_only_[i].start < start + bytes)
			return false;
	}
	return true;
}

void UserMemory::make_contiguous(u64 start, u64 end, u32 lg2)
{
	if (nr_contiguous_ == sizeof(contiguous_) / sizeof(contiguous_[0]) ||
	    ((start | end) & (bit(lg2 + 1) - 1))) {
		FAKE_FAIL("make_contiguous: too many, or not aligned to two blocks");
		return;
	}
	contiguous_[nr_contiguous_++] = { start, end, lg2 };
}

void UserMemory::make_hugetlb(u64 start, u64 end, u32 lg2)
{
	if (nr_huge_ == sizeof(huge_) / sizeof(huge_[0])) {
		FAKE_FAIL("make_hugetlb: too many");
		return;
	}
	huge_[nr_huge_++] = { start, end, lg2 };
	make_contiguous(start, end, lg2);
}

void UserMemory::make_displaced(u64 start, u64 end, u32 by)
{
	make_contiguous(start, end, 34);
	displaced_ = { start, end, by };
}

bool UserMemory::block_is_huge(u64 vaddr, u32 shift) const
{
	for (u32 i = 0; i < nr_huge_; i++) {
		if (huge_[i].start <= vaddr && vaddr < huge_[i].end)
			return huge_[i].lg2 >= shift;
	}
	return false;
}

void UserMemory::make_hole(u64 start, u64 end)
{
	if (nr_holes_ == sizeof(holes_) / sizeof(holes_[0])) {
		FAKE_FAIL("make_hole: too many");
		return;
	}
	holes_[nr_holes_++] = { start, end };
}

void UserMemory::make_odd(u64 vaddr)
{
	if (nr_odd_ == sizeof(odd_pages_) / sizeof(odd_pages_[0])) {
		FAKE_FAIL("make_odd: too many");
		return;
	}
	odd_pages_[nr_odd_++] = vaddr >> Base::here->config.page_shift;
}

bool UserMemory::page_is_odd(u64 vaddr) const
{
	for (u32 i = 0; i < nr_odd_; i++) {
		if (odd_pages_[i] == vaddr >> Base::here->config.page_shift)
			return true;
	}
	return false;
}

void UserMemory::make_read_only(u64 start, u64 end)
{
	if (nr_read_only_ == sizeof(read_only_) / sizeof(read_only_[0])) {
		FAKE_FAIL("make_read_only: too many");
		return;
	}
	read_only_[nr_read_only_++] = { start, end };
}

/*
 * Page after page, as long as what is known is more than a system page: a
 * hugetlb page sets `pageshift`, an ordinary one leaves it as the page before
 * did.
 */
u32 UserMemory::registry_shift(u64 vaddr, u64 npages) const
{
	const u64 end = vaddr + (npages << Base::here->config.page_shift);
	u32 largest = static_cast<u32>(__builtin_ctzll(vaddr | end));
	u32 inherited = Base::here->config.page_shift;

	for (u64 at = vaddr; at < end && largest > Base::here->config.page_shift;) {
		u64 next = end;

		for (u32 i = 0; i < nr_huge_; i++) {
			if (huge_[i].start <= at && at < huge_[i].end) {
				inherited = huge_[i].lg2;
				next = huge_[i].end < next ? huge_[i].end : next;
			} else if (huge_[i].start > at && huge_[i].start < next) {
				next = huge_[i].start;
			}
		}
		largest = inherited < largest ? inherited : largest;
		at = next;
	}
	return largest;
}

bool UserMemory::is_writable(u64 hpa, u64 bytes) const
{
	const u64 page = bit(Base::here->config.page_shift);

	for (u64 at = hpa & ~(page - 1); nr_read_only_ && at < hpa + bytes; at += page) {
		u32 which;
		u64 ua;

		if (locate(at, &which, &ua) && !writable(ua, page))
			return false;
	}
	return true;
}

u32 UserMemory::block_lg2(u64 vaddr) const
{
	for (u32 i = 0; i < nr_contiguous_; i++) {
		if (contiguous_[i].start <= vaddr && vaddr < contiguous_[i].end)
			return contiguous_[i].lg2;
	}
	return Base::here->config.page_shift;
}

u64 UserMemory::hpa_of(const tce_mm *m, u64 vaddr) const
{
	const u64 process = static_cast<u64>(m->index + 1) << kMmLg2;
	u64 hpa = (vaddr ^ bit(block_lg2(vaddr))) | process;

	if (displaced_.start <= vaddr && vaddr < displaced_.end) {
		const u64 size = displaced_.end - displaced_.start;

		return process |
		       (displaced_.start + (vaddr - displaced_.start + bit(displaced_.lg2)) % size);
	}

	if (page_is_odd(vaddr))
		hpa |= kOddBit;
	return hpa;
}

bool UserMemory::locate(u64 hpa, u32 *which, u64 *vaddr) const
{
	const u64 index = hpa >> kMmLg2;
	const bool odd = hpa & kOddBit;
	const u64 place = hpa & (bit(kMmLg2) - 1) & ~kOddBit;

	if (index < 1 || index > kMaxMms)
		return false;
	*which = static_cast<u32>(index - 1);
	/*
	 * Blocks swap places within a contiguous range, so the image is the
	 * range.
	 */
	*vaddr = place ^ bit(block_lg2(place));
	if (displaced_.start <= place && place < displaced_.end) {
		const u64 size = displaced_.end - displaced_.start;

		*vaddr = displaced_.start +
			 (place - displaced_.start + size - bit(displaced_.lg2)) % size;
	}
	return page_is_odd(*vaddr) == odd;
}

bool UserMemory::block_is_contiguous(u64 vaddr, u32 shift) const
{
	const u64 start = vaddr & ~(bit(shift) - 1);

	if (shift <= Base::here->config.page_shift)
		return true;
	if (block_lg2(vaddr) < shift)
		return false;
	for (u32 i = 0; i < nr_odd_; i++) {
		const u64 odd = odd_pages_[i] << Base::here->config.page_shift;

		if (odd >= start && odd - start < bit(shift))
			return false;
	}
	return true;
}

tce_mem *UserMemory::mem_lookup(const tce_mm *m, u64 ua, u64 bytes) const
{
	for (tce_mem *mem = m->mems; mem; mem = mem->next) {
		const u64 size = mem->npages << Base::here->config.page_shift;

		if (mem->ua <= ua && ua - mem->ua < size && bytes <= size - (ua - mem->ua))
			return mem;
	}
	return nullptr;
}

bool UserMemory::is_pinned(u64 hpa, u64 bytes) const
{
	const u64 page = bit(Base::here->config.page_shift);
	u64 at = hpa & ~(page - 1);

	/* The whole block at once where the rule allows it. */
	while (at < hpa + bytes) {
		u32 which;
		u64 ua;

		if (!locate(at, &which, &ua))
			return false;

		const tce_mem *mem = mem_lookup(&mm[which], ua, page);

		if (!mem && !pins.get(at >> Base::here->config.page_shift))
			return false;
		if (!mem) {
			at += page;
			continue;
		}

		const u64 block = bit(block_lg2(ua));
		const u64 block_end = (ua | (block - 1)) + 1;
		const u64 mem_end = mem->ua + (mem->npages << Base::here->config.page_shift);
		u64 step = (block_end < mem_end ? block_end : mem_end) - ua;

		if (nr_odd_)
			step = page;
		at += step;
	}
	return true;
}

/* What one entry names is contiguous in user memory. */
bool UserMemory::is_part_of(const tce_mem &mem, u64 hpa, u32 shift) const
{
	u32 which;
	u64 ua;

	return locate(hpa, &which, &ua) && which == mem.mm->index &&
	       ua < mem.ua + (mem.npages << Base::here->config.page_shift) &&
	       mem.ua < ua + bit(shift);
}

u64 UserMemory::live_mems() const
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

/* --- The owner's address space -------------------------------------------- */

struct tce_mm *tce_port_mm_get(void)
{
	expect_process_context("tce_port_mm_get");

	Guard g;
	tce_mm &m = UserMemory::here->current();

	m.refs++;
	return &m;
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
	if (env_self()->in_user && UserMemory::here->on_asked)
		UserMemory::here->on_asked(UserMemory::here->asked_arg);

	Guard g;

	check_mm(m);
	return m == &UserMemory::here->current();
}

int tce_port_charge(struct tce_mm *m, tce_u64 npages)
{
	expect_process_context("tce_port_charge");

	Guard g;

	check_mm(m);
	if (!npages)
		return 0;
	if (Base::here->inject(Site::Charge))
		return err::kNoMem;

	const u64 locked = UserMemory::here->locked_vm(m->index);

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

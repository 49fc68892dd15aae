// SPDX-License-Identifier: GPL-2.0-only
/*
 * port.h, "The owner's address space" and "Registered memory".
 *
 * Registered memory follows arch/powerpc/mm/book3s64/iommu_api.c: one list per
 * process, `used` counts the containers, `mapped` starts at 1 and refuses to go
 * below it, the last put fails while entries name the memory.
 *
 * A user page's physical address is a rule, not a table: processes are 2^44 bytes
 * apart, and within one the blocks that are to be contiguous swap places with
 * their neighbours, so that nothing larger than such a block is.
 */
#include "world.hpp"

namespace fake {

namespace {

constexpr u32 kMemMagic = 0x3e3e3e3e;
constexpr u32 kMmLg2 = 44;
constexpr u64 kOddBit = 1ull << 43;
constexpr u64 kUserEnd = 1ull << 43;

u32 page_shift()
{
	return world->config.page_shift;
}

tce_mem *check_mem(tce_mem *mem, const char *what)
{
	if (!mem || mem->magic != kMemMagic)
		env_panic(__FILE__, __LINE__, what);
	return mem;
}

void check_mm(const tce_mm *m)
{
	if (m < &world->mm[0] || m >= &world->mm[kMaxMms] || !m->refs)
		env_panic(__FILE__, __LINE__, "use of an mm without a reference");
}

} // namespace

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
	u64 hpa = (vaddr ^ bit(block_lg2(vaddr))) | static_cast<u64>(m->index + 1) << kMmLg2;

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

/* --- Registered memory --------------------------------------------------------- */

int tce_port_mem_get(struct tce_mm *m, tce_u64 vaddr, tce_u64 npages, struct tce_mem **out)
{
	expect_process_context("tce_port_mem_get");

	const u64 bytes = npages << page_shift();
	auto *fresh = static_cast<tce_mem *>(env_alloc(sizeof(tce_mem), 8));
	int rc = 0;
	{
		Guard g;

		check_mm(m);
		if (m != (env_self()->mm ? env_self()->mm : &world->mm[0]))
			FAKE_FAIL("tce_port_mem_get for a process that is not current");
		if (!npages || (vaddr & (bit(page_shift()) - 1)) || bytes >> page_shift() != npages)
			FAKE_FAIL("tce_port_mem_get(0x%llx, %llu pages)", vaddr, npages);

		for (tce_mem *mem = m->mems; mem; mem = mem->next) {
			if (mem->ua == vaddr && mem->npages == npages) {
				if (world->inject(Site::MemGet)) {
					rc = err::kNoMem;
					goto out;
				}
				mem->used++;
				*out = mem;
				goto out;
			}
		}
		if (world->inject(Site::MemGet)) {
			rc = err::kNoMem;
			goto out;
		}
		if (npages > m->limit || world->locked_vm(m->index) > m->limit - npages) {
			rc = err::kNoMem;
			goto out;
		}
		if (!accessible(vaddr, bytes) || !writable(vaddr, bytes)) {
			rc = err::kFault;
			goto out;
		}
		for (tce_mem *mem = m->mems; mem; mem = mem->next) {
			if (mem->ua < vaddr + bytes &&
			    vaddr < mem->ua + (mem->npages << page_shift())) {
				rc = err::kInval;
				goto out;
			}
		}
		fresh->magic = kMemMagic;
		fresh->mm = m;
		fresh->ua = vaddr;
		fresh->npages = npages;
		fresh->used = 1;
		fresh->mapped = 1;
		fresh->next = m->mems;
		m->mems = fresh;
		m->locked_mem += npages;
		*out = fresh;
		fresh = nullptr;
	}
out:
	env_free(fresh);
	return rc;
}

int tce_port_mem_put(struct tce_mm *m, struct tce_mem *mem)
{
	expect_process_context("tce_port_mem_put");
	{
		Guard g;

		check_mm(m);
		check_mem(mem, "tce_port_mem_put of memory that is gone");
		if (mem->mm != m)
			FAKE_FAIL("memory is put for the wrong process");
		if (--mem->used)
			return 0;
		if (mem->mapped != 1) {
			mem->used++;
			return err::kBusy;
		}
		mem->mapped = 0;

		/* The last pin goes: no device may reach any of its pages. */
		if (world->device_reaches_mem(*mem)) {
			FAKE_FAIL("memory 0x%llx loses its pins while a device can reach it",
				  mem->ua);
		}
		world->unpinned_pages += mem->npages;
		m->locked_mem -= mem->npages;
		for (tce_mem **at = &m->mems; *at; at = &(*at)->next) {
			if (*at == mem) {
				*at = mem->next;
				break;
			}
		}
		/* KVM may still look at it: freed after a grace period (call_rcu()). */
		mem->magic = 0;
		mem->next = world->graveyard;
		world->graveyard = mem;
	}
	return 0;
}

int tce_port_mem_map(struct tce_mem *mem, tce_u64 nr)
{
	Guard g;

	check_mem(mem, "tce_port_mem_map of memory that is gone");
	if (world->inject(Site::MemMap) || !mem->mapped)
		return err::kNxio;
	mem->mapped += static_cast<s64>(nr);
	return 0;
}

/* mm_iommu_ua_to_hpa(), which KVM calls on what mm_iommu_lookup() gave it. */
int fake::mem_translate(const tce_mem *mem, u64 vaddr, u32 shift, u64 *hpa)
{
	Guard g;

	if (!world->block_is_contiguous(vaddr, shift))
		return err::kFault;
	if (hpa)
		*hpa = world->hpa_of(mem->mm, vaddr);
	return 0;
}

static void unmap_checked(tce_mem *mem, u64 nr)
{
	if (mem->mapped - static_cast<s64>(nr) < 1) {
		FAKE_FAIL("memory 0x%llx: %llu unmaps, only %lld are mapped", mem->ua, nr,
			  mem->mapped - 1);
		mem->mapped = 1;
		return;
	}
	mem->mapped -= static_cast<s64>(nr);
	if (world->strict_notes &&
	    world->entries_naming_mem(*mem) > static_cast<u64>(mem->mapped - 1))
		FAKE_FAIL("memory 0x%llx loses notes while a device can reach it", mem->ua);
}

void tce_port_mem_unmap(struct tce_mem *mem, tce_u64 nr)
{
	Guard g;

	unmap_checked(check_mem(mem, "tce_port_mem_unmap of memory that is gone"), nr);
}

void tce_port_mem_unmap_user(struct tce_mm *m, tce_u64 vaddr, tce_u64 size)
{
	expect_process_context("tce_port_mem_unmap_user");

	Guard g;

	check_mm(m);
	if (tce_mem *mem = world->mem_lookup(m, vaddr, size))
		unmap_checked(mem, 1);
}

int tce_port_mem_translate(struct tce_mem *mem, tce_u64 vaddr, unsigned int shift, unsigned int nr,
			   tce_u64 *hpa)
{
	Guard g;

	check_mem(mem, "tce_port_mem_translate of memory that is gone");

	const u64 size = mem->npages << page_shift();
	const u64 offset = vaddr - mem->ua;

	if (shift < 12 || shift > 34 || (vaddr & (bit(shift) - 1)) || !nr)
		FAKE_FAIL("translate(0x%llx, shift %u, nr %u)", vaddr, shift, nr);
	if (vaddr < mem->ua || offset >= size || nr > (size - offset) >> shift)
		return err::kFault;
	for (unsigned int i = 0; i < nr; i++) {
		const u64 ua = vaddr + (static_cast<u64>(i) << shift);

		if (!world->block_is_contiguous(ua, shift))
			return err::kPerm;
		if (hpa)
			hpa[i] = world->hpa_of(mem->mm, ua);
	}
	return 0;
}

void tce_port_page_dirty(tce_u64 hpa, unsigned int shift)
{
	expect_process_context("tce_port_page_dirty");

	Guard g;

	if (hpa & (bit(shift) - 1))
		FAKE_FAIL("dirty page 0x%llx is not aligned to 2^%u", hpa, shift);
	if (!world->is_pinned(hpa, bit(shift)))
		FAKE_FAIL("dirty page 0x%llx is not pinned", hpa);
	world->dirtied++;
}

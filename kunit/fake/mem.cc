// SPDX-License-Identifier: GPL-2.0-only
/*
 * port.h, "Registered memory", as arch/powerpc/mm/book3s64/iommu_api.c has it: one list per
 * process, `used` counts the containers, `mapped` starts at 1 and refuses to go
 * below it, the last put fails while entries name the memory.
 */
#include "world.hpp"

namespace fake {

namespace {

constexpr u32 kMemMagic = 0x3e3e3e3e;

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

/*
 * What takes time in proportion to it is done in steps: so much at most, and a little more at the
 * border of two loops, before others may run.
 */
constexpr unsigned long kMaxLookUps = 2 * 65536 + 1024;
constexpr unsigned long kMaxNotes = 2 * 8192 + 1024;

void count_step(unsigned long &done, u64 more, unsigned long most, const char *what)
{
	done += more;
	if (done <= most)
		return;
	FAKE_FAIL("%lu %s without letting others run", done, what);
	done = 0;
}

} // namespace

void begin_step()
{
	env_self()->look_ups = 0;
	env_self()->notes = 0;
}

/*
 * Page after page, as long as what is known is more than a system page: a hugetlb page
 * sets `pageshift`, an ordinary one leaves it as the page before did.
 */
u32 World::registry_shift(u64 vaddr, u64 npages) const
{
	const u64 end = vaddr + (npages << config.page_shift);
	u32 largest = static_cast<u32>(__builtin_ctzll(vaddr | end));
	u32 inherited = config.page_shift;

	for (u64 at = vaddr; at < end && largest > config.page_shift;) {
		u64 next = end;

		for (u32 i = 0; i < nr_huge; i++) {
			if (huge[i].start <= at && at < huge[i].end) {
				inherited = huge[i].lg2;
				next = huge[i].end < next ? huge[i].end : next;
			} else if (huge[i].start > at && huge[i].start < next) {
				next = huge[i].start;
			}
		}
		largest = inherited < largest ? inherited : largest;
		at = next;
	}
	return largest;
}

} // namespace fake

using namespace fake;

namespace {

/* One at a time for each process; its faults take as long as they like. */
class Registering {
public:
	explicit Registering(tce_mm &m) : mm_(m)
	{
		{
			Guard g;

			check_mm(&m);
			if (mm_.registering++)
				FAKE_FAIL("tce_port_mem_get() twice at a time for one process");
		}
		if (world->faulting) {
			world->users.asleep(true);
			world->faulting(world->faulting_arg, mm_);
			world->users.asleep(false);
		}
	}
	~Registering()
	{
		Guard g;

		mm_.registering--;
	}
	Registering(const Registering &) = delete;
	Registering &operator=(const Registering &) = delete;

private:
	tce_mm &mm_;
};

} // namespace

int tce_port_mem_get(struct tce_mm *m, tce_u64 vaddr, tce_u64 npages, struct tce_mem **out)
{
	expect_process_context("tce_port_mem_get");

	Registering registering(*m);
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
		fresh->pageshift = world->registry_shift(vaddr, npages);
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

int tce_port_mem_claim(struct tce_mem *mem, tce_u64 vaddr, tce_u64 npages)
{
	expect_process_context("tce_port_mem_claim");

	Guard g;

	check_mem(mem, "tce_port_mem_claim of memory that is gone");
	if (mem->ua != vaddr || mem->npages != npages)
		FAKE_FAIL("tce_port_mem_claim(0x%llx, %llu pages)", vaddr, npages);
	if (world->inject(Site::Killed) || env_self()->killed)
		return err::kIntr;
	if (mem->pageshift <= page_shift())
		return 0;
	/* One look at each page that it is said to be made of. */
	for (u64 i = 0; i < npages; i += bit(mem->pageshift - page_shift())) {
		if (!world->block_is_huge(vaddr + (i << page_shift()), mem->pageshift))
			return err::kPerm;
	}
	return 0;
}

int tce_port_mem_put(struct tce_mm *m, struct tce_mem *mem)
{
	moment();
	expect_process_context("tce_port_mem_put");
	{
		Guard g;

		check_mm(m);
		check_mem(mem, "tce_port_mem_put of memory that is gone");
		world->mem_puts++;
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
	moment();
	Guard g;

	check_mem(mem, "tce_port_mem_map of memory that is gone");
	/* With a note it cannot go away. */
	if (!mem->mapped || (mem->mapped == 1 && world->inject(Site::MemMap)))
		return err::kNxio;
	count_step(env_self()->notes, nr, kMaxNotes, "notes");
	mem->mapped += static_cast<s64>(nr);
	return 0;
}

/*
 * mm_iommu_ua_to_hpa(), which KVM calls on what mm_iommu_lookup() gave it: it believes
 * what the registry says of the largest page.
 */
int fake::mem_translate(const tce_mem *mem, u64 vaddr, u32 shift, u64 *hpa)
{
	Guard g;

	if (shift > mem->pageshift)
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

	count_step(env_self()->notes, nr, kMaxNotes, "notes");
	unmap_checked(check_mem(mem, "tce_port_mem_unmap of memory that is gone"), nr);
}

void tce_port_mem_unmap_all(struct tce_mem *mem)
{
	expect_process_context("tce_port_mem_unmap_all");

	Guard g;

	check_mem(mem, "tce_port_mem_unmap_all of memory that is gone");
	if (mem->mapped > 1)
		unmap_checked(mem, static_cast<u64>(mem->mapped - 1));
}

void tce_port_mem_unmap_user(struct tce_mm *m, tce_u64 vaddr, tce_u64 size)
{
	Guard g;

	check_mm(m);
	if (tce_mem *mem = world->mem_lookup(m, vaddr, size))
		unmap_checked(mem, 1);
}

int tce_port_mem_translate(struct tce_mem *mem, tce_u64 vaddr, unsigned int shift, unsigned int nr,
			   tce_u64 *hpa)
{
	moment();
	Guard g;

	check_mem(mem, "tce_port_mem_translate of memory that is gone");

	const u64 size = mem->npages << page_shift();
	const u64 offset = vaddr - mem->ua;

	if (shift < 12 || shift > 34 || (vaddr & (bit(shift) - 1)) || !nr)
		FAKE_FAIL("translate(0x%llx, shift %u, nr %u)", vaddr, shift, nr);
	if (vaddr < mem->ua || offset >= size || nr > (size - offset) >> shift)
		return err::kFault;
	count_step(env_self()->look_ups,
		   shift > page_shift() ? static_cast<u64>(nr) << (shift - page_shift()) : nr,
		   kMaxLookUps, "look-ups");
	for (unsigned int i = 0; i < nr; i++) {
		const u64 ua = vaddr + (static_cast<u64>(i) << shift);

		if (!world->block_is_contiguous(ua, shift))
			return err::kPerm;
		if (hpa)
			hpa[i] = world->hpa_of(mem->mm, ua);
	}
	return 0;
}

int tce_port_block_is_huge(tce_u64 hpa, unsigned int shift)
{
	Guard g;
	u32 which;
	u64 vaddr;

	return world->locate(hpa, &which, &vaddr) && world->block_is_huge(vaddr, shift);
}

void tce_port_page_dirty(tce_u64 hpa, unsigned int shift)
{
	Guard g;

	if (hpa & (bit(shift) - 1))
		FAKE_FAIL("dirty page 0x%llx is not aligned to 2^%u", hpa, shift);
	if (!world->is_pinned(hpa, bit(shift)))
		FAKE_FAIL("dirty page 0x%llx is not pinned", hpa);
	world->dirtied++;
	/* One page at a time is what KVM does; a large one is looked at for as long as it takes. */
	if (!env_self()->in_user)
		count_step(env_self()->look_ups,
			   shift > page_shift() + 16 ? bit(16) :
			   shift > page_shift()	     ? bit(shift - page_shift()) :
						       1,
			   kMaxLookUps, "look-ups");
}

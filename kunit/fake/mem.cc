// SPDX-License-Identifier: GPL-2.0-only
/*
 * port.h, "Registered memory", as arch/powerpc/mm/book3s64/iommu_api.c has it:
 * one list per process, `used` counts the containers, `mapped` starts at 1 and
 * refuses to go below it, the last put fails while entries name the memory.
 */
#include "mem.hpp"

namespace fake {

template <> constinit Registry *Part<Registry>::here = nullptr;

namespace {

constexpr u32 kMemMagic = 0x3e3e3e3e;

u32 page_shift()
{
	return Base::here->config.page_shift;
}

tce_mem *check_mem(tce_mem *mem, const char *what)
{
	if (!mem || mem->magic != kMemMagic)
		env_panic(__FILE__, __LINE__, what);
	return mem;
}

/*
 * What takes time in proportion to it is done in steps: so much at most, and a
 * little more at the border of two loops, before others may run.
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

Registry::~Registry()
{
	while (tce_mem *mem = graveyard) {
		graveyard = mem->next;
		env_free(mem);
	}
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
		if (Registry::here->faulting) {
			Users::here->asleep(true);
			Registry::here->faulting(Registry::here->faulting_arg, mm_);
			Users::here->asleep(false);
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
		if (m != &UserMemory::here->current())
			FAKE_FAIL("tce_port_mem_get for a process that is not current");
		if (!npages || (vaddr & (bit(page_shift()) - 1)) || bytes >> page_shift() != npages)
			FAKE_FAIL("tce_port_mem_get(0x%llx, %llu pages)", vaddr, npages);

		for (tce_mem *mem = m->mems; mem; mem = mem->next) {
			if (mem->ua == vaddr && mem->npages == npages) {
				if (Base::here->inject(Site::MemGet)) {
					rc = err::kNoMem;
					goto out;
				}
				mem->used++;
				*out = mem;
				goto out;
			}
		}
		if (Base::here->inject(Site::MemGet)) {
			rc = err::kNoMem;
			goto out;
		}
		if (npages > m->limit ||
		    UserMemory::here->locked_vm(m->index) > m->limit - npages) {
			rc = err::kNoMem;
			goto out;
		}
		if (!UserMemory::here->accessible(vaddr, bytes) ||
		    !UserMemory::here->writable(vaddr, bytes)) {
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
		fresh->pageshift = UserMemory::here->registry_shift(vaddr, npages);
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
	if (Base::here->inject(Site::Killed) || env_self()->killed)
		return err::kIntr;
	if (mem->pageshift <= page_shift())
		return 0;
	/* One look at each page that it is said to be made of. */
	for (u64 i = 0; i < npages; i += bit(mem->pageshift - page_shift())) {
		if (!UserMemory::here->block_is_huge(vaddr + (i << page_shift()), mem->pageshift))
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
		Registry::here->mem_puts++;
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
		if (Reach::here->device_reaches_mem(*mem)) {
			FAKE_FAIL("memory 0x%llx loses its pins while a device can reach it",
				  mem->ua);
		}
		Registry::here->unpinned_pages += mem->npages;
		m->locked_mem -= mem->npages;
		for (tce_mem **at = &m->mems; *at; at = &(*at)->next) {
			if (*at == mem) {
				*at = mem->next;
				break;
			}
		}
		/*
		 * KVM may still look at it: freed after a grace period
		 * (call_rcu()).
		 */
		mem->magic = 0;
		mem->next = Registry::here->graveyard;
		Registry::here->graveyard = mem;
	}
	return 0;
}

int tce_port_mem_map(struct tce_mem *mem, tce_u64 nr)
{
	moment();
	Guard g;

	check_mem(mem, "tce_port_mem_map of memory that is gone");
	/* With a note it cannot go away. */
	if (!mem->mapped || (mem->mapped == 1 && Base::here->inject(Site::MemMap)))
		return err::kNxio;
	count_step(env_self()->notes, nr, kMaxNotes, "notes");
	mem->mapped += static_cast<s64>(nr);
	return 0;
}

int fake::mem_translate(const tce_mem *mem, u64 vaddr, u32 shift, u64 *hpa)
{
	Guard g;

	if (shift > mem->pageshift)
		return err::kFault;
	if (hpa)
		*hpa = UserMemory::here->hpa_of(mem->mm, vaddr);
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
	if (Registry::here->strict_notes &&
	    Reach::here->entries_naming_mem(*mem) > static_cast<u64>(mem->mapped - 1))
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
	if (tce_mem *mem = UserMemory::here->mem_lookup(m, vaddr, size))
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

		if (!UserMemory::here->block_is_contiguous(ua, shift))
			return err::kPerm;
		if (hpa)
			hpa[i] = UserMemory::here->hpa_of(mem->mm, ua);
	}
	return 0;
}

int tce_port_block_is_huge(tce_u64 hpa, unsigned int shift)
{
	Guard g;
	u32 which;
	u64 vaddr;

	return UserMemory::here->locate(hpa, &which, &vaddr) &&
	       UserMemory::here->block_is_huge(vaddr, shift);
}

void tce_port_page_dirty(tce_u64 hpa, unsigned int shift)
{
	Guard g;

	if (hpa & (bit(shift) - 1))
		FAKE_FAIL("dirty page 0x%llx is not aligned to 2^%u", hpa, shift);
	if (!UserMemory::here->is_pinned(hpa, bit(shift)))
		FAKE_FAIL("dirty page 0x%llx is not pinned", hpa);
	UserMemory::here->dirtied++;
	/*
	 * One page at a time is what KVM does; a large one is looked at for as
	 * long as it takes.
	 */
	if (!env_self()->in_user)
		count_step(env_self()->look_ups,
			   shift > page_shift() + 16 ? bit(16) :
			   shift > page_shift()	     ? bit(shift - page_shift()) :
						       1,
			   kMaxLookUps, "look-ups");
}

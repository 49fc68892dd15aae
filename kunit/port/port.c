// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's side of port.h, with real memory: what the fake port imitates
 * for the engine's cases is what the real one does.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/pfn.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>
#include <asm/firmware.h>
#include <asm/hvcall.h>
#include <kunit/test.h>

#include <tce/port.h>

#include "../../src/port/stats.h"
#include "memory.h"

MODULE_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING);

#define NR	16UL			/* system pages of a mapping */
#define BYTES	(NR * PAGE_SIZE)

static unsigned long locked(void)
{
	return current->mm->locked_vm;
}

/* --- Memory --------------------------------------------------------------- */

static void port_alloc(struct kunit *test)
{
	static const unsigned long sizes[] = {
		1, 8, 4095, 4096, 4097, SZ_64K, SZ_1M, SZ_8M + 8,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		u8 *p = tce_port_alloc(sizes[i]);

		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)p, 8));
		KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, sizes[i]));
		memset(p, 0xff, sizes[i]);
		tce_port_free(p);
	}
	tce_port_free(NULL);
}

/* What userspace can ask for and nobody has is an error, not a splat. */
static void port_alloc_too_much(struct kunit *test)
{
	KUNIT_EXPECT_NULL(test, tce_port_alloc(SZ_2G + 8ul));
	KUNIT_EXPECT_NULL(test, tce_port_alloc(1ul << 60));
	KUNIT_EXPECT_NULL(test, tce_port_alloc(ULONG_MAX));
}

/* --- Locks ---------------------------------------------------------------- */

/* In the order of the classes, as lockdep must see it once for all. */
static void port_locks(struct kunit *test)
{
	struct tce_rwsem *container = kunit_kzalloc(test, sizeof(*container), GFP_KERNEL);
	struct tce_mutex *owner = kunit_kzalloc(test, sizeof(*owner), GFP_KERNEL);
	struct tce_mutex *update = kunit_kzalloc(test, sizeof(*update), GFP_KERNEL);
	struct tce_spinlock *leaf = kunit_kzalloc(test, sizeof(*leaf), GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, container && owner && update && leaf);
	tce_port_rwsem_init(container, TCE_LOCK_CONTAINER);
	tce_port_mutex_init(owner, TCE_LOCK_OWNER);
	tce_port_mutex_init(update, TCE_LOCK_UPDATE);
	tce_port_spin_init(leaf, TCE_LOCK_LEAF);
	for (unsigned int write = 0; write < 2; write++) {
		if (write)
			tce_port_rwsem_write_lock(container);
		else
			KUNIT_ASSERT_EQ(test, tce_port_rwsem_read_lock_killable(container), 0);
		tce_port_rwsem_assert_held(container);
		tce_port_owners_lock();
		tce_port_mutex_lock(owner);
		tce_port_mutex_assert_held(owner);
		tce_port_mutex_lock(update);
		tce_port_spin_lock(leaf);
		tce_port_spin_assert_held(leaf);
		tce_port_spin_unlock(leaf);
		tce_port_mutex_unlock(update);
		tce_port_mutex_unlock(owner);
		tce_port_owners_unlock();
		if (write) {
			tce_port_rwsem_assert_held_write(container);
			tce_port_rwsem_write_unlock(container);
		} else {
			tce_port_rwsem_read_unlock(container);
		}
	}
	tce_port_mutex_destroy(update);
	tce_port_mutex_destroy(owner);
	tce_port_rwsem_destroy(container);
}

/* --- The owner's address space -------------------------------------------- */

static void port_mm(struct kunit *test)
{
	struct tce_mm *mm;
	int count;

	map_user(test, PAGE_SIZE);
	count = atomic_read(&current->mm->mm_count);
	mm = tce_port_mm_get();
	KUNIT_EXPECT_EQ(test, atomic_read(&current->mm->mm_count), count + 1);
	KUNIT_EXPECT_TRUE(test, tce_port_mm_is_current(mm));
	KUNIT_EXPECT_FALSE(test, tce_port_mm_is_current((struct tce_mm *)test));
	tce_port_mm_put(mm);
	KUNIT_EXPECT_EQ(test, atomic_read(&current->mm->mm_count), count);
}

static void port_charge(struct kunit *test)
{
	struct tce_mm *mm;
	unsigned long before;

	map_user(test, PAGE_SIZE);
	mm = tce_port_mm_get();
	before = locked();
	KUNIT_EXPECT_EQ(test, tce_port_charge(mm, 0), 0);
	KUNIT_EXPECT_EQ(test, tce_port_charge(mm, 3), 0);
	KUNIT_EXPECT_EQ(test, locked(), before + 3);
	KUNIT_EXPECT_EQ(test, tce_port_charge(mm, ULONG_MAX), -ENOMEM);
	KUNIT_EXPECT_EQ(test, tce_port_charge(mm, ULONG_MAX >> PAGE_SHIFT), -ENOMEM);
	KUNIT_EXPECT_EQ(test, locked(), before + 3);
	tce_port_uncharge(mm, 1);
	tce_port_uncharge(mm, 2);
	tce_port_uncharge(mm, 0);
	KUNIT_EXPECT_EQ(test, locked(), before);
	tce_port_mm_put(mm);
}

/* RLIMIT_MEMLOCK holds for whoever may not lock what he likes. */
static void port_charge_limit(struct kunit *test)
{
	const struct cred *old;
	struct cred *poor;
	struct tce_mm *mm;
	unsigned long before, room;

	map_user(test, PAGE_SIZE);
	poor = prepare_creds();
	KUNIT_ASSERT_NOT_NULL(test, poor);
	cap_lower(poor->cap_effective, CAP_IPC_LOCK);
	mm = tce_port_mm_get();
	before = locked();
	room = (rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT) - before;

	old = override_creds(poor);
	KUNIT_EXPECT_EQ(test, tce_port_charge(mm, room + 1), -ENOMEM);
	KUNIT_EXPECT_EQ(test, locked(), before);
	KUNIT_EXPECT_EQ(test, tce_port_charge(mm, room), 0);
	KUNIT_EXPECT_EQ(test, tce_port_charge(mm, 1), -ENOMEM);
	KUNIT_EXPECT_EQ(test, locked(), before + room);
	tce_port_uncharge(mm, room);
	revert_creds(old);

	KUNIT_EXPECT_EQ(test, locked(), before);
	tce_port_mm_put(mm);
	put_cred(poor);
}

/* --- Registered memory ---------------------------------------------------- */

static void port_register(struct kunit *test)
{
	unsigned long at = map_user(test, BYTES), before = locked();
	struct tce_mm *mm = tce_port_mm_get();
	struct tce_mem *one = NULL, *two = NULL, *other = NULL;

	KUNIT_ASSERT_EQ(test, tce_port_mem_get(mm, at, NR / 2, &one), 0);
	KUNIT_EXPECT_EQ(test, locked(), before + NR / 2);
	/* Once more: one pin, one charge. */
	KUNIT_ASSERT_EQ(test, tce_port_mem_get(mm, at, NR / 2, &two), 0);
	KUNIT_EXPECT_PTR_EQ(test, one, two);
	KUNIT_EXPECT_EQ(test, locked(), before + NR / 2);
	/* Overlapping is refused, next to it is not. */
	KUNIT_EXPECT_EQ(test, tce_port_mem_get(mm, at + PAGE_SIZE, NR / 2, &other),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, tce_port_mem_get(mm, at, NR / 2 - 1, &other), -EINVAL);
	KUNIT_EXPECT_EQ(test, locked(), before + NR / 2);
	KUNIT_ASSERT_EQ(test, tce_port_mem_get(mm, at + BYTES / 2, NR / 2, &other), 0);
	KUNIT_EXPECT_EQ(test, tce_port_mem_put(mm, other), 0);

	KUNIT_EXPECT_EQ(test, tce_port_mem_put(mm, two), 0);
	KUNIT_EXPECT_EQ(test, locked(), before + NR / 2);
	KUNIT_EXPECT_EQ(test, tce_port_mem_put(mm, one), 0);
	KUNIT_EXPECT_EQ(test, locked(), before);
	tce_port_mm_put(mm);
}

/* Everything that cannot be registered: an errno, and nothing has changed. */
static void port_register_bad(struct kunit *test)
{
	unsigned long at = map_user(test, BYTES), before = locked();
	struct tce_mm *mm = tce_port_mm_get();
	struct tce_mem *mem = NULL;

	/* A hole in the middle: the registry answers how many pages it had. */
	KUNIT_ASSERT_EQ(test, vm_munmap(at + BYTES / 2, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, tce_port_mem_get(mm, at, NR, &mem), -EFAULT);
	KUNIT_EXPECT_EQ(test, tce_port_mem_get(mm, at + BYTES / 2, 1, &mem), -EFAULT);
	/* Not user memory at all. */
	KUNIT_EXPECT_EQ(test, tce_port_mem_get(mm, (unsigned long)mem & PAGE_MASK, 0, &mem),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, tce_port_mem_get(mm, PAGE_OFFSET, 1, &mem), -EFAULT);
	KUNIT_EXPECT_EQ(test, tce_port_mem_get(mm, TASK_SIZE - PAGE_SIZE, 2, &mem), -EFAULT);
	KUNIT_EXPECT_EQ(test, tce_port_mem_get(mm, at, ULONG_MAX, &mem), -EFAULT);
	/* More than there is. */
	KUNIT_EXPECT_EQ(test, tce_port_mem_get(mm, SZ_4G, totalram_pages() + 1, &mem), -ENOMEM);
	KUNIT_EXPECT_NULL(test, mem);
	KUNIT_EXPECT_EQ(test, locked(), before);
	tce_port_mm_put(mm);
}

/* Memory that entries name stays. */
static void port_register_busy(struct kunit *test)
{
	unsigned long at = map_user(test, BYTES), before = locked();
	struct tce_mm *mm = tce_port_mm_get();
	struct tce_mem *mem = NULL;

	KUNIT_ASSERT_EQ(test, tce_port_mem_get(mm, at, NR, &mem), 0);
	KUNIT_EXPECT_EQ(test, tce_port_mem_map(mem, 0), 0);
	KUNIT_EXPECT_EQ(test, tce_port_mem_map(mem, 600), 0);
	KUNIT_EXPECT_EQ(test, tce_port_mem_put(mm, mem), -EBUSY);
	tce_port_mem_unmap(mem, 598);
	KUNIT_EXPECT_EQ(test, tce_port_mem_put(mm, mem), -EBUSY);
	tce_port_mem_unmap_user(mm, at + PAGE_SIZE, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, tce_port_mem_put(mm, mem), -EBUSY);
	/* Neither what reaches out of it nor what is elsewhere counts. */
	tce_port_mem_unmap_user(mm, at + BYTES - PAGE_SIZE, 2 * PAGE_SIZE);
	tce_port_mem_unmap_user(mm, at + BYTES, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, tce_port_mem_put(mm, mem), -EBUSY);
	KUNIT_EXPECT_EQ(test, locked(), before + NR);
	tce_port_mem_unmap(mem, 1);
	KUNIT_EXPECT_EQ(test, tce_port_mem_put(mm, mem), 0);
	KUNIT_EXPECT_EQ(test, locked(), before);
	tce_port_mm_put(mm);
}

/* --- Translation ---------------------------------------------------------- */

/* Where the kernel itself finds the page. */
static u64 hpa_of(struct kunit *test, unsigned long at)
{
	struct page *page;
	u64 hpa;

	KUNIT_ASSERT_EQ(test, get_user_pages_fast(at & PAGE_MASK, 1, FOLL_WRITE, &page), 1);
	hpa = PFN_PHYS(page_to_pfn(page)) + (at & ~PAGE_MASK);
	put_page(page);
	return hpa;
}

static void port_translate(struct kunit *test)
{
	unsigned long at = map_user(test, BYTES);
	struct tce_mm *mm = tce_port_mm_get();
	struct tce_mem *mem = NULL;
	u64 hpa[NR];

	KUNIT_ASSERT_EQ(test, tce_port_mem_get(mm, at, NR, &mem), 0);
	KUNIT_EXPECT_EQ(test, tce_port_mem_translate(mem, at, PAGE_SHIFT, NR, hpa), 0);
	for (unsigned int i = 0; i < NR; i++)
		KUNIT_EXPECT_EQ(test, hpa[i], hpa_of(test, at + i * PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, tce_port_mem_translate(mem, at, PAGE_SHIFT, NR, NULL), 0);
	/* The smallest IOMMU page, inside a system page. */
	KUNIT_EXPECT_EQ(test, tce_port_mem_translate(mem, at + BYTES - SZ_4K, 12, 1, hpa), 0);
	KUNIT_EXPECT_EQ(test, hpa[0], hpa_of(test, at + BYTES - SZ_4K));
	/* Outside. */
	KUNIT_EXPECT_EQ(test, tce_port_mem_translate(mem, at, PAGE_SHIFT, NR + 1, NULL),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, tce_port_mem_translate(mem, at - PAGE_SIZE, PAGE_SHIFT, 1, NULL),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, tce_port_mem_put(mm, mem), 0);
	tce_port_mm_put(mm);
}

/* IOMMU pages of four system pages: right or refused, never wrong. */
static void translate_blocks(struct kunit *test, unsigned long at, unsigned long bytes,
			     unsigned long *good, unsigned long *refused)
{
	const unsigned int shift = PAGE_SHIFT + 2;
	const unsigned long size = 1ul << shift;
	struct tce_mm *mm = tce_port_mm_get();
	struct tce_mem *mem = NULL;

	KUNIT_ASSERT_EQ(test, tce_port_mem_get(mm, at, bytes >> PAGE_SHIFT, &mem), 0);
	for (unsigned long va = ALIGN(at, size); va + size <= at + bytes; va += size) {
		bool whole = IS_ALIGNED(hpa_of(test, va), size);
		u64 hpa = 0;
		int ret;

		for (unsigned long i = PAGE_SIZE; i < size; i += PAGE_SIZE)
			whole = whole && hpa_of(test, va + i) == hpa_of(test, va) + i;
		ret = tce_port_mem_translate(mem, va, shift, 1, &hpa);
		KUNIT_EXPECT_EQ(test, ret, whole ? 0 : -EPERM);
		KUNIT_EXPECT_EQ(test, tce_port_mem_translate(mem, va, shift, 1, NULL), ret);
		if (!ret)
			KUNIT_EXPECT_EQ(test, hpa, hpa_of(test, va));
		*good += whole;
		*refused += !whole;
	}
	KUNIT_EXPECT_EQ(test, tce_port_mem_put(mm, mem), 0);
	tce_port_mm_put(mm);
}

static void port_translate_large(struct kunit *test)
{
	unsigned long good = 0, refused = 0;
	unsigned long at = map_user(test, 2 * SZ_2M);

	translate_blocks(test, at, 2 * SZ_2M, &good, &refused);
	kunit_info(test, "%lu blocks are one piece, %lu are not", good, refused);
	KUNIT_EXPECT_GT(test, good + refused, 0ul);
}

/* Touched in an order in which the allocator cannot make them contiguous. */
static void port_translate_scattered(struct kunit *test)
{
	unsigned long good = 0, refused = 0;
	unsigned long at = map_user(test, BYTES);

	for (unsigned long i = 0; i < NR; i++)
		hpa_of(test, at + (i ^ 1) * PAGE_SIZE);
	translate_blocks(test, at, BYTES, &good, &refused);
	KUNIT_EXPECT_GT(test, refused, 0ul);
}

static void port_dirty(struct kunit *test)
{
	unsigned long at = map_user(test, PAGE_SIZE);
	struct tce_mm *mm = tce_port_mm_get();
	struct tce_mem *mem = NULL;
	struct folio *folio;
	u64 hpa = 0;

	KUNIT_ASSERT_EQ(test, tce_port_mem_get(mm, at, 1, &mem), 0);
	KUNIT_ASSERT_EQ(test, tce_port_mem_translate(mem, at, PAGE_SHIFT, 1, &hpa), 0);
	folio = pfn_folio(hpa >> PAGE_SHIFT);
	folio_clear_dirty(folio);
	tce_port_page_dirty(hpa, 12);
	KUNIT_EXPECT_TRUE(test, folio_test_dirty(folio));
	KUNIT_EXPECT_EQ(test, tce_port_mem_put(mm, mem), 0);
	tce_port_mm_put(mm);
}

/* --- Hypercalls ----------------------------------------------------------- */

/*
 * A window that does not exist: the hypervisor says so and nothing is harmed.
 */
static void port_hypercalls(struct kunit *test)
{
	const u32 liobn = 0xdead0000;
	long in_place, copied;
	void *list;

	if (!firmware_has_feature(FW_FEATURE_LPAR)) {
		KUNIT_EXPECT_FALSE(test, tce_port_has_multitce());
		kunit_skip(test, "no hypervisor below");
	}
	KUNIT_ASSERT_EQ(test, tce_hcall_init(), 0);
	list = kunit_kzalloc(test, 2 * SZ_4K, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, list);
	KUNIT_EXPECT_EQ(test, tce_port_h_put_tce(liobn, 0, 0), (long)H_PARAMETER);
	if (tce_port_has_multitce()) {
		preempt_disable();
		in_place = tce_port_h_put_tce_indirect(liobn, 0, list, 512);
		copied = tce_port_h_put_tce_indirect(liobn, 0, list + 8, 512);
		preempt_enable();
		KUNIT_EXPECT_EQ(test, in_place, (long)H_PARAMETER);
		KUNIT_EXPECT_EQ(test, copied, (long)H_PARAMETER);
		KUNIT_EXPECT_EQ(test, tce_port_h_stuff_tce(liobn, 0, 0, 512),
				(long)H_PARAMETER);
	}
	tce_hcall_exit();
}

static void port_wait(struct kunit *test)
{
	unsigned long begin = jiffies;

	KUNIT_EXPECT_EQ(test, tce_port_wait_ms(10, 1), 0);
	KUNIT_EXPECT_GE(test, jiffies_to_msecs(jiffies - begin), 10u);
	tce_port_delay_us(10);
	tce_port_yield();
	tce_port_sync_users();
	KUNIT_EXPECT_FALSE(test, tce_port_killed());
}

static struct kunit_case port_cases[] = {
	KUNIT_CASE(port_alloc),
	KUNIT_CASE(port_alloc_too_much),
	KUNIT_CASE(port_locks),
	KUNIT_CASE(port_mm),
	KUNIT_CASE(port_charge),
	KUNIT_CASE(port_charge_limit),
	KUNIT_CASE(port_register),
	KUNIT_CASE(port_register_bad),
	KUNIT_CASE(port_register_busy),
	KUNIT_CASE(port_translate),
	KUNIT_CASE(port_translate_large),
	KUNIT_CASE(port_translate_scattered),
	KUNIT_CASE(port_dirty),
	KUNIT_CASE(port_hypercalls),
	KUNIT_CASE(port_wait),
	{}
};

static struct kunit_suite port_suite = {
	.name = "tce_port",
	.test_cases = port_cases,
};

kunit_test_suite(port_suite);

MODULE_DESCRIPTION("KUnit tests of the kernel's side of the sPAPR TCE engine's port");
MODULE_LICENSE("GPL");

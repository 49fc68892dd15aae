// SPDX-License-Identifier: GPL-2.0-only
/* See null_port.hpp. */
#include "null_port.hpp"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>

namespace null {

constinit Port port;

namespace {

tce_mem *memory;

/* kmalloc()'s sizes, which kvmalloc() tries first. */
unsigned long rounded(unsigned long bytes)
{
	if (bytes > 64 && bytes <= 96)
		return 96;
	if (bytes > 128 && bytes <= 192)
		return 192;

	unsigned long size = 8;

	while (size < bytes)
		size *= 2;
	return size;
}

/* In front of what the engine gets: how much it is. */
struct Head {
	alignas(64) unsigned long bytes;
};

void *take(unsigned long bytes, unsigned long alignment, unsigned long counted)
{
	const unsigned long in_front = alignment < sizeof(Head) ? sizeof(Head) : alignment;
	auto *at = static_cast<char *>(
		std::aligned_alloc(in_front, (bytes + 2 * in_front - 1) / in_front * in_front));

	if (!at)
		std::abort();
	std::memset(at, 0, in_front + bytes);
	reinterpret_cast<Head *>(at + in_front - sizeof(Head))->bytes = counted;
	std::memcpy(at, &in_front, sizeof(in_front));
	port.allocated += counted;
	return at + in_front;
}

void give(void *p, unsigned long alignment)
{
	if (!p)
		return;

	const unsigned long in_front = alignment < sizeof(Head) ? sizeof(Head) : alignment;
	auto *at = static_cast<char *>(p);

	port.allocated -= reinterpret_cast<Head *>(at - sizeof(Head))->bytes;
	std::free(at - in_front);
}

} /* namespace */

void reset(const Config &config)
{
	port = { .config = config };
	memory = nullptr;
}

tce_mem *last_memory()
{
	return memory;
}

} /* namespace null */

using null::port;

struct tce_mm {};
struct tce_mem {
	tce_u64 vaddr, npages;
	std::atomic<tce_u64> mapped;
};
struct tce_port_group {};
struct tce_ktable {
	tce_table *table;
	int refs;
};
struct tce_flush {
	bool armed;
};

namespace {

tce_mm the_mm;
tce_flush the_flush;
tce_u32 liobns;

template <class T, class Storage> T &in(Storage *s)
{
	static_assert(sizeof(T) <= sizeof(Storage));
	return *reinterpret_cast<T *>(s);
}
template <class T, class Storage> T &in(const Storage *s)
{
	return in<T>(const_cast<Storage *>(s));
}

/* A hypervisor that takes its time. */
void platform_call()
{
	port.calls++;
	if (port.clock)
		*port.clock += port.config.kill_ns;
}

/*
 * Locks are never contended for in earnest here, since one thread does
 * everything.  What stands in one is when it is free again.
 */
template <class Storage> void take(Storage *s)
{
	if (port.clock && *port.clock < in<unsigned long long>(s))
		*port.clock = in<unsigned long long>(s);
}
template <class Storage> void let_go(Storage *s)
{
	if (port.clock)
		in<unsigned long long>(s) = *port.clock;
}

} /* namespace */

extern "C" {

/* --- alloc.h -------------------------------------------------------------- */

void *tce_port_alloc(unsigned long bytes)
{
	return null::take(bytes, 64, null::rounded(bytes));
}

void tce_port_free(void *p)
{
	null::give(p, 64);
}

void *tce_port_level_alloc(unsigned long bytes, int)
{
	return null::take(bytes, bytes, null::rounded(bytes));
}

void tce_port_level_free(void *p, unsigned long bytes)
{
	null::give(p, bytes);
}

tce_u64 tce_port_level_address(const void *p)
{
	return reinterpret_cast<unsigned long>(p);
}

unsigned int tce_port_page_shift(void)
{
	return port.config.system_shift;
}

tce_u64 tce_port_random(void)
{
	return 1;
}

/* --- lock.h --------------------------------------------------------------- */

void tce_port_mutex_init(struct tce_mutex *m, enum tce_lock_class)
{
	new (m) unsigned long long(0);
}

void tce_port_mutex_destroy(struct tce_mutex *) {}

void tce_port_mutex_lock(struct tce_mutex *m)
{
	take(m);
}

int tce_port_mutex_lock_killable(struct tce_mutex *m)
{
	take(m);
	return 0;
}

void tce_port_mutex_unlock(struct tce_mutex *m)
{
	let_go(m);
}

void tce_port_mutex_assert_held(const struct tce_mutex *) {}

void tce_port_spin_init(struct tce_spinlock *s, enum tce_lock_class)
{
	new (s) unsigned long long(0);
}

void tce_port_spin_lock(struct tce_spinlock *s)
{
	take(s);
}

void tce_port_spin_unlock(struct tce_spinlock *s)
{
	let_go(s);
}

void tce_port_spin_assert_held(const struct tce_spinlock *) {}

/* Ioctls run one by one here: no two threads make any. */
void tce_port_rwsem_init(struct tce_rwsem *, enum tce_lock_class) {}
void tce_port_rwsem_destroy(struct tce_rwsem *) {}
int tce_port_rwsem_read_lock_killable(struct tce_rwsem *)
{
	return 0;
}
int tce_port_rwsem_write_lock_killable(struct tce_rwsem *)
{
	return 0;
}
int tce_port_rwsem_read_trylock(struct tce_rwsem *)
{
	return 1;
}
void tce_port_rwsem_read_unlock(struct tce_rwsem *) {}
void tce_port_rwsem_write_lock(struct tce_rwsem *) {}
void tce_port_rwsem_write_unlock(struct tce_rwsem *) {}
void tce_port_rwsem_assert_held(const struct tce_rwsem *) {}
void tce_port_rwsem_assert_held_write(const struct tce_rwsem *) {}

void tce_port_owners_lock(void) {}

void tce_port_owners_unlock(void) {}

/* --- log.h, book.h -------------------------------------------------------- */

void tce_port_log_init(struct tce_log_who *) {}
void tce_port_log_caller(struct tce_log_who *) {}
void tce_port_log_add_group(struct tce_log_who *, int) {}
void tce_port_log_drop_group(struct tce_log_who *, int) {}
void tce_port_log_for(struct tce_log_who *, enum tce_log_kind, const char *, ...) {}
void tce_port_log_memlock(struct tce_log_who *, struct tce_mm *, tce_u64, const char *) {}
void tce_port_log(const char *, ...) {}
void tce_port_book(struct tce_book *, const char *, ...) {}
void tce_port_book_who(struct tce_book *, const struct tce_log_who *) {}
void tce_port_book_locked(struct tce_book *, const struct tce_mm *, const struct tce_log_who *) {}

/* --- misc.h --------------------------------------------------------------- */

tce_u64 tce_port_task(void)
{
	static thread_local int me;

	return 1ull << 63 | reinterpret_cast<unsigned long>(&me) | 1;
}

int tce_port_wait_ms(unsigned int, int)
{
	return 0;
}

void tce_port_delay_us(unsigned int) {}
void tce_port_sync_users(void) {}

void tce_port_later(struct tce_later *l, void (*fn)(struct tce_later *l))
{
	fn(l);
}

void tce_port_yield(void) {}

int tce_port_killed(void)
{
	return 0;
}

/* What warns here is no engine to be measured. */
void tce_port_warn(const char *, const char *, int)
{
	std::abort();
}

void tce_port_count(enum tce_counter, long) {}

/* --- mm.h ----------------------------------------------------------------- */

struct tce_mm *tce_port_mm_get(void)
{
	return &the_mm;
}

void tce_port_mm_put(struct tce_mm *) {}

int tce_port_mm_is_current(const struct tce_mm *)
{
	return 1;
}

int tce_port_charge(struct tce_mm *, tce_u64)
{
	return 0;
}

void tce_port_uncharge(struct tce_mm *, tce_u64) {}

int tce_port_mem_get(struct tce_mm *, tce_u64 vaddr, tce_u64 npages, struct tce_mem **out)
{
	null::memory = *out = new tce_mem{ vaddr, npages, {} };
	return 0;
}

int tce_port_mem_put(struct tce_mm *, struct tce_mem *mem)
{
	delete mem;
	return 0;
}

int tce_port_mem_claim(struct tce_mem *, tce_u64, tce_u64)
{
	return 0;
}

int tce_port_mem_map(struct tce_mem *mem, tce_u64 nr)
{
	mem->mapped.fetch_add(nr, std::memory_order_relaxed);
	return 0;
}

void tce_port_mem_unmap(struct tce_mem *mem, tce_u64 nr)
{
	mem->mapped.fetch_sub(nr, std::memory_order_relaxed);
}

void tce_port_mem_unmap_all(struct tce_mem *) {}
void tce_port_mem_unmap_user(struct tce_mm *, tce_u64, tce_u64) {}

int tce_port_mem_translate(struct tce_mem *, tce_u64 vaddr, unsigned int page_shift,
			   unsigned int nr, tce_u64 *hpa)
{
	for (unsigned int n = 0; hpa && n < nr; n++)
		hpa[n] = vaddr + (static_cast<tce_u64>(n) << page_shift);
	return 0;
}

void tce_port_page_dirty(tce_u64, unsigned int) {}

int tce_port_block_is_huge(tce_u64, unsigned int)
{
	return 1;
}

int tce_port_pin(tce_u64 vaddr, unsigned int page_shift, unsigned int nr, int, tce_u64 *hpa)
{
	return tce_port_mem_translate(nullptr, vaddr, page_shift, nr, hpa);
}

void tce_port_unpin(tce_u64, int) {}

/* --- ktable.h ------------------------------------------------------------- */

struct tce_ktable *tce_port_ktable_create(struct tce_table *t, const struct tce_ktable_shape *)
{
	return new tce_ktable{ t, 1 };
}

void tce_port_ktable_put(struct tce_ktable *k)
{
	if (--k->refs)
		return;
	tce_table_release(k->table);
	delete k;
}

struct tce_flush *tce_port_flush_create(struct tce_table *)
{
	return &the_flush;
}

void tce_port_flush_arm(struct tce_flush *f)
{
	f->armed = true;
}

void tce_port_flush_cancel(struct tce_flush *f)
{
	f->armed = false;
}

void tce_port_flush_destroy(struct tce_flush *) {}

void tce_port_group_set_table(struct tce_port_group *, unsigned int slot, struct tce_ktable *k)
{
	port.table[slot] = k ? k->table : nullptr;
}

int tce_port_group_id(const struct tce_port_group *)
{
	return 1;
}

/* --- powernv.h ------------------------------------------------------------ */

int tce_port_ioda_set_window(struct tce_port_group *grp, unsigned int slot, struct tce_ktable *k,
			     int)
{
	tce_port_group_set_table(grp, slot, k);
	return 0;
}

int tce_port_ioda_unset_window(struct tce_port_group *grp, unsigned int slot)
{
	tce_port_group_set_table(grp, slot, nullptr);
	return 0;
}

void tce_port_ioda_kill(struct tce_ktable *, tce_u64, tce_u64)
{
	platform_call();
}

/* --- pseries.h ------------------------------------------------------------ */

int tce_port_has_multitce(void)
{
	return 1;
}

long tce_port_h_put_tce(tce_u32, tce_u64, tce_u64)
{
	platform_call();
	return 0;
}

long tce_port_h_put_tce_indirect(tce_u32, tce_u64, const void *, unsigned int)
{
	platform_call();
	return 0;
}

long tce_port_h_stuff_tce(tce_u32, tce_u64, tce_u64, unsigned int)
{
	platform_call();
	return 0;
}

int tce_port_ddw_query(struct tce_port_group *, struct tce_ddw_query *out)
{
	*out = { .available = 2, .largest = 1ull << 40, .pgsizes = ~0ull };
	return 0;
}

int tce_port_ddw_create(struct tce_port_group *, unsigned int, unsigned int,
			struct tce_ddw_window *out)
{
	*out = { .liobn = ++liobns, .start = 1ull << 59 };
	return 0;
}

int tce_port_ddw_remove(struct tce_port_group *, tce_u32)
{
	return 0;
}

int tce_port_ddw_reset(struct tce_port_group *)
{
	return 0;
}

void tce_port_dt_update(struct tce_port_group *, const struct tce_dt_windows *) {}

} /* extern "C" */

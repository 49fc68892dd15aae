// SPDX-License-Identifier: GPL-2.0-only
/*
 * The world that the fake port shows to the engine: memory, processes with their
 * limits, registered memory, a hypervisor with its windows, the device tree, and
 * in-kernel KVM's view of the tables.
 *
 * Model
 *  - There is one World at a time.  Making it makes everything as firmware leaves
 *    it; its end checks that everything is back (World::check_balance()).
 *  - User memory has no storage.  A user address has a host physical address by
 *    rule, distinct for distinct pages, so that a physical address tells whose
 *    page it is.
 *  - The hypervisor's tables, or on PowerNV what the hardware walks and caches
 *    (powernv_windows.hpp), are the truth about what a device can reach.  When
 *    memory loses its last pin, no entry of any table may name it; when an entry is
 *    set, the memory that it names must be pinned.  Both are checked each time, in
 *    every case, whatever the case is about.
 *  - Every call of the port that can fail asks inject() first.
 *  - What is called "Process context" in port.h fails the case if a spinlock is held.
 */
#ifndef TCE_FAKE_WORLD_HPP
#define TCE_FAKE_WORLD_HPP

#include "powernv_windows.hpp"
#include "users.hpp"

namespace fake {

/* --- Fault injection ------------------------------------------------------- */

enum class Site : u32 {
	Alloc,
	PageAlloc,
	LevelAlloc,
	Charge,
	MemGet,
	MemMap,
	Pin,
	DdwQuery,
	DdwCreate,
	DdwRemove,
	DdwReset,
	HPut,
	HIndirect,
	HStuff,
	IodaSet,
	IodaUnset,
	KtableCreate,
	FlushCreate,
	Killed,
	Count
};

constexpr u32 site_bit(Site s)
{
	return 1u << static_cast<u32>(s);
}

inline constexpr u32 kAllSites = (1u << static_cast<u32>(Site::Count)) - 1;
inline constexpr u32 kHcallSites = site_bit(Site::HPut) | site_bit(Site::HIndirect) |
				   site_bit(Site::HStuff);
inline constexpr u32 kDdwSites = site_bit(Site::DdwQuery) | site_bit(Site::DdwCreate) |
				 site_bit(Site::DdwRemove) | site_bit(Site::DdwReset);
inline constexpr u32 kIodaSites = site_bit(Site::IodaSet) | site_bit(Site::IodaUnset);
inline constexpr u32 kAllocSites = site_bit(Site::Alloc) | site_bit(Site::PageAlloc) |
				   site_bit(Site::LevelAlloc);

const char *site_name(Site s);

struct Inject {
	u32 sites;   /* mask of site_bit() */
	u64 nth;     /* 0: never; 1: the next one */
	bool sticky; /* and every one after it */
	long status; /* what a hypercall then answers */
	u32 apply;   /* entries it sets before it gives up */
	u64 seen;    /* chances so far */
	u64 fired;   /* failures so far */
	Site last;   /* where the last one was */
};

/* --- Hypercalls -------------------------------------------------------------- */

enum class Op : u32 { Put, PutIndirect, Stuff, Count };

constexpr u32 op_bit(Op o)
{
	return 1u << static_cast<u32>(o);
}

inline constexpr u32 kAllOps = op_bit(Op::Put) | op_bit(Op::PutIndirect) | op_bit(Op::Stuff);

/* "After @skip calls of @ops, @times calls answer @status, having set @apply entries." */
struct Script {
	u32 ops;
	u64 skip;
	u64 times;
	long status;
	u32 apply;
	bool zero_only; /* count only calls that clear entries */
	u32 liobn = 0;	/* 0: any */
};

struct HcallCount {
	u64 calls;
	u64 entries; /* that were changed */
};

/* --- Firmware ---------------------------------------------------------------- */

struct FwWindow {
	bool live;
	bool is_default; /* made by firmware, not by create */
	u32 liobn;
	u64 start;
	u32 page_shift;
	u32 window_shift;
	Sparse tces;

	u64 entries() const { return bit(window_shift - page_shift); }
	u64 end() const { return start + bit(window_shift); }
};

/* What differs between firmwares; the first four lines are for PowerNV too. */
struct Firmware {
	u64 default_size = bit(30);
	u64 default_start = 0;
	u64 ddw_start = bit(59);
	u64 pgsizes = bit(12) | bit(16) | bit(21) | bit(24);
	u64 largest = 0x80000000ull; /* entries */
	u32 max_windows = TCE_MAX_WINDOWS;
	bool has_ddw = true;
	bool has_reset = true;
	bool has_multitce = true;
	/*
	 * Removing the last window restores the default one unless it was the
	 * default one.  LoPAR means the window; QEMU goes by its LIOBN, which a
	 * created window can have.
	 */
	bool default_by_liobn = false;
	bool restores_default = true;
	bool liobn_reuse = true; /* a new window may get the LIOBN of an old one */
};

struct Config {
	u32 platform = TCE_PLATFORM_PAPR;
	tce_version version = TCE_V2; /* of the containers that a Rig makes */
	u32 page_shift = 12;
	u32 groups = 1;
	u64 locked_limit = ~0ull; /* system pages, each process */
	Firmware fw = {};
};

inline constexpr u32 kMaxGroups = 4;
inline constexpr u32 kMaxMms = 4;

} // namespace fake

/* The port's opaque types. */

struct tce_port_group {
	fake::u32 index;
	tce_group_caps caps;
	fake::u64 default_start; /* where its firmware puts windows */
	fake::u64 ddw_start;
	fake::FwWindow win[TCE_MAX_WINDOWS];
	fake::u32 next_liobn;
	tce_ktable *slot[TCE_MAX_WINDOWS];
	tce_dt_windows dt;
	fake::u64 dt_updates;
};

struct tce_mem {
	fake::u32 magic;
	tce_mm *mm;
	tce_mem *next;
	fake::u64 ua;
	fake::u64 npages;
	fake::u64 used;
	fake::s64 mapped;    /* 1: nothing; 0: going away; as in mm_iommu */
	fake::u32 pageshift; /* of the largest page, or so the registry thinks */
};

struct tce_mm {
	fake::u32 index;
	fake::u64 refs;
	fake::u64 limit;
	fake::u64 locked_port; /* tce_port_charge() */
	fake::u64 locked_mem;  /* registered memory */
	tce_mem *mems;
	fake::u32 registering; /* calls of tce_port_mem_get() */
};

struct tce_ktable {
	fake::u32 magic;
	tce_ktable *next;
	tce_table *table;
	tce_ktable_shape shape;
	fake::u64 refs;
	fake::u64 lost; /* of these, what KVM has lost */
};

struct tce_flush {
	fake::u32 magic;
	tce_flush *next;
	tce_table *table;
	bool armed;
	fake::u32 running;
};

namespace fake {

/* --- The world ----------------------------------------------------------------- */

class World {
public:
	explicit World(const Config &config);
	~World();
	World(const World &) = delete;
	World &operator=(const World &) = delete;

	const Config config;

	/* Memory. */
	struct Header;
	Header *blocks = nullptr;
	u64 live_blocks = 0, live_bytes = 0, peak_bytes = 0;
	u64 live_pages = 0;
	u64 total_allocs = 0;
	bool forbid_alloc = false; /* the engine may not allocate now */

	/* Locks. */
	s64 live_locks = 0;

	/* Processes. */
	tce_mm mm[kMaxMms] = {};
	struct Contiguous {
		u64 start, end;
		u32 lg2;
	} contiguous[8] = {};
	Contiguous displaced = {}; /* .lg2: by how much */
	u32 nr_contiguous = 0;
	Contiguous huge[4] = {}; /* hugetlb */
	u32 nr_huge = 0;
	struct Hole {
		u64 start, end;
	} holes[8] = {};
	u32 nr_holes = 0;
	u64 odd_pages[8] = {};
	u32 nr_odd = 0;
	tce_mem *graveyard = nullptr;
	Hole read_only[4] = {};
	u32 nr_read_only = 0;
	Sparse pins; /* by system page: tce_port_pin() */
	u64 live_pins = 0;
	u64 dirtied = 0;
	/* Called where tce_port_mem_get() waits for faults; no lock of the fake's is held. */
	void (*faulting)(void *arg, tce_mm &mm) = nullptr;
	void *faulting_arg = nullptr;
	u64 unpinned_pages = 0;
	u64 mem_puts = 0;

	/* The hypervisor. */
	tce_port_group groups[kMaxGroups] = {};
	HcallCount hcalls[static_cast<u32>(Op::Count)] = {};
	u64 refused_hcalls = 0;
	u64 waits = 0, waited_ms = 0; /* tce_port_wait_ms() */
	u64 delays = 0, delayed_us = 0;
	static constexpr u32 kScripts = 4;
	Script scripts[kScripts] = {};
	u64 ddw_calls[4] = {};	  /* query, create, remove, reset */
	int ddw_error = err::kIo; /* what the injected failures are */
	/* Told of every entry that changes, with the world's lock held. */
	void (*watch)(void *arg, const FwWindow &w, u64 index, u64 old_tce, u64 new_tce) = nullptr;
	void *watch_arg = nullptr;
	bool allow_bad_hcalls = false; /* do not fail the case for them */
	u64 bad_hcalls = 0;

	/* PowerNV's hardware. */
	Ioda ioda;

	/* Tables as KVM sees them. */
	tce_ktable *ktables = nullptr;
	u64 live_ktables = 0;
	u64 syncs = 0;
	Users users;
	tce_flush *flushes = nullptr;
	u64 live_flushes = 0;
	u64 arms = 0; /* calls that do so, in vain or not */

	/*
	 * Called in the middle of calls of the port, where another CPU may do anything; @spinning: a
	 * spinlock is held that it would have to wait for.
	 */
	void (*on_moment)(void *arg, bool spinning) = nullptr;
	void *moment_arg = nullptr;
	/*
	 * Called where a callback of KVM's asks whether its process is the owner, the one thing that
	 * it asks the port before it has found an entry.
	 */
	void (*on_asked)(void *arg) = nullptr;
	void *asked_arg = nullptr;

	/*
	 * Called before a rwsem is locked for writing, where another thread may have it first; what
	 * it does itself calls nobody.
	 */
	void (*on_write_lock)(void *arg) = nullptr;
	u32 locks_until_killed = 0; /* at the so many-th lock of a container; 0: never */
	void *write_lock_arg = nullptr;

	/* Trouble and figures. */
	Inject inject_state = {};
	bool allow_warn = false;
	u64 warns = 0;
	u64 logs = 0;
	u64 logs_of[TCE_LOG_KINDS] = {};
	u64 suppressed_logs = 0;
	u64 log_nobodys[TCE_LOG_KINDS] = {}, log_memlock = 0;
	char last_log[200] = {};
	s64 counters[TCE_COUNTERS] = {};
	u64 yields = 0;
	u64 randoms = 0; /* tce_port_random() */
	bool skip_balance = false;
	/* The engine alone drops notes: never one that an entry in reach still needs. */
	bool strict_notes = false;
	bool skip_dt = false;

	/* --- What cases do to the world --- */

	/* The nth chance from now on at one of @sites fails. */
	void fail_nth(u64 nth, u32 sites = kAllSites, bool sticky = false,
		      long status = h::kHardware, u32 apply = 0);
	void fail_never() { inject_state = {}; }
	u64 injected() const { return inject_state.fired; }

	void script(const Script &s);
	void no_scripts();
	void reset_counts();

	u64 hcall_calls(Op o) const { return hcalls[static_cast<u32>(o)].calls; }
	u64 hcall_total() const;
	/* Times that the engine let time pass, asleep or not. */
	u64 pauses() const { return waits + delays; }

	/* Memory of @mm looks physically contiguous in aligned blocks of 2^lg2. */
	void make_contiguous(u64 start, u64 end, u32 lg2);
	/* All of it is in one piece, 2^@by behind where it is expected; the end comes first.  Once. */
	void make_displaced(u64 start, u64 end, u32 by);
	void make_hole(u64 start, u64 end);
	/* One system page that is elsewhere than its neighbours suggest. */
	void make_odd(u64 vaddr);
	void make_read_only(u64 start, u64 end);

	/* Memory of @mm is of hugetlb pages of 2^lg2, and so contiguous. */
	void make_hugetlb(u64 start, u64 end, u32 lg2);

	/* Drop the references to tables that KVM has lost; returns how many those were. */
	u32 give_up_lost();
	/* Run what tce_port_flush_arm() armed, and what came later; returns how many flushes. */
	u32 run_deferred();
	u32 armed() const;

	/* --- What cases ask the world --- */

	u64 hpa_of(const tce_mm *m, u64 vaddr) const;
	bool block_is_contiguous(u64 vaddr, u32 shift) const;
	/* Does one hugetlb page hold the block? */
	bool block_is_huge(u64 vaddr, u32 shift) const;
	/* mm_iommu_do_alloc(): what the registry takes for the largest page of a region. */
	u32 registry_shift(u64 vaddr, u64 npages) const;
	/* Is there an entry in any table that names a page of [hpa, hpa + bytes)? */
	bool device_reaches(u64 hpa, u64 bytes) const;
	/* Is all of [hpa, hpa + bytes) pinned? */
	bool is_pinned(u64 hpa, u64 bytes) const;
	/* May a device write there? */
	bool is_writable(u64 hpa, u64 bytes) const;
	/* Is there an entry in any table that names a page of @mem? */
	bool device_reaches_mem(const tce_mem &mem) const;
	/* Entries of all tables that name the system page, or part of it. */
	u64 entries_naming(u64 hpa) const;
	/* Those of @mem; with several groups each entry counts once. */
	u64 entries_naming_mem(const tce_mem &mem) const;
	u64 live_tces() const;
	/* fn(bus address, tce) for every entry by which a device of @group gets anywhere. */
	template <typename Fn> void for_each_tce(u32 group, Fn fn) const;
	/* log2 of the IOMMU page at a bus address; 0: there is no window. */
	u32 page_shift_at(u32 group, u64 ioba);
	FwWindow *window_by_liobn(u32 liobn);
	FwWindow *window_at(u32 group, u64 ioba);
	/* The entry that a device's access to a bus address goes by; 0 if there is none. */
	u64 tce_at(u32 group, u64 ioba);
	u64 locked_vm(u32 which = 0) const { return mm[which].locked_port + mm[which].locked_mem; }
	u64 registered_pages(u32 which = 0) const { return mm[which].locked_mem; }
	u64 live_mems() const;
	tce_mem *mem_lookup(const tce_mm *m, u64 ua, u64 bytes) const;

	/* The device tree says what is. */
	void check_dt() const;
	/* Everything is as it was before the first call into the engine. */
	void check_balance() const;
	/* The part of it that must hold whenever VFIO has no group. */
	void check_balance_of_firmware() const;
	/* Free what the engine left, for cases in which it had to. */
	void release_all();

	bool last_log_says(const char *part) const;

	/* --- For the port functions --- */

	bool inject(Site s);
	void note_tce(u64 old_tce, u64 new_tce, u32 page_shift);
	void drop_window(FwWindow &w);
	void make_default(tce_port_group &g);

	/* The inverse of hpa_of(). */
	bool locate(u64 hpa, u32 *which, u64 *vaddr) const;

private:
	u64 walked_entries_naming(const tce_mem &mem) const;
	bool page_is_odd(u64 vaddr) const;
	/* Is a block of 2^shift bytes that an entry names @mem's, or some of it? */
	bool is_part_of(const tce_mem &mem, u64 hpa, u32 shift) const;
	u32 block_lg2(u64 vaddr) const;

	/* live entries that name block number n of 2^shift bytes */
	static constexpr u32 kShifts = 7;
	Sparse reach_[kShifts];
	static const u32 kShiftOf[kShifts];
};

extern World *world;

int mem_translate(const tce_mem *mem, u64 vaddr, u32 shift, u64 *hpa);
constexpr bool tce_live(u64 tce)
{
	return tce & (TCE_PERM_READ | TCE_PERM_WRITE);
}

constexpr u64 tce_hpa(u64 tce)
{
	return tce & ~0xfffull;
}

template <typename Fn> void World::for_each_tce(u32 group, Fn fn) const
{
	for (const FwWindow &window : groups[group].win) {
		window.tces.for_each([&](u64 index, u64 tce) {
			fn(window.start + (index << window.page_shift), tce);
		});
	}
	ioda.for_each_reachable(group, [&](const HwEntry &e) { fn(e.at, e.tce); });
}

/* The calling thread runs as process @which. */
void run_as(u32 which);

/*
 * The calling thread acts as task @n from now on, so that one thread can be two vCPUs in turn;
 * 0: as itself.
 */
void as_task(u32 n);

/* --- Checks that the port functions share ------------------------------------------ */

void expect_process_context(const char *what);
/* For World::on_moment. */
void moment();

/* The calling thread has let others run: what it does in one go is counted anew. */
void begin_step();
/* Can a process get at that user memory, and write to it? */
bool accessible(u64 start, u64 bytes);
bool writable(u64 start, u64 bytes);
void lock_check_none_held(const char *what);
void check_mm(const tce_mm *m);

/* No faults, for the test's own preparations. */
class NoFail {
public:
	NoFail() { env_self()->no_fail++; }
	~NoFail() { env_self()->no_fail--; }
	NoFail(const NoFail &) = delete;
	NoFail &operator=(const NoFail &) = delete;
};

/* What runs inside may not sleep. */
class Atomic {
public:
	Atomic() { env_self()->atomic++; }
	~Atomic() { env_self()->atomic--; }
	Atomic(const Atomic &) = delete;
	Atomic &operator=(const Atomic &) = delete;
};

/* What runs inside may not allocate. */
class NoAlloc {
public:
	NoAlloc() { world->forbid_alloc = true; }
	~NoAlloc() { world->forbid_alloc = false; }
	NoAlloc(const NoAlloc &) = delete;
	NoAlloc &operator=(const NoAlloc &) = delete;
};

} // namespace fake

/* Is @p a page from tce_port_page_alloc()?  The caller holds the world's lock. */
bool fake_is_port_page(const void *p);

#endif /* TCE_FAKE_WORLD_HPP */

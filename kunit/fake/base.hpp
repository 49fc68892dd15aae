// SPDX-License-Identifier: GPL-2.0-only
/*
 * What all parts of the fake stand on: how the world was configured, which call
 * is to fail, where another CPU may step in, and in what context a thread is.
 */
#ifndef TCE_FAKE_BASE_HPP
#define TCE_FAKE_BASE_HPP

#include "util.hpp"

namespace fake {

/*
 * A part of the world, of which there is one at a time.  A part knows those
 * that its headers include, by Other::here; only the World knows them all.
 */
template <typename T> class Part {
public:
	static T *here;

	Part(const Part &) = delete;
	Part &operator=(const Part &) = delete;

protected:
	Part() { here = static_cast<T *>(this); }
	~Part() { here = nullptr; }
};

/* --- Configuration ------------------------------------------------------ */

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

/* --- Fault injection ---------------------------------------------------- */

/* X(Id, name) for every call that can fail. */
#define FAKE_SITES(X)                    \
	X(Alloc, alloc)                  \
	X(LevelAlloc, level_alloc)       \
	X(Charge, charge)                \
	X(MemGet, mem_get)               \
	X(MemMap, mem_map)               \
	X(Pin, pin)                      \
	X(DdwQuery, ddw_query)           \
	X(DdwCreate, ddw_create)         \
	X(DdwRemove, ddw_remove)         \
	X(DdwReset, ddw_reset)           \
	X(HPut, h_put_tce)               \
	X(HIndirect, h_put_tce_indirect) \
	X(HStuff, h_stuff_tce)           \
	X(IodaSet, ioda_set_window)      \
	X(IodaUnset, ioda_unset_window)  \
	X(KtableCreate, ktable_create)   \
	X(FlushCreate, flush_create)     \
	X(Killed, killed)

#define FAKE_SITE_ID(id, name) id,
enum class Site : u32 { FAKE_SITES(FAKE_SITE_ID) Count };
#undef FAKE_SITE_ID

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
inline constexpr u32 kAllocSites = site_bit(Site::Alloc) | site_bit(Site::LevelAlloc);

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

/* --- The part ----------------------------------------------------------- */

class Base : public Part<Base> {
public:
	explicit Base(const Config &c) : config(c) {}

	const Config config;
	bool forbid_alloc = false; /* the engine may not allocate now */

	/* The nth chance from now on at one of @sites fails. */
	void fail_nth(u64 nth, u32 sites = kAllSites, bool sticky = false,
		      long status = h::kHardware, u32 apply = 0);
	void fail_never() { inject_state = {}; }
	u64 injected() const { return inject_state.fired; }
	Inject inject_state = {};

	/*
	 * Called in the middle of calls of the port, where another CPU may do
	 * anything; @spinning: a spinlock is held that it would have to wait
	 * for.
	 */
	void (*on_moment)(void *arg, bool spinning) = nullptr;
	void *moment_arg = nullptr;

	/* Does this call fail?  The caller holds the world's lock. */
	bool inject(Site s);
};

template <> Base *Part<Base>::here;

/* For Base::on_moment. */
void moment();

void expect_process_context(const char *what);

/*
 * The calling thread has let others run: what it does in one go is counted
 * anew.
 */
void begin_step();

/*
 * The calling thread acts as task @n from now on, so that one thread can be two
 * vCPUs in turn; 0: as itself.
 */
void as_task(u32 n);

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
	NoAlloc() { Base::here->forbid_alloc = true; }
	~NoAlloc() { Base::here->forbid_alloc = false; }
	NoAlloc(const NoAlloc &) = delete;
	NoAlloc &operator=(const NoAlloc &) = delete;
};

} // namespace fake

#endif /* TCE_FAKE_BASE_HPP */

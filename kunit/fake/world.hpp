// SPDX-License-Identifier: GPL-2.0-only
/*
 * The world that the fake port shows to the engine: processes with their
 * memory, a hypervisor or PowerNV's hardware, KVM's view of the tables.
 *
 * Model
 *  - There is one World at a time.  Making it makes everything as firmware
 *    leaves
 *    it; its end checks that everything is back (World::check_balance()).
 *  - It is its parts, and what they have to say together: each part has a
 *    header
 *    and a file of port functions by the name of its header in <tce/port/>.
 *  - The hypervisor's tables, or on PowerNV what the hardware walks and caches
 *    (powernv_windows.hpp), are the truth about what a device can reach
 *    (reach.hpp).
 *    When memory loses its last pin, no entry of any table may name it; when an
 *    entry is set, the memory that it names must be pinned.  Both are checked
 *    each
 *    time, in every case, whatever the case is about.
 *  - Every call of the port that can fail asks inject() first.
 *  - What is called "Process context" in port.h fails the case if a spinlock is
 *    held.
 */
#ifndef TCE_FAKE_WORLD_HPP
#define TCE_FAKE_WORLD_HPP

#include "alloc.hpp"
#include "flush.hpp"
#include "lock.hpp"
#include "log.hpp"
#include "mem.hpp"
#include "misc.hpp"
#include "pseries_ddw.hpp"

namespace fake {

class World : public Base,
	      public Alloc,
	      public Misc,
	      public Locks,
	      public UserMemory,
	      public Messages,
	      public Groups,
	      public Ktables,
	      public Flushes,
	      public Hypervisor,
	      public Rtas,
	      public Reach,
	      public Registry {
public:
	explicit World(const Config &config);
	~World();
	World(const World &) = delete;
	World &operator=(const World &) = delete;

	Ioda ioda; /* PowerNV's hardware */
	Users users;

	bool skip_balance = false;

	void reset_counts();
	/* Everything is as it was before the first call into the engine. */
	void check_balance() const;
	/* The part of it that must hold whenever VFIO has no group. */
	void check_balance_of_firmware() const;
};

extern World *world;

} // namespace fake

#endif /* TCE_FAKE_WORLD_HPP */

// SPDX-License-Identifier: GPL-2.0-only
/*
 * A world with containers in it, and what userspace does to them.
 *
 * Every wrapper checks what must hold after any call: no lock is held, the
 * device tree says what the firmware has.  On PowerNV devices then use every
 * entry there is.
 */
#ifndef TCE_CASES_RIG_HPP
#define TCE_CASES_RIG_HPP

#include "../fake/kvm.hpp"
#include "case.hpp"

namespace fake {

inline constexpr u64 kKiB = 1024;
inline constexpr u64 kMiB = 1024 * kKiB;
inline constexpr u64 kGiB = 1024 * kMiB;
inline constexpr u64 kTiB = 1024 * kGiB;

inline constexpr u64 kDdwStart = bit(59);
inline constexpr u32 kRw = TCE_MAP_READ | TCE_MAP_WRITE;

/* Where user memory starts in most cases. */
inline constexpr u64 kUser = 0x10000000;

class Rig {
public:
	static constexpr u32 kContainers = 3;

	/*
	 * @containers empty ones, all groups in the first unless @attach is
	 * false.
	 */
	explicit Rig(const Config &config = {}, u32 containers = 1, bool attach = true);
	/* Detaches, closes, frees, and balances the books. */
	~Rig();
	Rig(const Rig &) = delete;
	Rig &operator=(const Rig &) = delete;

	World &w;

	/* Give everything back now; the destructor then only checks. */
	void finish();

	int attach(u32 group, u32 container = 0);
	void detach(u32 group);
	void close(u32 container = 0);
	/* They were detached behind the rig's back. */
	void forget_groups();

	int info(tce_info *out, u32 container = 0);
	int enable(u32 container = 0);
	int disable(u32 container = 0);
	int reg(u64 vaddr, u64 bytes, u32 container = 0);
	int unreg(u64 vaddr, u64 bytes, u32 container = 0);
	/* The address goes to `start`, which an error leaves alone. */
	int create(u32 page_shift, u64 bytes, u32 levels = 1, u32 container = 0);
	int remove(u64 at, u32 container = 0);
	int map(u64 vaddr, u64 iova, u64 bytes, u32 flags = kRw, u32 container = 0);
	int unmap(u64 iova, u64 bytes, u32 container = 0);

	/* What create() answered last. */
	u64 start = 0;

	tce_container *c[kContainers] = {};

	/*
	 * Does the device of @group get to @vaddr by @iova, with these rights?
	 */
	bool reaches(u64 iova, u64 vaddr, u32 perm = TCE_PERM_READ | TCE_PERM_WRITE, u32 group = 0,
		     u32 mm = 0) const;
	/* No entry of [iova, iova + bytes) is live in @group's windows. */
	bool closed(u64 iova, u64 bytes, u32 group = 0) const;

	/* An empty container again, after close(). */
	void reopen(u32 container = 0) { c[container] = make_container(); }
	int attached(u32 group) const { return where_[group]; }

private:
	int done(int rc) const;

	tce_container *make_container() const;

	int where_[kMaxGroups];
	bool finished_ = false;
};

} // namespace fake

#endif /* TCE_CASES_RIG_HPP */

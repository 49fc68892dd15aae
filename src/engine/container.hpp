/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A container: what userspace holds in its hand, /dev/vfio/vfio with an sPAPR
 * IOMMU set.
 *
 * v2: windows at will, memory is registered (pinned and charged) before it is
 * mapped.  v1: one group, its default window, every TCE pins its page; ENABLE
 * charges for the whole window beforehand.
 *
 * State
 *   owner      none, until the first REGISTER, CREATE or REMOVE with good
 *              arguments; then for ever
 *   groups     any number; without one there are no windows
 *   default    Untouched: as the first group brought it, with no table of ours
 *              yet.  It gets one when the first MAP comes to it, or it is
 *              removed; from then on it is a window like others, or nothing.
 *   windows    up to two, in slots; the slot is what KVM and the platform see
 *   regions    registered memory
 *   closed     nothing is left and nothing more will be
 *
 * Locks: TCE_LOCK_CLASS_LIST (port/lock.h) is their order, src/README.md says
 * what each protects.  lock_ is held for reading by MAP, UNMAP and GET_INFO,
 * which run beside each other, and for writing by all that changes the above.
 * Under lock_ come VFIO's group locks; under Owner::lock_ come mm's own.
 */
#pragma once

#include "group.hpp"

namespace tce {

class Container : Pinned {
public:
	Container(tce_version version, u64 seed) : version_(version), regions_(seed)
	{
		tce_port_log_init(&log_);
	}
	~Container();

	/* Each is the call of its name in engine.h. */
	Status attach(tce_port_group *port, const tce_group_caps &caps) TCE_EXCLUDES(lock_);
	void detach(tce_port_group *port) TCE_EXCLUDES(lock_);
	void close() TCE_EXCLUDES(lock_);
	Status get_info(tce_info &info) TCE_EXCLUDES(lock_);
	Status enable() TCE_EXCLUDES(lock_);
	Status disable() TCE_EXCLUDES(lock_);
	Status register_memory(u32 flags, Uaddr start, u64 size) TCE_EXCLUDES(lock_);
	Status unregister_memory(u32 flags, Uaddr start, u64 size) TCE_EXCLUDES(lock_);
	Result<Iova> create_window(u32 flags, u32 page_shift, u64 size, u32 levels)
		TCE_EXCLUDES(lock_);
	Status remove_window(u32 flags, Iova start) TCE_EXCLUDES(lock_);
	Status map(u32 flags, Uaddr from, Iova to, u64 size) TCE_EXCLUDES(lock_);
	Status unmap(u32 flags, Iova from, u64 size) TCE_EXCLUDES(lock_);
	void show(tce_book *book) TCE_EXCLUDES(lock_);
	/* Why the caller's last call was refused, in words; asked once. */
	[[nodiscard]] const char *take_reason();

private:
	/*
	 * Memory behind [from, from + size), as MAP takes it: noted to be
	 * mapped.
	 */
	class Notes;
	class Pins;

	/* Perm: not the owner's process; NoDev: closed. */
	Status check_caller() const TCE_REQUIRES_SHARED(lock_);
	Status check_windows(u32 flags) const TCE_REQUIRES_SHARED(lock_);
	Status become_owned() TCE_REQUIRES(lock_);

	[[nodiscard]] Window *window_at(Iova at) const TCE_REQUIRES_SHARED(lock_);
	[[nodiscard]] bool in_untouched_default(Iova at) const TCE_REQUIRES_SHARED(lock_);
	[[nodiscard]] Result<unsigned int> free_slot() const TCE_REQUIRES_SHARED(lock_);
	[[nodiscard]] tce_info combined() const TCE_REQUIRES_SHARED(lock_);

	Status open_window(unsigned int slot, const Geometry &geometry, Backs backs)
		TCE_REQUIRES(lock_);
	void close_window(unsigned int slot, Then then) TCE_REQUIRES(lock_);
	void finish_windows() TCE_REQUIRES(lock_);
	Reach disconnect_all(unsigned int slot, Window &window, Then then,
			     const Group *until = nullptr) TCE_REQUIRES(lock_);
	Status materialize_default() TCE_EXCLUDES(lock_);
	Status join(Group &group) TCE_REQUIRES(lock_);
	/* Its live entries. */
	u64 show_window(tce_book *book, unsigned int slot) const TCE_REQUIRES_SHARED(lock_);

	Status check_map(PageShift page, Iova end, Uaddr from, Iova to, u64 size) const;
	Status check_first_map(Uaddr from, Iova to, u64 size) const TCE_REQUIRES_SHARED(lock_);
	Status map_registered(Window &window, Perm perm, Uaddr from, Iova to, u64 size)
		TCE_REQUIRES_SHARED(lock_);
	Status map_pinned(Window &window, Perm perm, Uaddr from, Iova to, u64 size)
		TCE_REQUIRES_SHARED(lock_);
	Status close_half_way(Window &window, IndexRange range, Status why)
		TCE_REQUIRES_SHARED(lock_);
	Status check_range(PageShift page, Iova end, Iova at, u64 size) const;

	/* What gives back what entries of @window named; v1: each has a pin. */
	[[nodiscard]] Releaser releaser_for(const Window &window) TCE_REQUIRES_SHARED(lock_)
	{
		return { regions_, owner_->mm(), window.page(),
			 version_ == TCE_V1 ? &pins_ : nullptr };
	}

	/* Why the call of a task is refused, for the administrator. */
	Errc refuse(Errc error, const char *reason) const;

	const tce_version version_;
	tce_log_who log_ = {}; /* changed with lock_ held for writing */
	RwSem lock_{ TCE_LOCK_CONTAINER };
	Owner *owner_ TCE_GUARDED_BY(lock_) = nullptr;
	Group *groups_ TCE_GUARDED_BY(lock_) = nullptr;
	Window *windows_[TCE_MAX_WINDOWS] TCE_GUARDED_BY(lock_) = {};
	Window *unfinished_ TCE_GUARDED_BY(lock_) = nullptr;   /* removed, not all entries closed */
	Reach left_reach_ TCE_GUARDED_BY(lock_) = Reach::None; /* of groups that have left */
	RegionIndex regions_ TCE_GUARDED_BY(lock_);
	bool default_untouched_ TCE_GUARDED_BY(lock_) = false;
	/* v2: something was ever registered; v1: between ENABLE and DISABLE. */
	bool enabled_ TCE_GUARDED_BY(lock_) = false;
	PinCharge pins_; /* v1 */
	bool closed_ TCE_GUARDED_BY(lock_) = false;
	/*
	 * Several calls may be refused at once: the words are for the task that
	 * was refused last.
	 */
	mutable Atomic<const char *> reason_{ "" };
	mutable Atomic<u64> refused_task_;
};

} /* namespace tce */

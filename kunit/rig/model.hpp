// SPDX-License-Identifier: GPL-2.0-only
/*
 * A simple model of all that userspace and a guest can do, played beside the
 * engine.
 *
 * The model has no levels, no runs, no shadow, no locks: a window is an array
 * of entries, memory is a list of ranges.  Each step it says what the answer
 * will be and what the world looks like then; both are compared:
 *
 *  - the answer, errno by errno;
 *  - every group's table in the hypervisor with the entries of the model;
 *  - the notes of every memory with the entries that name it;
 *  - what is charged with the levels that were ever touched, and registered
 *    memory;
 *  - the windows that are visible, the device tree.
 */
#ifndef TCE_CASES_MODEL_HPP
#define TCE_CASES_MODEL_HPP

#include "choices.hpp"
#include "rig.hpp"

#include "geometry.hpp"

namespace fake {

class Model {
public:
	static constexpr u32 kContainers = 2;
	static constexpr u32 kGroups = 3;

	/* A world that @choices picks. */
	explicit Model(Choices &choices);
	~Model();
	Model(const Model &) = delete;
	Model &operator=(const Model &) = delete;

	/* One step, and a look at everything. */
	void step();
	/* Everything goes. */
	void finish();

	/* Something did not match: no use to go on. */
	bool failed() const { return failed_; }

private:
	struct Range {
		u64 start;
		u64 pages; /* system pages */
	};
	static constexpr u32 kRanges = 9;

	struct Win {
		bool live = false;
		u64 start = 0;
		u32 shift = 12;
		tce::Geometry geometry;
		Sparse entries;				  /* user address | rights */
		Sparse levels[tce::Geometry::kMaxLevels]; /* that were ever touched */
		GuestTable guest;

		u64 size() const { return geometry.window_size(); }
		u64 page() const { return bit(shift); }
	};

	struct Cont {
		bool owned = false;
		bool enabled = false;
		bool untouched = false;
		u32 ranges = 0; /* mask */
		u32 groups = 0; /* mask */
		Win win[TCE_MAX_WINDOWS];
	};

	/* Steps. */
	void do_attach();
	void do_detach();
	void do_register();
	void do_unregister();
	void do_create();
	void do_remove();
	void do_map();
	void do_unmap();
	void do_kvm();
	void do_kvm_pieces();
	void do_kvm_detach();
	void do_foreign();
	void do_reopen();

	/* What the model knows. */
	Range range(u32 i) const;
	bool overlap(u32 a, u32 b) const;
	u64 notes(u32 i) const;
	Win *window_at(Cont &c, u64 iova);
	bool covered(u32 ranges, u64 start, u64 bytes, u32 align) const;
	int predict_map(Cont &c, u64 user, u64 iova, u64 bytes, u32 flags);
	void set_entries(Win &w, u64 user, u64 iova, u64 bytes, u32 perm);
	void clear_entries(Win &w, u64 iova, u64 bytes);
	void touch(Win &w, u64 index, u64 count);
	u64 charge_of(const Win &w) const;
	void open(Win &w, u64 start, u32 shift, u64 size, u32 levels);
	void drop(Win &w);
	bool all_parked(const Cont &c) const;
	/* A group of a container that has one. */
	static u32 first_group(const Cont &c) { return static_cast<u32>(__builtin_ctz(c.groups)); }

	/* Addresses and sizes, mostly good ones. */
	u64 pick_iova(Cont &c, u32 *shift);
	u64 pick_user(u32 shift);
	u64 pick_count();

	/* Failures on purpose; true if one happened. */
	void arm(u32 sites);
	bool disarm();
	void resync(Cont &c, u64 iova, u64 bytes, bool may_close);

	void expect(int rc, int want, const char *what);
	void wrong(const char *fmt, ...) __attribute__((format(printf, 2, 3)));
	bool forget_one(const Cont &c, Win &w);
	void forget_lost();
	void check();
	void check_group(const Cont &c, u32 g);

	u32 pick() { return static_cast<u32>(ch_.below(kContainers)); }

	Choices &ch_;
	Rig &r_;
	Kvm kvm_;
	Cont cont_[kContainers];
	u64 steps_ = 0;
	u64 lost_ = 0;		  /* of KVM's, that are forgotten */
	Site site_ = Site::Count; /* of the last failure */
	char last_[160] = {};
	bool failed_ = false;
};

/* A whole run. */
void play_model(Choices &choices);

} // namespace fake

#endif /* TCE_CASES_MODEL_HPP */

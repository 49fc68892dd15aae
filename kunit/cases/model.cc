// SPDX-License-Identifier: GPL-2.0-only
/* The model: what it knows, and how it is compared. */
#include "model.hpp"

#include "params.hpp"

namespace fake {
namespace {

constexpr u64 kDefaultSize = 4 * kMiB;

Config config_for(Choices &ch)
{
	Config config = with_firmware(static_cast<unsigned int>(ch.below(4)));

	config.groups = Model::kGroups;
	config.fw.default_size = kDefaultSize;
	config.fw.pgsizes = bit(12) | bit(16) | bit(21) | bit(24);
	config.fw.has_multitce = !ch.one_in(6);
	return config;
}

} // namespace

Model::Model(Choices &choices)
	: ch_(choices),
	  r_(*new(Place{ env_alloc(sizeof(Rig), 8) }) Rig(config_for(choices), kContainers, false)),
	  kvm_(&r_.w.mm[0], 0)
{
	/*
	 * Ranges 5 to 7 are good for larger IOMMU pages, but for one page in 7.
	 */
	r_.w.make_contiguous(bit(33), bit(33) + 32 * kMiB, 24);
	r_.w.make_contiguous(bit(34), bit(34) + 64 * kMiB, 25);
	r_.w.make_odd(bit(34) + 0x345000);
	r_.w.make_hole(bit(35) + 0x10000, bit(35) + 0x20000);
}

Model::~Model()
{
	unmake(&r_);
}

/* Some touch, some overlap, one is not all there. */
Model::Range Model::range(u32 i) const
{
	const u64 p = bit(r_.w.config.page_shift);
	const u64 base = 0x20000000;

	switch (i) {
	case 0:
		return { base, 64 };
	case 1:
		return { base + 64 * p, 64 };
	case 2:
		return { base + 128 * p, 700 };
	case 3:
		return { base + 100 * p, 64 };
	case 4:
		return { base + 4096 * p, 1 };
	case 5:
		return { bit(33), 2 * kMiB / p };
	case 6:
		return { bit(33) + 2 * kMiB, 14 * kMiB / p };
	case 7:
		return { bit(34), 16 * kMiB / p };
	default:
		return { bit(35), 64 };
	}
}

bool Model::overlap(u32 a, u32 b) const
{
	const Range x = range(a), y = range(b);
	const u32 shift = r_.w.config.page_shift;

	return x.start < y.start + (y.pages << shift) && y.start < x.start + (x.pages << shift);
}

u64 Model::notes(u32 i) const
{
	const Range x = range(i);
	const u64 end = x.start + (x.pages << r_.w.config.page_shift);
	u64 n = 0;

	for (const Cont &c : cont_) {
		for (const Win &w : c.win) {
			w.entries.for_each([&](u64, u64 e) {
				const u64 user = e & ~0xfffull;

				n += user >= x.start && user < end;
			});
		}
	}
	return n;
}

Model::Win *Model::window_at(Cont &c, u64 iova)
{
	for (Win &w : c.win) {
		if (w.live && w.start <= iova && iova - w.start < w.size())
			return &w;
	}
	return nullptr;
}

/*
 * Is [start, start + bytes) in the ranges, none of them ending within an
 * @align?
 */
bool Model::covered(u32 ranges, u64 start, u64 bytes, u32 align) const
{
	for (u64 at = start; at < start + bytes;) {
		u64 end = 0;

		for (u32 i = 0; i < kRanges; i++) {
			const Range x = range(i);
			const u64 e = x.start + (x.pages << r_.w.config.page_shift);

			if ((ranges & 1u << i) && x.start <= at && at < e)
				end = e < start + bytes ? e : start + bytes;
		}
		if (!end || (end - at) & (bit(align) - 1))
			return false;
		at = end;
	}
	return true;
}

void Model::open(Win &w, u64 start, u32 shift, u64 size, u32 levels)
{
	w.live = true;
	w.start = start;
	w.shift = shift;
	w.geometry = tce::Geometry::make(shift, size, levels, tce::kPaprLevels).value();
}

void Model::drop(Win &w)
{
	w.live = false;
	w.entries.clear();
	for (Sparse &level : w.levels)
		level.clear();
}

/* The default window waits in the firmware of every group. */
bool Model::all_parked(const Cont &c) const
{
	for (u32 g = 0; g < kGroups; g++) {
		bool there = false;

		for (const FwWindow &w : r_.w.groups[g].win)
			there = there || (w.live && w.is_default);
		if ((c.groups & 1u << g) && !there)
			return false;
	}
	return true;
}

void Model::touch(Win &w, u64 index, u64 count)
{
	for (u32 level = 0; level < w.geometry.levels(); level++) {
		const u64 n = w.geometry.reach(level + 1);

		for (u64 i = index / n; i <= (index + count - 1) / n; i++)
			w.levels[level].set(i, 1);
	}
}

/* 8 bytes for each entry of a level, but not for more than the window has. */
u64 Model::charge_of(const Win &w) const
{
	u64 entries = 0;

	for (u32 level = 0; level < w.geometry.levels(); level++)
		entries += w.levels[level].used() * w.geometry.level_entries(level);
	if (entries > w.geometry.entries())
		entries = w.geometry.entries();
	return entries * 8 >> r_.w.config.page_shift;
}

void Model::set_entries(Win &w, u64 user, u64 iova, u64 bytes, u32 perm)
{
	const u64 first = (iova - w.start) >> w.shift;
	const u64 count = bytes >> w.shift;

	touch(w, first, count);
	for (u64 i = 0; i < count; i++)
		w.entries.set(first + i, (user + (i << w.shift)) | perm);
}

void Model::clear_entries(Win &w, u64 iova, u64 bytes)
{
	const u64 first = (iova - w.start) >> w.shift;

	for (u64 i = 0; i < bytes >> w.shift; i++)
		w.entries.set(first + i, 0);
}

/* After a refusal: entries are as they were, or closed. */
void Model::resync(Cont &c, u64 iova, u64 bytes, bool may_close)
{
	Win *w = window_at(c, iova);

	if (!w || !may_close)
		return;
	for (u64 at = iova; at < iova + bytes; at += w->page()) {
		bool live = false;

		for (u32 g = 0; g < kGroups; g++)
			live = live || ((c.groups & 1u << g) && r_.w.tce_at(g, at));
		if (!live)
			w->entries.set((at - w->start) >> w->shift, 0);
	}
}

/* --- Comparing ------------------------------------------------------------ */

void Model::wrong(const char *fmt, ...)
{
	char text[200];
	__builtin_va_list ap;

	__builtin_va_start(ap, fmt);
	env_vsnprintf(text, sizeof(text), fmt, ap);
	__builtin_va_end(ap);
	if (!failed_)
		FAKE_FAIL("step %llu, %s: %s", steps_, last_, text);
	failed_ = true;
}

void Model::expect(int rc, int want, const char *what)
{
	if (rc != want)
		wrong("%s answers %d, not %d", what, rc, want);
}

void Model::check_group(const Cont &c, u32 g)
{
	tce_port_group &group = r_.w.groups[g];
	u64 live = 0, expected = 0;

	for (const FwWindow &w : group.win)
		live += w.tces.used();
	for (u32 n = 0; n < TCE_MAX_WINDOWS; n++) {
		const Win &w = c.win[n];
		const tce_ktable *k = group.slot[n];

		if (w.live != !!k) {
			wrong("group %u: window %u is %s", g, n, k ? "visible" : "not visible");
			return;
		}
		if (!w.live)
			continue;
		if (k->shape.page_shift != w.shift || k->shape.offset << w.shift != w.start ||
		    k->shape.entries != w.geometry.entries())
			wrong("group %u: window %u has another shape", g, n);

		const FwWindow *fw = r_.w.window_at(g, w.start);

		if (!fw || fw->start != w.start || fw->page_shift != w.shift) {
			wrong("group %u: no window at 0x%llx in the firmware", g, w.start);
			return;
		}
		expected += w.entries.used();
		w.entries.for_each([&](u64 i, u64 e) {
			const u64 want = r_.w.hpa_of(&r_.w.mm[0], e & ~0xfffull) | (e & 3);

			if (fw->tces.get(i) != want)
				wrong("group %u: entry 0x%llx is 0x%llx, not 0x%llx", g, i,
				      fw->tces.get(i), want);
		});
	}
	if (live != expected)
		wrong("group %u: %llu entries, not %llu", g, live, expected);
}

/* An entry that is closed in the hypervisor; false: there is none. */
bool Model::forget_one(const Cont &c, Win &w)
{
	u64 gone = ~0ull;

	w.entries.for_each([&](u64 i, u64) {
		if (!r_.w.tce_at(first_group(c), w.start + (i << w.shift)))
			gone = i;
	});
	if (gone == ~0ull)
		return false;
	w.entries.set(gone, 0);
	return true;
}

/*
 * The call to the hypervisor that was to fail published what KVM had mapped
 * without a word: the engine closes that, and can tell nobody but its counter.
 */
void Model::forget_lost()
{
	u64 lost = static_cast<u64>(r_.w.counters[TCE_COUNT_KVM_LOST]) - lost_;

	if (!lost)
		return;
	lost_ += lost;
	r_.w.run_deferred();
	for (Cont &c : cont_) {
		for (Win &w : c.win) {
			while (c.groups && w.live && lost && forget_one(c, w))
				lost--;
		}
	}
}

void Model::check()
{
	u64 charged = 0, registered = 0;
	u32 all = 0, attached = 0;

	forget_lost();

	/* What KVM has not published yet is neither here nor there. */
	const bool quiet = !r_.w.armed();

	for (const Cont &c : cont_) {
		for (u32 g = 0; quiet && g < kGroups; g++) {
			if (c.groups & 1u << g)
				check_group(c, g);
		}
		for (const Win &w : c.win)
			charged += charge_of(w);
		all |= c.ranges;
		attached |= c.groups;
	}
	for (u32 g = 0; g < kGroups; g++) {
		if (attached & 1u << g)
			continue;
		for (const FwWindow &w : r_.w.groups[g].win) {
			if (w.tces.used())
				wrong("group %u is free and has entries", g);
		}
	}
	if (r_.w.mm[0].locked_port != charged)
		wrong("%llu pages charged for tables, not %llu", r_.w.mm[0].locked_port, charged);
	for (u32 i = 0; i < kRanges; i++) {
		const Range x = range(i);
		const tce_mem *mem = r_.w.mem_lookup(&r_.w.mm[0], x.start, 4096);

		if (!(all & 1u << i))
			continue;
		registered += x.pages;
		if (!mem || mem->ua != x.start || mem->npages != x.pages)
			wrong("range %u is not registered", i);
		else if (const u64 noted = static_cast<u64>(mem->mapped - 1);
			 /* What is not published yet is noted still. */
			 r_.w.armed() ? noted < notes(i) : noted != notes(i))
			wrong("range %u has %lld notes, not %llu", i, mem->mapped - 1, notes(i));
	}
	if (r_.w.registered_pages() != registered)
		wrong("%llu pages registered, not %llu", r_.w.registered_pages(), registered);
}

void Model::finish()
{
	for (Cont &c : cont_) {
		for (Win &w : c.win)
			kvm_.release(w.guest);
	}
	r_.finish();
	if (kvm_.warns)
		wrong("KVM warned %u times", kvm_.warns);
	if (failed_)
		r_.w.skip_balance = true;
}

void Model::step()
{
	static constexpr struct {
		void (Model::*fn)();
		u32 weight;
	} kSteps[] = {
		{ &Model::do_attach,     4  },
		      { &Model::do_detach,	   2  },
		{ &Model::do_register,   8	 },
		      { &Model::do_unregister, 6	 },
		{ &Model::do_create,     6  },
		      { &Model::do_remove,	   3  },
		{ &Model::do_map,	  30 },
		      { &Model::do_unmap,	  15 },
		{ &Model::do_kvm,	  16 },
		      { &Model::do_kvm_pieces, 6	 },
		{ &Model::do_kvm_detach, 2  },
		      { &Model::do_foreign,    2  },
		{ &Model::do_reopen,     1  },
	};
	u32 sum = 0;

	for (const auto &s : kSteps)
		sum += s.weight;

	u64 n = ch_.below(sum);

	steps_++;
	for (const auto &s : kSteps) {
		if (n < s.weight) {
			(this->*s.fn)();
			break;
		}
		n -= s.weight;
	}
	if (env_knob(ENV_VERBOSE))
		log("step %llu, %s", steps_, last_);
	if (ch_.one_in(8))
		r_.w.run_deferred();
	check();
}

void play_model(Choices &choices)
{
	Model &m = *new (Place{ env_alloc(sizeof(Model), 8) }) Model(choices);

	while (choices.go_on() && !m.failed())
		m.step();
	m.finish();
	unmake(&m);
}

} // namespace fake

using namespace fake;

int tce_params_runs(unsigned int i, char *buf, unsigned long bytes)
{
	if (i >= 16)
		return 0;
	if (buf)
		env_snprintf(buf, bytes, "run_%u", i);
	return 1;
}

TCE_CASE(model, random)
{
	const u64 seed = env_knob(ENV_SEED) ? env_knob(ENV_SEED) : env_entropy();
	Choices choices(seed + param, 6 * env_knob(ENV_EFFORT));

	log("seed %llu", seed);
	play_model(choices);
}

// SPDX-License-Identifier: GPL-2.0-only
/* port.h, "Memory". */
#include "alloc.hpp"

namespace fake {

template <> constinit Alloc *Part<Alloc>::here = nullptr;

/*
 * In front of each block.  On the host the address sanitizer watches the memory
 * itself; this finds wrong frees and counts, in the kernel too.
 */
struct Alloc::Header {
	Header *next, *prev;
	u64 bytes;
	u64 magic;
	const void *caller;
	u64 pad[3];
};

namespace {

constexpr u64 kLive = 0x7cea11ce0a11fe11ull;
constexpr u64 kDead = 0xdeadb10cdeadb10cull;

} // namespace

void Alloc::release_all()
{
	while (blocks) {
		Header *h = blocks;

		blocks = h->next;
		env_free(h);
	}
	live_blocks = 0;
	live_bytes = 0;
}

void Alloc::check_balance() const
{
	if (live_blocks)
		FAKE_FAIL("%llu allocations (%llu bytes) left at the end", live_blocks, live_bytes);
}

void Alloc::reset_counts()
{
	total_allocs = 0;
	peak_bytes = live_bytes;
}

} // namespace fake

using namespace fake;

void *tce_port_alloc(unsigned long bytes)
{
	expect_process_context("tce_port_alloc");
	{
		Guard g;

		if (Base::here->forbid_alloc)
			FAKE_FAIL("allocation of %lu bytes where none is allowed", bytes);
		Alloc::here->total_allocs++;
		if (Base::here->inject(Site::Alloc))
			return nullptr;
	}

	auto *h = static_cast<Alloc::Header *>(env_alloc(sizeof(Alloc::Header) + bytes, 8));
	Guard g;

	h->bytes = bytes;
	h->magic = kLive;
	h->caller = __builtin_return_address(0);
	h->next = Alloc::here->blocks;
	if (h->next)
		h->next->prev = h;
	Alloc::here->blocks = h;
	Alloc::here->live_blocks++;
	Alloc::here->live_bytes += bytes;
	if (Alloc::here->live_bytes > Alloc::here->peak_bytes)
		Alloc::here->peak_bytes = Alloc::here->live_bytes;
	return h + 1;
}

void tce_port_free(void *p)
{
	if (!p)
		return;

	auto *h = static_cast<Alloc::Header *>(p) - 1;
	{
		Guard g;

		if (h->magic != kLive) {
			env_panic(__FILE__, __LINE__,
				  h->magic == kDead ? "double free" : "free of a wild pointer");
		}
		h->magic = kDead;
		if (h->prev)
			h->prev->next = h->next;
		else
			Alloc::here->blocks = h->next;
		if (h->next)
			h->next->prev = h->prev;
		Alloc::here->live_blocks--;
		Alloc::here->live_bytes -= h->bytes;
	}
	env_free(h);
}

unsigned int tce_port_page_shift(void)
{
	return Base::here->config.page_shift;
}

tce_u64 tce_port_random(void)
{
	static constinit u64 state = 0x5eed5eed5eed5eedull;
	Guard g;

	if (Alloc::here)
		Alloc::here->randoms++;
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return state ^ state >> 29;
}

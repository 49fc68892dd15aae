// SPDX-License-Identifier: GPL-2.0-only
/* port.h, "Memory". */
#include "world.hpp"

namespace fake {

/*
 * In front of each block.  On the host the address sanitizer watches the memory
 * itself; this finds wrong frees and counts, in the kernel too.
 */
struct World::Header {
	Header *next, *prev;
	u64 bytes;
	u64 magic;
	const void *caller;
	u64 pad[3];
};

namespace {

constexpr u64 kLive = 0x7cea11ce0a11fe11ull;
constexpr u64 kDead = 0xdeadb10cdeadb10cull;

struct Page {
	Page *next;
	void *mem;
};

constinit Page *pages = nullptr;

} // namespace

void World::release_all()
{
	while (blocks) {
		Header *h = blocks;

		blocks = h->next;
		env_free(h);
	}
	while (pages) {
		Page *page = pages;

		pages = page->next;
		env_free(page->mem);
		env_free(page);
	}
	live_blocks = 0;
	live_bytes = 0;
	live_pages = 0;
}

} // namespace fake

using namespace fake;

void *tce_port_alloc(unsigned long bytes)
{
	expect_process_context("tce_port_alloc");
	{
		Guard g;

		if (world->forbid_alloc)
			FAKE_FAIL("allocation of %lu bytes where none is allowed", bytes);
		world->total_allocs++;
		if (world->inject(Site::Alloc))
			return nullptr;
	}

	auto *h = static_cast<World::Header *>(env_alloc(sizeof(World::Header) + bytes, 8));
	Guard g;

	h->bytes = bytes;
	h->magic = kLive;
	h->caller = __builtin_return_address(0);
	h->next = world->blocks;
	if (h->next)
		h->next->prev = h;
	world->blocks = h;
	world->live_blocks++;
	world->live_bytes += bytes;
	if (world->live_bytes > world->peak_bytes)
		world->peak_bytes = world->live_bytes;
	return h + 1;
}

void tce_port_free(void *p)
{
	if (!p)
		return;

	auto *h = static_cast<World::Header *>(p) - 1;
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
			world->blocks = h->next;
		if (h->next)
			h->next->prev = h->prev;
		world->live_blocks--;
		world->live_bytes -= h->bytes;
	}
	env_free(h);
}

void *tce_port_page_alloc(void)
{
	expect_process_context("tce_port_page_alloc");
	{
		Guard g;

		if (world->forbid_alloc)
			FAKE_FAIL("page allocation where none is allowed");
		world->total_allocs++;
		if (world->inject(Site::PageAlloc))
			return nullptr;
	}

	auto *page = static_cast<Page *>(env_alloc(sizeof(Page), 8));

	page->mem = env_alloc(4096, 4096);

	Guard g;

	page->next = pages;
	pages = page;
	world->live_pages++;
	return page->mem;
}

void tce_port_page_free(void *p)
{
	if (!p)
		return;

	Page *found = nullptr;
	{
		Guard g;

		for (Page **at = &pages; *at; at = &(*at)->next) {
			if ((*at)->mem == p) {
				found = *at;
				*at = found->next;
				world->live_pages--;
				break;
			}
		}
	}
	if (!found)
		env_panic(__FILE__, __LINE__, "free of a page that is none");
	env_free(found->mem);
	env_free(found);
}

bool fake_is_port_page(const void *p)
{
	for (const Page *page = pages; page; page = page->next) {
		if (page->mem == p)
			return true;
	}
	return false;
}

unsigned int tce_port_page_shift(void)
{
	return world->config.page_shift;
}

tce_u64 tce_port_random(void)
{
	static constinit u64 state = 0x5eed5eed5eed5eedull;
	Guard g;

	if (world)
		world->randoms++;
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return state ^ state >> 29;
}

// SPDX-License-Identifier: GPL-2.0-only
#include "arena.hpp"

#include "memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

namespace client::hostile {

namespace {

constexpr int READ_WRITE_PROT = PROT_READ | PROT_WRITE;

void *pointer(u64 address)
{
	return reinterpret_cast<void *>(address);
}

long mapped(void *base)
{
	return base == MAP_FAILED ? -1 : 0;
}

} // namespace

Arena::Arena(int file) : file_{ file }, zeros_{ ::open("/dev/zero", O_RDONLY | O_CLOEXEC) }
{
	// Where huge pages fit.
	void *base = ::mmap(nullptr, (SLOTS + 1) * SLOT, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		fail("no room for an arena");
	base_ = (reinterpret_cast<u64>(base) + SLOT - 1) / SLOT * SLOT;
	for (u64 slot = 0; slot < SLOTS - 2; ++slot)
		if (::mmap(pointer(base_ + slot * SLOT), SLOT, READ_WRITE_PROT,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
			fail("no memory for an arena");
}

Range Arena::any(Random &random) const
{
	const u64 page = page_size();
	const u64 slot = base_ + random.below(SLOTS) * SLOT;
	switch (random.below(6)) {
	case 0:
		return { slot, SLOT };
	case 1:
		return { slot + SLOT / 2, SLOT / 2 };
	case 2:
		return { slot, 16 * page };
	case 3: // over a border of slots
		return { slot + SLOT - 2 * page, 4 * page };
	default:
		return { slot + random.below(4) * page, page };
	}
}

// Pages: the first one's number above 16 bits, how many below.
u64 Arena::packed(Range range)
{
	return range.address / page_size() << 16 | range.size / page_size();
}

void Arena::remember(Range range)
{
	if (range.size / page_size() <= 0xffff)
		remembered_[next_++ % remembered_.size()] = packed(range);
}

void Arena::forget(Range range)
{
	for (auto &other : remembered_)
		if (other == packed(range))
			other = 0;
}

void Arena::forget_all()
{
	for (auto &other : remembered_)
		other = 0;
}

Range Arena::remembered(Random &random) const
{
	const u64 packed = remembered_[random.below(remembered_.size())];
	return { (packed >> 16) * page_size(), (packed & 0xffff) * page_size() };
}

void Arena::churn(Random &random, Diary &diary)
{
	const Range range = any(random);
	switch (random.below(6)) {
	case 0:
	case 1:
		renew(random, diary, range);
		break;
	case 2:
		move(random, diary);
		break;
	default:
		disturb(random, diary, range);
		break;
	}
}

// The kernel writes, which gets an error where we would get a signal.
void Arena::write(Diary &diary, Range range)
{
	Entry entry{
		diary, "touch", { range.address, range.size }
	};
	entry.ends(::read(zeros_, pointer(range.address), range.size));
}

void Arena::renew(Random &random, Diary &diary, Range range)
{
	const auto at = random.below(FILE_SIZE - SLOT) / page_size() * page_size();
	const auto map = [&](const char *name, Range where, int flags, int file, u64 offset) {
		Entry entry{
			diary, name, { where.address, where.size, offset }
		};
		entry.ends(mapped(::mmap(pointer(where.address), where.size, READ_WRITE_PROT,
					 flags | MAP_FIXED, file, static_cast<off_t>(offset))));
	};
	switch (random.below(5)) {
	case 0:
		map("mmap shared file", range, MAP_SHARED, file_, at);
		break;
	case 1:
		map("mmap private file", range, MAP_PRIVATE, file_, at);
		break;
	case 2: {
		const Range huge{ range.address / SLOT * SLOT, SLOT };
		map("mmap huge", huge, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
		break;
	}
	case 3:
		map("mmap shared", range, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		break;
	default:
		map("mmap", range, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		break;
	}
	if (random.one_in(2))
		write(diary, range);
}

void Arena::disturb(Random &random, Diary &diary, Range range)
{
	static constexpr int ADVICE[] = { MADV_DONTNEED, MADV_HUGEPAGE, MADV_NOHUGEPAGE,
					  MADV_FREE,	 MADV_PAGEOUT,	MADV_COLLAPSE,
					  MADV_DONTFORK, MADV_DOFORK,	MADV_MERGEABLE };
	static constexpr int PROTECTION[] = { PROT_NONE, PROT_READ, READ_WRITE_PROT,
					      READ_WRITE_PROT };
	switch (random.below(6)) {
	case 0: {
		if (!random.one_in(3))
			break;
		// An address range without anything, which nobody else's
		// mapping takes.
		Entry entry{
			diary, "mmap nothing", { range.address, range.size }
		};
		const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
		entry.ends(mapped(
			::mmap(pointer(range.address), range.size, PROT_NONE, flags, -1, 0)));
		break;
	}
	case 1: {
		const int protection = random.of(PROTECTION);
		Entry entry{
			diary,
			"mprotect",
			{ range.address, range.size, static_cast<u64>(protection) }
		};
		entry.ends(::mprotect(pointer(range.address), range.size, protection));
		break;
	}
	case 2: {
		const u64 at = random.below(FILE_SIZE / SLOT) * SLOT;
		Entry entry{
			diary, "punch", { at, range.size }
		};
		entry.ends(::fallocate(file_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				       static_cast<off_t>(at), static_cast<off_t>(range.size)));
		break;
	}
	case 3:
		write(diary, range);
		break;
	default: {
		const int advice = random.of(ADVICE);
		Entry entry{
			diary, "madvise", { range.address, range.size, static_cast<u64>(advice) }
		};
		entry.ends(::madvise(pointer(range.address), range.size, advice));
		break;
	}
	}
}

void Arena::move(Random &random, Diary &diary)
{
	const u64 from = base_ + random.below(SLOTS) * SLOT;
	const u64 to = base_ + random.below(SLOTS) * SLOT;
	const u64 size = random.one_in(2) ? SLOT : 16 * page_size();
	if (from == to)
		return;
	Entry entry{
		diary, "mremap", { from, to, size }
	};
	entry.ends(mapped(
		::mremap(pointer(from), size, size, MREMAP_MAYMOVE | MREMAP_FIXED, pointer(to))));
	// Nobody else's mapping may take the place of what has moved away, or
	// of what had to go for a move that then failed.
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
	::mmap(pointer(from), size, PROT_NONE, flags, -1, 0);
	::mmap(pointer(to), size, PROT_NONE, flags, -1, 0);
}

} // namespace client::hostile

// SPDX-License-Identifier: GPL-2.0-only
#include "memory.hpp"

#include "fd.hpp"
#include "files.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#endif

namespace client {

namespace {

void *map(void *at, u64 size, int prot, int flags, int fd = -1)
{
	void *base = ::mmap(at, size, prot, flags, fd, 0);
	if (base == MAP_FAILED)
		fail(cat("mmap of ", size, " bytes: ", Status{ -errno }));
	return base;
}

// splitmix64: every place of every seed has its own value.
u64 mix(u64 value)
{
	value += 0x9e3779b97f4a7c15;
	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
	value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
	return value ^ (value >> 31);
}

u8 pattern(u64 seed, u64 place)
{
	return static_cast<u8>(mix(seed * 0x10001 + place / 8) >> (place % 8 * 8));
}

} // namespace

u64 page_size()
{
	static const u64 size = static_cast<u64>(::sysconf(_SC_PAGESIZE));
	return size;
}

Memory::~Memory()
{
	if (base_)
		::munmap(base_, size_);
}

Memory Memory::pages(u64 size)
{
	Memory memory{ map(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS),
		       size };
	::madvise(memory.base_, size, MADV_NOHUGEPAGE);
	for (u64 offset = 0; offset < size; offset += page_size())
		memory.base_[offset] = 0;
	return memory;
}

Memory Memory::shared(u64 size)
{
	return { map(nullptr, size, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE),
		 size };
}

std::optional<Memory> Memory::huge(u64 size, unsigned shift)
{
	const std::string pool =
		cat("/sys/kernel/mm/hugepages/hugepages-", (u64{ 1 } << shift) / KiB, "kB/");
	const auto total = read_number(pool + "nr_hugepages");
	const auto idle = read_number(pool + "free_hugepages");
	if (!total || !idle)
		return {};
	const u64 wanted = size >> shift;
	if (*idle < wanted)
		write_file(pool + "nr_hugepages", cat(*total + wanted - *idle));
	if (read_number(pool + "free_hugepages").value_or(0) < wanted)
		return {};

	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
			  static_cast<int>(shift << MAP_HUGE_SHIFT);
	void *base = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (base == MAP_FAILED)
		return {};
	Memory memory{ base, size };
	for (u64 offset = 0; offset < size; offset += u64{ 1 } << shift)
		memory.base_[offset] = 0;
	return memory;
}

Memory Memory::aliased(u64 size, u64 backing)
{
	Fd file{ ::memfd_create("client", MFD_CLOEXEC) };
	if (!file || ::ftruncate(file.get(), static_cast<off_t>(backing)) != 0)
		fail(cat("memfd: ", Status{ -errno }));

	Memory range = nothing(size);
	for (u64 offset = 0; offset < size; offset += backing)
		map(range.base_ + offset, backing, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_FIXED | MAP_POPULATE, file.get());
	return range;
}

Memory Memory::nothing(u64 size)
{
	return { map(nullptr, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE), size };
}

void Memory::populate(u64 offset, u64 size)
{
	map(base_ + offset, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED);
	::madvise(base_ + offset, size, MADV_NOHUGEPAGE);
	for (u64 at = 0; at < size; at += page_size())
		base_[offset + at] = 0;
}

void Memory::punch(u64 offset, u64 size)
{
	if (::munmap(base_ + offset, size) != 0)
		fail(cat("munmap: ", Status{ -errno }));
}

void Memory::protect(int prot)
{
	if (::mprotect(base_, size_, prot) != 0)
		fail(cat("mprotect: ", Status{ -errno }));
}

void Memory::move_to(u64 address)
{
	void *target = reinterpret_cast<void *>(address);
	if (::mremap(base_, size_, size_, MREMAP_MAYMOVE | MREMAP_FIXED, target) == MAP_FAILED)
		fail(cat("mremap: ", Status{ -errno }));
	base_ = static_cast<u8 *>(target);
}

void fill(std::span<u8> bytes, u64 seed)
{
	for (u64 place = 0; place < bytes.size(); ++place)
		bytes[place] = pattern(seed, place);
}

bool filled(std::span<const u8> bytes, u64 seed)
{
	for (u64 place = 0; place < bytes.size(); ++place)
		if (bytes[place] != pattern(seed, place))
			return false;
	return true;
}

u64 physical(const Memory &memory)
{
	Fd map{ ::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC) };
	u64 entry = 0;
	const off_t at = static_cast<off_t>(memory.address() / page_size() * sizeof entry);
	if (!map || ::pread(map.get(), &entry, sizeof entry, at) != sizeof entry)
		fail("/proc/self/pagemap cannot be read");
	const u64 frame = entry & ((u64{ 1 } << 55) - 1);
	check(frame, "no page frame numbers in /proc/self/pagemap");
	return frame * page_size();
}

} // namespace client

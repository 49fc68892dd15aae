// SPDX-License-Identifier: GPL-2.0-only
//
// REGISTER_MEMORY and UNREGISTER_MEMORY: what they refuse, and that a refusal
// costs nothing.
#include "files.hpp"
#include "process.hpp"
#include "registry.hpp"
#include "session.hpp"

#include <sys/mman.h>

#include <cerrno>

namespace client {
namespace {

Status raw(Session &session, unsigned long call, u32 argsz, u32 flags, u64 vaddr, u64 size)
{
	vfio_iommu_spapr_register_memory request{ argsz, flags, vaddr, size };
	return session->ioctl(call, &request);
}

constexpr u32 ARGSZ = sizeof(vfio_iommu_spapr_register_memory);

// argsz, flags, alignment, size 0 (which made the old driver ask the kernel for
// an empty allocation, with a warning), ranges that wrap around the end of the
// address space.
CASE(errno_memory, register_arguments)
{
	Session session;
	const u64 page = page_size();
	const Memory memory = Memory::pages(16 * page);
	const u64 at = memory.address();
	const auto refuse = [&](const char *what, u32 argsz, u32 flags, u64 vaddr, u64 size) {
		session.refuses(EINVAL, cat("REGISTER ", what), [&] {
			return raw(session, VFIO_IOMMU_SPAPR_REGISTER_MEMORY, argsz, flags, vaddr,
				   size);
		});
	};
	refuse("with argsz 0", 0, 0, at, page);
	refuse("with a short argsz", ARGSZ - 1, 0, at, page);
	refuse("with a flag", ARGSZ, 1, at, page);
	refuse("with the highest flag", ARGSZ, 1U << 31, at, page);
	refuse("of size 0", ARGSZ, 0, at, 0);
	refuse("of nothing at 0", ARGSZ, 0, 0, 0);
	refuse("of part of a page", ARGSZ, 0, at, page / 2);
	refuse("of a page and a half", ARGSZ, 0, at, page + 1);
	refuse("not at a page", ARGSZ, 0, at + 8, page);
	refuse("wrapping to 0", ARGSZ, 0, 0 - page, page * 2);
	refuse("wrapping past 0", ARGSZ, 0, 0 - page * 2, page * 4);
	refuse("of the whole address space", ARGSZ, 0, page, 0 - page);
	session.refuses(EFAULT, "REGISTER of a null pointer",
			[&] { return session->ioctl(VFIO_IOMMU_SPAPR_REGISTER_MEMORY, nullptr); });
}

// Memory that is not there (or only half there) is -EFAULT. The old driver
// answered the number of pages it had pinned before it came to the hole, which
// userspace takes for success.
CASE(errno_memory, register_hole)
{
	Session session;
	const u64 page = page_size();
	Memory memory = Memory::pages(32 * page);
	memory.punch(16 * page, 16 * page);
	session.refuses(EFAULT, "REGISTER over a hole",
			[&] { return session->register_memory(memory); });
	session.refuses(EFAULT, "REGISTER of a hole", [&] {
		return session->register_memory(memory.address() + 16 * page, 16 * page);
	});
	// What is there can be registered all the same.
	expect(session->register_memory(memory.address(), 16 * page), OK,
	       "REGISTER before the hole");
	expect(session->unregister_memory(memory.address(), 16 * page), OK, "UNREGISTER");
}

// Ranges of absurd size, and addresses of the kernel: an error, whichever, and
// nothing else.
CASE(errno_memory, register_absurd)
{
	Session session;
	const Memory memory = Memory::pages(page_size());
	const Ledger before = read_ledger();
	for (u64 size : { u64{ 1 } << 40, u64{ 1 } << 46, u64{ 1 } << 62, u64{ 1 } << 63 })
		one_of(session->register_memory(memory.address(), size),
		       { refused(EFAULT), refused(ENOMEM), refused(EINVAL) },
		       cat("REGISTER of ", Hex{ size }, " bytes"));
	for (u64 address : { u64{ 0xc } << 60, u64{ 0xc0000000 } << 32, ~u64{ 0xffff } })
		one_of(session->register_memory(address, page_size()),
		       { refused(EFAULT), refused(EINVAL) }, cat("REGISTER at ", Hex{ address }));
	settle(before, "refused REGISTERs changed something");
}

// A region counts once per container; the same range again is -EBUSY, an
// overlapping one -EINVAL.
CASE(errno_memory, register_twice)
{
	Session session;
	const u64 page = page_size();
	const Memory memory = Memory::pages(16 * page);
	session.registered(memory);
	session.refuses(EBUSY, "the same again", [&] { return session->register_memory(memory); });
	session.refuses(EINVAL, "the first half",
			[&] { return session->register_memory(memory.address(), 8 * page); });
	session.refuses(EINVAL, "the second half", [&] {
		return session->register_memory(memory.address() + 8 * page, 8 * page);
	});
	expect(session->unregister_memory(memory), OK, "UNREGISTER");
	session.refuses(ENOENT, "UNREGISTER again",
			[&] { return session->unregister_memory(memory); });
	expect(session->register_memory(memory.address(), 8 * page), OK, "a part of it afterwards");
}

// Pages that the process may not write cannot be registered (devices may write
// them).
CASE(errno_memory, register_read_only)
{
	Session session;
	Memory memory = Memory::pages(4 * page_size());
	memory.protect(PROT_READ);
	session.refuses(EFAULT, "REGISTER of read-only memory",
			[&] { return session->register_memory(memory); });
}

// Registration charges and pins exactly its pages, and gives exactly them back.
CASE(errno_memory, register_charge)
{
	Session session;
	const Memory one = Memory::pages(16 * page_size());
	const Memory two = Memory::pages(64 * page_size());
	Ledger expected = read_ledger();
	const Ledger before = expected;
	const auto add = [&](const Memory &memory, int sign) {
		expected.locked += sign * memory.size();
		expected.pins += sign * (memory.size() / page_size());
	};
	session.registered(one);
	add(one, 1);
	settle(expected, "one region");
	session.registered(two);
	add(two, 1);
	settle(expected, "two regions");
	expect(session->unregister_memory(one), OK, "UNREGISTER");
	add(one, -1);
	settle(expected, "the second region alone");
	expect(session->unregister_memory(two), OK, "UNREGISTER");
	settle(before, "no region");
}

CASE(errno_memory, unregister_arguments)
{
	Session session;
	const u64 page = page_size();
	const Memory memory = Memory::pages(16 * page);
	const u64 at = memory.address();
	session.registered(memory);
	const auto refuse = [&](int err, const char *what, u32 argsz, u32 flags, u64 vaddr,
				u64 size) {
		session.refuses(err, cat("UNREGISTER ", what), [&] {
			return raw(session, VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY, argsz, flags, vaddr,
				   size);
		});
	};
	refuse(EINVAL, "with argsz 0", 0, 0, at, 16 * page);
	refuse(EINVAL, "with a short argsz", ARGSZ - 1, 0, at, 16 * page);
	refuse(EINVAL, "with a flag", ARGSZ, 1, at, 16 * page);
	refuse(EINVAL, "not at a page", ARGSZ, 0, at + 1, 16 * page);
	refuse(EINVAL, "of part of a page", ARGSZ, 0, at, 16 * page - 1);
	refuse(ENOENT, "of the first half", ARGSZ, 0, at, 8 * page);
	refuse(ENOENT, "of the second half", ARGSZ, 0, at + 8 * page, 8 * page);
	refuse(ENOENT, "of more than it", ARGSZ, 0, at, 32 * page);
	refuse(ENOENT, "elsewhere", ARGSZ, 0, at + 1024 * page, 16 * page);
	session.refuses(EFAULT, "UNREGISTER of a null pointer", [&] {
		return session->ioctl(VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY, nullptr);
	});
	expect(session->unregister_memory(memory), OK, "UNREGISTER of all of it");
}

// RLIMIT_MEMLOCK holds for regions and for tables: VmLck never exceeds it, and
// what was refused for it changed nothing. (The old driver forgot to give back
// what it charged for a window that then failed, until nothing could be
// registered any more.)
CASE(errno_memory, locked_memory_limit)
{
	Session session;
	const u64 page = page_size();
	const Memory fits = Memory::pages(64 * page);
	const Memory large = Memory::pages(4096 * page);
	const u64 limit = fits.size() + 2 * page;
	limit_locked_memory(limit);
	session.refuses(ENOMEM, "REGISTER beyond the limit",
			[&] { return session->register_memory(large); });
	session.registered(fits);
	// A table for 1 TiB of 4 KiB pages, filled here and there: it may grow
	// up to the limit.
	const Created created = session->create(12, TiB);
	one_of(created.status, { OK, refused(ENOMEM) }, "CREATE");
	at_most(locked_bytes(), limit, "VmLck after CREATE");
	for (u64 place = 0; created.status.ok() && place < 64; ++place) {
		const Ledger before = read_ledger();
		const u64 iova = created.window.start + place * (TiB / 64);
		const Status status = session->map(fits.address(), iova, TCE_PAGE);
		one_of(status, { OK, refused(ENOMEM) }, "MAP");
		at_most(locked_bytes(), limit, "VmLck after MAP");
		if (!status.ok())
			settle(before, "a MAP was refused for the limit but changed something");
	}
}

} // namespace
} // namespace client

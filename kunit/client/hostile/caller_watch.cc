// SPDX-License-Identifier: GPL-2.0-only
//
// Calls whose consequences are watched, whatever the others do meanwhile.
#include "caller_ask.hpp"

#include "session.hpp"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace client::hostile {

namespace {

// Where only canaries are mapped: nobody closes for us what we have left open.
constexpr u64 CANARY_PAGES = 3000;

} // namespace

// Where one can be had, more can.
void Caller::canary()
{
	for (int left = 4; left && one_canary(); --left)
		continue;
}

// A page is registered, mapped, unmapped and given back, while a device uses
// the address. Sometimes it is not unmapped: then it is not given back, or
// whoever did that has closed it. False if there is no such page, or no window
// for it.
bool Caller::one_canary()
{
	unsigned which = 0;
	const int file = container(which);
	Memory memory = Memory::pages(page_size());
	// It came where another thread has just moved something away.
	if (process_.arena.holds(memory.address()))
		return false;
	vfio_iommu_spapr_register_memory whole{ sizeof whole, 0, memory.address(), page_size() };
	const auto call = [&](const char *name, unsigned long request, auto &argument) {
		Entry entry{
			diary_, name, { static_cast<u64>(file), memory.address() }
		};
		return entry.ends(::ioctl(file, request, &argument));
	};
	if (!call("REGISTER canary", VFIO_IOMMU_SPAPR_REGISTER_MEMORY, whole).ok())
		return false;
	const u64 place = (CANARY_PAGES + random_.below(16)) << LEAST_SHIFT;
	u64 most = 0;
	unsigned shift = LEAST_SHIFT;
	vfio_iommu_type1_dma_map there{ sizeof there, READ_WRITE, memory.address(), 0, 4096 };
	bool mapped = false;
	for (u64 iova : { place, DDW_START + place, iova(which, most, shift) }) {
		there.iova = iova;
		mapped = call("MAP canary", VFIO_IOMMU_MAP_DMA, there).ok();
		if (mapped)
			break;
	}
	vfio_iommu_type1_dma_unmap away{};
	away.argsz = sizeof away;
	away.iova = there.iova;
	away.size = 4096;
	if (mapped) {
		Books::get().closed(there.iova);
		if (random_.one_in(4))
			::usleep(static_cast<u32>(random_.below(120000)));
		if (!random_.one_in(4))
			call("UNMAP canary", VFIO_IOMMU_UNMAP_DMA, away);
	}
	for (int attempt = 0; attempt < 3; ++attempt) {
		const Status status =
			call("UNREGISTER canary", VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY, whole);
		if (status.ok()) {
			if (mapped)
				process_.canaries->add(std::move(memory));
			return mapped;
		}
		if (status == refused(EBUSY)) // somebody has mapped it once more, or its window is
					      // another
			call("UNMAP canary", VFIO_IOMMU_UNMAP_DMA, away);
	}
	return false;
}

void Canaries::add(Memory memory)
{
	fill(memory.bytes(), memory.address());
	const std::scoped_lock guard{ lock_ };
	if (pages_.size() < MOST)
		pages_.push_back(std::move(memory));
	else
		pages_[memory.address() / page_size() % MOST] = std::move(memory);
}

void Canaries::look() const
{
	const std::scoped_lock guard{ lock_ };
	for (const Memory &memory : pages_)
		if (!filled(memory.bytes(), memory.address()))
			Books::get().report(cat("memory at ", Hex{ memory.address() },
						" was written to after it had been given back"));
}

// Another process tries to change a container that is ours. It was ours all the
// time if what we registered before can be given back after it.
void Caller::strange()
{
	unsigned which = 0;
	const int file = ::dup(container(which));
	const Memory ours = Memory::pages(page_size());
	const Memory answer = Memory::shared(page_size());
	vfio_iommu_spapr_register_memory whole{ sizeof whole, 0, ours.address(), page_size() };
	const auto registered = [&](const char *name, bool away) {
		Entry entry{
			diary_, name, { static_cast<u64>(file), ours.address() }
		};
		return entry.ends(::ioctl(file,
					  away ? VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY :
						 VFIO_IOMMU_SPAPR_REGISTER_MEMORY,
					  &whole));
	};
	if (!registered("REGISTER before a stranger", false).ok()) {
		::close(file);
		return;
	}
	const pid_t pid = ::fork();
	if (pid == 0) {
		answer.bytes()[0] = !::ioctl(file, VFIO_IOMMU_SPAPR_REGISTER_MEMORY, &whole);
		::_exit(0);
	}
	if (pid > 0)
		::waitpid(pid, nullptr, 0);
	if (registered("UNREGISTER after a stranger", true).ok() && answer.bytes()[0])
		Books::get().report("a stranger registers memory in a container that is not his");
	::close(file);
}

} // namespace client::hostile

// SPDX-License-Identifier: GPL-2.0-only
#include "caller_ask.hpp"

#include "host.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace client::hostile {

namespace {

// What a call may answer. EIO is not among it: the hypervisor has no reason to
// refuse an entry.
constexpr int ERRORS[] = { EPERM, ENOENT, ENXIO,  EBADF,  ENOMEM, EFAULT,
			   EBUSY, EBADFD, ENODEV, EINVAL, ENOTTY, ENOSPC };

} // namespace

void set_locked_limit(u64 bytes)
{
	const rlimit limit{ bytes, RLIM_INFINITY };
	::setrlimit(RLIMIT_MEMLOCK, &limit);
}

Caller::Caller(Process &process, const char *role, u64 seed)
	: process_{ process }, diary_{ Books::get().open_diary(role) }, random_{ seed }
{
	void *base = ::mmap(nullptr, 2 * page_size(), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED)
		fail("no memory for arguments");
	edge_ = static_cast<u8 *>(base) + page_size();
	::mprotect(edge_, page_size(), PROT_NONE);
}

Caller::~Caller()
{
	::munmap(edge_ - page_size(), 2 * page_size());
}

int Caller::container(unsigned &which)
{
	which = random_.one_in(8) ? random_.index(Handles::CONTAINERS) : process_.favourite;
	return random_.one_in(64) ? process_.handles.groups[random_.below(Handles::GROUPS)].load() :
				    process_.handles.containers[which].load();
}

int Caller::group()
{
	return process_.handles.groups[random_.below(Handles::GROUPS)];
}

void Caller::judge(const char *name, Status status)
{
	const auto is = [&](int error) { return status == refused(error); };
	if (status.value() <= 0 && (status.ok() || std::ranges::any_of(ERRORS, is)))
		return;
	// Firmware without a good place for it.
	if (name == std::string_view{ "CREATE" } && is(EIO))
		return;
	Books::get().report(cat(name, " answers ", status, ": ", diary_.last()));
}

void *Caller::place(const void *argument, size_t size)
{
	if (!random_.one_in(16))
		return const_cast<void *>(argument);
	switch (random_.below(6)) {
	case 0:
		return nullptr;
	case 1:
		return reinterpret_cast<void *>(0xc000000000000000 + random_.next() % GiB);
	case 2:
		return reinterpret_cast<void *>(random_.next());
	case 3: { // memory that others change meanwhile
		const Range range = process_.arena.any(random_);
		return reinterpret_cast<void *>(range.address);
	}
	case 4: // half of it
		std::memcpy(edge_ - size / 2, argument, size / 2);
		return edge_ - size / 2;
	default: // nothing behind it
		std::memcpy(edge_ - size, argument, size);
		return edge_ - size;
	}
}

Status Caller::ask_plain(const char *name, int file, unsigned long request, u64 argument)
{
	Entry entry{
		diary_, name, { static_cast<u64>(file), argument }
	};
	return entry.ends(::ioctl(file, request, argument));
}

void Caller::open_or_close()
{
	Handles &handles = process_.handles;
	const unsigned which = random_.index(Handles::CONTAINERS);
	const unsigned other = random_.index(Handles::GROUPS);
	switch (random_.below(16)) {
	case 0:
		Handles::close(handles.containers[which]);
		return;
	case 1:
		Handles::close(handles.groups[other]);
		return;
	case 2:
	case 3:
	case 4:
	case 5: {
		if (handles.containers[which] >= 0)
			return;
		Entry entry{ diary_, "open container", { which } };
		Handles::put(
			handles.containers[which],
			static_cast<int>(entry.ends(::open("/dev/vfio/vfio", O_RDWR)).value()));
		return;
	}
	default: {
		if (handles.groups[other] >= 0)
			return;
		const auto &edus = random_.one_in(8) && !host().unlike.empty() ? host().unlike :
										 host().edus;
		const int number = edus[random_.below(edus.size())].group;
		Entry entry{ diary_, "open group", { static_cast<u64>(number) } };
		const int file = ::open(cat("/dev/vfio/", number).c_str(), O_RDWR);
		Handles::put(handles.groups[other], static_cast<int>(entry.ends(file).value()));
		return;
	}
	}
}

void Caller::set_container()
{
	const int file = group();
	if (random_.one_in(4)) {
		judge("UNSET_CONTAINER",
		      ask_plain("UNSET_CONTAINER", file, VFIO_GROUP_UNSET_CONTAINER, 0));
		return;
	}
	unsigned which = 0;
	int target = container(which);
	if (random_.one_in(32))
		target = static_cast<int>(random_.any_size());
	Entry entry{
		diary_, "SET_CONTAINER", { static_cast<u64>(file), static_cast<u64>(target) }
	};
	judge("SET_CONTAINER",
	      entry.ends(::ioctl(file, VFIO_GROUP_SET_CONTAINER, place(&target, sizeof target))));
}

// A container of its own with a group in it, if one is to be had.
void Caller::settle_in()
{
	Handles &handles = process_.handles;
	std::atomic<int> &container = handles.containers[process_.favourite];
	Info info{};
	info.argsz = sizeof info;
	Entry look{ diary_, "GET_INFO to settle", { static_cast<u64>(container) } };
	const Status found = look.ends(::ioctl(container, VFIO_IOMMU_SPAPR_TCE_GET_INFO, &info));
	if (found.ok()) {
		furnish();
		return;
	}
	if (container < 0 || found == refused(EPERM))
		Handles::put(container, ::open("/dev/vfio/vfio", O_RDWR));
	const bool first = random_.one_in(4);
	for (std::atomic<int> &group : handles.groups) {
		if (group < 0)
			handles.receive(random_, diary_);
		int target = container;
		const auto join = [&] {
			Entry entry{
				diary_,
				"SET_CONTAINER to settle",
				{ static_cast<u64>(group), static_cast<u64>(target) }
			};
			return entry.ends(::ioctl(group, VFIO_GROUP_SET_CONTAINER, &target));
		};
		Status joined = join();
		// It may be in a container that nobody has any more.
		if (joined == refused(EINVAL) && random_.one_in(4) &&
		    ask_plain("UNSET_CONTAINER to settle", group, VFIO_GROUP_UNSET_CONTAINER, 0)
			    .ok())
			joined = join();
		if (joined.ok() && random_.one_in(2))
			break;
	}
	const Status set = ask_plain("SET_IOMMU to settle", container, VFIO_SET_IOMMU,
				     first ? VFIO_SPAPR_TCE_IOMMU : VFIO_SPAPR_TCE_v2_IOMMU);
	if (first) {
		// It is charged for the whole window.
		set_locked_limit(3 * GiB);
		ask_plain("ENABLE to settle", container, VFIO_IOMMU_ENABLE, 0);
	}
	if (!set.ok())
		return;
	for (Believed &window : process_.windows[process_.favourite])
		window.size = 0;
	process_.arena.forget_all();
	furnish();
}

// Memory for a container, and mappings.
void Caller::furnish()
{
	for (int count = 0; count < 3; ++count) {
		registration();
		map();
	}
}

void Caller::set_iommu()
{
	unsigned which = 0;
	const int file = container(which);
	u64 type = VFIO_SPAPR_TCE_v2_IOMMU;
	if (random_.one_in(4))
		type = VFIO_SPAPR_TCE_IOMMU;
	else if (random_.one_in(16))
		type = random_.any_size();
	const Status status = ask_plain("SET_IOMMU", file, VFIO_SET_IOMMU, type);
	judge("SET_IOMMU", status);
	if (status.ok())
		for (Believed &window : process_.windows[which])
			window.size = 0;
}

void Caller::ask_information()
{
	unsigned which = 0;
	const int file = container(which);
	switch (random_.below(5)) {
	case 0:
		ask_plain("CHECK_EXTENSION", file, VFIO_CHECK_EXTENSION,
			  random_.one_in(2) ? random_.below(12) : random_.any_size());
		return;
	case 1: {
		vfio_group_status status{};
		judge("GET_STATUS", ask("GET_STATUS", group(), VFIO_GROUP_GET_STATUS, status, {}));
		return;
	}
	case 2:
		if (random_.one_in(2))
			set_locked_limit(3 * GiB);
		judge("ENABLE", ask_plain("ENABLE", file, VFIO_IOMMU_ENABLE, random_.any_size()));
		return;
	case 3:
		if (random_.one_in(4))
			judge("DISABLE", ask_plain("DISABLE", file, VFIO_IOMMU_DISABLE, 0));
		return;
	default: {
		Info info{};
		judge("GET_INFO", ask("GET_INFO", file, VFIO_IOMMU_SPAPR_TCE_GET_INFO, info, {}));
		return;
	}
	}
}

void Caller::eeh()
{
	unsigned which = 0;
	const int file = container(which);
	vfio_eeh_pe_op request{};
	request.op = static_cast<u32>(random_.below(12));
	request.err.type = static_cast<u32>(random_.below(3));
	request.err.func = static_cast<u32>(random_.below(24));
	// A reset that is begun is ended.
	if (request.op == VFIO_EEH_PE_RESET_HOT || request.op == VFIO_EEH_PE_RESET_FUNDAMENTAL)
		request.op = VFIO_EEH_PE_RESET_DEACTIVATE;
	ask("EEH_PE_OP", file, VFIO_EEH_PE_OP, request, { request.op });
}

void Caller::garbage()
{
	unsigned which = 0;
	const int file = random_.one_in(4) ? group() : container(which);
	// Numbers of VFIO, and of nobody; none that opens a device.
	const u64 number = random_.one_in(2) ? _IO(VFIO_TYPE, VFIO_BASE + random_.below(32)) :
					       random_.next() >> 32;
	if (number == VFIO_GROUP_GET_DEVICE_FD)
		return;
	alignas(8) u8 argument[256];
	for (u8 &byte : argument)
		byte = static_cast<u8>(random_.any_size());
	// A size that is right more often than not; what follows has no bound
	// for a window.
	const u32 size = random_.one_in(4) ? static_cast<u32>(random_.any_size()) : 4;
	std::memcpy(argument, &size, sizeof size);
	Entry entry{
		diary_, "garbage", { static_cast<u64>(file), number }
	};
	entry.ends(::ioctl(file, number, place(argument, sizeof argument)));
}

void Caller::mail()
{
	Handles &handles = process_.handles;
	if (random_.one_in(2)) {
		handles.receive(random_, diary_);
		return;
	}
	const bool is_container = random_.one_in(2);
	const int file = is_container ?
				 handles.containers[random_.below(Handles::CONTAINERS)].load() :
				 group();
	if (file < 0)
		return;
	Entry entry{ diary_, "send", { static_cast<u64>(file) } };
	entry.ends(Handles::send(handles.mail, file, is_container));
}

void Caller::churn()
{
	process_.arena.churn(random_, diary_);
}

void Caller::limit()
{
	static constexpr u64 LIMITS[] = { 0,	    4 * KiB,  64 * KiB, MiB,	 16 * MiB,
					  64 * MiB, 64 * MiB, 64 * MiB, 3 * GiB, 3 * GiB };
	const u64 bytes = random_.of(LIMITS);
	Entry entry{ diary_, "RLIMIT_MEMLOCK", { bytes } };
	set_locked_limit(bytes);
	entry.ends(0);
}

void Caller::step()
{
	// How often what is done, of all.
	static constexpr struct {
		u64 weight;
		void (Caller::*what)();
	} STEPS[] = {
		{ 4,  &Caller::open_or_close   },
		{ 3,  &Caller::set_container   },
		{ 2,  &Caller::settle_in	},
		{ 2,  &Caller::set_iommu	},
		{ 5,  &Caller::ask_information },
		{ 16, &Caller::registration    },
		{ 24, &Caller::map		   },
		{ 10, &Caller::unmap	     },
		{ 4,  &Caller::create	     },
		{ 4,  &Caller::remove	     },
		{ 2,  &Caller::eeh		  },
		{ 3,  &Caller::garbage	      },
		{ 2,  &Caller::mail		   },
		{ 2,  &Caller::limit	    },
		{ 6,  &Caller::canary	     },
		{ 1,  &Caller::strange	      },
		{ 10, &Caller::churn	     },
	};
	static constexpr u64 ALL = [] {
		u64 sum = 0;
		for (const auto &step : STEPS)
			sum += step.weight;
		return sum;
	}();
	u64 left = random_.below(ALL);
	for (const auto &[weight, what] : STEPS) {
		if (left < weight) {
			(this->*what)();
			return;
		}
		left -= weight;
	}
}

} // namespace client::hostile

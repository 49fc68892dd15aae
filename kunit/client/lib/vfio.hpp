// SPDX-License-Identifier: GPL-2.0-only
//
// The user's side of VFIO: a container, the groups in it, a device. Calls
// answer a Status and throw nothing, so that a case can ask for what must be
// refused.
#pragma once

#include "check.hpp"
#include "fd.hpp"
#include "memory.hpp"

#include <linux/vfio.h>

#include <string>

namespace client {

inline constexpr u32 READ = VFIO_DMA_MAP_FLAG_READ;   // the device may read the memory
inline constexpr u32 WRITE = VFIO_DMA_MAP_FLAG_WRITE; // the device may write it
inline constexpr u32 READ_WRITE = READ | WRITE;

using Info = vfio_iommu_spapr_tce_info;

// A DMA window as CREATE answered it.
struct Window {
	u64 start = 0;
	u64 size = 0;
	unsigned shift = 0;

	u64 end() const { return start + size; }
	u64 page() const { return u64{ 1 } << shift; }
};

struct Created {
	Status status;
	Window window;
};

class Container {
public:
	Container();

	int fd() const { return fd_.get(); }
	void close() { fd_.close(); }

	Status ioctl(unsigned long request, void *argument) const;
	Status ioctl(unsigned long request, unsigned long argument) const;

	Status check_extension(unsigned long extension) const;
	Status set_iommu(unsigned long type) const;

	Status get_info(Info &info) const;
	Status register_memory(u64 address, u64 size) const;
	Status unregister_memory(u64 address, u64 size) const;
	Status register_memory(const Memory &memory) const
	{
		return register_memory(memory.address(), memory.size());
	}
	Status unregister_memory(const Memory &memory) const
	{
		return unregister_memory(memory.address(), memory.size());
	}
	Created create(u32 shift, u64 size, u32 levels = 1) const;
	Status remove(u64 start) const;
	Status map(u64 address, u64 iova, u64 size, u32 flags = READ_WRITE) const;
	Status unmap(u64 iova, u64 size) const;

private:
	Fd fd_;
};

class Group {
public:
	explicit Group(int number);

	int number() const { return number_; }
	int fd() const { return fd_.get(); }
	bool viable() const;
	Status set_container(const Container &container) const;
	Status unset_container() const;

private:
	int number_;
	Fd fd_;
};

// A device of a group that sits in a container with its IOMMU set. BAR 0 is
// mapped and the device may be bus master as long as the object lives.
class Device {
public:
	Device(const Group &group, const std::string &name) : Device{ group.fd(), name } {}
	Device(int group, const std::string &name);
	Device(Device &&other) noexcept;
	~Device();

	// 64-bit registers of the first BAR; the device is big-endian on this
	// bus.
	u64 read64(u64 offset) const;
	void write64(u64 offset, u64 value) const;

private:
	void bus_master();

	Fd fd_;
	u8 *bar_ = nullptr;
	u64 bar_size_ = 0;
};

} // namespace client

// SPDX-License-Identifier: GPL-2.0-only
#include "vfio.hpp"

#include <linux/pci_regs.h>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

namespace client {

namespace {

Fd open_or_fail(const std::string &path)
{
	Fd fd{ ::open(path.c_str(), O_RDWR | O_CLOEXEC) };
	if (!fd)
		fail(cat(path, ": ", Status{ -errno }));
	return fd;
}

Status answer(int value)
{
	return Status{ value < 0 ? -static_cast<long>(errno) : value };
}

} // namespace

Container::Container() : fd_{ open_or_fail("/dev/vfio/vfio") } {}

Status Container::ioctl(unsigned long request, void *argument) const
{
	return answer(::ioctl(fd_.get(), request, argument));
}

Status Container::ioctl(unsigned long request, unsigned long argument) const
{
	return answer(::ioctl(fd_.get(), request, argument));
}

Status Container::check_extension(unsigned long extension) const
{
	return ioctl(VFIO_CHECK_EXTENSION, extension);
}

Status Container::set_iommu(unsigned long type) const
{
	return ioctl(VFIO_SET_IOMMU, type);
}

Status Container::get_info(Info &info) const
{
	info = {};
	info.argsz = sizeof info;
	return ioctl(VFIO_IOMMU_SPAPR_TCE_GET_INFO, &info);
}

Status Container::register_memory(u64 address, u64 size) const
{
	vfio_iommu_spapr_register_memory request{ sizeof request, 0, address, size };
	return ioctl(VFIO_IOMMU_SPAPR_REGISTER_MEMORY, &request);
}

Status Container::unregister_memory(u64 address, u64 size) const
{
	vfio_iommu_spapr_register_memory request{ sizeof request, 0, address, size };
	return ioctl(VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY, &request);
}

Created Container::create(u32 shift, u64 size, u32 levels) const
{
	vfio_iommu_spapr_tce_create request{};
	request.argsz = sizeof request;
	request.page_shift = shift;
	request.window_size = size;
	request.levels = levels;
	const Status status = ioctl(VFIO_IOMMU_SPAPR_TCE_CREATE, &request);
	return {
		status, { request.start_addr, size, shift }
	};
}

Status Container::remove(u64 start) const
{
	vfio_iommu_spapr_tce_remove request{};
	request.argsz = sizeof request;
	request.start_addr = start;
	return ioctl(VFIO_IOMMU_SPAPR_TCE_REMOVE, &request);
}

Status Container::map(u64 address, u64 iova, u64 size, u32 flags) const
{
	vfio_iommu_type1_dma_map request{ sizeof request, flags, address, iova, size };
	return ioctl(VFIO_IOMMU_MAP_DMA, &request);
}

Status Container::unmap(u64 iova, u64 size) const
{
	vfio_iommu_type1_dma_unmap request{};
	request.argsz = sizeof request;
	request.iova = iova;
	request.size = size;
	return ioctl(VFIO_IOMMU_UNMAP_DMA, &request);
}

Group::Group(int number) : number_{ number }, fd_{ open_or_fail(cat("/dev/vfio/", number)) } {}

bool Group::viable() const
{
	vfio_group_status status{ sizeof status, 0 };
	return ::ioctl(fd(), VFIO_GROUP_GET_STATUS, &status) == 0 &&
	       (status.flags & VFIO_GROUP_FLAGS_VIABLE);
}

Status Group::set_container(const Container &container) const
{
	int fd = container.fd();
	return answer(::ioctl(this->fd(), VFIO_GROUP_SET_CONTAINER, &fd));
}

Status Group::unset_container() const
{
	return answer(::ioctl(fd(), VFIO_GROUP_UNSET_CONTAINER));
}

Device::Device(int group, const std::string &name)
	: fd_{ ::ioctl(group, VFIO_GROUP_GET_DEVICE_FD, name.c_str()) }
{
	if (!fd_)
		fail(cat("device ", name, ": ", Status{ -errno }));

	vfio_region_info region{};
	region.argsz = sizeof region;
	region.index = VFIO_PCI_BAR0_REGION_INDEX;
	if (::ioctl(fd_.get(), VFIO_DEVICE_GET_REGION_INFO, &region) != 0)
		fail(cat("region of ", name, ": ", Status{ -errno }));
	void *bar = ::mmap(nullptr, region.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(),
			   static_cast<off_t>(region.offset));
	if (bar == MAP_FAILED)
		fail(cat("BAR of ", name, ": ", Status{ -errno }));
	bar_ = static_cast<u8 *>(bar);
	bar_size_ = region.size;
	bus_master();
}

Device::Device(Device &&other) noexcept
	: fd_{ std::move(other.fd_) },
	  bar_{ std::exchange(other.bar_, nullptr) },
	  bar_size_{ other.bar_size_ }
{
}

Device::~Device()
{
	if (bar_)
		::munmap(bar_, bar_size_);
}

// VFIO hands a device out with bus mastering off.
void Device::bus_master()
{
	vfio_region_info config{};
	config.argsz = sizeof config;
	config.index = VFIO_PCI_CONFIG_REGION_INDEX;
	if (::ioctl(fd_.get(), VFIO_DEVICE_GET_REGION_INFO, &config) != 0)
		fail(cat("configuration space: ", Status{ -errno }));
	const off_t at = static_cast<off_t>(config.offset) + PCI_COMMAND;
	std::uint16_t command = 0;
	if (::pread(fd_.get(), &command, sizeof command, at) != sizeof command)
		fail(cat("configuration read: ", Status{ -errno }));
	command |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	if (::pwrite(fd_.get(), &command, sizeof command, at) != sizeof command)
		fail(cat("configuration write: ", Status{ -errno }));
}

u64 Device::read64(u64 offset) const
{
	const u64 raw = *reinterpret_cast<const volatile u64 *>(bar_ + offset);
	__sync_synchronize();
	return __builtin_bswap64(raw);
}

void Device::write64(u64 offset, u64 value) const
{
	__sync_synchronize();
	*reinterpret_cast<volatile u64 *>(bar_ + offset) = __builtin_bswap64(value);
}

} // namespace client

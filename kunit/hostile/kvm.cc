// SPDX-License-Identifier: GPL-2.0-only
#include "kvm.hpp"

#include "host.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

namespace hostile {

using namespace client;

namespace {

constexpr u64 MSR_SF = u64{ 1 } << 63;
constexpr u64 MSR_ME = 0x1000;
constexpr u64 MSR_LE = 1;
constexpr u64 PATB_GR = u64{ 1 } << 63;

Status answer(int value)
{
	return Status{ value < 0 ? -static_cast<long>(errno) : value };
}

template <class Argument> int ask(const Fd &fd, unsigned long request, Argument argument)
{
	const int value = ::ioctl(fd.get(), request, argument);
	if (value < 0)
		fail(cat("KVM's ioctl ", Hex{ request }, ": ", Status{ -errno }));
	return value;
}

void enable(const Fd &fd, u32 capability, u64 first = 0, u64 second = 0)
{
	kvm_enable_cap request{};
	request.cap = capability;
	request.args[0] = first;
	request.args[1] = second;
	ask(fd, KVM_ENABLE_CAP, &request);
}

} // namespace

Vcpu::Vcpu(const Fd &kvm, const Fd &vm, u64 id) : fd_{ ask(vm, KVM_CREATE_VCPU, id) }
{
	enable(fd_, KVM_CAP_PPC_PAPR);
	size_ = static_cast<size_t>(ask(kvm, KVM_GET_VCPU_MMAP_SIZE, 0));
	void *run = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
	if (run == MAP_FAILED)
		fail(cat("a vCPU's shared page: ", Status{ -errno }));
	run_ = static_cast<kvm_run *>(run);
}

Vcpu::~Vcpu()
{
	if (run_)
		::munmap(run_, size_);
}

void Vcpu::start(u64 address, u64 list, u64 calls) const
{
	kvm_regs registers{};
	registers.pc = address;
	registers.msr = MSR_SF | MSR_ME | MSR_LE;
	registers.gpr[14] = list;
	registers.gpr[15] = calls;
	ask(fd_, KVM_SET_REGS, &registers);
}

Status Vcpu::run() const
{
	return answer(::ioctl(fd_.get(), KVM_RUN, 0));
}

Vm::Vm() : kvm_{ ::open("/dev/kvm", O_RDWR | O_CLOEXEC) }
{
	if (!kvm_)
		fail(cat("/dev/kvm: ", Status{ -errno }));
	vm_ = Fd{ ask(kvm_, KVM_CREATE_VM, 0) };

	// Nested hypervisors know no other MMU.
	kvm_ppc_mmuv3_cfg mmu{ KVM_PPC_MMUV3_RADIX | KVM_PPC_MMUV3_GTSE, PATB_GR };
	ask(vm_, KVM_PPC_CONFIGURE_V3_MMU, &mmu);
	for (u64 call : { H_GET_TCE, H_PUT_TCE, H_PUT_TCE_INDIRECT, H_STUFF_TCE })
		enable(vm_, KVM_CAP_PPC_ENABLE_HCALL, call, 1);

	kvm_create_device device{};
	device.type = KVM_DEV_TYPE_VFIO;
	ask(vm_, KVM_CREATE_DEVICE, &device);
	vfio_ = Fd{ static_cast<int>(device.fd) };
}

void Vm::memory(u32 slot, u64 guest_address, const Memory &memory) const
{
	kvm_userspace_memory_region region{ slot, 0, guest_address, memory.size(),
					    memory.address() };
	ask(vm_, KVM_SET_USER_MEMORY_REGION, &region);
}

void Vm::no_memory(u32 slot) const
{
	kvm_userspace_memory_region region{ slot, 0, 0, 0, 0 };
	ask(vm_, KVM_SET_USER_MEMORY_REGION, &region);
}

Fd Vm::table(u64 liobn, u64 start, u32 shift, u64 size) const
{
	kvm_create_spapr_tce_64 request{};
	request.liobn = liobn;
	request.page_shift = shift;
	request.offset = start >> shift;
	request.size = size;
	Fd table{ ::ioctl(vm_.get(), KVM_CREATE_SPAPR_TCE_64, &request) };
	if (!table)
		return table;

	const u64 bytes = (size * sizeof(u64) + page_size() - 1) & ~(page_size() - 1);
	void *view = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED | MAP_POPULATE, table.get(), 0);
	if (view == MAP_FAILED)
		fail(cat("a table's view: ", Status{ -errno }));
	for (u64 at = 0; at < bytes; at += page_size())
		static_cast<void>(static_cast<volatile u8 *>(view)[at]);
	::munmap(view, bytes);
	return table;
}

Status Vm::vfio(u64 attribute, void *argument) const
{
	kvm_device_attr request{};
	request.group = KVM_DEV_VFIO_FILE;
	request.attr = attribute;
	request.addr = reinterpret_cast<u64>(argument);
	return answer(::ioctl(vfio_.get(), KVM_SET_DEVICE_ATTR, &request));
}

Status Vm::add(int group) const
{
	return vfio(KVM_DEV_VFIO_FILE_ADD, &group);
}

Status Vm::remove(int group) const
{
	return vfio(KVM_DEV_VFIO_FILE_DEL, &group);
}

Status Vm::attach(int group, int table) const
{
	kvm_vfio_spapr_tce request{ group, table };
	return vfio(KVM_DEV_VFIO_GROUP_SET_SPAPR_TCE, &request);
}

} // namespace hostile

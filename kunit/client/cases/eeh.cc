// SPDX-License-Identifier: GPL-2.0-only
//
// Error recovery of a PE by its user. The answers are those of the in-tree
// driver, on which the same cases run: userspace tells by them what there is.
#include "registry.hpp"
#include "session.hpp"

#include <cerrno>
#include <cstddef>

namespace client {
namespace {

vfio_eeh_pe_op request(u32 what)
{
	vfio_eeh_pe_op request{};
	request.argsz = sizeof request;
	request.op = what;
	return request;
}

class User {
public:
	explicit User(unsigned long version, unsigned groups = 1)
	{
		for (unsigned index = 0; index < groups; ++index) {
			members_.emplace_back(host().edus[index].group);
			expect(members_.back().set_container(container_), OK, "SET_CONTAINER");
		}
		expect(container_.set_iommu(version), OK, "SET_IOMMU");
	}

	Status ask(void *argument) const { return container_.ioctl(VFIO_EEH_PE_OP, argument); }
	Status ask(vfio_eeh_pe_op request) const { return ask(static_cast<void *>(&request)); }
	Status op(u32 what) const { return ask(request(what)); }
	const Container &container() const { return container_; }

private:
	Container container_;
	std::vector<Group> members_;
};

constexpr unsigned long VERSIONS[] = { VFIO_SPAPR_TCE_v2_IOMMU, VFIO_SPAPR_TCE_IOMMU };

void every_op(const User &user)
{
	for (u32 what :
	     { VFIO_EEH_PE_ENABLE, VFIO_EEH_PE_UNFREEZE_IO, VFIO_EEH_PE_UNFREEZE_DMA,
	       VFIO_EEH_PE_RESET_HOT, VFIO_EEH_PE_RESET_DEACTIVATE, VFIO_EEH_PE_RESET_FUNDAMENTAL,
	       VFIO_EEH_PE_RESET_DEACTIVATE, VFIO_EEH_PE_CONFIGURE, VFIO_EEH_PE_DISABLE }) {
		expect(user.op(what), OK, cat("operation ", what));
		expect(user.op(VFIO_EEH_PE_GET_STATE), Status{ VFIO_EEH_PE_STATE_NORMAL },
		       cat("the state after operation ", what));
	}
}

// With v1 one group, with v2 two.
CASE(eeh, every_op, .groups = 2, .powernv = true)
{
	for (unsigned groups : { 1U, 2U }) {
		const User user{ VERSIONS[groups == 1], groups };
		expect(user.container().check_extension(VFIO_EEH), Status{ 1 },
		       "CHECK_EXTENSION of EEH");
		every_op(user);
	}
}

// Only what the arguments are wrong for in any case: the emulated bridge has no
// errors to inject.
CASE(eeh, inject_error, .powernv = true)
{
	const User user{ VFIO_SPAPR_TCE_v2_IOMMU };
	const auto inject = [&](u32 type, u32 func) {
		vfio_eeh_pe_op error = request(VFIO_EEH_PE_INJECT_ERR);
		error.err.type = type;
		error.err.func = func;
		error.err.addr = 0x1000;
		error.err.mask = ~u64{ 0xfff };
		return user.ask(error);
	};
	constexpr u32 FUNCTIONS = 20;
	for (u32 type : { 0U, 1U }) {
		expect(inject(type, 0), refused(EIO), "an error that the firmware does not inject");
		expect(inject(type, 4), OK, "a load in configuration space");
	}
	expect(inject(2, 0), refused(ERANGE), "a type that is not there");
	for (u32 type : { 0U, 2U })
		expect(inject(type, FUNCTIONS), refused(EINVAL), "a function that is not there");
}

CASE(eeh, arguments, .powernv = true)
{
	constexpr u32 PLAIN = offsetof(vfio_eeh_pe_op, op) + sizeof(u32);
	constexpr u32 WITH_ERROR = offsetof(vfio_eeh_pe_op, err) + sizeof(vfio_eeh_pe_err);
	for (unsigned long version : VERSIONS) {
		const User user{ version };
		const auto sized = [&](u32 what, u32 argsz, u32 flags = 0) {
			vfio_eeh_pe_op request = client::request(what);
			request.argsz = argsz;
			request.flags = flags;
			return user.ask(request);
		};
		for (u32 what :
		     { VFIO_EEH_PE_DISABLE, VFIO_EEH_PE_GET_STATE, VFIO_EEH_PE_INJECT_ERR }) {
			expect(sized(what, PLAIN - 1), refused(EINVAL), "short argsz");
			expect(sized(what, 0), refused(EINVAL), "argsz of 0");
			expect(sized(what, WITH_ERROR, 1), refused(EINVAL), "flags");
		}
		expect(sized(VFIO_EEH_PE_ENABLE, PLAIN), OK, "argsz without the error");
		expect(sized(VFIO_EEH_PE_ENABLE, 4096), OK, "argsz of a later version");
		expect(sized(VFIO_EEH_PE_INJECT_ERR, WITH_ERROR - 1), refused(EINVAL),
		       "argsz that cuts the error");
		for (u32 what : { 10U, 999U, ~0U })
			expect(user.op(what), refused(EINVAL), "an operation that is not there");
		expect(user.ask(nullptr), refused(EFAULT), "no argument");
	}
}

// The groups of QEMU's pSeries machine have no EEH: QEMU logs -ENODEV and goes
// on.
CASE(eeh, not_there, .ddw = false, .papr = true)
{
	for (unsigned long version : VERSIONS) {
		const User user{ version };
		for (u32 what = VFIO_EEH_PE_DISABLE; what <= VFIO_EEH_PE_INJECT_ERR; ++what)
			expect(user.op(what), refused(ENODEV), cat("operation ", what));
		expect(user.op(999), refused(ENODEV), "an operation that is not there");
		expect(user.ask(nullptr), refused(ENODEV), "no argument");
	}
}

// A reset by the user: its windows and mappings are as before.
CASE(eeh, mappings_survive, .powernv = true)
{
	Session session;
	const Memory memory = Memory::pages(2 * page_size());
	session.registered(memory);
	const Window window = session.window(12, GiB);
	session.mapped(memory.address(), 0, TCE_PAGE);
	session.mapped(memory.address() + page_size(), window.start, TCE_PAGE);
	const auto use = [&](u64 seed) {
		const Edu edu{
			Device{ session.group(), host().edus[0].name }
		};
		both_ways(edu, 0, memory.at(0, TCE_PAGE), seed);
		both_ways(edu, window.start, memory.at(page_size(), TCE_PAGE), seed + 1);
	};
	const Device open{ session.group(), host().edus[0].name };
	use(1);
	for (u32 what :
	     { VFIO_EEH_PE_RESET_HOT, VFIO_EEH_PE_RESET_DEACTIVATE, VFIO_EEH_PE_CONFIGURE }) {
		vfio_eeh_pe_op argument = request(what);
		expect(session->ioctl(VFIO_EEH_PE_OP, &argument), OK, cat("operation ", what));
	}
	use(3);
}

} // namespace
} // namespace client

// SPDX-License-Identifier: GPL-2.0-only
#include "session.hpp"

#include "host.hpp"

namespace client {

Session::Session(unsigned first, unsigned groups)
{
	for (unsigned index = first; index < first + groups; ++index)
		expect(join(index), OK, "a group joins the container");
	expect(container_.set_iommu(VFIO_SPAPR_TCE_v2_IOMMU), OK, "SET_IOMMU of sPAPR TCE v2");
}

Status Session::join(unsigned index)
{
	const Function &function = host().edus.at(index);
	if (members_.size() <= index)
		members_.resize(index + 1);
	Member &member = members_[index];
	member.function = function.name;
	member.group.emplace(function.group);
	check(member.group->viable(), cat("group ", function.group, " is not viable"));
	return member.group->set_container(container_);
}

Status Session::leave(unsigned index)
{
	Member &member = members_.at(index);
	member.edu.reset();
	return member.group->unset_container();
}

Edu &Session::edu(unsigned index)
{
	Member &member = members_.at(index);
	if (!member.edu)
		member.edu.emplace(Device{ *member.group, member.function });
	return *member.edu;
}

void Session::registered(const Memory &memory)
{
	expect(container_.register_memory(memory), OK, "REGISTER_MEMORY");
}

Window Session::only_window(u32 shift, u64 size, u32 levels)
{
	expect(container_.remove(0), OK, "REMOVE of the default window");
	return window(shift, size, levels);
}

Window Session::window(u32 shift, u64 size, u32 levels)
{
	const Created created = container_.create(shift, size, levels);
	expect(created.status, OK, cat("CREATE of ", Hex{ size }, " in pages of 2^", shift));
	return created.window;
}

void Session::mapped(u64 address, u64 iova, u64 size, u32 flags)
{
	expect(container_.map(address, iova, size, flags), OK, cat("MAP at ", Hex{ iova }));
}

void Session::unmapped(u64 iova, u64 size)
{
	expect(container_.unmap(iova, size), OK, cat("UNMAP at ", Hex{ iova }));
}

void Session::refuses(int err, std::string_view what, const std::function<Status()> &call,
		      std::source_location where)
{
	for (int attempt = 0;; ++attempt) {
		const Ledger before = read_ledger();
		expect(call(), refused(err), what, where);
		const Ledger after = read_ledger();
		if (after == before)
			return;
		// Pages that were given back before this call may be unpinned
		// during it: again.
		if (attempt < 3 && after.pins < before.pins)
			continue;
		settle(before, cat(what, " was refused but changed something"), where);
		return;
	}
}

void next_user()
{
	for (const Function &function : host().edus) {
		Container container;
		Group group{ function.group };
		check(group.viable(), cat("group ", function.group, " is not viable"));
		expect(group.set_container(container), OK, "SET_CONTAINER");
		expect(container.set_iommu(VFIO_SPAPR_TCE_v2_IOMMU), OK, "SET_IOMMU");
		Info info;
		expect(container.get_info(info), OK, "GET_INFO");

		const Memory memory = Memory::pages(page_size());
		expect(container.register_memory(memory), OK, "REGISTER");
		expect(container.map(memory.address(), 0, TCE_PAGE), OK,
		       "MAP in the default window");
		expect(container.unmap(0, TCE_PAGE), OK, "UNMAP");
		if (host().ddw) {
			const Created created = container.create(12, MiB);
			expect(created.status, OK, "CREATE");
			expect(Hex{ created.window.start }, Hex{ DDW_START },
			       "the window's address");
			expect(container.map(memory.address(), created.window.start, TCE_PAGE), OK,
			       "MAP in the window");
			expect(container.remove(created.window.start), OK, "REMOVE");
		}
		expect(container.unregister_memory(memory), OK, "UNREGISTER");
	}
}

} // namespace client

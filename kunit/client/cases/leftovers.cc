// SPDX-License-Identifier: GPL-2.0-only
//
// A DMA window that the device tree describes and that nobody here has made, as
// after kexec from a kernel whose driver had one: the group is refused as long
// as it is there, and works afterwards.
#include "edu.hpp"
#include "files.hpp"
#include "host.hpp"
#include "ledger.hpp"
#include "registry.hpp"
#include "session.hpp"
#include "vfio.hpp"

#include <cerrno>
#include <string>

namespace client {
namespace {

constexpr const char *TREE = "/proc/powerpc/ofdt";
constexpr size_t WINDOW_BYTES = 24;

// A property of a node for as long as this lives.
class Property {
public:
	Property(const std::string &node, std::string name)
		: handle_{ handle_of(node) }, name_{ std::move(name) }
	{
		expect(write_file(TREE, cat("add_property ", handle_, ' ', name_, ' ', WINDOW_BYTES,
					    ' ', std::string(WINDOW_BYTES, '\0'))),
		       OK, "add_property");
		check(exists(node + '/' + name_), "the property is not there");
	}
	~Property() { write_file(TREE, cat("remove_property ", handle_, ' ', name_)); }
	Property(const Property &) = delete;
	Property &operator=(const Property &) = delete;

private:
	static u32 handle_of(const std::string &node)
	{
		for (const char *name : { "/phandle", "/linux,phandle", "/ibm,phandle" }) {
			const std::string bytes = read_file(node + name).value_or("");
			if (bytes.size() != sizeof(u32))
				continue;
			u32 handle = 0;
			for (const char byte : bytes)
				handle = handle << 8 | static_cast<u8>(byte);
			return handle;
		}
		skip("the node has no phandle");
	}

	u32 handle_;
	std::string name_;
};

void refused_with(const std::string &name)
{
	const Function &function = host().edus[0];
	const Ledger before = read_ledger();
	{
		const Property property{ function.node, name };
		const Ledger with = read_ledger();
		const Container container;
		const Group group{ function.group };
		expect(group.set_container(container), OK, "SET_CONTAINER");
		for (int again = 0; again < 3; ++again) {
			expect(container.set_iommu(VFIO_SPAPR_TCE_v2_IOMMU), refused(EBUSY),
			       cat("SET_IOMMU with ", name));
			expect(container.set_iommu(VFIO_SPAPR_TCE_IOMMU), refused(EBUSY),
			       cat("SET_IOMMU of v1 with ", name));
			settle(with, "a refused SET_IOMMU left something behind");
		}
	}
	settle(before, "what was refused left something behind");
	const Container container;
	const Group group{ function.group };
	expect(group.set_container(container), OK, "SET_CONTAINER without it");
	expect(container.set_iommu(VFIO_SPAPR_TCE_v2_IOMMU), OK, "SET_IOMMU without it");
	const Memory memory = Memory::pages(page_size());
	expect(container.register_memory(memory), OK, "REGISTER");
	expect(container.map(memory.address(), 0, TCE_PAGE), OK, "MAP");
	const Edu edu{
		Device{ group, function.name }
	};
	both_ways(edu, 0, memory.at(0, TCE_PAGE), 1);
}

CASE(leftovers, window_to_all_memory, .papr = true)
{
	refused_with("linux,direct64-ddr-window-info");
}

CASE(leftovers, foreign_window, .papr = true)
{
	refused_with("linux,dma64-ddr-window-info");
}

} // namespace
} // namespace client

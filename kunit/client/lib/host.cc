// SPDX-License-Identifier: GPL-2.0-only
#include "host.hpp"

#include "files.hpp"
#include "patience.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

namespace client {

namespace {

Host current;

constexpr std::string_view EDU_VENDOR = "0x1234";
constexpr std::string_view EDU_DEVICE = "0x11e8";

int group_of(const std::string &function)
{
	const std::string name = link_name(sysfs(function) + "iommu_group");
	return name.empty() ? -1 : std::atoi(name.c_str());
}

std::string window_node(const std::string &function)
{
	std::error_code none;
	std::filesystem::path node = std::filesystem::canonical(sysfs(function) + "of_node", none);
	while (!node.empty() && node != node.root_path()) {
		for (const char *property : { "ibm,dma-window", "ibm,ddw-applicable" })
			if (exists(node / property))
				return node;
		node = node.parent_path();
	}
	return {};
}

// Where its default window is, and its size: "ibm,dma-window" without the LIOBN
// that it begins with.
std::string window_of(const Function &function)
{
	const std::string window = read_file(function.node + "/ibm,dma-window").value_or("");
	return window.substr(std::min(window.size(), sizeof(u32)));
}

} // namespace

const Host &host()
{
	return current;
}

void set_host(Host found)
{
	current = std::move(found);
}

std::string sysfs(const std::string &function)
{
	return cat("/sys/bus/pci/devices/", function, '/');
}

std::vector<std::string> functions(int group)
{
	return list(cat("/sys/kernel/iommu_groups/", group, "/devices"));
}

std::string neighbour(const Function &edu)
{
	for (const std::string &name : functions(edu.group))
		if (name != edu.name)
			return name;
	return {};
}

void unplug(const std::string &function)
{
	expect(write_file(sysfs(function) + "remove", "1"), OK, cat("removal of ", function));
	check(!exists(sysfs(function)), cat(function, " is still there"));
}

void replug(const std::string &function)
{
	expect(write_file("/sys/bus/pci/rescan", "1"), OK, "rescan");
	check(in_time([&] { return exists(sysfs(function) + "iommu_group"); }),
	      cat(function, " did not come back"));
}

void bind_to_vfio(const std::string &function)
{
	const std::string directory = sysfs(function);
	if (link_name(directory + "driver") == "vfio-pci")
		return;
	if (exists(directory + "driver"))
		write_file(directory + "driver/unbind", function);
	write_file(directory + "driver_override", "vfio-pci");
	write_file("/sys/bus/pci/drivers_probe", function);
	expect(link_name(directory + "driver"), std::string{ "vfio-pci" },
	       cat("driver of ", function));
}

Host prepare_host()
{
	Host found;
	for (const std::string &name : list("/sys/bus/pci/devices")) {
		const auto vendor = read_file(sysfs(name) + "vendor");
		const auto device = read_file(sysfs(name) + "device");
		if (vendor != EDU_VENDOR || device != EDU_DEVICE)
			continue;
		const int group = group_of(name);
		if (group < 0)
			continue;
		bind_to_vfio(name);
		const bool known = std::ranges::any_of(found.edus, [&](const Function &other) {
			return other.group == group;
		});
		if (!known)
			found.edus.push_back({ name, group, window_node(name) });
	}
	const auto others = std::ranges::stable_partition(found.edus, [&](const Function &edu) {
		return window_of(edu) == window_of(found.edus.front());
	});
	found.unlike.assign(others.begin(), others.end());
	found.edus.erase(others.begin(), others.end());
	found.cpus = static_cast<unsigned>(::sysconf(_SC_NPROCESSORS_ONLN));
	found.powernv = exists("/sys/firmware/opal");
	found.default_size = found.powernv ? 2 * GiB : GiB;
	if (!found.edus.empty())
		found.ddw = found.powernv || exists(found.edus[0].node + "/ibm,ddw-applicable");
	found.in_tree = exists("/sys/module/vfio_iommu_spapr_tce");
	return found;
}

} // namespace client

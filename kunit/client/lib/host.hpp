// SPDX-License-Identifier: GPL-2.0-only
//
// The machine the client runs on: its edu devices, its page size, what it can do.
#pragma once

#include "check.hpp"

#include <string>
#include <vector>

namespace client {

struct Function {
	std::string name; // as in sysfs: domain:bus:slot.function
	int group = -1;
	std::string node; // the device-tree directory that carries its DMA windows
};

struct Host {
	std::vector<Function> edus; // one per group
	unsigned cpus = 1;
	bool powernv = false; // bare metal: the hardware walks the driver's tables
	bool ddw = false;     // the platform can make windows
	u64 default_size = 0; // of the default window, as QEMU's machines have it
	bool in_tree = false; // the kernel's own driver is loaded, not ours
};

// Finds the edu devices and gives them to vfio-pci.
Host prepare_host();
const Host &host();
void set_host(Host found);

std::string sysfs(const std::string &function);
// Every function of a group.
std::vector<std::string> functions(int group);
// Hands a function to vfio-pci.
void bind_to_vfio(const std::string &function);

} // namespace client

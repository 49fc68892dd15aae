// SPDX-License-Identifier: GPL-2.0-only
//
// The machine the client runs on: its edu devices, its page size, what it can
// do.
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
	std::vector<Function> edus;   // one per group
	std::vector<Function> unlike; // one per group whose default window is another than the
				      // first's
	unsigned cpus = 1;
	bool powernv = false; // bare metal: the hardware walks the driver's tables
	bool ddw = false;     // the platform can make windows
	u64 default_size = 0; // of the default window, as QEMU's machines have it
	bool in_tree = false; // the in-tree driver is loaded, not ours
};

// Finds the edu devices and gives them to vfio-pci.
Host prepare_host();
const Host &host();
void set_host(Host found);

std::string sysfs(const std::string &function);
// Every function of a group.
std::vector<std::string> functions(int group);
// A function of that edu's group beside it; empty when there is none.
std::string neighbour(const Function &edu);
// Takes a function out of the machine; looks for what is there, and waits until
// that function is.
void unplug(const std::string &function);
void replug(const std::string &function);
// Hands a function to vfio-pci.
void bind_to_vfio(const std::string &function);

} // namespace client

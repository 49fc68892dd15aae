// SPDX-License-Identifier: GPL-2.0-only
/* On pSeries every single thing that can fail fails once (scenario.hpp). */
#include "scenario.hpp"

using namespace fake;

namespace {

const Step kScenario[] = {
	{ "attach 0", [](Play &p) { return p.r.attach(0); } },
	{ "register one", [](Play &p) { return p.r.reg(Play::kOne, 16 * kMiB); } },
	{ "register two", [](Play &p) { return p.r.reg(Play::kTwo, 16 * kMiB); } },
	{ "first map",
	  [](Play &p) { return p.r.map(Play::kOne, Play::kDefault - 16 * p.page(), 8 * p.page()); },
	  kEntries | kFirst },
	{ "create", [](Play &p) { return p.r.create(16, Play::kLarge, 3); } },
	{ "map 2 leaves",
	  [](Play &p) { return p.r.map(Play::kOne, kDdwStart + 480 * 65536, 64 * 65536); },
	  kEntries },
	{ "map over it",
	  [](Play &p) { return p.r.map(Play::kTwo, kDdwStart + 500 * 65536, 128 * 65536); },
	  kEntries },
	{ "unmap some", [](Play &p) { return p.r.unmap(kDdwStart + 490 * 65536, 50 * 65536); },
	  kEntries },
	{ "attach 1", [](Play &p) { return p.r.attach(1); } },
	{ "kvm attach", kvm_attach },
	{ "kvm map", [](Play &p) { return kvm_put(p, TCE_PERM_READ | TCE_PERM_WRITE); },
	  kInKernel | kEntries },
	{ "map both", [](Play &p) { return p.r.map(Play::kTwo, 0, 600 * 4096 & ~(p.page() - 1)); },
	  kEntries },
	{ "other container", [](Play &p) { return p.r.reg(Play::kTwo, 16 * kMiB, 1); } },
	{ "kvm unmap", [](Play &p) { return kvm_put(p, 0); }, kInKernel },
	{ "unmap all", [](Play &p) { return p.r.unmap(kDdwStart, Play::kLarge); }, kEntries },
	{ "unregister one is busy",
	  [](Play &p) { return p.r.unreg(Play::kOne, 16 * kMiB) == err::kBusy ? 0 : 1; } },
	{ "map again", [](Play &p) { return p.r.map(Play::kTwo, kDdwStart, 3 * 65536); },
	  kEntries },
	{ "remove large", [](Play &p) { return p.r.remove(kDdwStart); } },
	{ "unmap default", [](Play &p) { return p.r.unmap(0, Play::kDefault); }, kEntries },
	{ "unregister one", [](Play &p) { return p.r.unreg(Play::kOne, 16 * kMiB); } },
	{ "remove default", [](Play &p) { return p.r.remove(0); } },
	{ "create large at 0",
	  [](Play &p) {
		  const int rc = p.r.create(16, Play::kLarge, 1);

		  /*
		   * If the default window could not be removed it came up
		   * elsewhere.
		   */
		  if (rc || !p.r.start)
			  return rc;
		  p.r.remove(p.r.start);
		  return err::kPerm;
	  } },
	{ "map large", [](Play &p) { return p.r.map(Play::kTwo, Play::kLarge - 65536, 65536); },
	  kEntries },
	{ "create second", [](Play &p) { return p.r.create(12, Play::kDefault, 2); } },
	{ "remove first", [](Play &p) { return p.r.remove(0); } },
	{ "detach 1", [](Play &p) { return detach(p, 1); } },
	{ "detach 0", [](Play &p) { return detach(p, 0); } },
	{ "attach again", [](Play &p) { return p.r.attach(0, 1); } },
	{ "map there", [](Play &p) { return p.r.map(Play::kTwo, 0, 16 * p.page(), kRw, 1); },
	  kEntries | kFirst },
};

Scenario pseries(unsigned int firmware)
{
	Scenario s = { kScenario, sizeof(kScenario) / sizeof(kScenario[0]), with_firmware(firmware),
		       10 };

	s.config.groups = 2;
	s.config.fw.default_size = Play::kDefault;
	return s;
}

} // namespace

TCE_CASE(sweep, resources)
{
	sweep(pseries(param), { kResources });
}

TCE_CASE(sweep, firmware)
{
	sweep(pseries(param), { kDdwSites });
}

TCE_CASE(sweep, hypercalls)
{
	sweep(pseries(param), { kHcallSites });
}

TCE_CASE(sweep, hypercalls_half_done)
{
	sweep(pseries(param), { kHcallSites, h::kParameter, 7 });
}

TCE_CASE(sweep, hypercalls_one_by_one)
{
	Scenario s = pseries(param);

	s.config.fw.has_multitce = false;
	sweep(s, { kHcallSites }, rounds(15, 4));
}

TCE_CASE(sweep, hopeless)
{
	const Scenario s = pseries(param);

	hopeless(s, kHcallSites | kDdwSites);
	hopeless(s, kHcallSites);
	hopeless(s, kDdwSites);
	hopeless(s, kResources);
}

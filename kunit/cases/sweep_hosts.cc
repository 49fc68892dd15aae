// SPDX-License-Identifier: GPL-2.0-only
/*
 * On PowerNV and with v1 containers every single thing that can fail fails once
 * (scenario.hpp).  Firmware that does not let go of a window is no error to
 * anybody, but no device reaches memory through it.
 */
#include "scenario.hpp"

using namespace fake;

namespace {

const Step kPowernv[] = {
	{ "attach 0", [](Play &p) { return p.r.attach(0); } },
	{ "register one", [](Play &p) { return p.r.reg(Play::kOne, 16 * kMiB); } },
	{ "register two", [](Play &p) { return p.r.reg(Play::kTwo, 16 * kMiB); } },
	{ "first map", [](Play &p) { return p.r.map(Play::kOne, Play::kDefault - 2 * kMiB, kMiB); },
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
	{ "attach 1", [](Play &p) { return p.r.w.config.groups < 2 ? 0 : p.r.attach(1); } },
	{ "kvm attach", kvm_attach },
	{ "kvm map", [](Play &p) { return kvm_put(p, TCE_PERM_READ | TCE_PERM_WRITE); }, kEntries },
	{ "map both", [](Play &p) { return p.r.map(Play::kTwo, 0, 640 * 4096); }, kEntries },
	{ "other container", [](Play &p) { return p.r.reg(Play::kTwo, 16 * kMiB, 1); } },
	{ "kvm unmap", [](Play &p) { return kvm_put(p, 0); } },
	{ "unmap all", [](Play &p) { return p.r.unmap(kDdwStart, Play::kLarge); }, kEntries },
	{ "unregister one is busy",
	  [](Play &p) { return p.r.unreg(Play::kOne, 16 * kMiB) == err::kBusy ? 0 : 1; } },
	{ "map again", [](Play &p) { return p.r.map(Play::kTwo, kDdwStart, 3 * 65536); },
	  kEntries },
	{ "remove large", [](Play &p) { return p.r.remove(kDdwStart); } },
	{ "unmap default", [](Play &p) { return p.r.unmap(0, Play::kDefault); }, kEntries },
	{ "unregister one", [](Play &p) { return p.r.unreg(Play::kOne, 16 * kMiB); } },
	{ "remove default", [](Play &p) { return p.r.remove(0); } },
	{ "create large at 0", [](Play &p) { return p.r.create(16, Play::kLarge, 4); } },
	{ "map large", [](Play &p) { return p.r.map(Play::kTwo, Play::kLarge - 65536, 65536); },
	  kEntries },
	{ "create second", [](Play &p) { return p.r.create(12, Play::kDefault, 1); } },
	{ "map second", [](Play &p) { return p.r.map(Play::kTwo, kDdwStart, Play::kDefault); },
	  kEntries },
	{ "remove first", [](Play &p) { return p.r.remove(0); } },
	{ "detach 1", [](Play &p) { return detach(p, 1); } },
	{ "detach 0", [](Play &p) { return detach(p, 0); } },
	{ "attach again", [](Play &p) { return p.r.attach(0, 1); } },
	{ "map there", [](Play &p) { return p.r.map(Play::kTwo, 0, 64 * 4096, kRw, 1); },
	  kEntries | kFirst },
};

const Step kV1[] = {
	{ "attach", [](Play &p) { return p.r.attach(0); } },
	{ "enable", [](Play &p) { return p.r.enable(); } },
	{ "first map",
	  [](Play &p) { return p.r.map(Play::kOne, Play::kDefault - 64 * 4096, 64 * 4096); },
	  kEntries | kFirst },
	{ "map runs", [](Play &p) { return p.r.map(Play::kOne, 0, 900 * 4096); }, kEntries },
	{ "map over it", [](Play &p) { return p.r.map(Play::kTwo, 300 * 4096, 600 * 4096); },
	  kEntries },
	{ "map read-only",
	  [](Play &p) { return p.r.map(Play::kReadOnly, 8 * 4096, 16 * 4096, TCE_MAP_READ); },
	  kEntries },
	{ "write it",
	  [](Play &p) { return p.r.map(Play::kReadOnly, 0, 4096) == err::kFault ? 0 : err::kIo; } },
	{ "unmap some", [](Play &p) { return p.r.unmap(100 * 4096, 600 * 4096); }, kEntries },
	{ "disable", [](Play &p) { return p.r.disable(); }, kEntries },
	{ "enable again", [](Play &p) { return p.r.enable(); } },
	{ "map all", [](Play &p) { return p.r.map(Play::kOne, 0, Play::kDefault); }, kEntries },
	{ "unmap all", [](Play &p) { return p.r.unmap(0, Play::kDefault); }, kEntries },
	{ "map one", [](Play &p) { return p.r.map(Play::kTwo, Play::kDefault - 4096, 4096); },
	  kEntries },
	{ "detach", [](Play &p) { return detach(p, 0); } },
	{ "attach other", [](Play &p) { return p.r.attach(0, 1); } },
	{ "enable other", [](Play &p) { return p.r.enable(1); } },
	{ "map there", [](Play &p) { return p.r.map(Play::kTwo, 0, 64 * 4096, kRw, 1); },
	  kEntries | kFirst },
};

Scenario powernv(u32 page_shift)
{
	Scenario s = { kPowernv, sizeof(kPowernv) / sizeof(kPowernv[0]),
		       with_powernv(2, page_shift), 3 };

	s.config.fw.default_size = Play::kDefault;
	return s;
}

Scenario v1(unsigned int host)
{
	Scenario s = { kV1, sizeof(kV1) / sizeof(kV1[0]), with_host(host), 3 };

	s.config.fw.default_size = Play::kDefault;
	s.config.version = TCE_V1;
	return s;
}

} // namespace

TCE_CASE(sweep, powernv_resources)
{
	sweep(powernv(kSystemShifts[param]), { kResources });
}

TCE_CASE(sweep, powernv_firmware)
{
	sweep(powernv(kSystemShifts[param]), { site_bit(Site::IodaSet) });
}

TCE_CASE(sweep, powernv_unset)
{
	Scenario s = powernv(kSystemShifts[param]);

	/* A group that leaves and is not let go of: suite ioda has that. */
	s.config.groups = 1;
	sweep(s, { site_bit(Site::IodaUnset) });
}

TCE_CASE(sweep, powernv_hopeless)
{
	const Scenario s = powernv(kSystemShifts[param]);

	hopeless(s, site_bit(Site::IodaSet));
	hopeless(s, site_bit(Site::IodaUnset));
	hopeless(s, kIodaSites);
	hopeless(s, kResources);
}

TCE_CASE(sweep, v1_resources)
{
	sweep(v1(param), { kResources });
}

TCE_CASE(sweep, v1_platform)
{
	sweep(v1(param), { param & 2 ? kIodaSites : kHcallSites, h::kHardware, 3 });
}

TCE_CASE(sweep, v1_hopeless)
{
	hopeless(v1(param), kResources);
	hopeless(v1(param), param & 2 ? kIodaSites : kHcallSites);
}

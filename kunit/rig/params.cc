// SPDX-License-Identifier: GPL-2.0-only
/* Parameters that suites share, see params.hpp. */
#include "params.hpp"

namespace fake {

const u32 kSystemShifts[2] = { 12, 16 };

const u32 kIommuShifts[7] = { 12, 16, 21, 24, 28, 30, 34 };

/*
 * Every number of levels, small and large tops, leaves of every size, every
 * page size once at least.
 */
const Shape kShapes[15] = {
	{ 12, 12, 1 },
	       { 12, 20, 1 },
	      { 12, 21, 2 },
	     { 12, 30, 1 },
	    { 12, 30, 2 },
	{ 12, 40, 1 },
	       { 12, 40, 4 },
	      { 12, 43, 5 },
	     { 16, 16, 1 },
	    { 16, 40, 1 },
	{ 16, 43, 3 },
	       { 21, 40, 2 },
	      { 24, 47, 1 },
	     { 30, 60, 5 },
	    { 34, 63, 3 },
};

/*
 * Every depth with every page size that is deep enough, leaves from one entry
 * to 64 Ki.
 */
const Shape kWalkedShapes[22] = {
	{ 12, 12, 1 },
	       { 12, 20, 1 },
	      { 12, 21, 5 },
	     { 12, 24, 1 },
	    { 12, 28, 1 },
	   { 12, 31, 2 },
	{ 12, 31, 3 },
	       { 12, 31, 4 },
	      { 12, 31, 5 },
	     { 12, 40, 5 },
	    { 12, 50, 3 },
	   { 12, 55, 4 },
	{ 16, 16, 1 },
	       { 16, 17, 3 },
	      { 16, 31, 2 },
	     { 16, 40, 3 },
	    { 16, 40, 4 },
	   { 21, 35, 1 },
	{ 21, 40, 3 },
	       { 28, 50, 2 },
	      { 30, 50, 3 },
	     { 30, 42, 1 },
};

Config with_powernv(u32 groups, u32 page_shift)
{
	Config c;

	c.platform = TCE_PLATFORM_IODA2;
	c.page_shift = page_shift;
	c.groups = groups;
	c.fw.default_size = bit(31);
	c.fw.pgsizes = bit(12) | bit(16) | bit(21) | bit(28) | bit(30);
	return c;
}

Config with_host(unsigned int param)
{
	Config c = param & 2 ? with_powernv() : Config{};

	c.page_shift = kSystemShifts[param & 1];
	return c;
}

int named(const char *const *names, unsigned int count, unsigned int i, char *buf,
	  unsigned long bytes)
{
	if (i >= count)
		return 0;
	if (buf)
		env_snprintf(buf, bytes, "%s", names[i]);
	return 1;
}

u64 stride()
{
	/*
	 * Primes that no loop is long: in nested loops all of their values have
	 * their turn.
	 */
	constexpr u64 kGap = 7;
	constexpr u64 kWideGap = 17;
	constexpr u64 kWidestGap = 41;
	const u64 effort = env_knob(ENV_EFFORT);

	return effort < 10 ? kWidestGap : effort < 50 ? kWideGap : effort < 100 ? kGap : 1;
}

u64 rounds(u64 usual, u64 least)
{
	const u64 n = usual * env_knob(ENV_EFFORT) / 100;

	return n < least ? least : n;
}

Config with_system_pages(unsigned int param)
{
	Config c;

	c.page_shift = kSystemShifts[param];
	return c;
}

/* Firmwares that differ in what they do when windows go. */
Config with_firmware(unsigned int param)
{
	Config c;

	switch (param) {
	case 0:
		c.fw.default_by_liobn = true; /* QEMU */
		break;
	case 1:
		break; /* LoPAR */
	case 2:
		c.fw.liobn_reuse = false;
		break;
	case 3:
		c.fw.default_by_liobn = true;
		c.page_shift = 16;
		break;
	}
	return c;
}

} // namespace fake

using namespace fake;

int tce_params_page_shifts(unsigned int i, char *buf, unsigned long bytes)
{
	if (i >= 2)
		return 0;
	if (buf)
		env_snprintf(buf, bytes, "%uk_pages", 1u << (kSystemShifts[i] - 10));
	return 1;
}

int tce_params_iommu_shifts(unsigned int i, char *buf, unsigned long bytes)
{
	if (i >= 7)
		return 0;
	if (buf)
		env_snprintf(buf, bytes, "shift_%u", kIommuShifts[i]);
	return 1;
}

int tce_params_shapes(unsigned int i, char *buf, unsigned long bytes)
{
	if (i >= 15)
		return 0;
	if (buf) {
		env_snprintf(buf, bytes, "shift_%u_window_%u_levels_%u", kShapes[i].page_shift,
			     kShapes[i].window_shift, kShapes[i].levels);
	}
	return 1;
}

int tce_params_walked_shapes(unsigned int i, char *buf, unsigned long bytes)
{
	if (i >= sizeof(kWalkedShapes) / sizeof(kWalkedShapes[0]))
		return 0;
	if (buf) {
		env_snprintf(buf, bytes, "page_%u_window_%u_levels_%u", kWalkedShapes[i].page_shift,
			     kWalkedShapes[i].window_shift, kWalkedShapes[i].levels);
	}
	return 1;
}

int tce_params_hosts(unsigned int i, char *buf, unsigned long bytes)
{
	static const char *const names[] = { "pseries_4k", "pseries_64k", "powernv_4k",
					     "powernv_64k" };

	return named(names, i, buf, bytes);
}

int tce_params_firmwares(unsigned int i, char *buf, unsigned long bytes)
{
	static const char *const names[] = { "qemu", "lopar", "fresh_liobns", "qemu_64k" };

	return named(names, i, buf, bytes);
}

int tce_params_empty_or_live(unsigned int i, char *buf, unsigned long bytes)
{
	static const char *const names[] = { "empty", "over_live" };

	return named(names, i, buf, bytes);
}

int tce_params_first_or_second(unsigned int i, char *buf, unsigned long bytes)
{
	static const char *const names[] = { "first", "second" };

	return named(names, i, buf, bytes);
}

int tce_params_who_refuses(unsigned int i, char *buf, unsigned long bytes)
{
	static const char *const names[] = { "both", "first", "second" };

	return named(names, i, buf, bytes);
}

int tce_params_off_or_on(unsigned int i, char *buf, unsigned long bytes)
{
	static const char *const names[] = { "off", "on" };

	return named(names, i, buf, bytes);
}

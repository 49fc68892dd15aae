// SPDX-License-Identifier: GPL-2.0-only
/* Parameters that suites share. */
#ifndef TCE_CASES_PARAMS_HPP
#define TCE_CASES_PARAMS_HPP

#include "case.hpp"

namespace fake {

/* page_shifts: log2 of the system page. */
extern const u32 kSystemShifts[2];
/* iommu_shifts: log2 of the IOMMU page, all that exist. */
extern const u32 kIommuShifts[7];

/* shapes: windows with all kinds of tables. */
struct Shape {
	u32 page_shift;
	u32 window_shift;
	u32 levels;
};
extern const Shape kShapes[15];
/* walked_shapes: the same for tables that hardware walks. */
extern const Shape kWalkedShapes[22];

/* Parameters that are names, for a function tce_params_*(). */
int named(const char *const *names, unsigned int count, unsigned int i, char *buf,
	  unsigned long bytes);
template <unsigned int Count>
int named(const char *const (&names)[Count], unsigned int i, char *buf, unsigned long bytes)
{
	return named(names, Count, i, buf, bytes);
}

/*
 * How far it is to the next of many trials in a row: 1, or more where there is
 * no time for all.
 */
u64 stride();

/*
 * How many random rounds of the @usual number there is time for; never less
 * than @least.
 */
u64 rounds(u64 usual, u64 least = 1);

/* Many trials, a stride from one to the next. */
class Trials {
public:
	explicit Trials(u64 first) : at_(first) {}
	/* Is this one to be made? */
	bool next() { return at_++ % stride() == 0; }

private:
	u64 at_;
};

Config with_system_pages(unsigned int param);
Config with_firmware(unsigned int param);
/* hosts: both platforms, both sizes of system pages. */
Config with_host(unsigned int param);
/* PowerNV, with IOMMU pages of every size. */
Config with_powernv(u32 groups = 1, u32 page_shift = 12);

} // namespace fake

#endif /* TCE_CASES_PARAMS_HPP */

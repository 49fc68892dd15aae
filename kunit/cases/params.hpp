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

Config with_system_pages(unsigned int param);
Config with_firmware(unsigned int param);

} // namespace fake

#endif /* TCE_CASES_PARAMS_HPP */

// SPDX-License-Identifier: GPL-2.0-only
/*
 * port.h, "Dynamic DMA windows of a group": the RTAS calls as QEMU's firmware
 * answers them, and what was last said to the device tree.
 */
#ifndef TCE_FAKE_PSERIES_DDW_HPP
#define TCE_FAKE_PSERIES_DDW_HPP

#include "ktable.hpp"
#include "pseries_hcall.hpp"

namespace fake {

class Rtas : public Part<Rtas> {
public:
	u64 ddw_calls[4] = {};	  /* query, create, remove, reset */
	int ddw_error = err::kIo; /* what the injected failures are */

	void reset_counts();
};

template <> Rtas *Part<Rtas>::here;

} // namespace fake

#endif /* TCE_FAKE_PSERIES_DDW_HPP */

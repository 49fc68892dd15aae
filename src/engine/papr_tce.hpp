/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs of TCEs into a hypervisor's table.
 *
 * H_PUT_TCE_INDIRECT takes a list of up to 512 entries, H_STUFF_TCE repeats one
 * value (LoPAR "H_PUT_TCE_INDIRECT", "H_STUFF_TCE"; both optional,
 * "hcall-multi-tce").  Where the firmware lacks them it is H_PUT_TCE, one call
 * an entry.
 */
#pragma once

#include "papr_status.hpp"
#include "tce_format.hpp"

namespace tce::papr {

/* Where a run goes. */
struct Target {
	u32 liobn = 0;
	PageShift page;
	Iova first;
};

/*
 * @list: what the table says, on any boundary.  @calls counts the hypercalls.
 *
 * Neither sleeps.  Return: a status of PAPR; if it is one of those that say
 * busy the caller may come again.  Unless it is success any part of the run may
 * have taken effect.
 */
[[nodiscard]] long put_run(Target to, const Be64 *list, unsigned int nr, u32 &calls);
/* Close @nr entries. */
[[nodiscard]] long clear_run(Target to, unsigned int nr, u32 &calls);

} /* namespace tce::papr */

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The TCE hypercalls of PAPR (LoPAR "TCE hcall()s").
 *
 * They are made with plpar_hcall_norets() instead of the plpar_tce_*() wrappers
 * because the status goes to the engine as it is.
 */
#include <linux/mm.h>
#include <asm/firmware.h>
#include <asm/hvcall.h>

#include <tce/port.h>

#include "stats.h"
#include "trace.h"

/* "multitce=off" on the kernel's command line takes both away. */
int tce_port_has_multitce(void)
{
	return firmware_has_feature(FW_FEATURE_PUT_TCE_IND) &&
	       firmware_has_feature(FW_FEATURE_STUFF_TCE);
}

long tce_port_h_put_tce(tce_u32 liobn, tce_u64 ioba, tce_u64 tce)
{
	long status;

	tce_port_stat(TCE_COUNT_HCALLS_PUT, 1);
	status = plpar_hcall_norets(H_PUT_TCE, (unsigned long)liobn, ioba, tce);
	trace_publish(H_PUT_TCE, liobn, ioba, 1, status);
	return status;
}

long tce_port_h_put_tce_indirect(tce_u32 liobn, tce_u64 ioba, const void *list,
				 unsigned int nr)
{
	long status;

	tce_port_stat(TCE_COUNT_HCALLS_PUT_INDIRECT, 1);
	status = plpar_hcall_norets(H_PUT_TCE_INDIRECT, (unsigned long)liobn, ioba,
				    __pa(list), (unsigned long)nr);
	trace_publish(H_PUT_TCE_INDIRECT, liobn, ioba, nr, status);
	return status;
}

long tce_port_h_stuff_tce(tce_u32 liobn, tce_u64 ioba, tce_u64 tce,
			  unsigned int nr)
{
	long status;

	tce_port_stat(TCE_COUNT_HCALLS_STUFF, 1);
	status = plpar_hcall_norets(H_STUFF_TCE, (unsigned long)liobn, ioba, tce,
				    (unsigned long)nr);
	trace_publish(H_STUFF_TCE, liobn, ioba, nr, status);
	return status;
}

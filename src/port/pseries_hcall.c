// SPDX-License-Identifier: GPL-2.0-only
/*
 * The TCE hypercalls of PAPR (LoPAR "TCE hcall()s").
 *
 * They are made with plpar_hcall_norets() instead of the plpar_tce_*() wrappers
 * because the status goes to the engine as it is.
 */
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <asm/firmware.h>
#include <asm/hvcall.h>

#include <tce/port.h>

#include "stats.h"
#include "trace.h"

/* Lists that the hypervisor cannot read where they are, a page a processor. */
static DEFINE_PER_CPU(__be64 *, tce_hcall_list);

/**
 * tce_hcall_init() - module load
 *
 * Context: Process context.
 * Return: 0 or -ENOMEM.
 */
int tce_hcall_init(void)
{
	int cpu;

	if (!tce_port_has_multitce())
		return 0;
	for_each_possible_cpu(cpu) {
		/* Natural alignment, as LoPAR wants it. */
		__be64 *list = kzalloc_node(SZ_4K, GFP_KERNEL, cpu_to_node(cpu));

		if (!list) {
			tce_hcall_exit();
			return -ENOMEM;
		}
		per_cpu(tce_hcall_list, cpu) = list;
	}
	return 0;
}

/**
 * tce_hcall_exit() - module unload, also after a failed tce_hcall_init()
 *
 * Context: Process context; nobody makes hypercalls any more.
 */
void tce_hcall_exit(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		kfree(per_cpu(tce_hcall_list, cpu));
		per_cpu(tce_hcall_list, cpu) = NULL;
	}
}

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

	/* A table's own memory, most of the time. */
	if (!IS_ALIGNED((unsigned long)list, SZ_4K) || !virt_addr_valid(list))
		list = memcpy(__this_cpu_read(tce_hcall_list), list, nr * sizeof(__be64));
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

/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints vfio_tce:*, from a container's calls down to the platform's.
 *
 * container: the number of the container, as in debugfs.  ret: 0 or a negative
 * errno.  publish stands for one call of the hypervisor or of the platform, for
 * all groups alike; kvm_flush for one request of KVM's to publish.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vfio_tce

#if !defined(TCE_PORT_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define TCE_PORT_TRACE_H

#include <linux/tracepoint.h>

DECLARE_EVENT_CLASS(vfio_tce_container,
	TP_PROTO(unsigned long container, int version),
	TP_ARGS(container, version),
	TP_STRUCT__entry(
		__field(unsigned long, container)
		__field(int, version)
	),
	TP_fast_assign(
		__entry->container = container;
		__entry->version = version;
	),
	TP_printk("container=%lu version=%d", __entry->container, __entry->version)
);

DEFINE_EVENT(vfio_tce_container, container_open,
	TP_PROTO(unsigned long container, int version),
	TP_ARGS(container, version));

DEFINE_EVENT(vfio_tce_container, container_close,
	TP_PROTO(unsigned long container, int version),
	TP_ARGS(container, version));

DECLARE_EVENT_CLASS(vfio_tce_group,
	TP_PROTO(unsigned long container, int group, long ret),
	TP_ARGS(container, group, ret),
	TP_STRUCT__entry(
		__field(unsigned long, container)
		__field(int, group)
		__field(long, ret)
	),
	TP_fast_assign(
		__entry->container = container;
		__entry->group = group;
		__entry->ret = ret;
	),
	TP_printk("container=%lu group=%d ret=%ld", __entry->container, __entry->group,
		  __entry->ret)
);

DEFINE_EVENT(vfio_tce_group, group_attach,
	TP_PROTO(unsigned long container, int group, long ret),
	TP_ARGS(container, group, ret));

DEFINE_EVENT(vfio_tce_group, group_detach,
	TP_PROTO(unsigned long container, int group, long ret),
	TP_ARGS(container, group, ret));

TRACE_EVENT(window_create,
	TP_PROTO(unsigned long container, u32 page_shift, u64 size, u32 levels, u64 start,
		 long ret),
	TP_ARGS(container, page_shift, size, levels, start, ret),
	TP_STRUCT__entry(
		__field(unsigned long, container)
		__field(u32, page_shift)
		__field(u32, levels)
		__field(u64, size)
		__field(u64, start)
		__field(long, ret)
	),
	TP_fast_assign(
		__entry->container = container;
		__entry->page_shift = page_shift;
		__entry->levels = levels;
		__entry->size = size;
		__entry->start = start;
		__entry->ret = ret;
	),
	TP_printk("container=%lu page_shift=%u size=%#llx levels=%u start=%#llx ret=%ld",
		  __entry->container, __entry->page_shift, __entry->size, __entry->levels,
		  __entry->start, __entry->ret)
);

TRACE_EVENT(window_remove,
	TP_PROTO(unsigned long container, u64 start, long ret),
	TP_ARGS(container, start, ret),
	TP_STRUCT__entry(
		__field(unsigned long, container)
		__field(u64, start)
		__field(long, ret)
	),
	TP_fast_assign(
		__entry->container = container;
		__entry->start = start;
		__entry->ret = ret;
	),
	TP_printk("container=%lu start=%#llx ret=%ld", __entry->container, __entry->start,
		  __entry->ret)
);

DECLARE_EVENT_CLASS(vfio_tce_memory,
	TP_PROTO(unsigned long container, u64 vaddr, u64 size, long ret),
	TP_ARGS(container, vaddr, size, ret),
	TP_STRUCT__entry(
		__field(unsigned long, container)
		__field(u64, vaddr)
		__field(u64, size)
		__field(long, ret)
	),
	TP_fast_assign(
		__entry->container = container;
		__entry->vaddr = vaddr;
		__entry->size = size;
		__entry->ret = ret;
	),
	TP_printk("container=%lu vaddr=%#llx size=%#llx ret=%ld", __entry->container,
		  __entry->vaddr, __entry->size, __entry->ret)
);

DEFINE_EVENT(vfio_tce_memory, register,
	TP_PROTO(unsigned long container, u64 vaddr, u64 size, long ret),
	TP_ARGS(container, vaddr, size, ret));

DEFINE_EVENT(vfio_tce_memory, unregister,
	TP_PROTO(unsigned long container, u64 vaddr, u64 size, long ret),
	TP_ARGS(container, vaddr, size, ret));

TRACE_EVENT(map,
	TP_PROTO(unsigned long container, u32 flags, u64 vaddr, u64 iova, u64 size, long ret),
	TP_ARGS(container, flags, vaddr, iova, size, ret),
	TP_STRUCT__entry(
		__field(unsigned long, container)
		__field(u32, flags)
		__field(u64, vaddr)
		__field(u64, iova)
		__field(u64, size)
		__field(long, ret)
	),
	TP_fast_assign(
		__entry->container = container;
		__entry->flags = flags;
		__entry->vaddr = vaddr;
		__entry->iova = iova;
		__entry->size = size;
		__entry->ret = ret;
	),
	TP_printk("container=%lu flags=%#x vaddr=%#llx iova=%#llx size=%#llx ret=%ld",
		  __entry->container, __entry->flags, __entry->vaddr, __entry->iova,
		  __entry->size, __entry->ret)
);

TRACE_EVENT(unmap,
	TP_PROTO(unsigned long container, u64 iova, u64 size, long ret),
	TP_ARGS(container, iova, size, ret),
	TP_STRUCT__entry(
		__field(unsigned long, container)
		__field(u64, iova)
		__field(u64, size)
		__field(long, ret)
	),
	TP_fast_assign(
		__entry->container = container;
		__entry->iova = iova;
		__entry->size = size;
		__entry->ret = ret;
	),
	TP_printk("container=%lu iova=%#llx size=%#llx ret=%ld", __entry->container,
		  __entry->iova, __entry->size, __entry->ret)
);

/*
 * @call: opcode of the hypercall, PAPR; 0: the platform's tce_kill (PowerNV).
 */
TRACE_EVENT(publish,
	TP_PROTO(unsigned int call, u64 liobn, u64 at, u64 nr, long status),
	TP_ARGS(call, liobn, at, nr, status),
	TP_STRUCT__entry(
		__field(unsigned int, call)
		__field(u64, liobn)
		__field(u64, at)
		__field(u64, nr)
		__field(long, status)
	),
	TP_fast_assign(
		__entry->call = call;
		__entry->liobn = liobn;
		__entry->at = at;
		__entry->nr = nr;
		__entry->status = status;
	),
	TP_printk("%s liobn=%#llx at=%#llx nr=%llu status=%ld",
		  __print_symbolic(__entry->call, { 0x20, "H_PUT_TCE" },
				   { 0x138, "H_STUFF_TCE" },
				   { 0x13c, "H_PUT_TCE_INDIRECT" }, { 0, "tce_kill" }),
		  __entry->liobn, __entry->at, __entry->nr, __entry->status)
);

TRACE_EVENT(kvm_flush,
	TP_PROTO(u64 liobn, u64 index, u64 nr),
	TP_ARGS(liobn, index, nr),
	TP_STRUCT__entry(
		__field(u64, liobn)
		__field(u64, index)
		__field(u64, nr)
	),
	TP_fast_assign(
		__entry->liobn = liobn;
		__entry->index = index;
		__entry->nr = nr;
	),
	TP_printk("liobn=%#llx index=%llu nr=%llu", __entry->liobn, __entry->index,
		  __entry->nr)
);

TRACE_EVENT(refuse,
	TP_PROTO(unsigned long container, const char *call, long ret, const char *reason),
	TP_ARGS(container, call, ret, reason),
	TP_STRUCT__entry(
		__field(unsigned long, container)
		__string(call, call)
		__field(long, ret)
		__string(reason, reason)
	),
	TP_fast_assign(
		__entry->container = container;
		__assign_str(call);
		__entry->ret = ret;
		__assign_str(reason);
	),
	/* no quotes: they end the format for perf and trace-cmd */
	TP_printk("container=%lu call=%s ret=%ld reason=%s", __entry->container,
		  __get_str(call), __entry->ret, __get_str(reason))
);

TRACE_EVENT(quarantine,
	TP_PROTO(long entries),
	TP_ARGS(entries),
	TP_STRUCT__entry(
		__field(long, entries)
	),
	TP_fast_assign(
		__entry->entries = entries;
	),
	TP_printk("entries=%ld", __entry->entries)
);

#endif /* TCE_PORT_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH port
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>

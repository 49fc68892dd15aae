"""Made from include/tce/engine.h by make-errnos.py: do not edit."""

# call -> (what it is, {errno: what it means})
CALLS = {
    "attach": ("add a group", {
        "EBUSY":
            "is attached already",
        "EIO":
            "the firmware refused",
        "ENODEV":
            "the container is closed",
        "ENOMEM":
            "",
        "EPERM":
            "the group cannot have the same windows at the same addresses",
    }),
    "get_info": ("VFIO_IOMMU_SPAPR_TCE_GET_INFO", {
        "EINTR":
            "the caller was killed while it waited",
        "ENXIO":
            "no group",
        "EPERM":
            "another process owns the container",
    }),
    "enable": ("VFIO_IOMMU_ENABLE, v1", {
        "EBUSY":
            "is enabled",
        "EINTR":
            "the caller was killed while it waited",
        "ENODEV":
            "no group",
        "ENOMEM":
            "limit",
        "EPERM":
            "the group has no default window, or another process",
    }),
    "disable": ("VFIO_IOMMU_DISABLE, v1", {
        "EINTR":
            "the caller was killed while it waited",
        "EIO":
            "the hypervisor refuses to close entries; it stays enabled",
        "EPERM":
            "another process",
    }),
    "register": ("VFIO_IOMMU_SPAPR_REGISTER_MEMORY", {
        "EBUSY":
            "this container has registered it already",
        "EFAULT":
            "not all of it is accessible",
        "EINTR":
            "the caller was killed while it waited",
        "EINVAL":
            "arguments, or overlaps other registered memory",
        "ENOMEM":
            "limit or memory",
        "EPERM":
            "another process is the owner",
    }),
    "unregister": ("VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY", {
        "EBUSY":
            "is mapped, nothing has changed",
        "EINTR":
            "the caller was killed while it waited",
        "EINVAL":
            "arguments",
        "ENOENT":
            "this container has not registered exactly that",
        "EPERM":
            "no owner yet or another process",
    }),
    "create_window": ("VFIO_IOMMU_SPAPR_TCE_CREATE", {
        "EINTR":
            "the caller was killed while it waited",
        "EINVAL":
            "arguments",
        "EIO":
            "the firmware refused",
        "ENOMEM":
            "",
        "ENOSPC":
            "no window left",
        "ENXIO":
            "no group",
        "EPERM":
            "another process, or the groups disagree on the bus address",
    }),
    "remove_window": ("VFIO_IOMMU_SPAPR_TCE_REMOVE", {
        "EINTR":
            "the caller was killed while it waited",
        "EINVAL":
            "no window starts there",
        "ENXIO":
            "no group",
        "EPERM":
            "another process",
    }),
    "map": ("VFIO_IOMMU_MAP_DMA", {
        "EINTR":
            "the caller was killed while it waited",
        "EINVAL":
            "arguments, range leaves the window, or memory is not registered "
            "by this container",
        "EIO":
            "the hypervisor refused",
        "ENOMEM":
            "limit or memory",
        "ENXIO":
            "no window holds iova",
        "EPERM":
            "nothing was ever registered, another process, or the memory is "
            "not contiguous enough for the IOMMU page size",
    }),
    "unmap": ("VFIO_IOMMU_UNMAP_DMA", {
        "EINTR":
            "the caller was killed while it waited",
        "EINVAL":
            "arguments, range leaves the window, or memory is not registered "
            "by this container",
        "EIO":
            "the hypervisor refused to close some entries: those are still "
            "mapped",
        "ENXIO":
            "no window holds iova",
        "EPERM":
            "nothing was ever registered, another process, or the memory is "
            "not contiguous enough for the IOMMU page size",
    }),
}

"""The lab of vfio-tce: stock kernels, build roots, images of POWER hosts, QEMU."""

"""The lab of vfio-tce: stock kernels, build roots, guest images and QEMU runs."""

"""vfio-tce, the administrator's side of the vfio_tce driver."""

VERSION = "0.1"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# dracut: an initramfs that loads vfio gets vfio_tce, too, and the setting that
# has vfio load it: dracut takes /etc/modprobe.d along only for the host it runs
# on.  Nothing is loaded by this.

check() {
	modinfo -k "${kernel:-$(uname -r)}" vfio_tce >/dev/null 2>&1
}

depends() {
	echo kernel-modules
}

installkernel() {
	hostonly='' instmods vfio_tce
}

install() {
	inst_multiple -o /etc/modprobe.d/vfio-tce.conf
}

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Has vfio load vfio_tce in place of the in-tree driver, or no longer. The setting is one for all kernels: it goes
# with the last vfio_tce.ko. make install, make uninstall and DKMS (after each kernel) run this.
#
#   modprobe-conf.sh install|remove [DIRECTORY OF THE KERNELS' MODULES]
#
# DESTDIR: in front of /etc.

set -eu
source=$(dirname "$0")/modprobe.conf
setting=${DESTDIR-}/etc/modprobe.d/vfio-tce.conf
modules=${2:-/lib/modules}

case ${1-} in
install)
	mkdir -p "${setting%/*}"
	install -m 644 "$source" "$setting"
	;;
remove)
	if [ -z "$(find "$modules"/*/ -name 'vfio_tce.ko*' -print -quit 2>/dev/null)" ]; then
		rm -f "$setting"
	fi
	;;
*)
	echo "usage: $0 install|remove [DIRECTORY]" >&2
	exit 2
	;;
esac

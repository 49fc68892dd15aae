#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Has vfio load vfio_tce in place of the in-tree driver, or no longer: a setting for modprobe, and hooks that take both
# into the initramfs. They are one for all kernels: they go with the last vfio_tce.ko. make install, make uninstall and
# DKMS (after each kernel) run this; of packages these files are a part, and what a package owns stays as it is.
#
#   modprobe-conf.sh install|remove [DIRECTORY OF THE KERNELS' MODULES]
#
# DESTDIR: in front of /etc and /usr.

set -eu
here=$(dirname "$0")
root=${DESTDIR-}
modules=${2:-/lib/modules}

owned() {	# owned FILE: is it of a package?
	[ -z "$root" ] && [ -e "$1" ] && { dpkg-query -S "$1" || rpm -qf "$1"; } >/dev/null 2>&1
}
each_file() {	# each_file COMMAND: COMMAND SOURCE TARGET MODE for every file
	"$1" modprobe.conf /etc/modprobe.d/vfio-tce.conf 644
	"$1" packaging/initramfs-hook /etc/initramfs-tools/hooks/vfio-tce 755
	"$1" packaging/dracut/module-setup.sh /usr/lib/dracut/modules.d/90vfio-tce/module-setup.sh 755
}
put() {
	case $2 in	# for those who have the program that reads it
	*/initramfs-tools/*) [ -d "$root/etc/initramfs-tools/hooks" ] || return 0 ;;
	*/dracut/*) [ -d "$root/usr/lib/dracut/modules.d" ] || return 0 ;;
	esac
	owned "$2" && return 0
	mkdir -p "$root${2%/*}"
	install -m "$3" "$here/$1" "$root$2"
}
drop() {
	owned "$2" && return 0
	rm -f "$root$2"
	case $2 in
	*/90vfio-tce/*) rmdir "$root${2%/*}" 2>/dev/null || true ;;
	esac
}

case ${1-} in
install)
	each_file put
	;;
remove)
	if [ -z "$(find "$modules"/*/ -name 'vfio_tce.ko*' -print -quit 2>/dev/null)" ]; then
		each_file drop
	fi
	;;
*)
	echo "usage: $0 install|remove [DIRECTORY]" >&2
	exit 2
	;;
esac

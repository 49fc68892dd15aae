#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Changes the sPAPR driver of a running host, and says what it did. make load and make unload run this.
#
#   load.sh load MODULE.ko   vfio_tce from that file; another one that is loaded goes, if nobody uses it
#   load.sh unload           the in-tree driver again, until the next boot or modprobe of vfio_tce
#
# Exit code: 0 done, or nothing to do; 1 not done, the driver is what it was; 2 wrong arguments.

set -u
ours=vfio_tce
in_tree=vfio_iommu_spapr_tce

die() { echo "$*" >&2; exit 1; }
loaded() { [ -d "/sys/module/$1" ]; }
of() { cat "/sys/module/$1/$2" 2>/dev/null; }	# of MODULE ATTRIBUTE

holders() {	# who has a container or group open, one a line
	for fd in /proc/[0-9]*/fd/*; do
		case $(readlink "$fd" 2>/dev/null) in
		/dev/vfio/*) pid=${fd#/proc/}; pid=${pid%%/*}; echo "    $pid $(cat "/proc/$pid/comm" 2>/dev/null)" ;;
		esac
	done | sort -u
}

drop() {	# drop MODULE: unload it, or say who uses it
	users=$(of "$1" refcnt)
	if [ "${users:-0}" != 0 ]; then
		echo "$1 stays, it is in use. Who has /dev/vfio open:" >&2
		holders >&2
		exit 1
	fi
	rmmod "$1" || die "$1 could not be unloaded"
}

case ${1-} in
load)
	[ -r "${2-}" ] || die "no module ${2-}: make builds it"
	version="$(modinfo -F version "$2") ($(modinfo -F srcversion "$2"))"
	modprobe vfio || die "this kernel has no VFIO"
	if loaded $ours && [ "$(of $ours version) ($(of $ours srcversion))" = "$version" ]; then
		echo "$ours $version is loaded already"
		exit 0
	fi
	for each in $ours $in_tree; do
		if loaded $each; then
			was="$each $(of $each version)"
			drop $each
		fi
	done
	if ! insmod "$2"; then
		echo "$ours could not be loaded; dmesg says why:" >&2
		dmesg 2>/dev/null | grep "$ours" | tail -n 3 >&2
		[ -z "${was-}" ] || modprobe --ignore-install "${was%% *}"
		loaded "${was%% *}" && echo "${was%% *} is loaded again" >&2
		exit 1
	fi
	echo "$ours $version is loaded${was:+, in place of $was}"
	;;
unload)
	if loaded $ours; then
		version=$(of $ours version)
		drop $ours
		said="$ours $version is unloaded"
	else
		said="$ours is not loaded"
	fi
	if loaded $in_tree; then
		echo "$said; the in-tree driver $in_tree is there"
	elif loaded vfio; then
		modprobe --ignore-install $in_tree || die "$said; the in-tree driver $in_tree could not be loaded: no driver is there now"
		echo "$said; the in-tree driver $in_tree is loaded"
	else
		echo "$said; vfio is not loaded, so the in-tree driver $in_tree was not brought"
	fi
	;;
*)
	echo "usage: $0 load MODULE.ko | unload" >&2
	exit 2
	;;
esac

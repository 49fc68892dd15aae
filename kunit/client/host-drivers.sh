#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The host's own drivers (in the first edu's group e1000, or e1000e, and an OHCI USB controller, which
# knows 32-bit addresses only; NVMe in the second's) work before VFIO had the groups and after it, and
# VFIO can have the groups again. So they do when their devices are unplugged and come back, while VFIO
# has the group or not. The old driver left the first device's neighbours with a freed table. Runs in
# the POWER host, beside ./client and in modules/ the drivers with what they need (nvme-modules: for NVMe, in order); prints KTAP.
set -u

count=0
failed=0

result()
{
	count=$((count + 1))
	if [ "$1" = 0 ]; then
		echo "ok $count host_drivers.$2"
	else
		echo "not ok $count host_drivers.$2"
		failed=$((failed + 1))
	fi
}

# Waits until a command succeeds; so long it takes only when it never does (lib/patience.hpp).
patience=30
in_time()
{
	end=$(($(date +%s) + patience))
	until "$@"; do
		[ "$(date +%s)" -lt "$end" ] || return 1
		sleep 0.2
	done
}

wait_for()
{
	in_time [ -e "$1" ] && return 0
	echo "# $1 does not appear"
	return 1
}

load()
{
	for module in "$@"; do
		[ -e "modules/$module.ko" ] || continue
		grep -q "^$module " /proc/modules || insmod "modules/$module.ko" || return 1
	done
}

network()
{
	load e1000 e1000e || return 1
	wait_for /sys/class/net/eth0 &&
		ip address add 10.0.2.15/24 dev eth0 &&
		ip link set eth0 up &&
		wait_for_carrier &&
		ping -c 3 -W $patience 10.0.2.2 | sed 's/^/# /' &&
		[ "$(cat /sys/class/net/eth0/statistics/rx_packets)" -ge 3 ]
	status=$?
	rmmod e1000 2>/dev/null || rmmod e1000e
	return $status
}

wait_for_carrier()
{
	in_time grep -q 1 /sys/class/net/eth0/carrier && return 0
	echo "# no carrier"
	return 1
}

# Reads what the last round wrote and writes something new.
disk()
{
	load $(cat nvme-modules) || return 1
	wait_for /dev/nvme0n1 && {
		[ ! -e /tmp/written ] ||
			dd if=/dev/nvme0n1 bs=64k count=64 iflag=direct 2>/dev/null | cmp - /tmp/written
	} &&
		dd if=/dev/urandom of=/tmp/written bs=64k count=64 2>/dev/null &&
		dd if=/tmp/written of=/dev/nvme0n1 bs=64k oflag=direct 2>/dev/null &&
		dd if=/dev/nvme0n1 bs=64k count=64 iflag=direct 2>/dev/null | cmp - /tmp/written
	status=$?
	rmmod nvme
	return $status
}

# A tablet's name comes by DMA through the window of 32-bit addresses.
usb()
{
	load usb_common usbcore ohci_hcd ohci_pci || return 1
	wait_for /sys/bus/usb/devices/1-1/product &&
		grep -q Tablet /sys/bus/usb/devices/1-1/product
	status=$?
	rmmod ohci_pci
	return $status
}

# The functions that are in the group of the first device that is an edu.
neighbourhood()
{
	for device in /sys/bus/pci/devices/*; do
		if grep -q 0x11e8 "$device/device"; then
			ls "$device/iommu_group/devices"
			return
		fi
	done
}

unplug()
{
	for device in "$@"; do
		echo 1 >"/sys/bus/pci/devices/$device/remove" || return 1
	done
}

replug()
{
	echo 1 >/sys/bus/pci/rescan
	for device in "$@"; do
		wait_for "/sys/bus/pci/devices/$device" || return 1
	done
}

# All but the edu, which is in use, go and come.
replug_while_held()
{
	others=$(neighbourhood | grep -v "$(neighbourhood | head -n 1)")
	mkfifo /tmp/hold
	./client hold </tmp/hold >/tmp/held &
	exec 3>/tmp/hold
	in_time grep -q held /tmp/held
	unplug $others && replug $others
	status=$?
	exec 3>&-
	wait $! || status=1
	sed 's/^/# /' /tmp/held
	return $status
}

# What userspace is told about EEH is what the in-tree driver tells. This wants a fresh host: on
# pSeries that driver has no windows for a device whose driver once had a large one, and on 7.2 no
# driver of the host's works after it.
in_tree()
{
	rmmod vfio_pci vfio_pci_core vfio_tce &&
		load vfio_iommu_spapr_tce vfio_pci_core vfio_pci || return 1
	./client 'eeh.*' >/tmp/eeh
	status=$?
	sed 's/^/# /' /tmp/eeh
	return $status
}

replug_all()
{
	all=$(neighbourhood)
	unplug $all && replug $all
}

drivers()
{
	network
	result $? "network_$1"
	disk
	result $? "disk_$1"
	usb
	result $? "usb_$1"
}

echo "KTAP version 1"
if [ "${1-}" = in-tree ]; then
	echo "1..1"
	in_tree
	result $? eeh_of_the_kernels_own_driver
	exit "$failed"
fi
echo "1..16"
drivers before_vfio
./client hold </dev/null
result $? vfio
drivers after_vfio
replug_while_held
result $? replug_while_held
drivers after_replug
replug_all
result $? replug_all
drivers after_replug_of_all
./client hold </dev/null
result $? vfio_again
[ "$failed" = 0 ]

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The host's own drivers (e1000, or e1000e, in the first edu's group, NVMe in the second's) work before
# VFIO had the groups and after it, and VFIO can have the groups again. The old driver left the first
# device's neighbours with a freed table. Runs in the guest, beside ./client and in modules/ the
# drivers with what they need (nvme-modules: for NVMe, in order); prints KTAP.
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

# Waits up to five seconds for a file.
wait_for()
{
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do
		[ -e "$1" ] && return 0
		sleep 0.2
	done
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
		ping -c 3 -W 5 10.0.2.2 | sed 's/^/# /' &&
		[ "$(cat /sys/class/net/eth0/statistics/rx_packets)" -ge 3 ]
	status=$?
	rmmod e1000 2>/dev/null || rmmod e1000e
	return $status
}

wait_for_carrier()
{
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do
		[ "$(cat /sys/class/net/eth0/carrier)" = 1 ] && return 0
		sleep 0.2
	done
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

echo "KTAP version 1"
echo "1..6"
network
result $? network_before_vfio
disk
result $? disk_before_vfio
./client cycle
result $? vfio
network
result $? network_after_vfio
disk
result $? disk_after_vfio
./client cycle
result $? vfio_again
[ "$failed" = 0 ]

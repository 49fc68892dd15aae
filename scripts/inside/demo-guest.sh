# The guest of the demo: writes the passed-through NVMe disk and reads it back, past every cache, once per boot.
# Which boot it is stands on the disk itself: sector 0 holds a record of what the boot before wrote.
# settings: mib (MiB per boot), nvme (the driver's modules in order)
. ./settings

ask() {		# the host looks at its books while the guest waits
	echo "@@guest at $*"
	read -r _ </dev/hvc1
}

ask "power-on"
for module in $nvme; do
	insmod "modules/$module.ko"
done

disk=/dev/nvme0n1
tries=0
until [ -b $disk ]; do
	tries=$((tries + 1))
	[ $tries -lt 200 ] || { echo "@@guest failed no disk"; exit 1; }
	sleep 0.1
done

area() {	# area N: the MiB at which boot N's data begins
	echo $((1 + ($1 - 1) * mib))
}

read_area() {
	dd if=$disk bs=1M skip="$(area "$1")" count="$mib" iflag=direct 2>/dev/null | sha256sum | cut -d' ' -f1
}

write_and_compare() {
	dd if=/dev/urandom of=/tmp/data bs=1M count="$mib" 2>/dev/null
	wrote=$(sha256sum </tmp/data | cut -d' ' -f1)
	dd if=/tmp/data of=$disk bs=1M seek="$(area "$1")" oflag=direct conv=notrunc 2>/dev/null || return 1
	back=$(read_area "$1")
	echo "@@guest wrote $1 $wrote"
	echo "@@guest read $1 $back"
	[ "$wrote" = "$back" ]
}

dd if=$disk of=/tmp/record bs=4096 count=1 iflag=direct 2>/dev/null
read -r mark before </tmp/record
if [ "$mark" = vfio-tce-boot-1 ]; then boot=2; else boot=1; fi

dmesg | sed -n 's/.*\(ibm,create-pe-dma-window.*\)/@@guest window \1/p'
if [ $boot = 2 ]; then
	kept=$(read_area 1)
	echo "@@guest kept 1 $kept"
	[ "$kept" = "$before" ] || { echo "@@guest failed the data of the first boot is gone"; exit 1; }
fi
write_and_compare $boot || { echo "@@guest failed boot $boot read back something else"; exit 1; }
ask "end of boot $boot"
if [ $boot = 1 ]; then
	dd if=/dev/zero of=/tmp/record bs=4096 count=1 2>/dev/null
	echo "vfio-tce-boot-1 $wrote" | dd of=/tmp/record conv=notrunc 2>/dev/null
	dd if=/tmp/record of=$disk bs=4096 count=1 oflag=direct conv=notrunc 2>/dev/null
	sync
	reboot -f
fi

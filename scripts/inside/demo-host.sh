# The host of the demo: hands the NVMe disk of the second PCI host bridge to a guest of Debian's own QEMU with KVM, and
# keeps the books: calls, TCEs, locked memory, pins. Facts for the verdict go out as lines "@@fact NAME VALUE".
# settings: driver (module name), terminal (how the tool draws there), disk (PCI address), memory, guest_options, accel, mib, guest_timeout,
# host_first (yes: the host's own driver uses the disk before the guest does), detour (yes: vfio_tce is loaded and
# unloaded before, as an administrator does it), left (yes: modules and settings are those of left.tar, modprobe brings
# the driver)
. ./settings

fact() { echo "@@fact $*"; }
say() { echo "host: $*"; }

stats=/sys/kernel/debug/$driver/stats
windows=/sys/kernel/debug/$driver/windows
pins() {
	echo 1 >/proc/sys/vm/stat_refresh
	awk '$1 == "nr_foll_pin_acquired" { a = $2 } $1 == "nr_foll_pin_released" { r = $2 } END { print a - r }' /proc/vmstat
}
books() {	# books MOMENT: what the host's driver and the process stand at
	[ -n "$qemu" ] && fact "vmlck.$1 $(awk '$1 == "VmLck:" { print $2 }' "/proc/$qemu/status" 2>/dev/null)"
	fact "pins.$1 $(pins)"
	[ -r "$stats" ] && sed "s/^/@@stat $1 /" "$stats"
	[ -r "$windows" ] && sed -n "s/^groups /@@window $1 &/p" "$windows"
	for event in $watched; do
		sed -n "s|^{ [a-z]*: *\([0-9]*\) } hitcount: *\([0-9]*\)$|@@calls $1 $event \1 \2|p" "$events/$event/hist"
	done
}

show_status() {	# what an administrator sees while the guest runs
	say "vfio-tce status"
	# shellcheck disable=SC2086 # settings, word for word
	env $terminal ./tool/vfio-tce status || return
	echo "@@status $(./tool/vfio-tce status --json | tr '\n' ' ')"
}

# Calls that the kernel itself counts by number: those of the guest to KVM, and of this host to its firmware (PowerNV).
events=/sys/kernel/debug/tracing/events
watched=
watch() {	# watch EVENT FIELD NUMBER...
	local event=$1 field=$2 number filter=
	shift 2
	for number; do
		filter="$filter${filter:+||}$field==$number"
	done
	echo "hist:keys=$field if $filter" >"$events/$event/trigger" && watched="$watched $event"
}

bind_to() {	# bind_to DRIVER
	[ -e "$device/driver" ] && echo "$disk" >"$device/driver/unbind"
	echo "$1" >"$device/driver_override"
	echo "$disk" >/sys/bus/pci/drivers_probe
	[ "$(basename "$(readlink -f "$device/driver")")" = "$1" ]
}
host_reads_disk() {	# host_reads_disk SKIP COUNT: checksum, by the host's own driver
	for _ in $(seq 100); do
		[ -b /dev/nvme0n1 ] && break
		sleep 0.1
	done
	dd if=/dev/nvme0n1 bs=1M skip="$1" count="$2" iflag=direct 2>/dev/null | sha256sum | cut -d' ' -f1
}

if [ "$left" = yes ]; then
	. ./enter.sh
	enter left && modprobe vfio-pci && modprobe kvm-hv || exit 1
	fact "brought $(sed -n 's/^\(vfio_tce\|vfio_iommu_spapr_tce\) .*/\1/p' /proc/modules | tr '\n' ' ')"
fi
if [ "$detour" = yes ]; then
	for step in "load vfio_tce.ko" "load vfio_tce.ko" unload; do
		# shellcheck disable=SC2086 # a verb and a file
		told=$(sh ./load.sh $step 2>&1) || { say "$told"; exit 1; }
		say "$told"
		echo "@@told ${step%% *} $told"
	done
fi

device=/sys/bus/pci/devices/$disk
qemu= registers=
: >/tmp/trace
watch kvm_hv/kvm_hcall_enter req $hcalls || exit 1
watch powerpc/opal_entry opcode $opal_calls || exit 1
say "Linux $(uname -r), $(($(getconf PAGESIZE) / 1024))K pages, $driver, $(qemu-system-ppc64 --version | head -1)"
fact "page_size $(getconf PAGESIZE)"
fact "qemu_version $(qemu-system-ppc64 --version | head -1)"
if [ "$host_first" = yes ]; then
	modprobe nvme
	host_reads_disk 0 1 >/dev/null
	[ -b /dev/nvme0n1 ] || { say "the host's own nvme driver finds no disk"; exit 1; }
	say "the host's own nvme driver has used the disk"
fi
bind_to vfio-pci || { say "vfio-pci does not take $disk"; exit 1; }
say "$disk is vfio-pci's now; starting a guest of $memory"
books start

mkfifo /tmp/in /tmp/out
qemu-system-ppc64 -M "pseries,x-vof=on,$guest_options" -accel "$accel" -m "$memory" -nodefaults -display none \
	-monitor none -serial file:/tmp/guest-console -serial stdio -kernel /boot/vmlinux -initrd guest.initrd \
	-append "console=hvc0 panic=-1 watchdog_thresh=60" -device "vfio-pci,host=$disk" \
	-D /tmp/trace -trace 'vfio_spapr*' -trace 'spapr_iommu_ddw*' -trace 'spapr_iommu_pci*' </tmp/in >/tmp/out 2>&1 &
qemu=$!
exec 3>/tmp/in 4</tmp/out
deadline=$((SECONDS + guest_timeout))
boots=0
while read -r -t $((deadline > SECONDS ? deadline - SECONDS : 1)) line <&4; do
	line=${line%$'\r'}
	case $line in
	"@@guest at power-on"*)
		boots=$((boots + 1))
		books "begin$boots"
		echo go >&3 ;;
	"@@guest at "*)
		books "end$boots"
		[ "$driver" = vfio_tce ] && [ $boots = 1 ] && show_status
		echo go >&3 ;;
	@@guest*) echo "$line" ;;
	@@lab*|go) ;;
	"CPU #"*) registers=yes ;;	# what QEMU prints when it aborts
	*) [ -n "$registers" ] || echo "guest: $line" ;;
	esac
done
if kill -0 $qemu 2>/dev/null && [ $SECONDS -ge $deadline ]; then
	say "the guest takes longer than $guest_timeout s"
	kill -9 $qemu
fi
exec 3>&- 4<&-
{ wait $qemu; } 2>/dev/null
fact "qemu_exit $?"
qemu=
books end
sed -n 's/^.*\(vfio_spapr_\(create\|remove\)_window.*\)/@@trace \1/p' /tmp/trace
fact "answered_by_qemu $(grep -c spapr_iommu_pci_ /tmp/trace)"
complaints='BUG:|Oops|Unable to handle|Kernel panic'
fact "guest_splats $(grep -cE "$complaints" /tmp/guest-console)"
grep -E -A 3 "$complaints" /tmp/guest-console | head -n 20
if [ $boots = 0 ]; then
	tail -n 5 /tmp/guest-console
fi

modprobe nvme
if bind_to nvme; then
	for boot in $(seq "$boots"); do
		fact "host_read.$boot $(host_reads_disk $((1 + (boot - 1) * mib)) "$mib")"
	done
fi
[ -b /dev/nvme0n1 ] && fact "host_driver works"
for _ in $(seq 100); do		# KVM hands memory back from a worker
	[ "$(pins)" = 0 ] && break
	sleep 0.1
done
books gone
rmmod vfio_pci vfio_pci_core "$driver" && fact "unloaded $driver"
exit 0

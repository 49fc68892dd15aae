# A POWER host on which an administrator does what the pages say: the blocks run in order, as root, each in a shell that
# knows the variables of those before. plan: functions below, a line a block. Runs in a file system that can be written to.
if [ ! -e /tmp/inside ]; then
	mkdir -p /run/over /run/root
	mount -t tmpfs tmpfs /run/over || exit 1
	mkdir -m 755 /run/over/upper /run/over/work
	mount -t overlay overlay -o lowerdir=/,upperdir=/run/over/upper,workdir=/run/over/work /run/root || exit 1
	for each in proc sys dev tmp lab; do
		mount --rbind /$each /run/root/$each
	done
	mount -t tmpfs tmpfs /run/root/run
	: >/tmp/inside
	exec chroot /run/root /bin/bash /lab/script
fi

# What Debian's own boot would have done.
mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null
mount -t devpts devpts /dev/pts 2>/dev/null
ln -sfn /proc/self/fd /dev/fd
rm -rf /var/run
ln -s /run /var/run
release=$(uname -r)
ln -sf vmlinux "/boot/vmlinux-$release"
cp /lab/guest.initrd "/boot/initrd.img-$release"
ln -sf "initrd.img-$release" /boot/initrd.img
echo "libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin" >>/etc/passwd
printf 'kvm:x:108:\nlibvirt-qemu:x:64055:\nlibvirt:x:109:\n' >>/etc/group
mkdir -p /root /var/tmp /usr/local/bin
chmod 1777 /var/tmp
ln -sf /bin/busybox /usr/local/bin/gzip
# What Debian's unstable has is run there.
for each in proc sys dev tmp lab; do
	mount --rbind /$each /sid/$each
done
printf '#!/bin/sh\nexec chroot /sid /usr/bin/bpftrace "$@"\n' >/usr/local/bin/bpftrace
chmod +x /usr/local/bin/bpftrace

# What make install did.
mkdir -p "/usr/lib/modules/$release/updates" /etc/modprobe.d
cp /lab/vfio_tce.ko "/usr/lib/modules/$release/updates/"
cp /lab/vfio-tce.conf /etc/modprobe.d/
depmod -a
tar -C / -xf /lab/tool.tar --no-same-owner --keep-directory-symlink
modprobe vfio-pci && modprobe kvm-hv || exit 1

mkdir -p /var/lib/libvirt/qemu /var/log/libvirt/qemu /var/cache/libvirt/qemu /run/libvirt /etc/libvirt
echo 'namespaces = []' >>/etc/libvirt/qemu.conf	# for them /dev has to be as udev leaves it
chmod 666 /dev/kvm
virtlogd -d
libvirtd -d

export HOME=/root LANG=C.UTF-8 COLUMNS=80 TERM=dumb PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
cd /root || exit 1
: >/tmp/variables
cat >/tmp/before <<'EOF'
. /tmp/variables
trap 'export -p | grep -v "^declare -x \(OLD\)\?PWD=" >/tmp/variables' EXIT
set -a -e
EOF

script_of() {	# script_of NUMBER: the block in a shell that knows the variables
	cat /tmp/before "/lab/block-$1" >"/tmp/block-$1"
	echo "/tmp/block-$1"
}

file() {	# file NUMBER NAME
	cp "/lab/block-$1" "$2"
}

run() {		# run NUMBER BESIDE: a block, and what is done again and again at the same time
	local beside= status
	if [ -n "$2" ]; then
		setsid bash -c "while :; do $2; sleep 0.2; done" >/tmp/beside 2>&1 </dev/null &
		beside=$!
	fi
	echo "@@block $1"
	timeout "$block_s" bash "$(script_of "$1")" 2>&1 </dev/null
	status=$?
	echo
	echo "@@block $1 ends $status"
	if [ -n "$beside" ]; then
		kill -TERM -- -"$beside"
		{ wait "$beside"; } 2>/dev/null
	fi
}

guest=
start() {	# start NUMBER UNTIL: a block that stays
	mkfifo /tmp/in
	exec 3<>/tmp/in
	bash "$(script_of "$1")" <&3 >/tmp/guest-output 2>&1 &
	guest=$!
	local begin=$SECONDS status=1
	while [ $((SECONDS - begin)) -lt "$block_s" ] && kill -0 $guest 2>/dev/null; do
		if grep -q "$2" /tmp/guest-output; then
			status=0
			break
		fi
		sleep 0.5
	done
	echo "@@block $1"
	[ $status = 0 ] || cat /tmp/guest-output
	echo "@@block $1 ends $status"
	tr -d '\r' </tmp/guest-output | grep -v '^the guest is up'
}

finish() {	# the block that stays is to end
	[ -n "$guest" ] || return
	echo >&3
	for _ in $(seq 300); do
		kill -0 $guest 2>/dev/null || break
		sleep 0.1
	done
	kill -9 $guest 2>/dev/null
	{ wait $guest; } 2>/dev/null
	exec 3>&-
	guest=
}

. /lab/plan
exit 0

# What `make install` installs, as Debian's own modprobe sees it: vfio brings vfio_tce where it is installed and the
# kernel's own driver where it is not.
release=$(uname -r)
for each in usr/lib/modules/$release etc; do
	room=/run/over/$each
	mkdir -p "$room/upper" "$room/work"
	mount -t overlay overlay -o "lowerdir=/$each,upperdir=$room/upper,workdir=$room/work" "/$each" || exit 1
done
mkdir -p "/usr/lib/modules/$release/updates" /etc/modprobe.d
cp vfio_tce.ko* "/usr/lib/modules/$release/updates/"
cp vfio-tce.conf /etc/modprobe.d/
depmod -a

verdict=0
expect() {	# expect WHAT MODULE ABSENT-MODULE: after a modprobe that must come to an end
	if [ $? = 0 ] && grep -q "^$2 " /proc/modules && ! grep -q "^$3 " /proc/modules; then
		echo "ok - $1"
	else
		echo "not ok - $1: $(cut -d' ' -f1 /proc/modules | grep vfio | tr '\n' ' ')"
		verdict=1
	fi
}

timeout 30 modprobe vfio-pci
expect "vfio-pci brings vfio_tce" vfio_tce vfio_iommu_spapr_tce
modprobe -r vfio-pci && modprobe -r vfio_tce && modprobe -r vfio
expect "all of it goes away" ext4 vfio
timeout 30 modprobe vfio_tce
expect "vfio_tce by name" vfio_tce vfio_iommu_spapr_tce
modprobe -r vfio_tce && modprobe -r vfio
rm "/usr/lib/modules/$release/updates/"vfio_tce.ko*
depmod -a
timeout 30 modprobe vfio-pci
expect "without vfio_tce the in-tree driver comes" vfio_iommu_spapr_tce vfio_tce
exit $verdict

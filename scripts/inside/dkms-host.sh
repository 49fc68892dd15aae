# A host whose disk is what DKMS left: modules, their indexes, modprobe's settings. Nothing is put right by hand.
# settings: states (installed, removed), for each of which there is a tar file; enforced (yes: unknown keys are refused)
. ./settings
. ./enter.sh
ours=vfio_tce
in_tree=vfio_iommu_spapr_tce
verdict=0

count() {	# count STATUS WHAT
	if [ "$1" = 0 ]; then
		echo "ok - $2"
	else
		echo "not ok - $2: $(cut -d' ' -f1 /proc/modules | grep vfio | tr '\n' ' ')"
		verdict=1
	fi
}
loaded() { grep -q "^$1 " /proc/modules; }
only() { loaded "$1" && ! loaded "$2"; }

use() {		# use WANTED UNWANTED WHO: vfio-pci brings the wanted driver, which does its work, and goes
	timeout 60 modprobe vfio-pci && only "$1" "$2"
	count $? "$3: modprobe vfio-pci brings $1 and not $2"
	./client cycle && only "$1" "$2"
	count $? "$3: devices are put into containers and given back, by $1 alone"
	modprobe -r vfio-pci && modprobe -r "$1" && ! loaded vfio_pci
	count $? "$3: all of it is unloaded"
	modprobe -r vfio
}

for state in $states; do
	enter "$state" || exit 1
	if [ "$state" = removed ]; then
		! modprobe --quiet $ours && [ ! -e /etc/modprobe.d/vfio-tce.conf ]
		count $? "removed: no module, no setting"
		use $in_tree $ours removed
	elif [ "$enforced" = yes ]; then
		! modprobe $ours 2>/tmp/why && grep "[Kk]ey" /tmp/why
		count $? "a key that the kernel does not know: the module is refused"
		use $in_tree $ours "a key that the kernel does not know"
	else
		use $ours $in_tree installed
	fi
done
exit $verdict

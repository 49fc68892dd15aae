# The life of the packages on a ppc64el Debian: a tarball that DKMS takes, the version before installed, upgraded,
# removed, purged; with and without changes of the administrator's. Runs in an emulated root; uname says the kernel.
# VERSION, BEFORE: the two versions, whose packages and tarballs are in /packages. /out gets logs, the states as tar
# files, and initramfs images of them.
kernel=$(uname -r)
version=$BEFORE
setting=/etc/modprobe.d/vfio-tce.conf
exec </dev/null

. /scripts/expect.sh

packages() { echo /packages/vfio-tce-dkms_"$1"-*_all.deb /packages/vfio-tce_"$1"-*_all.deb; }
said() {	# said NAME COMMAND...: with its output in a file of its own, which is shown when the command fails
	name=$1
	shift
	"$@" >"/out/$name.txt" 2>&1 || { tail -n 20 "/out/$name.txt"; false; }
}
# Few modules and no systemd: all the rest takes long here, and has nothing to do with us.
initramfs_tools() {	# initramfs_tools STATE: what mkinitramfs makes for a host whose initramfs loads vfio-pci
	echo MODULES=list >/etc/initramfs-tools/conf.d/few
	echo vfio-pci >/etc/initramfs-tools/modules
	expect "$1: mkinitramfs" said "mkinitramfs-$1" mkinitramfs -o "/out/$1-initramfs-tools.img" "$kernel"
	rm /etc/initramfs-tools/conf.d/few /etc/initramfs-tools/modules
}
dracut_() {	# dracut_ STATE: the same by dracut
	echo 'force_drivers+=" vfio_pci "' >/etc/dracut.conf.d/passthrough.conf
	expect "$1: dracut" said "dracut-$1" dracut --force --no-hostonly --drivers vfio_pci --omit "$(
		cd /usr/lib/dracut/modules.d && printf '%s\n' [0-9]* | sed 's/^[0-9]*//' | grep -E 'systemd|crypt|dbus|virtiofs|terminfo' |
			tr '\n' ' ')" --kver "$kernel" "/out/$1-dracut.img"
	rm /etc/dracut.conf.d/passthrough.conf
}

echo "# DKMS $(dkms --version), dpkg $(dpkg --version | sed -n '1s/.*version //p'), $(uname -m), $kernel"
depmod -a "$kernel" -F "/boot/System.map-$kernel"
mkdir -p /var/tmp
files >/tmp/before

tar -C /tmp -xzf "/packages/vfio-tce-$VERSION.tar.gz"
expect "dkms add of the unpacked tarball" dkms add "/tmp/vfio-tce-$VERSION"
expect "it is added" is "$(dkms status)" "vfio-tce/$VERSION: added"
dkms remove vfio-tce/"$VERSION" --all
rm -rf /usr/src/vfio-tce-"$VERSION"

cd "/tmp/vfio-tce-$VERSION" || exit 1
scripts/modprobe-conf.sh install
expect "make install and DKMS alone: a setting for modprobe, hooks for initramfs-tools and dracut" is \
	"$(files | diff /tmp/before - | grep -o ' /.*' | tr -d '\n')" \
	" /etc/initramfs-tools/hooks/vfio-tce /etc/modprobe.d/vfio-tce.conf /usr/lib/dracut/modules.d/90vfio-tce/module-setup.sh"
scripts/modprobe-conf.sh remove
files >/tmp/after
expect "they go" diff /tmp/before /tmp/after
cd /

# The setting first, without building anything.
: >/etc/dkms/no-autoinstall
expect "packages of $BEFORE, nothing is built" said confold-1 dpkg -i $(packages "$BEFORE")
sed -i 's/^install/# &/' $setting
cp $setting /tmp/changed
expect "upgraded with a setting that the administrator changed" said confold-2 dpkg --force-confold -i $(packages "$VERSION")
expect "it is as they left it" cmp $setting /tmp/changed
expect "the new one lies beside it" cmp "$setting.dpkg-dist" "/tmp/vfio-tce-$VERSION/scripts/modprobe.conf"
expect "purged" said confold-3 dpkg -P vfio-tce vfio-tce-dkms
rm /etc/dkms/no-autoinstall
files >/tmp/after
expect "nothing is left of it" diff /tmp/before /tmp/after

expect "packages of $BEFORE are installed" dpkg -i $(packages "$BEFORE")
expect "the module is installed for the kernel there" is "$(status "$kernel")" installed
expect_module "$kernel"
expect "the command is of that version" is "$(vfio-tce --version)" "vfio-tce $BEFORE"
expect "modprobe's setting is there" grep -q "^install vfio_iommu_spapr_tce" $setting

version=$VERSION
expect "they are upgraded to $VERSION" dpkg -i $(packages "$VERSION")
expect "DKMS has that one alone" is "$(dkms status | sed 's/,.*//')" "vfio-tce/$VERSION"
expect "installed" is "$(status "$kernel")" installed
expect_module "$kernel"
expect "the source of $BEFORE is gone" test ! -e /usr/src/vfio-tce-"$BEFORE"
expect "the command is of that version" is "$(vfio-tce --version)" "vfio-tce $VERSION"
expect "modprobe's setting, which nobody changed, is the new one" cmp $setting "/tmp/vfio-tce-$VERSION/scripts/modprobe.conf"
"/tmp/vfio-tce-$VERSION/scripts/modprobe-conf.sh" remove /nowhere
expect "what the packages own stays after make uninstall" ls $setting /usr/lib/dracut/modules.d/90vfio-tce/module-setup.sh
keep installed "$kernel"
initramfs_tools installed
dracut_ installed

expect "the packages are removed" said remove dpkg -r vfio-tce vfio-tce-dkms
expect "no module is left" is "$(module_of "$kernel")" ""
expect "but the setting" test -e $setting
expect "they are purged" said purge dpkg -P vfio-tce vfio-tce-dkms
expect "DKMS knows nothing of it" is "$(dkms status)" ""
expect "no source is left" is "$(find /usr/src -name 'vfio-tce*')" ""
keep purged "$kernel"
initramfs_tools purged
files >/tmp/after
expect "every file is as it was" diff /tmp/before /tmp/after
exit $verdict

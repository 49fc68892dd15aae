# The life of the module with DKMS on a ppc64el Debian: added, installed for the running kernel, built for the next one
# when its headers come, one kernel gone, removed. Runs in an emulated root; uname says the first kernel.
# SECOND: the other kernel's release; HEADERS: its headers' package. /out gets logs and the states as tar files.
first=$(uname -r)
second=$SECOND
source=/root/vfio-tce
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' $source/dkms.conf)
setting=/etc/modprobe.d/vfio-tce.conf

. /scripts/expect.sh

echo "# DKMS $(dkms --version), $(uname -m), $first, then $second"
for each in "$first" "$second"; do
	depmod -a "$each" -F "/boot/System.map-$each"
done
files >/tmp/before

cd $source || exit 1
expect "dkms add ." dkms add .
expect "it is added" is "$(dkms status vfio-tce/"$version")" "vfio-tce/$version: added"

dkms build vfio-tce/"$version" -k "$first" -a ppc64 >/tmp/refused 2>&1
expect "nothing is built for a machine that it does not run on" is "$? $(grep -c BUILD_EXCLUSIVE /tmp/refused)" "77 1"

cd /
expect "dkms install, for the running kernel" dkms install vfio-tce/"$version"
expect "it is installed there" is "$(status "$first")" installed
expect "and nowhere else" is "$(module_of "$second")" ""
expect "modprobe's setting is there" cmp $source/scripts/modprobe.conf $setting

expect "another kernel's headers are installed" dpkg --force-depends -i "$HEADERS"
expect "the module is built for that kernel by itself" is "$(status "$second")" installed
for each in "$first" "$second"; do
	expect_module "$each"
	keep installed "$each"
done

expect "a kernel is removed" /etc/kernel/prerm.d/dkms "$second"
expect "the module goes with it" is "$(module_of "$second")" ""
expect "it stays for the other kernel" is "$(status "$first")" installed
expect "and so does modprobe's setting" test -e $setting

expect "dkms remove --all" dkms remove vfio-tce/"$version" --all
expect "DKMS knows nothing of it" is "$(dkms status)" ""
keep removed "$first"
expect "the source that DKMS copied is as it was" diff -r $source /usr/src/vfio-tce-"$version"
dpkg --force-depends -P "linux-headers-$second" >/dev/null 2>&1
files >/tmp/after
expect "every other file is as it was" diff <(grep -v ' /lib/modules/'"$second"'/' /tmp/before) \
	<(grep -v ' /lib/modules/'"$second"'/' /tmp/after)
exit $verdict

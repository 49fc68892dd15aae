# For scripts in an emulated ppc64el Debian with DKMS: what is expected there, a line each, and what files there are.
# version: that of vfio-tce.

verdict=0
count() {	# count STATUS WHAT
	if [ "$1" = 0 ]; then
		echo "ok - $2"
	else
		echo "not ok - $2"
		verdict=1
	fi
}
expect() {	# expect WHAT COMMAND...
	what=$1
	shift
	"$@"
	count $? "$what"
}
is() { [ "$1" = "$2" ] || { echo "# '$1' is not '$2'"; false; }; }
status() {	# status KERNEL: what DKMS thinks of the module there
	dkms status vfio-tce/"$version" -k "$1" | sed 's/.*: //'
}
module_of() { find "/lib/modules/$1/" -name 'vfio_tce.ko*'; }
expect_module() {	# expect_module KERNEL: DKMS has put the module of that version there, signed
	expect "its file for $1" is "$(module_of "$1")" "/lib/modules/$1/updates/dkms/vfio_tce.ko.xz"
	xz -dc "/lib/modules/$1/updates/dkms/vfio_tce.ko.xz" >"/out/$1.ko"
	expect "it is for $1" is "$(modinfo -F vermagic "/out/$1.ko" | cut -d' ' -f1)" "$1"
	expect "it has its version" is "$(modinfo -F version "/out/$1.ko")" "$version"
	expect "it is signed with the machine's own key" is "$(modinfo -F signer "/out/$1.ko")" "DKMS module signing key"
	cp "/var/lib/dkms/vfio-tce/$version/$1/$(uname -m)/log/make.log" "/out/make-$1.log"
}
files() {	# all files, with what is in those that depmod and dkms write; Python compiles its own library as it goes
	find / -xdev \( -path /var/cache -o -path /var/log -o -path /var/lib/dpkg -o -path /usr/src/vfio-tce-"$version" \
		-o -path '/usr/lib/python3*/__pycache__' -o -name 'mok.*' \) -prune -o ! -type d -print | sort
	sha256sum /lib/modules/*/modules.*
}
keep() {	# keep STATE KERNEL: what a host with this kernel has on its disk
	(cd / && find "lib/modules/$2" -maxdepth 1 -name 'modules.*' &&
		find "lib/modules/$2/" etc/modprobe.d -type f ! -path '*/kernel/*' ! -name 'modules.*') |
		tar -C / -cf "/out/$1-$2.tar" -T -
}

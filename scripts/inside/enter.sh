# For scripts in a host's image, which is read-only: a disk that is the image and what a tar file has of another one's
# modules and settings.
enter() {	# enter STATE: STATE.tar
	for each in usr/lib/modules/$(uname -r) etc; do
		umount "/$each" 2>/dev/null
		room=/run/$1/$each
		mkdir -p "$room/upper" "$room/work"
		mount -t overlay overlay -o "lowerdir=/$each,upperdir=$room/upper,workdir=$room/work" "/$each" || return 1
	done
	busybox tar -C / -xf "$1.tar"
}

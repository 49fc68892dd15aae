#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The RPM packages of an unpacked tarball, and what rpmlint says of the spec.
#
#   rpm.sh TARBALL DIRECTORY    the packages go to the directory

set -eu
tarball=$1
out=$2
name=$(basename "$tarball" .tar.gz)
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT

tar -C "$room" -xzf "$tarball"
spec=$room/$name/scripts/packaging/vfio-tce.spec
mkdir "$room/SOURCES"
cp "$tarball" "$room/SOURCES"
# --nodeps: a root of the lab's has no list of RPM's packages
rpmbuild -bb --nodeps --define "_topdir $room" --define "_tmppath $room" "$spec" >"$room/log" 2>&1 || {
	cat "$room/log" >&2
	exit 1
}
cp "$room"/RPMS/noarch/*.rpm "$out"
rpmlint --strict --config "${spec%.spec}.rpmlintrc.toml" "$spec" "$room"/RPMS/noarch/*.rpm

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The Debian packages of an unpacked tarball, and what lintian says of them.
# Needs debhelper, dh-dkms and lintian; runs in a root of the lab's.
#
#   deb.sh TARBALL DIRECTORY    the packages go to the directory

set -eu
tarball=$1
out=$2
name=$(basename "$tarball" .tar.gz)
version=${name#vfio-tce-}
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT

cp "$tarball" "$room/vfio-tce_$version.orig.tar.gz"
tar -C "$room" -xzf "$tarball"
cd "$room/$name"
cp -r scripts/packaging/debian .
# -d: a root of the lab's has the packages, but no list of them
SOURCE_DATE_EPOCH=$(dpkg-parsechangelog -STimestamp) dpkg-buildpackage -b -us -uc -d >"$room/log" 2>&1 || {
	cat "$room/log" >&2
	exit 1
}
cd "$room"
cp ./*.deb "$out"
lintian --fail-on error,warning --display-info --allow-root --tag-display-limit 0 ./*.changes

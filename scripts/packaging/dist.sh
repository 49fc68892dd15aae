#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# make dist: vfio-tce-VERSION.tar.gz of the files that git tracks, as they
# stand in the tree.  The same tree makes the same file, bit for bit: names are
# sorted, all is root's, and the time is that of the last commit.
#
#   dist.sh [DIRECTORY]    where the tarball goes (build/packages)

set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
out=${1:-$top/build/packages}
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' "$top/dkms.conf")
name=vfio-tce-$version

die() { echo "dist: $*" >&2; exit 1; }
# The lab runs as root in a clone that may be somebody else's.
git_() { git -c safe.directory="$top" -C "$top" "$@"; }

[ -n "$version" ] || die "dkms.conf names no PACKAGE_VERSION"
[ -e "$top/.git" ] || die "$top is no clone: a tarball is made of what git tracks"
command -v git >/dev/null || die "git is missing: apt-get install git"
time=$(git_ log -1 --format=%ct) || die "$top has no commit"
gone=$(git_ ls-files --deleted)
[ -z "$gone" ] || die "git tracks what is not in the tree: $gone"
git_ diff --quiet HEAD || echo "dist: the tree differs from its last commit; the tarball holds the tree" >&2

mkdir -p "$out"
room=$(mktemp -d "$out/.dist.XXXXXX")
trap 'rm -rf "$room"' EXIT
git_ ls-files -z >"$room/files"
LC_ALL=C sort -z "$room/files" >"$room/sorted"
tar -C "$top" --null --no-recursion -T "$room/sorted" --format=ustar --owner=0 --group=0 --numeric-owner \
	--mtime="@$time" --mode=u=rwX,go=rX --transform="s,^,$name/," -cf "$room/$name.tar"
gzip -9n "$room/$name.tar"
mv "$room/$name.tar.gz" "$out/"
echo "$out/$name.tar.gz"

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What a package with the module's source consists of, for any distribution:
# what DKMS builds from, the setting for modprobe, dracut's module.  Runs at the
# top of the tree.
#
# The package owns the setting, so its dkms.conf has no scripts: DKMS would
# remove what the administrator changed in it on every upgrade.
#
#   install-dkms.sh DESTDIR

set -eu
root=$1
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' dkms.conf)
source=$root/usr/src/vfio-tce-$version

install -d "$source/scripts" "$root/etc/modprobe.d" "$root/usr/lib/dracut/modules.d/90vfio-tce"
cp -r --preserve=mode Kbuild include src "$source"
find "$source" -name '*.md' -delete
cp scripts/check-compiler.sh scripts/check-engine-o.sh scripts/pahole-c.sh "$source/scripts"
sed '/^# What vfio loads/d; /^POST_/d' dkms.conf >"$source/dkms.conf"
install -m 644 scripts/modprobe.conf "$root/etc/modprobe.d/vfio-tce.conf"
install -m 755 scripts/packaging/dracut/module-setup.sh "$root/usr/lib/dracut/modules.d/90vfio-tce"

# In an initramfs that a distribution's program made, once it has loaded its modules: which driver is there?
# settings: wanted, unwanted (modules)
. /lab/settings
exec >/dev/hvc1 2>&1
loaded() { /lab/busybox grep -q "^$1 " /proc/modules; }
echo "@@lab begin"
verdict=0
what="it has loaded $wanted for vfio, and not $unwanted"
if loaded vfio_pci && loaded "$wanted" && ! loaded "$unwanted"; then
	echo "ok - $what"
else
	echo "not ok - $what: $(/lab/busybox grep -o '^vfio[a-z_]*' /proc/modules | /lab/busybox tr '\n' ' ')"
	verdict=1
fi
echo "@@lab exit $verdict"
/lab/busybox sleep 0.3
/lab/busybox poweroff -f

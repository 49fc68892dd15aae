"""Writing initramfs images (cpio "newc") without root rights or temporary trees."""

import pathlib
import stat


class Initramfs:
    def __init__(self):
        self._entries = {}

    def directory(self, name, mode=0o755):
        name = name.strip("/")
        if name and name not in self._entries:
            self._parent(name)
            self._entries[name] = (stat.S_IFDIR | mode, b"", (0, 0))

    def _parent(self, name):
        parent = str(pathlib.PurePosixPath(name).parent)
        if parent != ".":
            self.directory(parent)

    def data(self, name, data, mode=0o644):
        name = name.strip("/")
        self._parent(name)
        self._entries[name] = (stat.S_IFREG | mode, data if isinstance(data, bytes) else data.encode(), (0, 0))

    def file(self, name, path, mode=None):
        path = pathlib.Path(path)
        self.data(name, path.read_bytes(), path.stat().st_mode & 0o777 if mode is None else mode)

    def symlink(self, name, target):
        name = name.strip("/")
        self._parent(name)
        self._entries[name] = (stat.S_IFLNK | 0o777, target.encode(), (0, 0))

    def char_device(self, name, major, minor, mode=0o600):
        name = name.strip("/")
        self._parent(name)
        self._entries[name] = (stat.S_IFCHR | mode, b"", (major, minor))

    def write(self, path):
        with open(path, "wb") as out:
            for inode, (name, (mode, data, device)) in enumerate(self._entries.items(), 1):
                _record(out, inode, name, mode, data, device)
            _record(out, 0, "TRAILER!!!", 0, b"", (0, 0))


def _record(out, inode, name, mode, data, device):
    encoded = name.encode() + b"\0"
    fields = (inode, mode, 0, 0, 2 if stat.S_ISDIR(mode) else 1, 0, len(data), 0, 0, *device, len(encoded), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
    out.write(header + b"\0" * (-len(header) % 4) + data + b"\0" * (-len(data) % 4))

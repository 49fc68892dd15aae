"""The host as files: everything that is looked at is looked at by this."""

import os
import subprocess

_LARGEST = 64 << 20
_PIECE = 64 << 10


class Host:
    """A machine below root: the running one, or a copy of its files.

    Of a copy the file "page_size" tells the system's page size; commands are
    not run there.
    """

    def __init__(self, root="/"):
        self.root = root
        self.real = os.path.realpath(root) == "/"
        self._users = {}

    def path(self, name):
        return os.path.join(self.root, name.lstrip("/"))

    def read(self, name):
        """A file's text, whatever its bytes are. Raises OSError.

        In pieces: /proc/sys has no memory for a read of any size.
        """
        with open(self.path(name), "rb", buffering=0) as stream:
            pieces, left = [], _LARGEST
            while left > 0 and (piece := stream.read(min(left, _PIECE))):
                pieces.append(piece)
                left -= len(piece)
        return b"".join(pieces).decode("utf-8", "replace")

    def text(self, name, default=""):
        """A file's text without the blanks around it; default without it."""
        try:
            return self.read(name).strip()
        except OSError:
            return default

    def number(self, name, default=None):
        try:
            return int(self.text(name), 0)
        except ValueError:
            return default

    def list(self, name):
        try:
            return sorted(os.listdir(self.path(name)))
        except OSError:
            return []

    def link(self, name):
        """The last part of what a link names; empty without it."""
        try:
            return os.path.basename(os.readlink(self.path(name)))
        except OSError:
            return ""

    def exists(self, name):
        return os.path.lexists(self.path(name))

    @property
    def page_size(self):
        if self.real:
            return os.sysconf("SC_PAGE_SIZE")
        return self.number("page_size", 4096)

    @property
    def release(self):
        return self.text("proc/sys/kernel/osrelease", os.uname().release)

    @property
    def arch(self):
        return self.text("proc/sys/kernel/arch", os.uname().machine)

    @property
    def is_root(self):
        return os.geteuid() == 0

    def output(self, *argv):
        """What a command says; None where it cannot be run or fails."""
        if not self.real:
            return None
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
        try:
            done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, timeout=30,
                                  stderr=subprocess.DEVNULL, check=False)
        except (OSError, subprocess.SubprocessError):
            return None
        if done.returncode:
            return None
        return done.stdout.decode("utf-8", "replace")

    def fields(self, name):
        """Lines "key value" or "key: value" as a dictionary."""
        found = {}
        for line in self.text(name).splitlines():
            key, _, value = line.partition(":" if ":" in line else " ")
            found[key.strip()] = value.strip()
        return found

    def user(self, uid):
        """A user's name, or the number."""
        if uid not in self._users:
            self._users[uid] = self._look_up(uid)
        return self._users[uid]

    def _look_up(self, uid):
        for line in self._passwd():
            if line[2] == str(uid):
                return line[0]
        if self.real:
            import pwd
            try:
                return pwd.getpwuid(uid).pw_name
            except (KeyError, OverflowError):
                pass
        return str(uid)

    def _passwd(self):
        for line in self.text("etc/passwd").splitlines():
            fields = line.split(":")
            if len(fields) >= 4:
                yield fields

    def has_user(self, name):
        if any(line[0] == name for line in self._passwd()):
            return True
        if not self.real:
            return False
        import pwd
        try:
            pwd.getpwnam(name)
        except KeyError:
            return False
        return True

    def groups_of(self, name):
        """The names of a user's groups, as far as the files tell."""
        primary = {line[3] for line in self._passwd() if line[0] == name}
        found = set()
        for line in self.text("etc/group").splitlines():
            fields = line.split(":")
            if len(fields) < 4:
                continue
            if fields[2] in primary or name in fields[3].split(","):
                found.add(fields[0])
        return found

"""RLIMIT_MEMLOCK that a user gets: pam_limits and systemd."""

import re

UNLIMITED = -1
LIBVIRT_USERS = ("libvirt-qemu", "qemu")
_DEFAULT = 8 << 20          # the kernel's
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def _files(host, name):
    folder = f"etc/security/{name}.d"
    yield f"etc/security/{name}.conf"
    for each in host.list(folder):
        if each.endswith(".conf"):
            yield f"{folder}/{each}"


def _value(text):
    if text in ("unlimited", "-1", "infinity"):
        return UNLIMITED
    return int(text) << 10 if text.isdigit() else None


def _rank(domain, user, groups):
    """How well a line's domain fits: a user's own beats groups, those all."""
    if domain == user:
        return 3
    if domain[:1] == "@" and domain[1:] in groups:
        return 2
    return 1 if domain == "*" and user != "root" else 0


def of_login(host, user):
    """(soft limit in bytes or UNLIMITED, the file that says so)."""
    groups = host.groups_of(user)
    found, best, place = _DEFAULT, 0, "the kernel's default"
    for name in _files(host, "limits"):
        for line in host.text(name).splitlines():
            words = line.split("#")[0].split()
            if len(words) != 4 or words[2] != "memlock":
                continue
            rank, value = _rank(words[0], user, groups), _value(words[3])
            if value is None or words[1] not in ("-",
                                                 "soft") or rank < max(best, 1):
                continue
            found, best, place = value, rank, f"/{name}"
    return found, place


def _systemd_value(text):
    if text == "infinity":
        return UNLIMITED
    text = text.split(":")[0]
    match = re.fullmatch(r"(\d+)([KMGT]?)", text)
    return int(match[1]) * _UNITS[match[2]] if match else None


def of_services(host):
    """systemd's default for services; None: not set."""
    found = None
    names = ["etc/systemd/system.conf"]
    folder = "etc/systemd/system.conf.d"
    names += [f"{folder}/{each}" for each in host.list(folder)
              if each.endswith(".conf")]
    for name in names:
        for line in host.text(name).splitlines():
            key, _, value = line.partition("=")
            if key.strip() == "DefaultLimitMEMLOCK":
                found = _systemd_value(value.strip())
    return found


def of_process(host, pid):
    """The soft limit of a running process; None: not to be had."""
    for line in host.text(f"proc/{pid}/limits").splitlines():
        if line.startswith("Max locked memory"):
            word = line[len("Max locked memory"):].split()[:1]
            if word == ["unlimited"]:
                return UNLIMITED
            if word and word[0].isdigit():
                return int(word[0])
    return None

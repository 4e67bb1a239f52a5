"""TCP sockets that listen, as the kernel tells: what was bound once may be closed by now."""

import os
import socket
import struct

import serve_warm_names

_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_LISTENS = "0A"


def listening(port):
    """Return the addresses of the sockets that listen on a port, by inode; nothing where the kernel does not tell."""
    found = {}
    for table in _TABLES:
        try:
            with open(table) as file:
                lines = file.read().splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            host, _, number = fields[1].partition(":")
            if fields[3] == _LISTENS and int(number, 16) == port:
                found[int(fields[9])] = _address(host)
    return found


def inode(listening_socket):
    """Return what the kernel's tables and all processes know a socket by."""
    return os.fstat(listening_socket.fileno()).st_ino


def holds(inodes):
    """Tell whether this very process has one of the sockets of these inodes open."""
    wanted = {"socket:[%d]" % each for each in inodes}
    return bool(wanted) and any(_link(name) in wanted for name in os.listdir("/proc/self/fd"))


def is_own_address(host):
    """Tell whether an address, or a name, is this machine's own, in any network; no name server is asked."""
    if host == serve_warm_names.found_at(socket.gethostname()):
        return True
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            socket.inet_pton(socket.AF_INET, host)
            probe.bind((host, 0))
    except OSError:
        return False
    return True


def _link(name):
    try:
        return os.readlink("/proc/self/fd/" + name)
    except OSError:
        return ""


def _address(text):
    """Read an address in hexadecimal, in words of the machine's byte order; one of the older family as such."""
    words = [int(text[at : at + 8], 16) for at in range(0, len(text), 8)]
    packed = struct.pack("=%dI" % len(words), *words)
    host = socket.inet_ntop(socket.AF_INET if len(words) == 1 else socket.AF_INET6, packed)
    return host[len("::ffff:") :] if host.startswith("::ffff:") else host

"""TCP sockets that listen, as the kernel reports: what was bound once may be closed by now."""

import _socket
import os
import socket
import struct

import serve_warm_names

_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_LISTENS = "0A"

#: The kernel's interface for one who asks for sockets that listen alone (``man 7 sock_diag``): the tables have every
#: connection too, which takes 10 ms to write, and much longer after a load.
_NETLINK_SOCK_DIAG = 4
_BY_FAMILY = 20
_ALL = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
_ERROR, _DONE = 2, 3
_FAMILIES = ((socket.AF_INET, 4), (socket.AF_INET6, 16))

#: A message's head: its length, type, flags, number and sender. The question: family, protocol, states as bits, and
#: any socket. The answer: a port, an address, and after 68 bytes an inode.
_HEAD = struct.Struct("=IHHII")
_ASKED = struct.Struct("=BBxxI48x")
_TOLD = struct.Struct("!4xH2x16s")
_INODE = struct.Struct("=68xI")

#: Seconds that the kernel gets to answer.
_PATIENCE = 1.0


def listening(port):
    """Return the addresses of sockets that listen on a port, by inode; nothing if the kernel does not report them."""
    try:
        return _asked_for(port)
    except (OSError, AttributeError, struct.error):  # no such interface
        return _in_tables(port)


def _asked_for(port):
    found = {}
    for family, size in _FAMILIES:
        # Not Python's own class: a library that makes sockets wait in its event loop may be asked for this within it.
        kernel = _socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG)
        try:
            kernel.settimeout(_PATIENCE)
            asked = _ASKED.pack(family, socket.IPPROTO_TCP, 1 << int(_LISTENS, 16))
            kernel.send(_HEAD.pack(_HEAD.size + len(asked), _BY_FAMILY, _ALL, 0, 0) + asked)
            for told in _told(kernel):
                its_port, address = _TOLD.unpack_from(told)
                if its_port == port:
                    found[_INODE.unpack_from(told)[0]] = _named(family, address[:size])
        finally:
            kernel.close()
    return found


def _told(kernel):
    """Yield what the kernel reports of each socket; OSError if it reports that it cannot."""
    while True:
        chunk = kernel.recv(65536)
        while chunk:
            length, kind = _HEAD.unpack_from(chunk)[:2]
            message = chunk[_HEAD.size : length]
            if kind in (_ERROR, _DONE):
                number = -struct.unpack_from("=i", message)[0] if message else 0
                if number or kind == _ERROR:
                    raise OSError(number, os.strerror(number))
                return
            yield message
            chunk = chunk[(length + 3) // 4 * 4 :]


def _in_tables(port):
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
    return _named(socket.AF_INET if len(words) == 1 else socket.AF_INET6, packed)


def _named(family, packed):
    host = socket.inet_ntop(family, packed)
    return host[len("::ffff:") :] if host.startswith("::ffff:") else host

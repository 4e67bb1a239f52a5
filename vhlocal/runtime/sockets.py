"""Which TCP sockets listen, as Linux reports: in tables for whoever can read a file, and by an interface of its own.

The tables have every connection too, and the kernel takes 10 ms to write them however few there are. The
interface (``man 7 sock_diag``) lists only those that listen, which takes a tenth of a millisecond.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
from typing import TYPE_CHECKING

from vhlocal.runtime.base import Listener

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How a table begins.
HEAD = "local_address"

#: The state of a socket that listens, as it is written in a table.
_LISTENING = "0A"

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_REQUEST_ALL = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
_ERROR, _DONE = 2, 3

#: A message's head: its length, type, flags, number and sender.
_HEAD = struct.Struct("=IHHII")

#: What is asked for: family, protocol, two bytes of no use here, states as bits; then 48 bytes for any socket.
_ASKED = struct.Struct("=BBBBI48x")

#: The kernel's answer for a socket: its port, its address, and after 64 bytes in all its inode; then its user etc.
_ANSWER = struct.Struct("!4xH2x16s")
_INODE = struct.Struct("=68xI")

_CHUNK = 65536


def listening(table: str) -> dict[str, Listener]:
    """Return the sockets that listen by their inodes; ``table`` has the lines of ``/proc/net/tcp`` and ``tcp6``.

    Addresses are in hexadecimal there, in the machine's byte order.
    """
    found = {}
    for line in table.splitlines():
        if f" {_LISTENING} " not in line:  # most lines are of connections, and there may be thousands
            continue
        fields = line.split()
        if fields[3] == _LISTENING:
            address, _, port = fields[1].partition(":")
            found[fields[9]] = Listener(_host(address), int(port, 16))
    return found


def listening_here() -> dict[str, Listener]:
    """Return the sockets that listen in this process's own network by inode; OSError where Linux does not list them."""
    found = {}
    for family, size in ((socket.AF_INET, 4), (socket.AF_INET6, 16)):
        for answer in _answers(family):
            port, address = _ANSWER.unpack_from(answer)
            found[str(_INODE.unpack_from(answer)[0])] = Listener(_named(address[:size]), port)
    return found


def _answers(family: int) -> Iterator[bytes]:
    """Yield the kernel's answer for each socket that listens."""
    asked = _ASKED.pack(family, socket.IPPROTO_TCP, 0, 0, 1 << int(_LISTENING, 16))
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
        kernel.send(_HEAD.pack(_HEAD.size + len(asked), _SOCK_DIAG_BY_FAMILY, _REQUEST_ALL, 0, 0) + asked)
        while True:
            for kind, message in _messages(kernel.recv(_CHUNK)):
                if kind in (_DONE, _ERROR):
                    # What ends well ends with 0; what a kernel lacks it may report either way.
                    number = -struct.unpack_from("=i", message)[0]
                    if number or kind == _ERROR:
                        raise OSError(number, os.strerror(number))
                    return
                yield message


def _messages(chunk: bytes) -> Iterator[tuple[int, bytes]]:
    while chunk:
        length, kind, *_ = _HEAD.unpack_from(chunk)
        yield kind, chunk[_HEAD.size : length]
        chunk = chunk[(length + 3) // 4 * 4 :]


def _host(address: str) -> str:
    words = [bytes.fromhex(address[at : at + 8])[::-1] for at in range(0, len(address), 8)]
    return _named(b"".join(words))


def _named(address: bytes) -> str:
    host = ipaddress.ip_address(address)
    return str(getattr(host, "ipv4_mapped", None) or host)

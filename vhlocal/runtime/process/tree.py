"""What the processes of a server hold: sockets and memory."""

from __future__ import annotations

import contextlib
import sys

import psutil

from vhlocal.runtime.base import Listener


def listeners(guard: int) -> list[Listener]:
    """Return the TCP sockets that the processes below a guard listen on."""
    found = {}
    for process in _below(guard):
        with contextlib.suppress(psutil.Error):
            for each in process.net_connections("tcp"):
                if each.status == psutil.CONN_LISTEN and each.laddr:
                    host = str(each.laddr.ip).removeprefix("::ffff:")
                    found[host, int(each.laddr.port)] = Listener(host, int(each.laddr.port))
    return list(found.values())


def memory(guard: int) -> int:
    """Return the bytes that the processes below a guard use; what several share is counted once."""
    total = 0
    for process in _below(guard):
        with contextlib.suppress(psutil.Error):
            used = process.memory_full_info()
            total += int(used.pss if sys.platform == "linux" else used.uss)
    return total


def _below(guard: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return psutil.Process(guard).children(recursive=True)
    return []

"""What the processes of a server hold and use: sockets, memory and CPU."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

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


def usage(guard: int) -> tuple[int, float]:
    """Return what the processes below a guard use: bytes of memory, what several share once, and seconds of CPU.

    What processes had used that have ended is told by who waited for them.
    """
    memory, cpu = 0, 0.0
    with contextlib.suppress(psutil.Error):
        cpu = _of_ended(psutil.Process(guard).cpu_times())
    for process in _below(guard):
        with contextlib.suppress(psutil.Error):
            times, used = process.cpu_times(), process.memory_full_info()
            cpu += times.user + times.system + _of_ended(times)
            memory += int(used.pss if sys.platform == "linux" else used.uss)
    return memory, cpu


def _of_ended(times: Any) -> float:
    return float(times.children_user + times.children_system)


def _below(guard: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return psutil.Process(guard).children(recursive=True)
    return []

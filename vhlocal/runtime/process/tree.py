"""What the processes of a server hold and use: sockets, memory and CPU.

Each server is looked at once a second or oftener, so on Linux this reads the kernel's files on that server's processes
only. psutil reads the parent of every process of the machine, and the table of all connections once for each process;
and its import takes as long as a hundred looks. It is for another system, or an old Linux.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from functools import cache
from pathlib import Path

from vhlocal.runtime.base import Listener
from vhlocal.runtime.sockets import listening, listening_here

#: A process's share of memory that several use, in KiB.
_SHARE = re.compile(r"^Pss:\s+(\d+)", re.MULTILINE)


def listeners(guard: int) -> list[Listener]:
    """Return the TCP sockets that the processes below a guard listen on, each once."""
    below = _below(guard)
    found: list[Listener] = _by_tables(below) if sys.platform == "linux" else _by_psutil(below)
    return list(dict.fromkeys(found))


def usage(guard: int) -> tuple[int, float]:
    """Return what the processes below a guard use: bytes of memory, what several share once, and seconds of CPU.

    What ended processes had used is in the usage of whoever waited for them.
    """
    if not _tells_children():
        return _usage_by_psutil(guard)
    memory, cpu = 0, 0.0
    with contextlib.suppress(OSError, ValueError):  # it has ended
        cpu = sum(_seconds(guard)[2:])
    for pid in _below(guard):
        with contextlib.suppress(OSError, ValueError):
            spent, used = sum(_seconds(pid)), Path(f"/proc/{pid}/{_memory_table()}").read_text()
            cpu += spent
            memory += sum(map(int, _SHARE.findall(used))) * 1024
    return memory, cpu


def _seconds(pid: int) -> list[float]:
    """Return a process's seconds of CPU: in its own code, in the kernel, and both of those that it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return [int(ticks) / os.sysconf("SC_CLK_TCK") for ticks in fields[11:15]]


def _usage_by_psutil(guard: int) -> tuple[int, float]:
    import psutil  # noqa: PLC0415 - see the module

    memory, cpu = 0, 0.0
    with contextlib.suppress(psutil.Error):
        times = psutil.Process(guard).cpu_times()
        cpu = times.children_user + times.children_system
    for pid in _below(guard):
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            times, used = process.cpu_times(), process.memory_full_info()
            cpu += times.user + times.system + times.children_user + times.children_system
            memory += int(used.pss if sys.platform == "linux" else used.uss)
    return memory, cpu


def _by_tables(pids: list[int]) -> list[Listener]:
    found: list[Listener] = []
    tables: dict[str, dict[str, Listener]] = {}
    for pid in pids:
        with contextlib.suppress(OSError):  # it has ended
            network = str(Path(f"/proc/{pid}/ns/net").readlink())
            if network not in tables:
                tables[network] = _listening(pid, network)
            sockets = _sockets(pid)
            found += (listener for inode, listener in tables[network].items() if inode in sockets)
    return found


def _listening(pid: int, network: str) -> dict[str, Listener]:
    """Return the sockets that listen in the network that a process has."""
    if network == str(Path("/proc/self/ns/net").readlink()):
        with contextlib.suppress(OSError):
            return listening_here()
    found: dict[str, Listener] = {}
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):  # there is no IPv6 here, or the process has ended
            found |= listening(Path(f"/proc/{pid}/net/{table}").read_text())
    return found


def _sockets(pid: int) -> set[str]:
    """Return the inodes of the sockets that a process has open."""
    found = set()
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            kind, _, inode = str(descriptor.readlink()).partition(":")
            if kind == "socket":
                found.add(inode.strip("[]"))
    return found


def _by_psutil(pids: list[int]) -> list[Listener]:
    import psutil  # noqa: PLC0415 - see the module

    found = []
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            for each in psutil.Process(pid).net_connections("tcp"):
                if each.status == psutil.CONN_LISTEN and each.laddr:
                    found.append(Listener(str(each.laddr.ip).removeprefix("::ffff:"), int(each.laddr.port)))
    return found


def _below(guard: int) -> list[int]:
    """Return the ids of all processes below a guard, as far as they can be found."""
    if _tells_children():
        found = [guard]
        for pid in found:
            found += _children(pid)
        return found[1:]
    import psutil  # noqa: PLC0415 - see the module

    with contextlib.suppress(psutil.Error):
        return [each.pid for each in psutil.Process(guard).children(recursive=True)]
    return []


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):  # it has ended
        for thread in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                found += map(int, (thread / "children").read_text().split())
    return found


@cache
def _tells_children() -> bool:
    """Tell whether the system says of a thread which processes it has started: not every Linux does."""
    return Path("/proc/thread-self/children").exists()


@cache
def _memory_table() -> str:
    """Return the name of the file that has a process's memory: in one sum, or, on an old Linux, for each part."""
    return "smaps_rollup" if Path("/proc/self/smaps_rollup").exists() else "smaps"

"""Runs one server, with all that it starts, and ends them together: with its main process, or with vhlocal.

A script for a process of its own, of the standard library alone, and of little of that: each start waits for its
imports. It reads what to run from standard input: a line with a number of bytes, and so many bytes of ``marshal``,
which is for one Python alone: both sides run on the same. What follows there are orders, one byte each. The end of
standard input is the end of vhlocal, however that came: then, and whenever the main process has ended, everything that
is left of the server is killed. What it was making when vhlocal ended is taken away: nobody else knows of it, and it
may hold passwords. The exit code is the main process's, 128 and more for a signal, as a shell reports it.
"""

# ruff: noqa: SIM105 - ``contextlib`` takes as long to import as Python to start

from __future__ import annotations

import ctypes
import marshal
import os
import select
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Orders: ask the main process to end; kill all.
STOP = b"T"
KILL = b"K"

_SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG
_SET_CHILD_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER

_NOT_STARTED = 127

#: The exit code when vhlocal has ended.
_ALONE = 128 + 9  # SIGKILL, which Windows has no name for
_CHUNK = 65536


def main() -> int:
    """Run the server that standard input names, and return its exit code."""
    wakeup, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    for each in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(each, lambda *_: None)
    given, orders = _given()
    if not given:
        return 0
    _linux(_SET_CHILD_SUBREAPER, 1)
    spec = marshal.loads(given)
    server = _start(spec)
    # What the server prints ends with the server: nothing of it is held here.
    for number in (1, 2):
        os.close(number)
    try:
        return _attend(server, orders, wakeup)
    finally:
        _kill_all(server)
        if _vhlocal_has_ended():  # else it reads in them how the server ended, and takes them away
            for group in spec["groups"]:
                try:
                    os.rmdir(os.path.dirname(group))  # noqa: PTH106, PTH120
                except OSError:
                    pass
            if spec["unfinished"]:
                import shutil  # noqa: PLC0415 - quick to start

                shutil.rmtree(spec["unfinished"], ignore_errors=True)


def _given() -> tuple[bytes, bytes]:
    """Return what standard input gives to run, and orders that came with it; nothing where it ends before that."""
    text = b""
    while chunk := os.read(0, _CHUNK):
        text += chunk
        size, line, rest = text.partition(b"\n")
        if line and len(rest) >= int(size):
            return rest[: int(size)], rest[int(size) :]
    return b"", b""


def _start(spec: dict[str, Any]) -> int:
    """Start the main process as the leader of a session of its own, and return its id."""
    guard = os.getpid()
    server = os.fork()
    if server:
        return server
    try:
        os.setsid()
        _linux(_SET_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != guard:
            os._exit(_NOT_STARTED)
        for group in spec["groups"]:
            with open(group, "w") as procs:  # noqa: PTH123 - quick to start
                procs.write(str(os.getpid()))
        with open(os.devnull, "rb") as nothing:  # noqa: PTH123
            os.dup2(nothing.fileno(), 0)
        for each in (signal.SIGCHLD, signal.SIGTERM, signal.SIGPIPE):
            signal.signal(each, signal.SIG_DFL)
        os.chdir(spec["directory"])
        command, environment = spec["command"], spec["environment"]
        os.execvpe(command[0], command, environment)
    except OSError as error:
        os.write(2, f"{error}\n".encode())
    finally:
        os._exit(_NOT_STARTED)


def _attend(server: int, orders: bytes, wakeup: int) -> int:
    """Obey until the main process has ended, and return its exit code."""
    while True:
        for order in (orders[at : at + 1] for at in range(len(orders))):
            _signal(server, signal.SIGTERM if order == STOP else signal.SIGKILL)
        ready, _, _ = select.select([0, wakeup], [], [])
        if wakeup in ready and signal.SIGTERM in os.read(wakeup, _CHUNK):
            return 128 + signal.SIGTERM
        code = _reap(server)
        if code is not None:
            return code
        orders = os.read(0, _CHUNK) if 0 in ready else b""
        if 0 in ready and not orders:
            return _ALONE


def _vhlocal_has_ended() -> bool:
    while select.select([0], [], [], 0)[0]:
        if not os.read(0, _CHUNK):
            return True
    return False


def _reap(server: int) -> int | None:
    """Bury who has ended, adopted ones too; return the main process's exit code once it has."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return _NOT_STARTED
        if not pid:
            return None
        if pid == server:
            return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _kill_all(server: int) -> None:
    """Kill what is left, until nothing is. Where orphans are not adopted, that is the server's own group."""
    try:
        os.killpg(server, signal.SIGKILL)
    except OSError:
        pass
    while sys.platform == "linux" and (left := _descendants()):
        for pid in left:
            _signal(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            pass


def _descendants() -> list[int]:
    """Return the ids of all processes below this one."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - quick to start
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as stat:  # noqa: PTH123
                    parent = int(stat.read().rpartition(b")")[2].split()[1])
                    children.setdefault(parent, []).append(int(name))
            except (OSError, ValueError):
                pass
    found: list[int] = []
    waiting = [os.getpid()]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def _linux(option: int, value: int) -> None:
    """Set an attribute of this process, where the system knows it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, int(value), 0, 0, 0)


if __name__ == "__main__":
    os._exit(main())

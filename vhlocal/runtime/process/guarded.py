"""A server's process behind its guard (``guard.py``), from its start to its end."""

from __future__ import annotations

import contextlib
import marshal
import os
import secrets
import selectors
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vhlocal.runtime.base import Exit, Throttling
from vhlocal.runtime.lines import Lines
from vhlocal.runtime.process import guard
from vhlocal.runtime.process.cgroup import make_group
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vhlocal.contract.limits import ContainerLimits
    from vhlocal.runtime.base import OnExit, OnLine, Spares
    from vhlocal.runtime.process.cgroup import Group

_CHUNK = 65536

#: The exit code of who was killed.
_KILLED = 137

#: Seconds between two looks whether the kernel has killed one of the processes for memory.
_BETWEEN_LOOKS = 0.25

_GUARD = (sys.executable, "-I", "-S", str(Path(guard.__file__)))


@dataclass(frozen=True)
class Orders:
    """What a guard is to run: a command, all of its environment, and its working directory.

    ``unfinished`` is a directory that it takes away when vhlocal has ended before the command, if it is not empty.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str]
    directory: str
    unfinished: str = ""


class Started(NamedTuple):
    """What a guard runs, whoever reads of it what it prints; ``group`` keeps its limits where the kernel does."""

    process: subprocess.Popen[bytes]
    group: Group | None


def start(process: subprocess.Popen[bytes], orders: Orders, limits: ContainerLimits) -> Started:
    """Have an ``idle`` guard carry out ``orders`` within ``limits``."""
    name = f"vhlocal-{secrets.token_hex(6)}"
    limited = limits.memory is not None or limits.cpus is not None
    group = make_group(name, limits.memory, limits.cpus) if limited else None
    give(process, orders, group.procs if group else ())
    return Started(process, group)


class Guarded:
    """One server that was started.

    The ``callbacks``, for lines, the end, and what it ``Spares``, are called in a thread of its own; the one for the
    end last, and once.
    """

    def __init__(self, started: Started, callbacks: tuple[OnLine, OnExit, Spares]) -> None:
        self._process, self._group = started
        self._killed_for_memory = False
        on_line, self._on_exit, self._spares = callbacks
        self._kills = 0
        threading.Thread(target=self._follow, args=(on_line,), name="vhlocal-output", daemon=True).start()

    @property
    def pid(self) -> int:
        """The guard's process id; the server's processes are below it."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    @property
    def limited(self) -> bool:
        """Whether the kernel keeps its memory limit."""
        return self._group is not None and "memory" in self._group.limited

    @property
    def throttling(self) -> Throttling | None:
        """How its CPU limit has held it back; None where the kernel keeps none."""
        found = self._group.throttling if self._group is not None else None
        return None if found is None else Throttling(*found)

    def stop(self, grace: float) -> None:
        """Ask it to end, end it after ``grace`` seconds, and return when it has."""
        if grace > 0:
            self._order(guard.STOP)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(grace)
        end(self._process)

    def _order(self, order: bytes) -> None:
        _write(self._process, order)

    def _follow(self, on_line: OnLine) -> None:
        """Hand on what is printed until all of the server has ended."""
        with selectors.DefaultSelector() as selector:
            for name, stream in (("stdout", self._process.stdout), ("stderr", self._process.stderr)):
                selector.register(stream, selectors.EVENT_READ, _lines(name, on_line))  # type: ignore[arg-type]
            while selector.get_map():
                for key, _ in selector.select(_BETWEEN_LOOKS if self.limited else None):
                    chunk = os.read(key.fd, _CHUNK)
                    key.data.feed(chunk)
                    if not chunk:
                        key.data.end()
                        selector.unregister(key.fileobj)
                self._end_if_killed()
        self._on_exit(self._end())

    def _end_if_killed(self) -> None:
        """End the server when the kernel has killed one of its processes for memory, and nobody spares it (K2)."""
        kills = 0 if self._group is None else self._group.kills
        if kills > self._kills and not self._killed_for_memory:
            self._kills = kills
            if not self._spares():
                self._killed_for_memory = True
                self._order(guard.KILL)

    def _end(self) -> Exit:
        code = self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream is not None
            stream.close()
        code = code if code >= 0 else 128 - code
        killed = self._killed_for_memory
        if self._group is not None:
            # Who was killed earlier may have been no loss to the server.
            killed = killed or (code == _KILLED and self._group.kills > 0)
            self._group.remove()
        return Exit(code, killed)


def idle(stderr: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
    """Start a guard that waits for what it is to run, and ends with vhlocal if nothing comes."""
    return subprocess.Popen(
        _GUARD,
        bufsize=0,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        start_new_session=True,
    )


def give(process: subprocess.Popen[bytes], orders: Orders, groups: Sequence[Path] = ()) -> None:
    """Tell an idle guard what to run; ``groups`` are files by which that joins its control groups."""
    spec = marshal.dumps({**asdict(orders), "groups": [str(path) for path in groups]})
    _write(process, b"%d\n%b" % (len(spec), spec))


def end(process: subprocess.Popen[bytes]) -> None:
    """End what a guard runs, with all that it started, and return when that is done."""
    _write(process, guard.KILL)
    process.wait()


def drop(process: subprocess.Popen[bytes]) -> None:
    """End an idle guard."""
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    process.wait()


def _write(process: subprocess.Popen[bytes], text: bytes) -> None:
    assert process.stdin is not None
    with contextlib.suppress(OSError, ValueError):
        process.stdin.write(text)


def _lines(name: str, on_line: OnLine) -> Lines:
    return Lines(lambda line: on_line(name, line))

"""Who has which files open for writing: this process, what it has started, and what reads its output."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable

_OUTPUTS = (1, 2)


def own_output(directory: Path) -> frozenset[Path]:
    """Return the files in ``directory`` that this process has open for writing, or a command that it is piped into.

    Such as those of ``vhlocal up > up.log`` and of ``vhlocal up | tee up.log``.
    """
    real = directory.resolve()
    held = _held([psutil.Process(), *_readers()])
    return frozenset(directory / path.relative_to(real) for path in held if path.is_relative_to(real))


def held_open() -> set[Path]:
    """Return the files that this process, its pipeline or anything that it has started has open for writing.

    Without links in their paths. Some may be missing where the system does not tell.
    """
    this = psutil.Process()
    started = []
    with contextlib.suppress(psutil.Error):
        started = this.children(recursive=True)
    return _held([this, *started, *_readers()])


def _held(processes: Iterable[psutil.Process]) -> set[Path]:
    """Return which files processes have open for writing, without links in their paths."""
    found = set()
    for process in processes:
        with contextlib.suppress(psutil.Error, OSError):
            for file in process.open_files():
                if set(getattr(file, "mode", "")) & {"w", "a", "+"} or file.fd in _OUTPUTS:
                    found.add(Path(file.path))
    return found


def _readers() -> list[psutil.Process]:
    """Return the processes of this one's pipeline that read what it prints, and those that read what they print."""
    pipes = {pipe for number in _OUTPUTS if (pipe := _pipe_of(os.getpid(), number))}
    if not pipes:
        return []
    group = os.getpgrp()
    waiting = [pid for pid in psutil.pids() if pid != os.getpid() and _group_of(pid) == group]
    found: list[psutil.Process] = []
    while readers := [pid for pid in waiting if _pipe_of(pid, 0) in pipes]:
        for pid in readers:
            waiting.remove(pid)
            pipes |= {pipe for number in _OUTPUTS if (pipe := _pipe_of(pid, number))}
            with contextlib.suppress(psutil.Error):
                found.append(psutil.Process(pid))
    return found


def _pipe_of(pid: int, number: int) -> tuple[int, int] | None:
    """Return what identifies the pipe that a process has as this descriptor; None where it is none, or not known."""
    try:
        seen = Path(f"/proc/{pid}/fd/{number}").stat()
    except OSError:
        return None
    return (seen.st_dev, seen.st_ino) if stat.S_ISFIFO(seen.st_mode) else None


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except OSError:
        return None

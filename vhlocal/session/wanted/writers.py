"""Who has which files open for writing: this process, what it has started, and what reads its output.

By Linux's ``/proc``, and by hand: it is asked at saves. Elsewhere nothing is known.
"""

from __future__ import annotations

import functools
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

_OUTPUTS = (1, 2)


def own_output(directory: Path) -> frozenset[Path]:
    """Return the files in ``directory`` that this process has open for writing, or a command that it is piped into.

    Such as those of ``vhlocal up > up.log`` and of ``vhlocal up | tee up.log``.
    """
    real = directory.resolve()
    found = {Path(path) for pid in (os.getpid(), *_readers()) for path in _written_by(pid)}
    return frozenset(directory / path.relative_to(real) for path in found if path.is_relative_to(real))


def held_open(files: Collection[str]) -> set[str]:
    """Return which of these files this process, its pipeline or anything that it has started has open for writing.

    ``files`` are without links in their paths.
    """
    pids = {os.getpid(), *_pipeline(), *_descendants(os.getpid())}
    return {path for pid in pids for path in _written_by(pid, files)}


def _written_by(pid: int, files: Collection[str] | None = None) -> Iterator[str]:
    """Yield the regular files that a process has open for writing, of these where any are given."""
    for number in _entries(f"/proc/{pid}/fd"):
        try:
            path = os.readlink(f"/proc/{pid}/fd/{number}")  # noqa: PTH115 - some thousands, at a save
            if path.startswith("/") and (files is None or path in files) and _is_written(pid, number, path):
                yield path
        except OSError:
            continue  # closed since, or another user's


def _is_written(pid: int, number: str, path: str) -> bool:
    """Tell whether a descriptor is that of the regular file at ``path`` and may be written to.

    It may be another file's by now: whoever copies a file opens the copy, often under the same number, once that is
    read. From 5.14 on Linux reports both in one piece.
    """
    there = Path(path).stat()
    lines = Path(f"/proc/{pid}/fdinfo/{number}").read_text().splitlines()
    facts = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if not stat.S_ISREG(there.st_mode) or int(facts.get("flags", "0"), 8) & os.O_ACCMODE == os.O_RDONLY:
        return False
    if "ino" in facts:
        return int(facts["ino"]) == there.st_ino
    return os.readlink(f"/proc/{pid}/fd/{number}") == path  # noqa: PTH115 - as above


def _descendants(pid: int) -> Iterator[int]:
    for task in _entries(f"/proc/{pid}/task"):
        try:
            children = Path(f"/proc/{pid}/task/{task}/children").read_text().split()
        except OSError:
            continue
        for child in map(int, children):
            yield child
            yield from _descendants(child)


def _readers() -> list[int]:
    """Return the processes of this one's pipeline that read what it prints, and those that read what they print."""
    pipes = set(_pipes(os.getpid(), _OUTPUTS))
    if not pipes:  # as on Windows, which knows no groups of processes either
        return []
    group = os.getpgrp()
    numbers = map(int, filter(str.isdecimal, _entries("/proc")))
    waiting = [pid for pid in numbers if pid != os.getpid() and _group_of(pid) == group]
    found: list[int] = []
    while readers := [pid for pid in waiting if not pipes.isdisjoint(_pipes(pid, (0,)))]:
        for pid in readers:
            waiting.remove(pid)
            pipes.update(_pipes(pid, _OUTPUTS))
        found += readers
    return found


@functools.cache
def _pipeline() -> tuple[int, ...]:
    """Return ``_readers`` as they were when somebody first asked: by then all of a pipeline has begun."""
    return tuple(_readers())


def _pipes(pid: int, numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield what identifies the pipes among these descriptors of a process."""
    for number in numbers:
        try:
            seen = Path(f"/proc/{pid}/fd/{number}").stat()
        except OSError:
            continue
        if stat.S_ISFIFO(seen.st_mode):
            yield (seen.st_dev, seen.st_ino)


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except OSError:
        return None


def _entries(directory: str) -> list[str]:
    try:
        return os.listdir(directory)  # noqa: PTH208 - as above
    except OSError:
        return []

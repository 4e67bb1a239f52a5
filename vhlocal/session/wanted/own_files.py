"""Files of the project that the run writes itself: no edits, or each reload would cause the next.

Two things are sure: who has a file open for writing, and which files Python servers report
writing. What is not sure is an edit.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vhlocal.session.wanted.load import Loaded, left_out_notice
from vhlocal.session.wanted.writers import held_open

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from vhlocal.events import Bus
    from vhlocal.session.wanted.desired import Inputs

    Load = Callable[[Inputs, frozenset[Path] | None], Loaded]
    Writes = Callable[[], Mapping[Path, float]]

#: A file that has changed so often within so many seconds is asked about.
_OFTEN = 3
_WITHIN = 30.0

#: Seconds from the opening of a file to the last change of it by who has opened it, and closed it since.
_TO_WRITE = 0.5


class OwnFiles:
    """Reads as ``load`` does, but for files that the run itself was seen to write; each is reported to the user once.

    ``left_out`` are those known from the start, ``writes`` returns those that servers have written, with the times, in
    seconds of the epoch. One that somebody else edits is an ordinary file again. May be called from any thread, but
    from one at a time.
    """

    def __init__(self, load: Load, bus: Bus, left_out: frozenset[Path], writes: Writes) -> None:
        self._load = load
        self._bus = bus
        self._left_out = left_out
        self._writes = writes
        self._changes: dict[Path, list[float]] = defaultdict(list)
        self._reported = set(left_out)
        self._failed = False

    def __call__(self, previous: Inputs, touched: frozenset[Path] | None) -> Loaded:
        """Return the project as it stands; errors as those of ``load``.

        ``touched`` are the paths that may have changed since ``previous`` was read; None where any may.
        """
        before = self._left_out
        if touched is not None:
            self._judge(previous, touched)
            touched -= self._left_out
            if not touched and self._left_out == before and not self._failed:
                return Loaded(previous, ())
        self._failed = True
        loaded = self._load(replace(previous, left_out=self._left_out), touched)
        self._failed = False
        return loaded

    def _judge(self, previous: Inputs, touched: frozenset[Path]) -> None:
        """Leave out what the run was seen to write, and take in again what somebody else has."""
        directory = previous.package.directory
        suspects = {path for path in touched if path in self._left_out or self._is_frequent(previous, path)}
        if not suspects:
            return
        own = self._own(suspects)
        for path in (suspects & self._left_out) - own:
            self._changes.pop(path, None)
        self._left_out = (self._left_out - suspects) | own
        for path in sorted(own - self._reported):
            self._bus.publish(left_out_notice(path, directory))
        self._reported |= own

    def _is_frequent(self, previous: Inputs, path: Path) -> bool:
        """Count a change of a file that matters, and return whether there have been many lately."""
        directory = previous.package.directory
        inside = path.relative_to(directory).as_posix() if path.is_relative_to(directory) else ""
        if inside not in previous.package.files and path not in previous.sources:
            return False
        now = time.monotonic()
        self._changes[path] = [*(each for each in self._changes[path] if now - each < _WITHIN), now]
        return len(self._changes[path]) >= _OFTEN

    def _own(self, paths: Iterable[Path]) -> set[Path]:
        wrote = self._writes()
        found = {path for path in paths if _was_written(path, wrote)}
        if rest := set(paths) - found:
            held = held_open({os.path.realpath(path) for path in rest})
            found |= {path for path in rest if os.path.realpath(path) in held}
        return found


def _was_written(path: Path, wrote: Mapping[Path, float]) -> bool:
    """Tell whether the last change of a file was made by the server that reported writing it."""
    written = wrote.get(Path(os.path.realpath(path)))
    if written is None:
        return False
    try:
        return path.stat().st_mtime - written < _TO_WRITE
    except OSError:
        return False

"""Reads a project once its files are there: some saves take a file away, or empty it, and write it a moment later.

Editors do, formatters, and a checkout of another branch. What the project would be without the file is not asked for.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from vhlocal.errors import VhlocalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from vhlocal.session.desired import Inputs
    from vhlocal.session.load import Loaded

    Load = Callable[[Inputs, frozenset[Path] | None], Loaded]

#: Seconds after which a file that is away is believed to be gone; and those between two looks at it, in which one that
#: is back has to stay as it is.
PATIENCE = 0.5
_LOOK = 0.02

#: How a file looks: bytes and time of its last change.
_Look = tuple[int, int]


class SettledLoad:
    """Reads as ``load`` does. May be called from any thread, but not side by side."""

    def __init__(self, load: Load, patience: float = PATIENCE) -> None:
        self._load = load
        self._patience = patience
        #: The files besides the package that were there at the last reading, and all that were waited for in vain.
        self._sources: frozenset[Path] = frozenset()
        self._gone: frozenset[Path] = frozenset()

    def __call__(self, previous: Inputs, touched: frozenset[Path] | None) -> Loaded:
        """Return the project as it stands; errors as those of ``load``.

        ``touched`` are the paths that may have changed since ``previous`` was read; None where any may.
        """
        if touched is not None:
            self._wait_for(self._away(previous, touched))
        try:
            loaded = self._read(previous, touched)
            away = self._away(previous, _lost(previous, loaded.inputs))
        except VhlocalError:
            everything = (file.source for file in previous.package.files.values())
            away = self._away(previous, [*everything, *self._sources])
            if not away:
                raise
        if not away:
            return loaded
        # No event has told of it yet, since it went while others were read.
        self._wait_for(away)
        return self._read(previous, None)

    def _read(self, previous: Inputs, touched: frozenset[Path] | None) -> Loaded:
        loaded = self._load(previous, touched)
        self._sources = frozenset(source for source in loaded.inputs.sources if _look(source))
        return loaded

    def _away(self, previous: Inputs, paths: Iterable[Path]) -> frozenset[Path]:
        """Return which of the files that had something in them are not there, or empty, and may be back in a moment."""
        self._gone = frozenset(path for path in self._gone if not _look(path))
        return frozenset(path for path in paths if self._had_content(previous, path) and not _look(path)) - self._gone

    def _had_content(self, previous: Inputs, path: Path) -> bool:
        if path in self._sources:
            return True
        directory = previous.package.directory
        inside = path.relative_to(directory).as_posix() if path.is_relative_to(directory) else ""
        known = previous.package.files.get(inside)
        return known is not None and known.size > 0

    def _wait_for(self, away: frozenset[Path]) -> None:
        """Return once all of these files are there and stay as they are, or after the time that they get."""
        until = time.monotonic() + self._patience
        before: dict[Path, _Look | None] = {}
        now = {path: _look(path) for path in away}
        while (now != before or not all(now.values())) and away and time.monotonic() < until:
            time.sleep(_LOOK)
            before, now = now, {path: _look(path) for path in away}
        self._gone |= frozenset(path for path, look in now.items() if not look)


def _lost(previous: Inputs, inputs: Inputs) -> list[Path]:
    """Return the packaged files that are not there any more, or not what they were."""
    before, after = previous.package.files, inputs.package.files
    return [file.source for path, file in before.items() if after.get(path) is not file]


def _look(path: Path) -> _Look | None:
    """Return how a file looks; None where there is none, or nothing in it."""
    try:
        seen = path.stat()
    except OSError:
        return None
    return (seen.st_size, seen.st_mtime_ns) if seen.st_size else None

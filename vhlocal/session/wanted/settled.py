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

    from vhlocal.session.wanted.desired import Inputs
    from vhlocal.session.wanted.load import Loaded

    Load = Callable[[Inputs, frozenset[Path] | None], Loaded]

#: Seconds after which a file that is away is believed to be gone; and those between two looks at it, in which one that
#: is back has to stay as it is.
PATIENCE = 0.5
_LOOK = 0.02

#: How often a project is read that changes meanwhile, until it is taken as it is.
_TRIES = 5

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
        for _ in range(_TRIES):
            try:
                loaded = self._read(previous, touched)
            except VhlocalError:
                everything = (file.source for file in previous.package.files.values())
                away = self._away(previous, [*everything, *self._sources])
                away = away or frozenset(filter(self._is_fresh, {*self._sources, *(touched or ())}))
                if not away:
                    raise
            else:
                away = self._lost(previous, loaded.inputs)
                if not away:
                    return loaded
            # No event has reported it yet, since it went while others were read.
            self._wait_for(away)
            touched = None
        return self._read(previous, None)

    def _read(self, previous: Inputs, touched: frozenset[Path] | None) -> Loaded:
        loaded = self._load(previous, touched)
        self._sources = frozenset(source for source in loaded.inputs.sources if _look(source))
        return loaded

    def _away(self, previous: Inputs, paths: Iterable[Path]) -> frozenset[Path]:
        """Return which of the files that had something in them are not there, or empty, and may be back in a moment."""
        self._gone = frozenset(path for path in self._gone if not _look(path))
        return frozenset(path for path in paths if self._had_content(previous, path) and not _look(path)) - self._gone

    def _lost(self, previous: Inputs, inputs: Inputs) -> frozenset[Path]:
        """Return which packaged files had something in them, and were read without; they may be back by now."""
        before, after = previous.package.files, inputs.package.files
        differing = [(file, after.get(path)) for path, file in before.items() if after.get(path) is not file]
        lost = {file.source for file, new in differing if file.size and (new is None or not new.size)}
        return frozenset(lost - self._gone)

    def _is_fresh(self, path: Path) -> bool:
        """Tell whether a file was saved a moment ago, so that it may not have been whole when it was read."""
        try:
            return time.time() - path.stat().st_mtime < self._patience
        except OSError:
            return False

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


def _look(path: Path) -> _Look | None:
    """Return how a file looks; None where there is none, or nothing in it."""
    try:
        seen = path.stat()
    except OSError:
        return None
    return (seen.st_size, seen.st_mtime_ns) if seen.st_size else None

"""Saves, gathered: an editor's save is several file events, a branch checkout is thousands. Pure but for the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: A batch ends after so many seconds without an event, or once it has lasted for the longest. The events of an editor's
#: save come within a millisecond or two; of one that takes longer the rest is a newer save, which nothing is lost by.
QUIET = 0.005
LONGEST = 2.0

#: Quiet has to last longer where more than so many paths were touched: whoever touches many, such as a checkout, may
#: be kept waiting by the disk in between (gaps of 50 ms were measured), and nobody waits for a lone save.
_QUIET_AMONG = ((100, 0.3), (4, 0.1))


class Batch:
    """Collects touched paths until they pause. ``clock`` gives seconds that only ever grow."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._first: float | None = None
        self._last = 0.0
        self._paths: set[Path] = set()
        self._anything = False

    def add(self, path: Path | None) -> None:
        """Note a path that may have changed, or None when anything may have."""
        self._last = self._clock()
        if self._first is None:
            self._first = self._last
        if path is None:
            self._anything = True
        else:
            self._paths.add(path)

    @property
    def began(self) -> float | None:
        """When the first event came, by the clock; None when there is none."""
        return self._first

    def remaining(self) -> float | None:
        """Return the seconds to wait before the batch may be taken; 0 or less when now, None when it is empty."""
        if self._first is None:
            return None
        quiet = next((quiet for many, quiet in _QUIET_AMONG if len(self._paths) > many), QUIET)
        return min(self._last + quiet, self._first + LONGEST) - self._clock()

    def take(self) -> frozenset[Path] | None:
        """Return the paths that may have changed, or None when anything may have, and begin anew."""
        taken = None if self._anything else frozenset(self._paths)
        self._first, self._paths, self._anything = None, set(), False
        return taken

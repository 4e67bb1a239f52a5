"""Saves, gathered: an editor's save is several file events, a branch checkout is thousands. Pure but for the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: A batch ends after this many seconds without an event, or once it has lasted for the longest.
QUIET = 0.05
LONGEST = 2.0


class Batch:
    """Collects events until they pause. ``clock`` gives seconds that only ever grow."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._first: float | None = None
        self._last = 0.0

    def add(self) -> None:
        """Note an event."""
        self._last = self._clock()
        if self._first is None:
            self._first = self._last

    def remaining(self) -> float | None:
        """Return the seconds to wait before the batch may be taken; 0 or less when now, None when it is empty."""
        if self._first is None:
            return None
        return min(self._last + QUIET, self._first + LONGEST) - self._clock()

    def take(self) -> None:
        """Begin anew."""
        self._first = None

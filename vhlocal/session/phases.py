"""Where the time of a reload went. Pure but for the clock."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Phases:
    """The parts of a reload in their order, each from the end of the one before; times in monotonic seconds."""

    def __init__(self, began: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._began = began
        self._last = began
        self._clock = clock
        self._ended: list[tuple[str, float]] = []

    def mark(self, name: str, at: float | None = None) -> None:
        """End a phase now, or at a time that has been."""
        now = max(self._last, self._clock() if at is None else at)
        self._ended.append((name, now - self._last))
        self._last = now

    def include(self, name: str, seconds: float) -> None:
        """Put a part before the beginning that was done before it."""
        self._ended.append((name, seconds))
        self._began -= seconds

    def copy(self) -> Phases:
        """Return the same so far, to go on by itself."""
        other = Phases(self._began, self._clock)
        other._last, other._ended = self._last, list(self._ended)
        return other

    @property
    def seconds(self) -> float:
        """The seconds from the beginning to the end of the last phase."""
        return self._last - self._began

    @property
    def ended(self) -> tuple[tuple[str, float], ...]:
        """Name and seconds of each phase."""
        return tuple(self._ended)

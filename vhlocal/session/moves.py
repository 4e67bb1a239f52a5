"""The moves of a run's aliases: the last ones kept, and where each alias goes back to (P3). Pure."""

from __future__ import annotations

from collections import deque

from vhlocal.values import dataclass

#: Moves that are kept of all aliases together; and steps that one alias can be taken back.
KEPT = 100


@dataclass(frozen=True)
class Move:
    """One move of an alias: ``before`` is None where it pointed nowhere, ``after`` where it points nowhere since."""

    alias: str
    before: str | None
    after: str | None
    time: float


class Moves:
    """What is known of the moves so far; bounded, since a script may move an alias for days."""

    def __init__(self) -> None:
        self._last: deque[Move] = deque(maxlen=KEPT)
        #: Moves that are not kept any more.
        self.forgotten = 0
        #: Where each alias that was moved has pointed, without what was returned from; the last is where it points.
        self._trails: dict[str, deque[str | None]] = {}

    def add(self, move: Move) -> None:
        """Take in a move that has been made."""
        self.forgotten += len(self._last) == KEPT
        self._last.append(move)
        trail = self._trails.setdefault(move.alias, deque([move.before], KEPT + 1))
        if len(trail) > 1 and trail[-2] == move.after:
            trail.pop()
        else:
            trail.append(move.after)
        if len(trail) == 1:
            del self._trails[move.alias]  # as if it had never been moved

    def last(self) -> tuple[Move, ...]:
        """Return the last moves, the oldest first."""
        return tuple(self._last)

    def can_go_back(self, alias: str) -> bool:
        """Tell whether an alias has been moved, other than back."""
        return alias in self._trails

    def back(self, alias: str) -> str | None:
        """Return where an alias that can go back pointed before its last move that was not a return; None: nowhere."""
        return self._trails[alias][-2]

"""What the end of a run waits for, in the user's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vhlocal.model import State
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable

    from vhlocal.model import ServedAt
    from vhlocal.runtime.base import Runtime
    from vhlocal.session.board import Board


@dataclass(frozen=True)
class Waits:
    """``runtime`` is the run's, once it has one, ``in_flight`` counts a server's requests.

    ``grace`` are the seconds that servers get to end, ``drain`` those that requests get.
    """

    board: Board
    runtime: Callable[[], Runtime | None]
    in_flight: Callable[[ServedAt], int]
    grace: float
    drain: float

    def unremoved(self) -> str:
        """Return whose servers are still there."""
        runtime = self.runtime()
        noun = "servers" if runtime is None else runtime.noun
        return f"the {noun} of {self._names()} to be removed"

    def unended(self) -> str:
        """Return whose servers have not ended."""
        return f"{self._names()} to end (up to {self.grace:.0f} s)"

    def unanswered(self) -> str:
        """Return whose requests have no answer yet."""
        counts = {status.name: self.in_flight(status.at) for status in self.board.statuses()}
        busy = [f"{name} ({_requests(count)}" for name, count in counts.items() if count]
        return ", ".join(f"{who} in flight, up to {self.drain:.0f} s)" for who in busy or ["clients (requests"])

    def _names(self) -> str:
        left = [status.name for status in self.board.statuses() if status.state is not State.STOPPED]
        return ", ".join(left) or "this run"


def _requests(count: int) -> str:
    return f"{count} request{'s' if count > 1 else ''}"

"""One edit of an endpoint's replicas: all of them take over with it, or none does (K3)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from vhlocal.session.tasks import settle

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vhlocal.model import ServedAt
    from vhlocal.session.diagnosis.exits import Explanation


class NotTogetherError(Exception):
    """Another replica did not come up with the same code: ``who``, and ``why``. ``again`` asks to be tried anew."""

    def __init__(self, who: ServedAt, why: Explanation, *, again: bool) -> None:
        super().__init__(f"{who}: {why.reason}")
        self.who = who
        self.why = why
        self.again = again


class Together:
    """What replicas know of one another while they bring in the same edit. Only in the event loop's thread."""

    def __init__(self, replicas: Iterable[ServedAt]) -> None:
        #: Who has not taken over yet, and will.
        self._left = set(replicas)
        self.replicas = len(self._left)
        self._answered: dict[ServedAt, asyncio.Future[None]] = {}
        self._failed: NotTogetherError | None = None
        self._took_over = False

    async def answered(self, at: ServedAt) -> None:
        """Return once the servers of all replicas have answered as this one's has; NotTogetherError where one fails."""
        if self._failed is not None:
            raise self._failed
        self._answered[at] = waiting = asyncio.get_running_loop().create_future()
        self._look()
        await waiting

    def leave(self, at: ServedAt) -> None:
        """Wait for this one no longer: it has no server that could be older, or what is wanted is there already."""
        self._left.discard(at)
        self._look()

    def fail(self, at: ServedAt, why: Explanation, *, again: bool = False) -> bool:
        """Let none take over; True where nobody has failed before, so that this failure is the one to report."""
        if self._failed is not None:
            return False
        self._failed = NotTogetherError(at, why, again=again)
        for waiting in self._answered.values():
            if not waiting.done():
                waiting.set_exception(self._failed)
        return True

    def took_over(self, at: ServedAt) -> bool:
        """Take note that this one's server answers with what is wanted; True once, when all of them do."""
        self._left.discard(at)
        if self._left or self._took_over:
            return False
        self._took_over = True
        return True

    def _look(self) -> None:
        if self._answered.keys() >= self._left:
            for waiting in self._answered.values():
                settle(waiting, None)

"""Requests that wait for their route to change: bounded in number and in time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio

    from vhlocal.gateway.table import Route, RouteTable


class Waiter(Protocol):
    """A request that waits. Exactly one of the two is called, at most once."""

    def settled(self) -> None:
        """Look the route up again: it is another one."""

    def held_too_long(self) -> None:
        """Give up: the route is still the same."""


class Hold:
    """The waiting room. All calls belong to the event loop's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, table: RouteTable, limit: int) -> None:
        self._loop = loop
        self._table = table
        self._limit = limit
        self._waiting: dict[Waiter, tuple[Route, asyncio.TimerHandle]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def enter(self, route: Route, waiter: Waiter, seconds: float) -> bool:
        """Let ``waiter`` wait until its prefix has another route; False, and no waiting, when the room is full."""
        if len(self._waiting) >= self._limit:
            return False
        timer = self._loop.call_later(seconds, self._expire, waiter)
        self._waiting[waiter] = (route, timer)
        return True

    def leave(self, waiter: Waiter) -> None:
        """Forget ``waiter``, whose client has gone."""
        entry = self._waiting.pop(waiter, None)
        if entry is not None:
            entry[1].cancel()

    def settle(self) -> None:
        """Let go, in the order of their coming, all whose route has changed."""
        for waiter, (route, _) in tuple(self._waiting.items()):
            if waiter in self._waiting and self._table.lookup(route.prefix) != route:
                self.leave(waiter)
                waiter.settled()

    def _expire(self, waiter: Waiter) -> None:
        self._waiting.pop(waiter, None)
        waiter.held_too_long()

"""Servers that run and accept no connections: reported as that, and sent requests again once they accept some."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from vhlocal.errors import ServerError
from vhlocal.events import Problem, StatusChanged
from vhlocal.model import State

if TYPE_CHECKING:
    from vhlocal.events import Bus
    from vhlocal.model import ServedAt, Status
    from vhlocal.runtime.base import Address
    from vhlocal.session.board import Board
    from vhlocal.session.tasks import Tasks
    from vhlocal.session.traffic.routes import Routes

#: Seconds for a server's end to become known, before the server is reported as running; shorter than what the gateway
#: lets requests wait for word of it.
_KNOWN_BY_THEN = 1.0

#: Seconds between two tries to connect, and for each.
_BETWEEN_TRIES = 0.25
_TRY_SECONDS = 2.0


class Unreachable:
    """Follows up each request that found nothing listening at its server's port."""

    def __init__(self, bus: Bus, board: Board, routes: Routes, tasks: Tasks) -> None:
        self._bus = bus
        self._board = board
        self._routes = routes
        self._tasks = tasks
        self._followed: set[ServedAt] = set()

    def refused(self, at: ServedAt) -> None:
        """Find out why an endpoint that is ready refuses connections, and report it."""
        if at not in self._followed:
            self._followed.add(at)
            self._tasks.start(self._follow(at), f"why {at} refuses connections")

    async def _follow(self, at: ServedAt) -> None:
        try:
            target, status = self._routes.target(at), self._board.status(at)
            await asyncio.sleep(_KNOWN_BY_THEN)
            if target.address is None or status is None or status.state is not State.READY:
                return
            if target != self._routes.target(at) or await _accepts(target.address):
                return
            failed = _failed(status, target.address.port)
            self._routes.close(at)
            self._bus.publish(StatusChanged(failed))
            error = ServerError(f"{failed.name}: {failed.reason}", hint=failed.hint)
            self._bus.publish(Problem(error, failed.name, "requests go to it again once it accepts connections"))
            while self._stands(failed):
                if await _accepts(target.address) and self._stands(failed):
                    self._routes.lead(at, target.address, target.revision, stale=target.stale)
                    self._bus.publish(StatusChanged(status))
                    return
                await asyncio.sleep(_BETWEEN_TRIES)
        finally:
            self._followed.discard(at)

    def _stands(self, failed: Status) -> bool:
        """Whether nothing else has been published of the endpoint, except for its memory."""
        now = self._board.status(failed.at)
        return now is not None and (now.state, now.since, now.reason) == (failed.state, failed.since, failed.reason)


def _failed(status: Status, port: int) -> Status:
    return replace(
        status,
        state=State.FAILED,
        reason=f"its server runs, but no longer accepts connections on port {port}",
        hint="its log may say why; the next save starts a new server",
    )


async def _accepts(address: Address) -> bool:
    with contextlib.suppress(OSError, asyncio.TimeoutError):
        connecting = asyncio.open_connection(address.host, address.port)
        _, writer = await asyncio.wait_for(connecting, _TRY_SECONDS)
        writer.close()
        return True
    return False

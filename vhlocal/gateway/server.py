"""The gateway as the session sees it: a table in, pages in, records out, and a socket to listen on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from vhlocal.gateway.connection import ClientConnection
from vhlocal.gateway.hold import Hold
from vhlocal.gateway.hub import Hub
from vhlocal.gateway.options import GatewayOptions
from vhlocal.gateway.outbox import Outbox
from vhlocal.gateway.pool import Pool
from vhlocal.gateway.report import RUN_ENDS, Failure, FailureKind, LimitPassed, Page, Pages, removed, replaced
from vhlocal.gateway.spool import SpoolRoom
from vhlocal.gateway.table import Replica, Route, RouteTable, Upstream
from vhlocal.loops import call_soon

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from vhlocal.gateway.hub import Resting, Watched
    from vhlocal.gateway.tap import Tap
    from vhlocal.model import RequestRecord

__all__ = [
    "Failure",
    "FailureKind",
    "Gateway",
    "GatewayOptions",
    "LimitPassed",
    "Page",
    "Pages",
    "Route",
    "RouteTable",
    "Upstream",
]

_BACKLOG = 1024

#: The part of the connections below which it is worth a report when they run out once more.
_ROOM_AGAIN = 0.9

_POLL_SECONDS = 0.005
_LAST_ROUNDS = 1.0

#: Seconds that clients get to take their last answers when the gateway closes.
_LAST_WORDS = 0.5


class Gateway:
    """The data plane. Callbacks run in the event loop's thread, must be quick and must not raise.

    ``pages`` renders error pages; ``on_request`` gets a record of each request that ended; ``on_limit`` hears of each
    limit of the ingress that a request passed uncut, at most once per request and kind (K9), and when the connections
    have run out; ``on_refused`` of each request that found nothing listening where its route leads; ``on_dropped`` of
    each name of a header that is not passed on, once (K9).
    """

    def __init__(
        self,
        table: RouteTable,
        options: GatewayOptions,
        pages: Pages,
        on_request: Callable[[RequestRecord], None],
        on_limit: Callable[[LimitPassed], None],
        on_refused: Callable[[Route, Replica], None] = lambda *_: None,
        on_dropped: Callable[[str, Route], None] = lambda *_: None,
    ) -> None:
        self._table = table
        self._options = options
        self._pages = pages
        self._on_request = on_request
        self._on_limit = on_limit
        self._on_refused = on_refused
        self._on_dropped = on_dropped
        #: What takes in endpoints' requests and answers whole, if anything does; to be set before the start.
        self.tap: Tap | None = None
        self._hub: Hub | None = None
        self._server: asyncio.Server | None = None
        self._unsubscribe: Callable[[], None] = _nothing
        self._timer: asyncio.TimerHandle | None = None

    async def start(self, sock: socket.socket) -> None:
        """Accept connections on a bound socket, which is the gateway's from now on."""
        loop, options = asyncio.get_running_loop(), self._options
        hold = Hold(loop, self._table, options.hold_limit)
        watched: set[Watched] = set()
        idle: dict[Resting, float] = {}
        outbox = Outbox(loop, watched, idle)
        hub = Hub(
            loop=loop,
            table=self._table,
            options=options,
            pages=self._page,
            on_request=self._on_request,
            on_limit=self._on_limit,
            on_refused=self._on_refused,
            on_dropped=self._on_dropped,
            hold=hold,
            spool_room=SpoolRoom(
                options.spool_memory_bytes,
                options.spool_memory_total_bytes,
                options.spool_disk_bytes,
                options.spool_directory,
            ),
            pool=Pool(loop, options, outbox),
            outbox=outbox,
            tap=self.tap,
            port=sock.getsockname()[1],
            watched=watched,
            idle=idle,
        )
        self._hub = hub
        # A publish may come from any thread.
        self._unsubscribe = self._table.subscribe(lambda: call_soon(loop, hold.settle))
        self._server = await loop.create_server(lambda: ClientConnection(hub), sock=sock, backlog=_BACKLOG)
        self._tick()

    def _page(self, failure: Failure) -> Page:
        """Render a failure; where that fails itself, the client gets the bare reason, and is not left waiting."""
        try:
            return self._pages(failure)
        except Exception as error:  # noqa: BLE001 - whatever it was, the request has to be answered
            asyncio.get_running_loop().call_exception_handler(
                {"message": "an error page could not be made", "exception": error}
            )
            return Page(f"{failure.reason}\n".encode(), "text/plain; charset=utf-8")

    def in_flight(self, upstream: Upstream) -> int:
        """Return the number of requests on their way to a server, or that it is answering; tunnels not counted."""
        return self._hub.pool.in_flight(upstream) if self._hub else 0

    def connections(self) -> int:
        """Return the number of clients connected, WebSockets included, those that are being turned away not."""
        return len(self._hub.watched) - self._hub.turned_away if self._hub else 0

    def upstream_connections(self) -> int:
        """Return the number of connections open to servers, idle ones included, tunnels not."""
        return self._hub.pool.connections if self._hub else 0

    async def retire(self, upstream: Upstream, seconds: float, *, is_removed: bool = False) -> None:
        """Part from a server that is in no route any more: return once nothing is in flight there, and it may end.

        What has not ended by itself after ``seconds`` is ended: an event stream and a WebSocket in the way of their
        protocols, a request that has no answer yet with an error page, any other answer so that nobody takes it for
        whole. What listens at that address later is another server. Where ``is_removed``, no other takes its place.
        """
        hub = self._hub
        if hub is None:
            return
        server = hub.pool.retire(upstream)
        if await server.emptied(seconds):
            return
        farewell = removed(seconds) if is_removed else replaced(seconds)
        for endable in hub.pool.in_flight_at(server):
            endable.end(farewell)
        await server.emptied(hub.options.closing_seconds + _LAST_ROUNDS)

    async def close(self, grace: float) -> None:
        """Accept no more, let what is in flight finish for up to ``grace`` seconds, and end what is left.

        Tunnels and event streams, which may stay open for hours, are ended first. May be called again while it waits.
        """
        hub = self._hub
        if hub is None or self._server is None:
            return
        hub.closing = True
        self._server.close()
        self._unsubscribe()
        self._unsubscribe = _nothing
        for watched in tuple(hub.watched):
            watched.retire(RUN_ENDS)
        if not await _until(lambda: not any(watched.busy for watched in hub.watched), grace):
            for watched in tuple(hub.watched):
                watched.end(RUN_ENDS)
            await _until(lambda: not hub.watched, _LAST_WORDS)
        for watched in tuple(hub.watched):
            watched.cut()
        hub.pool.close()
        if self._timer is not None:
            self._timer.cancel()
        # The transports report their end in the loop's next rounds.
        await _until(lambda: not hub.watched, _LAST_ROUNDS)
        self._hub = None

    def _tick(self) -> None:
        hub = self._hub
        if hub is None:
            return
        now = hub.loop.time()
        for watched in tuple(hub.watched):
            watched.tick(now)
        hub.pool.tick(now)
        if len(hub.watched) < self._options.connections * _ROOM_AGAIN:
            hub.crowded = False
        self._timer = hub.loop.call_later(self._options.tick_seconds, self._tick)


def _nothing() -> None:
    """Not subscribed."""


async def _until(condition: Callable[[], bool], seconds: float) -> bool:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not condition():
        if loop.time() >= deadline:
            return False
        await asyncio.sleep(_POLL_SECONDS)
    return True

"""What is open to each server: the connections that wait for a request, those that carry one, and the making of new."""

from __future__ import annotations

import asyncio
from dataclasses import field
from functools import partial
from typing import TYPE_CHECKING, Protocol

from vhlocal.gateway.upstream import UpstreamConnection
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from vhlocal.gateway.options import GatewayOptions
    from vhlocal.gateway.outbox import Outbox
    from vhlocal.gateway.report import Farewell
    from vhlocal.gateway.table import Upstream


class Connecting(Protocol):
    """Who waits for a new connection."""

    def connected(self, connection: UpstreamConnection) -> None:
        """Take the connection: it is the caller's until given back or cut."""

    def connect_failed(self, error: Exception) -> None:
        """There is none: an ``OSError``, a ``TimeoutError`` when the server did not accept in time.

        A ``ConnectionResetError`` when it hung up on a connection that nothing had been sent on.
        """


class Endable(Protocol):
    """Something in flight that the gateway can end by itself."""

    def end(self, farewell: Farewell) -> None:
        """End in the way of its protocol; it may take a moment."""


#: In so many rounds of the loop, a connection that has been accepted is made.
_ROUNDS = 10

#: Seconds after which a server may have hung up since nobody asked it anything: this process could not. One more try is
#: due then, whatever the request, as nothing of it was sent.
_OWN_DELAY = 1.0


@dataclass
class ServerConnections:
    """What is open to one server: connections without a request, the latest used last, and requests in flight.

    ``connecting`` are those that are on their way and have no connection yet. ``retired`` is set, once no route leads
    there any more, whenever something of it has ended.
    """

    idle: list[UpstreamConnection] = field(default_factory=list)
    in_flight: int = 0
    connecting: int = 0
    tunnels: set[Endable] = field(default_factory=set)
    retired: asyncio.Event | None = None

    @property
    def busy(self) -> bool:
        """Whether anything is in flight."""
        return bool(self.in_flight or self.connecting or self.tunnels)

    def freed(self) -> None:
        """Something that was in flight is so no longer."""
        if self.retired is not None:
            self.retired.set()

    async def emptied(self, seconds: float) -> bool:
        """Wait until nothing is in flight at a server that has been retired; False after ``seconds``."""
        assert self.retired is not None
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while self.busy:
            self.retired.clear()
            try:
                await asyncio.wait_for(self.retired.wait(), deadline - loop.time())
            except (TimeoutError, asyncio.TimeoutError):
                return not self.busy
        return True


class Pool:
    """Idle connections by server, the latest used first, none kept for long; and the making of new ones."""

    def __init__(self, loop: asyncio.AbstractEventLoop, options: GatewayOptions, outbox: Outbox) -> None:
        self.strict = options.strict
        self.usual_head = options.answer_head_bytes
        self.head_limit = options.answer_head_bytes if options.strict else options.head_bytes
        self.time = loop.time
        self.soon = loop.call_soon
        self.put = outbox.put
        self.flush = outbox.flush
        self._loop = loop
        self._options = options
        self._servers: dict[Upstream, ServerConnections] = {}
        self._open: set[UpstreamConnection] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def connections(self) -> int:
        """The number of open connections to servers, tunnels not counted."""
        return len(self._open)

    def in_flight(self, upstream: Upstream) -> int:
        """Return the number of requests that this server is answering, or that are on their way to it."""
        server = self._servers.get(upstream)
        return server.in_flight + server.connecting if server else 0

    def take(self, upstream: Upstream) -> UpstreamConnection | None:
        """Return an idle connection that the server is not about to close, or None when a new one is needed."""
        server = self._servers.get(upstream)
        while server and server.idle:
            connection = server.idle.pop()
            if connection.alive() and self.time() - connection.idle_since < self._options.upstream_idle_seconds:
                return connection
            connection.cut()
        return None

    def retire(self, upstream: Upstream) -> ServerConnections:
        """Part from a server that no route leads to any more, and return what is open to it.

        What comes to listen at its address after it is another server.
        """
        server = self._servers.pop(upstream, None) or ServerConnections()
        server.retired = asyncio.Event()
        for connection in tuple(server.idle):
            connection.cut()
        return server

    def in_flight_at(self, server: ServerConnections) -> list[Endable]:
        """Return what a server is still busy with."""
        carried = (connection.carried for connection in self._open if connection.server is server)
        return [*filter(None, carried), *server.tunnels]

    def forget(self, connection: UpstreamConnection) -> None:
        """Drop a connection that is closed or about to be."""
        self._open.discard(connection)
        if connection in connection.server.idle:
            connection.server.idle.remove(connection)

    def connect(self, upstream: Upstream, waiting: Connecting) -> asyncio.Task[None]:
        """Open a connection and hand it to ``waiting``; cancelling the task gives it up."""
        server = self._servers.setdefault(upstream, ServerConnections())
        server.connecting += 1
        task = self._loop.create_task(self._connect(upstream, server, waiting))
        self._tasks.add(task)
        task.add_done_callback(partial(self._connect_ended, server))
        return task

    def _connect_ended(self, server: ServerConnections, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        server.connecting -= 1
        server.freed()

    async def _connect(self, upstream: Upstream, server: ServerConnections, waiting: Connecting) -> None:
        began = self.time()
        try:
            connection = await self._made(upstream, server)
            if connection.has_ended() and self.time() - began > _OWN_DELAY:
                connection.cut()
                connection = await self._made(upstream, server)
        except OSError as error:
            waiting.connect_failed(error)
            return
        if connection.has_ended():  # before anybody could get the connection
            connection.cut()
            waiting.connect_failed(ConnectionResetError("the server hung up before the request was sent"))
        else:
            self._open.add(connection)
            waiting.connected(connection)

    async def _made(self, upstream: Upstream, server: ServerConnections) -> UpstreamConnection:
        opening = self._loop.create_connection(lambda: UpstreamConnection(self, server), upstream.host, upstream.port)
        connecting = self._loop.create_task(opening)
        try:
            await asyncio.wait({connecting}, timeout=self._options.connect_seconds)
            for _ in range(_ROUNDS):  # it may be this process that had to wait for the processor, and not the server
                if connecting.done():
                    break
                await asyncio.sleep(0)
            if not connecting.done():
                raise TimeoutError("no connection in time")
            return connecting.result()[1]
        except asyncio.CancelledError:
            if connecting.done() and not connecting.exception():
                connecting.result()[1].cut()
            raise
        finally:
            connecting.cancel()

    def tick(self, now: float) -> None:
        """Close the connections that have been idle for too long, and forget the servers of old."""
        limit = now - self._options.upstream_idle_seconds
        for upstream, server in tuple(self._servers.items()):
            while server.idle and server.idle[0].idle_since < limit:
                server.idle[0].cut()
            if not server.idle and not server.busy:
                del self._servers[upstream]

    def close(self) -> None:
        """Hang up on every server, and give up what is being connected."""
        for task in tuple(self._tasks):
            task.cancel()
        for connection in tuple(self._open):
            connection.cut()

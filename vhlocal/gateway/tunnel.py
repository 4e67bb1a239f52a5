"""An upgraded connection (WebSocket): bytes both ways, with back-pressure, until both sides are done."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from vhlocal.gateway.hub import Hub


class Owner(Protocol):
    """The request that became the tunnel."""

    def tunnel_silent(self) -> bool:
        """The server kept silent beyond the limit; True when the tunnel is to be cut."""
        ...

    def tunnel_closed(self, bytes_in: int, bytes_out: int) -> None:
        """Both sides are closed; sizes are what came from the client and from the server."""


class Tunnel:
    """Two connections joined. It takes them over from their protocols, and answers for them until both are closed."""

    #: Not waited for when the gateway closes: a tunnel may be open for hours.
    busy = False

    def __init__(self, hub: Hub, owner: Owner, client: asyncio.Transport, server: asyncio.Transport) -> None:
        self._hub = hub
        self._owner = owner
        self._client = _End(self, client)
        self._server = _End(self, server)
        self._client.other, self._server.other = self._server, self._client
        self._open = 2
        self._seen = 0
        self._heard = hub.loop.time()
        self._left = (0, 0)
        self._moved = self._heard

    def open(self, early: bytes, *, ended: bool) -> None:
        """Begin; ``early`` is what the client has sent already, and all that it will send when it has ``ended``."""
        for end in (self._client, self._server):
            end.transport.set_protocol(end)
        if early:
            self._client.data_received(early)
        if ended:
            self._client.eof_received()
        self._hub.watched.add(self)
        for end in (self._client, self._server):
            if not end.ended:
                end.transport.resume_reading()

    def tick(self, now: float) -> None:
        """Look at how long the server has kept silent (K9), and whether what is half over still moves."""
        if self._server.received != self._seen:
            self._seen = self._server.received
            self._heard = now
        elif now - self._heard > self._hub.options.read_seconds and self._owner.tunnel_silent():
            self.cut()
        self._tick_half(now)

    def _tick_half(self, now: float) -> None:
        """Cut what nobody takes any more, and what is left when one side has ended and the other does nothing."""
        ends = (self._client, self._server)
        left = sum(end.received for end in ends), sum(end.transport.get_write_buffer_size() for end in ends)
        awaited = any(end.ended for end in ends) or self._client.transport.get_write_buffer_size()
        if left != self._left or not awaited:
            self._left = left
            self._moved = now
        elif now - self._moved > self._hub.options.send_seconds:
            self.cut()

    def cut(self) -> None:
        """End at once."""
        self._client.transport.abort()
        self._server.transport.abort()

    def retire(self) -> None:
        """A tunnel has no end of its own to wait for: it goes on until it is cut."""

    def closed(self) -> None:
        """One of the two connections is closed."""
        self._open -= 1
        if not self._open:
            self._hub.watched.discard(self)
            self._owner.tunnel_closed(self._client.received, self._server.received)


class _End(asyncio.Protocol):
    """One of the two connections; ``other`` is set before anything can arrive."""

    other: _End

    def __init__(self, tunnel: Tunnel, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.received = 0
        self.ended = False
        self._tunnel = tunnel

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        self.other.transport.write(data)

    def eof_received(self) -> bool:
        self.ended = True
        if self.other.ended or self.other.transport.is_closing():
            return False
        self.other.transport.write_eof()
        return True

    def pause_writing(self) -> None:
        if not self.other.transport.is_closing():
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if not self.other.transport.is_closing() and not self.other.ended:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        # What the other side has yet to be sent still goes out, unless this end broke.
        if exc is None:
            self.other.transport.close()
        else:
            self.other.transport.abort()
        self._tunnel.closed()

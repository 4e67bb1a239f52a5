"""An upgraded connection (WebSocket): bytes both ways, with back-pressure, until both sides are done."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Protocol

from vhlocal.gateway.frames import FrameReader, close_frame

if TYPE_CHECKING:
    from vhlocal.gateway.hub import Hub
    from vhlocal.gateway.pool import ServerConnections
    from vhlocal.gateway.report import Farewell


class Owner(Protocol):
    """The request that became the tunnel."""

    def tunnel_silent(self) -> bool:
        """The server kept silent beyond the limit; True when the tunnel is to be cut."""
        ...

    def tunnel_ended(self, farewell: Farewell) -> str:
        """The gateway ends the tunnel; return the reason to report."""
        ...

    def tunnel_closed(self, bytes_in: int, bytes_out: int) -> None:
        """Both sides are closed; sizes are what came from the client and from the server."""


class Tunnel:
    """Two connections joined. It takes them over from their protocols, and answers for them until both are closed.

    ``serving`` is what is open to the server. The frames of a ``websocket`` are followed, so that it can be closed in
    its own way; of any other protocol nothing is known.
    """

    def __init__(
        self,
        hub: Hub,
        owner: Owner,
        client: asyncio.Transport,
        server: asyncio.Transport,
        serving: ServerConnections,
        *,
        websocket: bool,
    ) -> None:
        self._hub = hub
        self._owner = owner
        self._serving = serving
        self._websocket = websocket
        self._client = _End(self, client, hub.loop, FrameReader() if websocket else None)
        self._server = _End(self, server, hub.loop, FrameReader() if websocket else None)
        self._client.other, self._server.other = self._server, self._client
        self._open = 2
        self._seen = 0
        self._heard = hub.loop.time()
        self._left = (0, 0)
        self._moved = self._heard
        self._ending: float | None = None
        serving.tunnels.add(self)

    @property
    def busy(self) -> bool:
        """Whether it is being ended. Else nobody waits for it when the gateway closes: it may be open for hours."""
        return self._ending is not None

    def open(self, from_server: bytes, from_client: bytes, *, ended: bool, full: bool) -> None:
        """Begin with what either has sent already.

        ``ended`` when the client will send no more than that, ``full`` when it does not take more for now: no transport
        reports that twice.
        """
        for end in (self._client, self._server):
            end.transport.set_protocol(end)
        self._client.full = full
        if from_server:
            self._server.data_received(from_server)
        if from_client:
            self._client.data_received(from_client)
        if ended:
            self._client.eof_received()
        self._hub.watched.add(self)
        for end in (self._client, self._server):
            if end.other.full:
                end.transport.pause_reading()
            elif not (end.ended or end.later):
                end.transport.resume_reading()

    def tick(self, now: float) -> None:
        """Look at how long the server has kept silent (K9), and whether what is half over still moves."""
        if self._server.received != self._seen:
            self._seen = self._server.received
            self._heard = now
        elif now - self._heard > self._hub.options.read_seconds and self._owner.tunnel_silent():
            self.cut()
        self._tick_half(now)
        if self._ending is not None and now - self._ending > self._hub.options.closing_seconds:
            self._close()

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

    def retire(self, farewell: Farewell) -> None:
        """A tunnel has no end of its own to wait for."""
        self.end(farewell)

    def end(self, farewell: Farewell) -> None:
        """Close a WebSocket towards both sides, and wait a while for them to do the same; see ``hub.Watched``."""
        if self._ending is not None:
            return
        self._ending = self._hub.loop.time()
        reason = self._owner.tunnel_ended(farewell)
        if not self._websocket:
            self._close()
            return
        self._server.dismiss(close_frame(farewell.code, reason, mask=False))
        self._client.dismiss(close_frame(farewell.code, reason, mask=True))
        self.parted()

    def parted(self) -> None:
        """One of the two sides may have said its last word: close, once both have."""
        if self._ending is not None and self._client.parted and self._server.parted:
            self._close()

    def _close(self) -> None:
        for end in (self._client, self._server):
            if end.transport.get_write_buffer_size():
                end.transport.abort()
            else:
                end.transport.close()

    def closed(self) -> None:
        """One of the two connections is closed."""
        self._open -= 1
        if not self._open:
            self._hub.watched.discard(self)
            self._owner.tunnel_closed(self._client.received, self._server.received)
            self._serving.tunnels.discard(self)
            self._serving.freed()


class _End(asyncio.Protocol):
    """One of the two connections; ``other`` is set before anything can arrive."""

    other: _End

    def __init__(
        self,
        tunnel: Tunnel,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        frames: FrameReader | None,
    ) -> None:
        self.transport = transport
        self.received = 0
        self.ended = False
        #: Whether it does not take more for now.
        self.full = False
        self._tunnel = tunnel
        self._loop = loop
        self._frames = frames
        #: What has come and waits for the next round of the loop; nothing more is read meanwhile.
        self.later = b""
        self._farewell: bytes | None = None
        self._dismissed = False

    @property
    def parted(self) -> bool:
        """Whether nothing more is awaited from here once the tunnel is being ended."""
        return self.ended or (self._dismissed and self._frames is not None and self._frames.closing)

    def dismiss(self, farewell: bytes) -> None:
        """Send the other side no more than the frame that has begun, and then ``farewell``: a close frame."""
        self._farewell = farewell
        if not self.ended:
            self.later = self.later[self._say_farewell(self.later) :]

    def data_received(self, data: bytes) -> None:
        self.received += len(data)
        self._take(self.later + data)
        if self.later and not self.transport.is_closing():
            self.transport.pause_reading()
            self._loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        """Take the next part of a flood, once others have had their turn."""
        if self.other.full or not self.later or self.transport.is_closing():
            return
        self._take(self.later)
        if self.later:
            self._loop.call_soon(self._read_on)
        elif not self.other.full and not self.ended and not self.transport.is_closing():
            self.transport.resume_reading()

    def _take(self, data: bytes) -> None:
        if self._farewell is not None:
            self.later = data[self._say_farewell(data) :]
            self._tunnel.parted()
            return
        cut = len(data) if self._frames is None else self._frames.feed(data)
        self.later = data[cut:]
        self.other.transport.write(data[:cut])

    def _say_farewell(self, data: bytes) -> int:
        """Send on the rest of the frame that has begun, and the farewell after it; all else is only looked at.

        Return how much of it was read.
        """
        assert self._frames is not None and self._farewell is not None
        cut = 0
        if not self._dismissed:
            cut = self._frames.finish(data)
            self.other.transport.write(data[:cut])
            self._dismissed = self._frames.between
            if self._dismissed and not self._frames.closing:
                self.other.transport.write(self._farewell)
        return self._frames.feed(data, cut)

    def eof_received(self) -> bool:
        while self.later:  # uvloop may report the end although nothing more is to be read
            self._take(self.later)
        self.ended = True
        self._tunnel.parted()
        if self.other.ended or self.other.transport.is_closing():
            return False
        # If the side has gone meanwhile, the loop reports that next.
        with contextlib.suppress(OSError):
            self.other.transport.write_eof()
        return True

    def pause_writing(self) -> None:
        self.full = True
        if not self.other.transport.is_closing():
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        self.full = False
        self.other.let_go()

    def let_go(self) -> None:
        """Read on: the other side takes more."""
        if self.later:
            self._loop.call_soon(self._read_on)
        elif not self.transport.is_closing() and not self.ended:
            self.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        # What the other side has yet to be sent still goes out, unless this end broke.
        if exc is None:
            self.other.transport.close()
        else:
            self.other.transport.abort()
        self._tunnel.closed()

"""One connection of an HTTP client, judged by h11: whatever is not whole, or not HTTP, is an error."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import h11

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

#: Seconds that the next bytes of an answer get to come: more than the slowest answer takes, and those before it.
PATIENCE = 120.0

#: How an answer ends that is none.
BROKEN = (OSError, EOFError, h11.RemoteProtocolError, asyncio.TimeoutError)


@dataclass(frozen=True)
class Head:
    """An answer's status and headers, by lower-case name."""

    status: int
    headers: dict[str, str]


class Connection:
    """A connection that is kept from one request to the next, until it is closed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._http = h11.Connection(h11.CLIENT)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self, method: str, target: str, pieces: Iterable[bytes] = (), *, known: bool = True, pause: float = 0
    ) -> Head:
        """Send a request and return its answer's head; the body comes in ``pieces``, of ``known`` length or chunked."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        body = list(pieces)
        headers = [("Host", f"127.0.0.1:{self._port}")]
        if body and known:
            headers.append(("Content-Length", str(sum(map(len, body)))))
        elif body:
            headers.append(("Transfer-Encoding", "chunked"))
        await self._send(h11.Request(method=method, target=target, headers=headers))
        for piece in body:
            await self._send(h11.Data(data=piece))
            await asyncio.sleep(pause)
        await self._send(h11.EndOfMessage())
        while not isinstance(event := await self._event(), h11.Response):
            pass
        return Head(event.status_code, {name.decode(): value.decode() for name, value in event.headers})

    async def body(self) -> AsyncIterator[bytes]:
        """Yield an answer's body as it comes, up to the end that its framing tells."""
        while isinstance(event := await self._event(), h11.Data):
            yield bytes(event.data)
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        else:
            await self.close()

    async def close(self) -> None:
        """Hang up; the next request is on a new connection."""
        self._http = h11.Connection(h11.CLIENT)
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()
            with contextlib.suppress(OSError):
                await streams[1].wait_closed()

    async def _send(self, event: h11.Request | h11.Data | h11.EndOfMessage) -> None:
        assert self._streams is not None
        self._streams[1].write(self._http.send(event) or b"")
        await self._streams[1].drain()

    async def _event(self) -> h11.Event:
        assert self._streams is not None
        while (event := self._http.next_event()) is h11.NEED_DATA:
            self._http.receive_data(await asyncio.wait_for(self._streams[0].read(65536), PATIENCE))
        if isinstance(event, h11.ConnectionClosed):
            raise EOFError("hung up")
        assert isinstance(event, h11.Event)
        return event

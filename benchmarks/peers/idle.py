"""A server whose clients stay and hear nothing more: ``python -m benchmarks.peers.idle PORT``.

``…/events`` begins a stream of server-sent events, ``…/socket`` a WebSocket; anything else is answered at once.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

from vhlocal.session.loop import run
from vhlocal.session.open_files import raise_limit

_EVENTS = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nd\r\ndata: hello\n\n\r\n"
)
_SOCKET = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n"


class _Idle(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        path = data.split(b" ", 2)[1] if data.count(b" ") > 1 else b""
        self._transport.write(
            _EVENTS if path.endswith(b"/events") else _SOCKET if path.endswith(b"/socket") else _ANSWER
        )


async def _serve(port: int) -> None:
    raise_limit()
    server = await asyncio.get_running_loop().create_server(_Idle, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    run(_serve(int(sys.argv[1])))

"""A server that takes bodies in and answers with their size: ``python -m benchmarks.peers.sink PORT``."""

from __future__ import annotations

import asyncio
import re
import sys
from typing import cast

from vhlocal.session.loop import run

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


class _Sink(asyncio.BufferedProtocol):
    def __init__(self) -> None:
        self._buffer = bytearray(1024 * 1024)
        self._head = b""
        self._remaining = -1
        self._size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def get_buffer(self, _sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, size: int) -> None:
        if self._remaining < 0:
            self._head += self._buffer[:size]
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            match = _LENGTH.search(self._head[:end])
            self._size = int(match[1]) if match else 0
            size, self._head, self._remaining = len(self._head) - end - 4, b"", self._size
        self._remaining -= size
        if self._remaining <= 0:
            body = b"%d\n" % self._size
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            self._remaining = -1


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Sink, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    run(_serve(int(sys.argv[1])))

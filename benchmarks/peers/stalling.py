"""A server that answers at once, a while later, or not for a second: ``python -m benchmarks.peers.stalling PORT``.

``/model`` is answered after 5 ms. Whoever asks ``/stall`` has it stand still for one second, for everybody.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import cast

from vhlocal.session.loop import run

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_MODEL = 0.005


class _Stalling(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"GET /stall"):
            time.sleep(1)
        if data.startswith(b"GET /model"):
            asyncio.get_running_loop().call_later(_MODEL, self._answer)
        else:
            self._answer()

    def _answer(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(_ANSWER)


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(_Stalling, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    run(_serve(int(sys.argv[1])))

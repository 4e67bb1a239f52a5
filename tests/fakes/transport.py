"""A transport without a connection: it keeps what is written, and reports its end when it is told to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket


class FakeTransport(asyncio.Transport):
    """``sent`` is all that was written, ``eof`` whether the writing side was ended, ``aborted`` how it was closed.

    ``reading`` is whether it is asked to read on; nothing is read. ``connection`` is what it tells of as its socket.
    """

    def __init__(self, connection: socket.socket | None = None) -> None:
        super().__init__({"socket": connection})
        self.sent = b""
        self.eof = self.aborted = False
        self.reading = True
        self._protocol: asyncio.BaseProtocol = asyncio.Protocol()
        self._closing = self._lost = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.eof, "written after the end"
        if not self._closing:
            self.sent += data

    def write_eof(self) -> None:
        self.eof = True

    def close(self) -> None:
        self._closing = True

    def abort(self) -> None:
        self._closing = self.aborted = True

    def is_closing(self) -> bool:
        return self._closing

    def get_write_buffer_size(self) -> int:
        return 0

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def lose(self) -> None:
        """Report the end of a transport that was closed, as the event loop does a round later."""
        if self._closing and not self._lost:
            self._lost = True
            self._protocol.connection_lost(None)

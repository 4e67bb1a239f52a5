"""Watches how much memory a server uses, now and then and never while a request waits for it, and keeps its limit."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from vhlocal.checks.server.evidence import NEAR
from vhlocal.errors import EngineError
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from vhlocal.session.endpoint.server import Server
    from vhlocal.session.endpoint.surroundings import Surroundings
    from vhlocal.session.wanted.desired import Desired

#: Seconds between two looks at a server whose limit nobody else keeps.
_OFTEN = 1.0

#: The same of any other: less and less often while nothing happens, up to a longest pause.
_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 1.0, 10.0, 1.5

#: Seconds until a server that has come near its limit is reported as that: it may be on its way past it.
_ON_ITS_WAY = 2.0


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


class MemoryLimit:
    """The limit of one server's memory, in bytes: says once for each revision that it is near or passed (K2).

    ``asked`` is what the server is to serve, and ``peak`` the most that it was seen to use. With ``--strict``, a server
    that has passed its limit is ended where the kernel does not end it.
    """

    def __init__(
        self,
        surroundings: Surroundings,
        server: Server,
        limit: int,
        asked: Callable[[], Desired],
        peak: Callable[[], int | None],
    ) -> None:
        self._surroundings = surroundings
        self._server = server
        self._limit = limit
        self._asked = asked
        self._peak = peak
        self._reported: set[tuple[str, str]] = set()

    async def hear(self, used: int, *, kept: bool) -> None:
        """Hear of a higher peak, and whether the kernel keeps the limit."""
        wanted = self._asked()
        if used > self._limit and not kept:
            if self._surroundings.strict:
                await self._server.end_for_memory()
            else:
                self._report(wanted, used, kept=kept)
        elif used > NEAR * self._limit:
            later = self._report_unless_it_passes(wanted, used, kept=kept)
            self._surroundings.tasks.start(later, f"memory of {wanted.endpoint.name}, near its limit")

    async def look(self) -> None:
        """Look now, and report at once; EngineError where the runtime cannot be asked."""
        found = await self._server.usage()
        used = max(found.memory if found is not None else 0, self._peak() or 0)
        if found is not None and used > NEAR * self._limit:
            self._report(self._asked(), used, kept=found.kept)

    async def _report_unless_it_passes(self, wanted: Desired, used: int, *, kept: bool) -> None:
        await asyncio.sleep(_ON_ITS_WAY)
        if self._server.running and self._asked() is wanted:
            self._report(wanted, max(used, self._peak() or 0), kept=kept)

    def _report(self, wanted: Desired, used: int, *, kept: bool) -> None:
        found = self._surroundings.diagnosis.measured(wanted.endpoint, used, self._limit, kept=kept)
        if found is not None and (key := (found.definition.code, wanted.revision)) not in self._reported:
            self._reported.add(key)
            self._surroundings.found(found, wanted.revision, False)

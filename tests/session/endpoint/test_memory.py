"""How the peak of a server's memory is watched; of a server that says what it uses."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from vhlocal.runtime.base import Usage
from vhlocal.session.endpoint.memory import MemoryWatch

if TYPE_CHECKING:
    from vhlocal.session.endpoint import server


class Server:
    """Uses what it is given, look by look, and ends."""

    running = True

    def __init__(self, *used: int) -> None:
        self._used = list(used)

    async def usage(self) -> Usage | None:
        return Usage(self._used.pop(0), kept=False, cpu=0.0) if self._used else None


def test_the_peak_is_the_highest_that_counts_and_each_higher_one_is_told():
    """K2: what two servers need while new code comes in is not what production's one needs."""
    told: list[int] = []
    alone = iter([True, False, True, True])

    async def on_peak(used: int, kept: bool) -> None:
        told.append(used)

    watch = MemoryWatch(limited=True, counts=lambda: next(alone), on_peak=on_peak)
    asyncio.run(watch.follow(cast("server.Server", Server(10, 90, 30, 20))))
    assert told == [10, 30]
    assert watch.peak == 30

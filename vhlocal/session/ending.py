"""How a run ends: gently, reporting what it waits for; or at once, when it is asked a second time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from vhlocal.session.tasks import beside, break_off

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")

#: Seconds after which a run that has not ended yet reports what it waits for.
_PATIENCE = 1.0


class Ending:
    """Whether a run is to end, and how soon. To be made in the run's loop."""

    def __init__(self) -> None:
        self._asked, self._insisted = asyncio.Event(), asyncio.Event()
        self._before = asyncio.all_tasks()
        #: Who has asked for it.
        self.reason = "an error"
        #: What keeps it from its end now, for the user.
        self.waits_for: Callable[[], str] = str

    @property
    def at_once(self) -> bool:
        """Whether nothing is to be waited for any more."""
        return self._insisted.is_set()

    @property
    def is_asked(self) -> bool:
        """Whether somebody has asked for it."""
        return self._asked.is_set()

    def ask(self, reason: str, insist: bool = True) -> None:
        """End the run; asked twice, at once, if the second ``insist``s."""
        if self._asked.is_set() and insist:
            self._insisted.set()
        self.reason = reason
        self._asked.set()

    async def asked(self) -> None:
        """Wait until the run is to end."""
        await self._asked.wait()

    async def unless_asked(self, work: Coroutine[None, None, T]) -> T | None:
        """Return what ``work`` returns; it is cancelled, and None returned, when the run is to end before."""
        async with beside(work) as (working,), beside(self._asked.wait()) as (stopping,):
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            return working.result() if working.done() else None

    async def unless_insisted(self, work: Coroutine[None, None, None]) -> None:
        """Do ``work`` to its end; asked a second time, break off all that the run does, whatever it waits for."""
        async with beside(self._insisted.wait()) as (insisted,), beside(work) as (working,):
            await asyncio.wait({working, insisted}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                await break_off(self._before)
                return
            working.result()

    async def tell(self, say: Callable[[str], None]) -> None:
        """Once the end is asked for and takes its time, ``say`` what it waits for, and again when that has changed."""
        await self._asked.wait()
        reported = None
        while True:
            await asyncio.sleep(_PATIENCE)
            if self.waits_for is not reported and (text := self.waits_for()):
                reported = self.waits_for
                say(f"Waiting for {text}. Press Ctrl-C again to stop now")

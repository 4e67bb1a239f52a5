"""What the project's files alone show, reported beside a start."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from vhlocal.events import StepStarted
from vhlocal.session.tasks import beside, in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vhlocal.events import Bus
    from vhlocal.findings import Finding

#: Seconds within which a start without a build is quick: nothing is done beside it that can wait.
_QUICK_START = 5.0


async def errors_of(check: Callable[[], Iterable[Finding]], bus: Bus, up: asyncio.Event) -> list[Finding]:
    """Return the errors, which ``check`` finds in a thread beside a build; a start that is quick goes first.

    ``up`` is set once the start is over.
    """
    busy = asyncio.Event()
    unsubscribe = bus.subscribe(lambda event: busy.set() if isinstance(event, StepStarted) else None)
    async with beside(up.wait(), busy.wait()) as waiting:
        await asyncio.wait(waiting, timeout=_QUICK_START, return_when=asyncio.FIRST_COMPLETED)
    unsubscribe()
    return list(await in_thread(check))

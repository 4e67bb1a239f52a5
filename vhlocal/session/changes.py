"""Changes of a deployment that others ask for, from threads of theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from vhlocal.errors import VhlocalError
from vhlocal.loops import LoopEndedError, result_of
from vhlocal.values import dataclass

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable, Coroutine

    from vhlocal.session.deployment import Deployment
    from vhlocal.session.ending import Ending

T = TypeVar("T")


@dataclass(frozen=True)
class Changes:
    """See ``view.Change``; ``deployment`` returns the run's once that is up."""

    loop: asyncio.AbstractEventLoop
    ending: Ending
    deployment: Callable[[], Awaitable[Deployment]]

    def __call__(self, work: Callable[[Deployment], Coroutine[Any, Any, T]]) -> T:
        """Return what ``work`` returns, or raise what it raises."""
        try:
            return result_of(self.loop, self._until_the_end(work))
        except LoopEndedError:
            raise VhlocalError("the run has ended", hint="start it again with `vhlocal up`") from None

    async def _until_the_end(self, work: Callable[[Deployment], Coroutine[Any, Any, T]]) -> T:
        done = await self.ending.unless_asked(self._do(work))
        if done is None:
            raise VhlocalError("the run is ending", hint="start it again with `vhlocal up`")
        return done[0]

    async def _do(self, work: Callable[[Deployment], Coroutine[Any, Any, T]]) -> tuple[T]:
        return (await work(await self.deployment()),)

"""What a strategy sees of the endpoint that it works on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Awaitable, Callable

    from vhlocal.events import Notice
    from vhlocal.runtime.base import Address
    from vhlocal.session.desired import Desired
    from vhlocal.session.probe import Answered
    from vhlocal.session.server import Server


class Site(Protocol):
    """One endpoint of a run."""

    server: Server | None
    wanted: Desired

    @property
    def limit(self) -> float:
        """Seconds that new code gets to answer."""
        ...

    def make(self, wanted: Desired, after: Server | None = None) -> Server:
        """Return a container for ``wanted``, not created yet: another one of the pod that ``after`` is of, if any."""
        ...

    async def bring_up(self, server: Server, wanted: Desired) -> Answered:
        """Create a container, start it, and return its first answer."""
        ...

    def hold(self) -> None:
        """Let the endpoint's requests wait."""

    async def drained(self, address: Address) -> None:
        """Return once nothing is in flight any more at a server that no request is led to."""

    def take_over(self, server: Server, wanted: Desired, answered: Answered) -> None:
        """Lead requests to ``server`` from now on, which has given its first answer as ``wanted``."""

    def retire(self, address: Address, end: Callable[[], Awaitable[None]]) -> None:
        """Do ``end``, which ends the server at ``address``, once no request is on its way to that any more."""

    def discard(self, server: Server) -> asyncio.Task[None]:
        """Take a server away; return what ends once it is gone: it is asked for until the engine answers."""
        ...

    def trouble(self, notice: Notice) -> None:
        """Tell why a server has not answered yet, as far as is seen by now."""

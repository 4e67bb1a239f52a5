"""From a server that has been started to one that answers, or to the reason why it does not."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vhlocal.errors import ServerError
from vhlocal.runtime.base import Address, Listener
from vhlocal.session import probe as probing
from vhlocal.session.exits import Explanation, explain_listeners
from vhlocal.session.tasks import beside

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence

    from vhlocal.model import Endpoint
    from vhlocal.runtime.base import Exit
    from vhlocal.session.probe import Answered, Probe

#: Seconds until the sockets of a server that does not answer are looked at, and between two looks.
_FIRST_LOOK = 2.0
_BETWEEN_LOOKS = 1.0

#: Looks in a row that must find the same fault before a start is given up.
_SURE_LOOPBACK = 2
_SURE_PORT = 10

_WARM_UP_FAILED = 400


class EndedError(Exception):
    """The server ended before it answered. ``evidence`` is what is known of why, such as a traceback."""

    def __init__(self, ended: Exit, evidence: str = "") -> None:
        super().__init__(ended)
        self.ended = ended
        self.evidence = evidence


class SilentError(Exception):
    """The server neither answered nor ended in time."""


@dataclass(frozen=True)
class Awaited:
    """A server that is to answer: where, the port that it listens on in its network, and when it has ended.

    ``hidden`` are ports in its network that are other servers'. ``limit`` is in seconds. ``shared`` tells that
    its network is this machine's: where it has bound its addresses says nothing yet (see ``Server.check_reach``), and
    it may listen on the endpoint's port although it was told another.
    """

    endpoint: Endpoint
    prefix: str
    address: Address
    port: int
    ended: asyncio.Future[Exit]
    listeners: Callable[[], Awaitable[Sequence[Listener]]]
    limit: float
    probe: Probe
    hidden: Collection[int] = field(default=())
    shared: bool = False

    @property
    def elsewhere(self) -> Address | None:
        """Where it answers if it minds its own port instead of the one that it was told."""
        declared = self.endpoint.port
        return Address(self.address.host, declared) if self.shared and declared != self.port else None


async def wait_until_ready(awaited: Awaited, on_trouble: Callable[[Explanation], None]) -> Answered:
    """Return its first answer, still to be finished.

    EndedError when it ends first, SilentError when it does neither, ServerError when it never could be reached (R3) or
    does not answer the warm-up request well.
    """
    name = awaited.endpoint.name
    asked = [awaited.address]
    async with beside(_poll(awaited, asked)) as (ready,), beside(_look(awaited, asked, on_trouble)) as (looking,):
        waiting: set[asyncio.Future[Any]] = {ready, looking, awaited.ended}
        done, _ = await asyncio.wait(waiting, timeout=awaited.limit, return_when=asyncio.FIRST_COMPLETED)
    if ready in done:
        answered = ready.result()
        if awaited.probe.named and answered.status >= _WARM_UP_FAILED:
            await answered.finish()
            raise ServerError(
                f"{name}: the warm-up request {awaited.probe} was answered {answered.status}",
                hint="its log may say why; `warm-up` in vhlocal.yaml names the request",
            )
        return answered
    if awaited.ended in done:
        raise EndedError(awaited.ended.result())
    if looking in done:
        found = looking.result()
        raise ServerError(f"{name}: {found.reason}", place=found.place, hint=found.hint)
    raise SilentError


async def _poll(awaited: Awaited, asked: Sequence[Address]) -> Answered:
    pause = probing.FIRST_PAUSE
    while True:
        for address in tuple(asked):
            answered = await probing.ask(address, awaited.prefix, awaited.probe)
            if answered is not None:
                return answered
        await asyncio.sleep(pause)
        pause = min(probing.LONGEST_PAUSE, pause * probing.GROWTH)


async def _look(awaited: Awaited, asked: list[Address], on_trouble: Callable[[Explanation], None]) -> Explanation:
    """Return why the server cannot be reached, once that is sure; tell ``on_trouble`` as soon as it is seen.

    A server that is found ``elsewhere`` is ``asked`` there.
    """
    seen: Explanation | None = None
    times = 0
    await asyncio.sleep(_FIRST_LOOK)
    while True:
        there = await awaited.listeners()
        elsewhere = awaited.elsewhere
        if elsewhere is not None and elsewhere not in asked and elsewhere.port in {each.port for each in there}:
            asked.append(elsewhere)
        listeners = _as_declared(awaited, there)
        found = explain_listeners(awaited.endpoint, listeners)
        times = times + 1 if found == seen else 1
        if found is not None and found != seen:
            on_trouble(found)
        seen = found
        own = any(listener.port == awaited.endpoint.port for listener in listeners)
        if found is not None and times >= (_SURE_LOOPBACK if own else _SURE_PORT):
            return found
        await asyncio.sleep(_BETWEEN_LOOKS)


def _as_declared(awaited: Awaited, listeners: Sequence[Listener]) -> list[Listener]:
    """Return the sockets as the server itself thinks of them: on the endpoint's port where it listens on its own."""
    seen = [listener for listener in listeners if listener.port not in awaited.hidden]
    return [
        Listener("0.0.0.0" if awaited.shared else listener.host, awaited.endpoint.port)
        if listener.port == awaited.port
        else listener
        for listener in seen
    ]

"""From a server that has been started to one that answers, or to the reason why it does not."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from vhlocal.errors import ServerError, VhlocalError
from vhlocal.events import Notice
from vhlocal.runtime.base import Address, Listener
from vhlocal.session import probe as probing
from vhlocal.session.diagnosis.exits import as_error, explained
from vhlocal.session.tasks import beside
from vhlocal.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence

    from vhlocal.findings import Finding
    from vhlocal.model import Endpoint
    from vhlocal.runtime.base import Exit
    from vhlocal.session.diagnosis.cause import Diagnosis
    from vhlocal.session.probe import Answered, Probe

#: Seconds until the sockets of a server that does not answer are looked at, and between two looks.
_FIRST_LOOK = 2.0
_BETWEEN_LOOKS = 1.0

#: Seconds in which the end of a server that cannot be looked into comes to be known.
_END_KNOWN = 5.0

#: Seconds until the first check whether a server listens on a port of its own choice, and by how much each pause is
#: longer than the one before.
_FIRST_LOOK_ELSEWHERE = 0.1
_GROWTH = 1.5

#: Looks in a row that must find the same fault before a start is given up.
_SURE_LOOPBACK = 2
_SURE_PORT = 10

#: Seconds after which to report what a server does that has not answered yet; a start may take ten minutes.
_WORDS = (20.0, 60.0, 180.0, 360.0)

#: Seconds that it may take to find out where a server's code is.
_STACKS_LIMIT = 5.0

#: Seconds for which a server has to close each connection without an answer before that is what it does: one that
#: still starts behind a proxy may do so for a while.
_SURE_HUNG_UP = 10.0

_WARM_UP_FAILED = 400


class EndedError(Exception):
    """The server ended before it answered.

    ``evidence`` is what is known of why, such as a traceback; ``loaded`` whether its code had been imported by then,
    None where that is not known; ``once`` that one request was answered, and was its last.
    """

    def __init__(self, ended: Exit, evidence: str = "", *, loaded: bool | None = None, once: bool = False) -> None:
        super().__init__(ended)
        self.ended = ended
        self.evidence = evidence
        self.loaded = loaded
        self.once = once


@dataclass(frozen=True)
class Awaited:
    """A server that is to answer: where, the port that it listens on in its network, and when it has ended.

    ``stacks`` returns those of its Python code, as far as they can be had, and what ``diagnosis`` returns judges by
    them: a start that goes well does not ask for it. ``hidden`` are ports in its network that are other servers'.
    ``limit`` is in seconds. ``new``: it is new code beside a server that goes on. ``shared``: its network is this
    machine's, where the addresses that it has bound say nothing yet (see ``Server.check_reach``), and where it may
    listen on the endpoint's port although it was given another. ``bound``, where its runner reports that, returns what
    is set as long as it listens itself: it is asked nothing before. ``asks`` hears of each request that is to be
    answered: its method and its target.
    """

    endpoint: Endpoint
    prefix: str
    address: Address
    port: int
    ended: asyncio.Future[Exit]
    listeners: Callable[[], Awaitable[Sequence[Listener]]]
    stacks: Callable[[], Awaitable[str]]
    diagnosis: Callable[[], Diagnosis]
    limit: float
    probe: Probe
    new: bool = False
    hidden: Collection[int] = field(default=())
    shared: bool = False
    bound: Callable[[], asyncio.Event] | None = None
    asks: Callable[[str, str], None] = lambda _method, _target: None

    @property
    def elsewhere(self) -> Address | None:
        """Where it answers if it minds its own port instead of the one that it was given; None where that is another's.

        The server before it may have been given that port, and go on answering there with older code.
        """
        declared = self.endpoint.port
        own = self.shared and declared != self.port and declared not in self.hidden
        return Address(self.address.host, declared) if own else None


async def wait_until_ready(awaited: Awaited, on_trouble: Callable[[Notice], None]) -> Answered:
    """Return its first answer, still to be finished.

    EndedError when it ends first, ServerError when it does neither in time, never could be reached (R3), or does not
    answer the warm-up request well.
    """
    answers: list[Answered] = []
    try:
        return await _first_answer(awaited, on_trouble, answers)
    except BaseException:
        for answered in answers:
            answered.hang_up()
        raise


async def _first_answer(awaited: Awaited, on_trouble: Callable[[Notice], None], answers: list[Answered]) -> Answered:
    """See ``wait_until_ready``; ``answers`` has what has come, also where it came too late to be returned."""
    name = awaited.endpoint.name
    asked = [awaited.address]
    async with (
        beside(_answer(awaited, asked, answers)) as (ready,),
        beside(_look(awaited, on_trouble)) as (looking,),
        beside(_look_elsewhere(awaited, asked)),
    ):
        waiting: set[asyncio.Future[Any]] = {ready, looking, awaited.ended}
        done, _ = await asyncio.wait(waiting, timeout=awaited.limit, return_when=asyncio.FIRST_COMPLETED)
    if ready in done:
        answered = ready.result()
        if awaited.probe.named and not 0 < answered.status < _WARM_UP_FAILED:
            await answered.finish()
            how = answered.status or "with something that is not HTTP"
            raise ServerError(
                f"{name}: the warm-up request {awaited.probe} was answered {how}",
                hint="its log may say why; `warm-up` in vhlocal.yaml names the request",
            )
        return answered
    if awaited.ended in done:
        raise EndedError(awaited.ended.result(), once=bool(answers))
    if looking in done:
        raise as_error(explained(looking.result()), name)
    silent = await _silence(awaited, await _listeners(awaited, on_trouble), awaited.limit)
    if silent is None:
        raise ServerError(
            f"{name}: the server has not answered in {awaited.limit:.0f} s", place=awaited.endpoint.place()
        )
    raise as_error(explained(silent), name)


async def _answer(awaited: Awaited, asked: Sequence[Address], answers: list[Answered]) -> Answered:
    """Return an answer of a server that goes on: what may serve one request and end is asked twice."""
    first = await _poll(awaited, asked, answers)
    if not first.simple or first.hung_up:
        return first
    async with beside(first.finish()):
        # By a plain request: what warms up may be a POST.
        second = await _poll(replace(awaited, probe=probing.Probe()), (first.address,), answers)
    second.status, second.asked, second.at = first.status, first.asked, first.at
    return second


async def _poll(awaited: Awaited, asked: Sequence[Address], answers: list[Answered]) -> Answered:
    awaited.asks(awaited.probe.method, awaited.prefix + awaited.probe.target)
    pause, since = probing.FIRST_PAUSE, time.monotonic()
    while True:
        if awaited.bound is not None:
            await awaited.bound().wait()
        hung_up = False
        for address in tuple(asked):
            answered = await probing.ask(address, awaited.prefix, awaited.probe)
            if answered is None:
                continue
            hung_up = hung_up or answered.hung_up
            if not answered.hung_up or await _is_all(awaited, answered, since):
                answers.append(answered)
                return answered
            answered.hang_up()
        since = since if hung_up else time.monotonic()
        await asyncio.sleep(pause)
        pause = min(probing.LONGEST_PAUSE, pause * probing.GROWTH)


async def _is_all(awaited: Awaited, answered: Answered, since: float) -> bool:
    """Tell whether a server that has hung up ``since`` then will do no more; production leads requests to it anyway.

    What accepts for a container and hangs up may be its engine: so it has to be seen to listen.
    """
    if awaited.probe.named or answered.at - since < _SURE_HUNG_UP:
        return False
    listeners = _as_declared(awaited, await _listeners(awaited, None) or ())
    return any(listener.port == awaited.endpoint.port and not listener.loopback for listener in listeners)


async def _look_elsewhere(awaited: Awaited, asked: list[Address]) -> None:
    """Have a server ``asked`` on its own port, once it listens there: anybody else may answer before."""
    elsewhere, pause = awaited.elsewhere, _FIRST_LOOK_ELSEWHERE
    while elsewhere is not None and elsewhere not in asked:
        await asyncio.sleep(pause)
        pause = min(_BETWEEN_LOOKS, pause * _GROWTH)
        with contextlib.suppress(VhlocalError):  # the other look reports it
            if any(listener.port == elsewhere.port for listener in await awaited.listeners()):
                asked.append(elsewhere)


async def _look(awaited: Awaited, on_trouble: Callable[[Notice], None]) -> Finding:
    """Return why the server cannot be reached, once that is sure; report what is seen until then to ``on_trouble``."""
    seen: Finding | None = None
    times, began, words, blind = 0, time.monotonic(), list(_WORDS), False
    await asyncio.sleep(_FIRST_LOOK)
    while True:
        there = await _listeners(awaited, None if blind else on_trouble)
        blind = there is None
        listeners = _as_declared(awaited, there or ())
        found = awaited.diagnosis().unreachable(awaited.endpoint, listeners)
        times = times + 1 if found == seen else 1
        seen = found
        own = any(listener.port == awaited.endpoint.port for listener in listeners)
        sure = _SURE_LOOPBACK if own else _SURE_PORT
        if found is not None and times >= sure:
            return found
        if found is not None and times == 1 and sure == _SURE_PORT:
            text = f"so far {found.seen}; waiting {sure * _BETWEEN_LOOKS:.0f} s more"
            on_trouble(Notice(text, endpoint=awaited.endpoint.name))
        waited = time.monotonic() - began
        if found is None and not awaited.new and words and waited >= words[0]:
            words.pop(0)
            silent = await _silence(awaited, there, waited)
            if silent is not None:
                on_trouble(Notice(silent.seen, endpoint=awaited.endpoint.name))
        await asyncio.sleep(_BETWEEN_LOOKS)


async def _listeners(awaited: Awaited, on_trouble: Callable[[Notice], None] | None) -> Sequence[Listener] | None:
    """Return the sockets that listen; None where nobody can look, which is no fault of the server, and a word of it."""
    try:
        return await awaited.listeners()
    except VhlocalError as error:
        # A server that has gone is known to have ended a moment later, or some on a busy machine.
        await asyncio.wait({awaited.ended}, timeout=_END_KNOWN)
        if on_trouble is not None and not awaited.ended.done():
            on_trouble(Notice(f"cannot see where the server listens: {error}", endpoint=awaited.endpoint.name))
        return None


async def _silence(awaited: Awaited, there: Sequence[Listener] | None, seconds: float) -> Finding | None:
    """Return what the server does in place of answering."""
    listeners = None if there is None else _as_declared(awaited, there)
    stacks = ""
    with contextlib.suppress(asyncio.TimeoutError):
        stacks = await asyncio.wait_for(awaited.stacks(), _STACKS_LIMIT)
    return awaited.diagnosis().silent(awaited.endpoint, seconds, listeners, stacks, new=awaited.new)


def _as_declared(awaited: Awaited, listeners: Sequence[Listener]) -> list[Listener]:
    """Return the sockets as the server itself thinks of them: on the endpoint's port where it listens on its own."""
    seen = [listener for listener in listeners if listener.port not in awaited.hidden]
    return [
        Listener("0.0.0.0" if awaited.shared else listener.host, awaited.endpoint.port)
        if listener.port == awaited.port
        else listener
        for listener in seen
    ]
